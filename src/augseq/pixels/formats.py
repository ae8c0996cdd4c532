"""Formats that an extra is needed for, and what a file is that no decoder reads."""

import functools
import importlib
from typing import Any

from augseq.errors import DecodeError
from augseq.pixels.file_kinds import describe_file
from augseq.pixels.jpeg_header import read_jpeg_header

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_JXL_MAGIC = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
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


@functools.cache
def load_heif_plugin() -> None:
    """Let Pillow read HEIC files.

    Raises:
        DecodeError: The extra is not installed.
    """
    load_extra("pi_heif", "a HEIC", "heif").register_heif_opener()


def load_extra(module: str, kind: str, extra: str) -> Any:
    """Import the library of an extra, when the first file comes that needs it.

    Raises:
        DecodeError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DecodeError(
            f'it is {kind} image, which needs an extra: pip install "augseq[{extra}]"'
        ) from error


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
