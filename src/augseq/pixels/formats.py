"""Formats that an extra is needed for, and what a file is that no decoder reads."""

import functools
import importlib
import importlib.util
from typing import Any

from augseq.errors import DecodeError, install_command
from augseq.pixels.file_kinds import describe_file
from augseq.pixels.jpeg_header import read_jpeg_header

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_JXL_MAGIC = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
# Of formats that an extra is needed for: the library, and the extra.
_EXTRAS = {
    "HEIC": ("pi_heif", "heif"),
    "JPEG XL": ("imagecodecs", "jxl"),
    "TIFF": ("tifffile", "tiff"),
    "TIFF (Zstandard)": ("imagecodecs", "tiff"),
}
_UNREAD_FRAMES = {
    0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical",
    0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "hierarchical",
    0xC3: "lossless", 0xCB: "lossless with arithmetic coding",
}  # fmt: skip


def is_heif(data: bytes) -> bool:
    """Tell whether a file is HEIC, which phones write."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), len(data), 512)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
    return bool(brands & _HEIF_BRANDS) and not brands & _AVIF_BRANDS


def is_jxl(data: bytes) -> bool:
    """Tell whether a file is JPEG XL."""
    return data.startswith(_JXL_MAGIC)


def risky_kind(data: bytes) -> str | None:
    """Name the format of a file whose decoder may crash; None where it has never been seen to.

    Those of the extras count, whether one was seen or not: see `docs/formats.md` for what a
    search with damaged files found.
    """
    if is_heif(data):
        return "HEIC"
    return "JPEG XL" if is_jxl(data) else None


@functools.cache
def load_heif_plugin() -> None:
    """Let Pillow read HEIC files.

    Raises:
        DecodeError: The extra is not installed.
    """
    load_extra("HEIC").register_heif_opener()


def check_extra(kind: str) -> None:
    """Raise `DecodeError` where the extra of a format is not installed."""
    module, extra = _EXTRAS.get(kind, ("sys", ""))
    if importlib.util.find_spec(module) is None:
        raise _missing(kind, extra)


def load_extra(kind: str) -> Any:
    """Import the library of a format, when the first file comes that needs it.

    Raises:
        DecodeError: Its extra is not installed.
    """
    module, extra = _EXTRAS[kind]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(kind, extra) from error


def _missing(kind: str, extra: str) -> DecodeError:
    return DecodeError(
        f"it is a {kind} image, which needs a library; to read it, {install_command(extra)}"
    )


def name_kind(data: bytes) -> str:
    """Say what a file is that no decoder knows."""
    if data.startswith(b"\xff\xd8"):
        header = read_jpeg_header(data)
        if header.bits and header.bits != 8:
            return f"it is a JPEG file of {header.bits} bits, and only 8 are read"
        if header.process in _UNREAD_FRAMES:
            return f"it is a {_UNREAD_FRAMES[header.process]} JPEG file, which is not read"
    if not any(data):
        return f"its {len(data)} bytes are all zero: a copy was interrupted; copy the file again"
    described = describe_file(data)
    if described is not None:
        kind, advice = described
        return f"its {len(data)} bytes are {kind}, not an image of a known format: {advice}"
    return f"its {len(data)} bytes are not an image of a known format, or its header is damaged"
