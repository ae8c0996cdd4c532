"""Build the optional JPEG decoder where a C compiler and libjpeg-turbo's headers are at hand.

Without them the package is pure Python and gives the same pixels, more slowly.
"""

import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FOLDER = "src/augseq/pixels"
_NAME = "_jpeg_regions"


class CustomBuildHook(BuildHookInterface):
    """Compiles one C file into the source tree and takes it into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; where that fails, say so and go on without."""
        if self.target_name != "wheel":
            return
        try:
            built = _compile(Path(self.root))
        # Whatever a foreign compiler raises, the package works without it.
        except Exception as error:
            self.app.display_warning(f"The optional JPEG decoder is not built: {error}")
            return
        path = built.relative_to(self.root).as_posix()
        build_data["artifacts"].append(path)
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"

    def clean(self, versions: list[str]) -> None:
        """Remove what was compiled."""
        for built in Path(self.root, _FOLDER).glob(f"{_NAME}.*"):
            if built.suffix in (".so", ".pyd"):
                built.unlink()


def _compile(root: Path) -> Path:
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    extension = Extension(
        f"augseq.pixels.{_NAME}",
        [str(root / _FOLDER / f"{_NAME}.c")],
        libraries=["jpeg"],
        define_macros=[("Py_LIMITED_API", "0x030B0000")],
        extra_compile_args=[] if sys.platform == "win32" else ["-O2"],
        py_limited_api=True,
    )
    with tempfile.TemporaryDirectory() as aside:
        command = build_ext(Distribution({"ext_modules": [extension]}))
        command.build_lib = str(root / "src")
        command.build_temp = aside
        command.ensure_finalized()
        command.run()
        return Path(command.get_ext_fullpath(extension.name))
