"""Build the optional C modules where a C compiler is at hand, and libjpeg-turbo's headers for JPEG.

Without them the package is pure Python and gives the same pixels, more slowly. With the environment
variable AUGSEQ_LIBJPEG, a folder into which `.ci/build_libjpeg` has installed the static library,
the module for JPEG contains the library, as in published wheels; then a failure is an error.
"""

import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FOLDER = "src/augseq/pixels"
# The C files of each module.
_MODULES = {"native/_compiled": "native/*.c", "_png_rows": "_png_rows.c"}
_NEEDS_LIBJPEG = "native/_compiled"
_STATIC_LIBRARIES = ("lib/libjpeg.a", "lib64/libjpeg.a", "lib/jpeg-static.lib")
_LICENSES = ("LICENSE.md", "README.ijg")


class CustomBuildHook(BuildHookInterface):
    """Compiles the C modules into the source tree and adds them to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; if that fails without AUGSEQ_LIBJPEG, warn and continue."""
        if self.target_name != "wheel":
            return
        root, bundled = Path(self.root), os.environ.get("AUGSEQ_LIBJPEG")
        prefix = root / bundled if bundled else None
        built = [path for name in _MODULES if (path := self._try_to_compile(name, prefix))]
        if not built:
            return
        build_data["artifacts"] += [path.relative_to(root).as_posix() for path in built]
        for name in _LICENSES if prefix else ():
            source = prefix / "share/doc/libjpeg-turbo" / name
            build_data["force_include"][str(source)] = f"augseq/pixels/native/libjpeg-turbo-{name}"
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"

    def _try_to_compile(self, name: str, prefix: Path | None) -> Path | None:
        try:
            return _compile(Path(self.root), name, prefix)
        # Whatever a compiler raises, the package works without it.
        except Exception as error:
            if prefix:
                raise
            self.app.display_warning(f"The optional C module {name} is not built: {error}")
            return None

    def clean(self, versions: list[str]) -> None:
        """Remove what was compiled."""
        for name in _MODULES:
            for built in Path(self.root, _FOLDER).glob(f"{name}.*"):
                if built.suffix in (".so", ".pyd"):
                    built.unlink()


def _compile(root: Path, name: str, prefix: Path | None) -> Path:
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    extension = Extension(
        f"augseq.pixels.{name.replace('/', '.')}",
        [str(path) for path in sorted((root / _FOLDER).glob(_MODULES[name]))],
        define_macros=[("Py_LIMITED_API", "0x030B0000")],
        extra_compile_args=[] if sys.platform == "win32" else ["-O2"],
        py_limited_api=True,
        **(_libjpeg(prefix) if name == _NEEDS_LIBJPEG else {}),
    )
    with tempfile.TemporaryDirectory() as aside:
        command = build_ext(Distribution({"ext_modules": [extension]}))
        command.build_lib = str(root / "src")
        command.build_temp = aside
        command.ensure_finalized()
        command.run()
        return Path(command.get_ext_fullpath(extension.name))


def _libjpeg(prefix: Path | None) -> dict[str, list[str]]:
    """Return how to link libjpeg-turbo: that of the system, or the static one in a folder."""
    if prefix is None:
        return {"libraries": ["jpeg"]}
    library = next(path for name in _STATIC_LIBRARIES if (path := prefix / name).exists())
    # Another library of the process may contain another version with the same symbols.
    hidden = ["-Wl,--exclude-libs,ALL"] if sys.platform == "linux" else []
    return {
        "include_dirs": [str(prefix / "include")],
        "extra_objects": [str(library)],
        "extra_link_args": hidden,
    }
