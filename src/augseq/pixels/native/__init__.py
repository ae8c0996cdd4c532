"""The optional C module, which reads and decodes common files faster.

It handles plain cases only. For all others, and where it is not compiled, Python does the same
work, with the same pixels and errors.
"""

from typing import Protocol

from augseq.types import Image


class NativeModule(Protocol):
    """The functions of the C module; `module.c` documents them."""

    def read_file(
        self, path: str | bytes, max_bytes: int, follow_links: bool, /
    ) -> tuple[bytes, int] | None:
        """Return the bytes of a file and its modification time in nanoseconds since 1970 UTC."""
        ...

    def read_into(self, path: str | bytes, buffer: Image, /) -> int:
        """Read a file into a buffer; return the number of bytes up to its end, or -1."""
        ...

    def read_jpeg_header(self, data: bytes, /) -> tuple[int, int, int, int] | None:
        """Return height, width, channels (1 or 3) and EXIF orientation of a JPEG file."""
        ...

    def unfilter_rows(self, filtered: bytearray, rows: Image, row_bytes: int, step: int, /) -> None:
        """Undo the filters of the rows of a PNG file."""
        ...

    def decode_jpeg(
        self,
        data: bytes,
        pixels: Image,
        is_gray: bool,
        top: int,
        left: int,
        height: int,
        width: int,
        denominator: int,
        /,
    ) -> None:
        """Decode a part of a JPEG file into `pixels`; only if `decodes_jpeg` returns True."""
        ...


# As in `module.c`.
_VERSION = 1

module: NativeModule | None
"""None if it was not compiled, for lack of a compiler, or is from an earlier version."""

try:
    import augseq.pixels.native._compiled as _compiled
except ImportError:
    module = None
else:
    # In a working copy that was updated but not installed again, it can lack functions.
    module = _compiled if getattr(_compiled, "VERSION", 0) == _VERSION else None


def decodes_jpeg() -> bool:
    """Return whether the module was compiled with libjpeg-turbo."""
    return hasattr(module, "decode_jpeg")


ADVICE = (
    "the compiled JPEG decoder is missing, so JPEG files are decoded more slowly: install augseq "
    "from a wheel, or install a C compiler and the headers of libjpeg-turbo, and then augseq again"
)
"""What to do if `decodes_jpeg` returns False."""
