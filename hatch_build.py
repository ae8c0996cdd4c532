"""Build the optional C module where a C compiler is at hand.

Without it the package is pure Python and gives the same pixels, more slowly. It decodes JPEG files
if libjpeg-turbo's headers are at hand too. With the environment variable AUGSEQ_LIBJPEG, a folder
into which `.ci/build_libjpeg` has installed the static library, the module contains the library, as
in published wheels; then a failure is an error.
"""

import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FOLDER = "src/augseq/pixels/native"
_NAME = "_compiled"
_STATIC_LIBRARIES = ("lib/libjpeg.a", "lib64/libjpeg.a", "lib/jpeg-static.lib")
_LICENSES = ("LICENSE.md", "README.ijg")


class CustomBuildHook(BuildHookInterface):
    """Compiles the C module into the source tree and adds it to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; if that fails without AUGSEQ_LIBJPEG, warn and continue."""
        if self.target_name != "wheel":
            return
        root, bundled = Path(self.root), os.environ.get("AUGSEQ_LIBJPEG")
        if bundled:
            built = _compile(root, _bundled_libjpeg(root / bundled))
        else:
            built = self._try(root, "JPEG is decoded", {"libraries": ["jpeg"]}) or self._try(
                root, "files are read and decoded", {"define_macros": [("WITHOUT_LIBJPEG", "1")]}
            )
        if built is None:
            return
        build_data["artifacts"].append(built.relative_to(root).as_posix())
        for name in _LICENSES if bundled else ():
            source = root / bundled / "share/doc/libjpeg-turbo" / name
            build_data["force_include"][str(source)] = f"augseq/pixels/native/libjpeg-turbo-{name}"
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"

    def _try(self, root: Path, what: str, options: dict[str, Any]) -> Path | None:
        try:
            return _compile(root, options)
        # Whatever a compiler raises, the package works without it.
        except Exception as error:
            self.app.display_warning(f"Without the optional C code, {what} more slowly: {error}")
            return None

    def clean(self, versions: list[str]) -> None:
        """Remove what was compiled."""
        for built in Path(self.root, _FOLDER).glob(f"{_NAME}.*"):
            if built.suffix in (".so", ".pyd"):
                built.unlink()


def _compile(root: Path, options: dict[str, Any]) -> Path:
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    macros = [("Py_LIMITED_API", "0x030B0000"), *options.pop("define_macros", [])]
    extension = Extension(
        f"augseq.pixels.native.{_NAME}",
        [str(path) for path in sorted((root / _FOLDER).glob("*.c"))],
        define_macros=macros,
        extra_compile_args=[] if sys.platform == "win32" else ["-O2"],
        py_limited_api=True,
        **options,
    )
    with tempfile.TemporaryDirectory() as aside:
        command = build_ext(Distribution({"ext_modules": [extension]}))
        command.build_lib = str(root / "src")
        command.build_temp = aside
        command.ensure_finalized()
        command.run()
        return Path(command.get_ext_fullpath(extension.name))


def _bundled_libjpeg(prefix: Path) -> dict[str, list[str]]:
    """Return how to link the static library in a folder."""
    library = next(path for name in _STATIC_LIBRARIES if (path := prefix / name).exists())
    # Another library of the process may contain another version with the same symbols.
    hidden = ["-Wl,--exclude-libs,ALL"] if sys.platform == "linux" else []
    return {
        "include_dirs": [str(prefix / "include")],
        "extra_objects": [str(library)],
        "extra_link_args": hidden,
    }
