"""Build the optional decoders where a C compiler is at hand, and libjpeg-turbo's headers for JPEG.

Without them the package is pure Python and gives the same pixels, more slowly.
"""

import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FOLDER = "src/augseq/pixels"
# Modules, each of one C file, and the libraries that they are linked to.
_LIBRARIES = {"_jpeg_regions": ["jpeg"], "_png_rows": []}


class CustomBuildHook(BuildHookInterface):
    """Compiles C files into the source tree and takes them into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; where that fails, say so and go on without."""
        if self.target_name != "wheel":
            return
        built = [path for name in _LIBRARIES if (path := self._try_to_compile(name))]
        if not built:
            return
        root = Path(self.root)
        build_data["artifacts"] += [path.relative_to(root).as_posix() for path in built]
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"

    def _try_to_compile(self, name: str) -> Path | None:
        try:
            return _compile(Path(self.root), name)
        # Whatever a foreign compiler raises, the package works without it.
        except Exception as error:
            self.app.display_warning(f"The optional decoder {name} is not built: {error}")
            return None

    def clean(self, versions: list[str]) -> None:
        """Remove what was compiled."""
        for name in _LIBRARIES:
            for built in Path(self.root, _FOLDER).glob(f"{name}.*"):
                if built.suffix in (".so", ".pyd"):
                    built.unlink()


def _compile(root: Path, name: str) -> Path:
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    extension = Extension(
        f"augseq.pixels.{name}",
        [str(root / _FOLDER / f"{name}.c")],
        libraries=_LIBRARIES[name],
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
