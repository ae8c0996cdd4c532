"""Decode the rows of PNG files: libdeflate inflates them, a compiled function undoes their filters.

This takes 40 % of the time of Pillow, 47 % of that of TensorFlow: see `docs/formats.md`. pyspng,
the next best, misses flipped bits and has no wheels for Linux on ARM.
"""

import zlib
from typing import TypeAlias

import deflate
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageFile

from augseq.pixels import native

Rows: TypeAlias = npt.NDArray[np.uint8]

# Bits per pixel of Pillow's raw modes for PNG files.
_PIXEL_BITS: dict[object, int] = {
    "1": 1, "L;2": 2, "L;4": 4, "L": 8, "I;16B": 16, "RGB": 24, "RGB;16B": 48,
    "P;1": 1, "P;2": 2, "P;4": 4, "P": 8, "LA": 16, "LA;16B": 32, "RGBA": 32, "RGBA;16B": 64,
}  # fmt: skip


def read_rows(picture: ImageFile.ImageFile, data: bytes) -> Rows | None:
    """Decode the rows of a PNG file, and verify all checksums.

    Args:
        picture: The image with only its header read.
        data: The whole file.

    Returns:
        Shape (height, bytes), packed as in the file; a new array. None if the file is interlaced,
        animated, damaged, or has more than pixels after its header: then only Pillow can decode
        it, or say what is wrong.
    """
    usual = native.module is not None and not picture.info.keys() & {"interlace", "bbox"}
    if not usual or len(picture.tile) != 1 or (picture.mode == "P" and picture.palette is None):
        return None
    codec, extents, pixels_at, raw_mode = picture.tile[0]
    if codec != "zip" or extents != (0, 0, *picture.size) or raw_mode not in _PIXEL_BITS:
        return None
    # The tile begins after the length and the name of the first chunk.
    return _read_rows(data, pixels_at - 8, picture.size, _PIXEL_BITS[raw_mode])


def load_rows(picture: ImageFile.ImageFile, rows: Rows) -> None:
    """Give an image its pixels.

    Args:
        picture: The image with only its header read.
        rows: From `read_rows`.
    """
    raw_mode = picture.tile[0].args
    # Pillow unpacks them, so all kinds of pixels come out as from its own decoder.
    picture.im = PillowImage.frombytes(picture.mode, picture.size, rows.data, "raw", raw_mode).im
    picture.tile = []
    picture.load()


def _read_rows(data: bytes, at: int, size: tuple[int, int], pixel_bits: int) -> Rows | None:
    width, height = size
    packed = _join_chunks(data, at)
    row_bytes = (width * pixel_bits + 7) // 8
    filtered = packed and _inflate(packed, height * (1 + row_bytes))
    if not filtered or native.module is None:
        return None
    rows = np.empty((height, row_bytes), np.uint8)
    try:
        native.module.unfilter_rows(filtered, rows, row_bytes, max(1, pixel_bits // 8))
    except ValueError:
        return None
    return rows


def _join_chunks(data: bytes, at: int) -> bytes | None:
    """Return the compressed pixels; None if other data follows them or a checksum is wrong."""
    parts, view = [], memoryview(data)
    while data[at + 4 : at + 8] == b"IDAT":
        end = at + 8 + int.from_bytes(view[at : at + 4], "big")
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            return None
        parts.append(view[at + 8 : end])
        at = end + 4
    return b"".join(parts) if data[at + 4 : at + 8] == b"IEND" else None


def _inflate(packed: bytes, num_bytes: int) -> bytearray | None:
    """Return what data inflates to; None for another size, or damage."""
    try:
        # Verifies the checksum at the end too.
        inflated = deflate.zlib_decompress(packed, num_bytes)
    except deflate.DeflateError:
        return None
    return inflated if len(inflated) == num_bytes else None
