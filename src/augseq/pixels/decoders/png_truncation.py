"""Detect truncated pixel data in PNG files.

If the compressed stream ends early but cleanly, Pillow silently leaves the rest black.
"""

import zlib
from collections.abc import Iterator

from PIL import Image as PillowImage

from augseq.errors import DecodeError

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Start and step of the seven passes of an interlaced file: (x, y, dx, dy).
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip
_CHUNK_BYTES = 1 << 20


def check_png_rows(picture: PillowImage.Image, data: bytes) -> None:
    """Raise if rows are missing at the end.

    Args:
        picture: The image as Pillow loaded it.
        data: The whole file, with correct checksums.
    """
    # Inflating the file again costs a third of decoding it; missing rows are all zeros.
    is_interlaced = data[28] == 1
    last_row = picture.crop((0, picture.height - 1, *picture.size))
    if not is_interlaced and any(last_row.tobytes()):
        return
    needed = _num_bytes(data, is_interlaced)
    there = _num_inflated(data, needed)
    if there < needed:
        raise DecodeError(f"its pixels are truncated: {there} of {needed} bytes are there")


def _num_bytes(data: bytes, is_interlaced: bool) -> int:
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    bits = data[24] * _CHANNELS[data[25]]
    if not is_interlaced:
        return height * (1 + (width * bits + 7) // 8)
    total = 0
    for x, y, dx, dy in _PASSES:
        columns, rows = -((x - width) // dx), -((y - height) // dy)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _num_inflated(data: bytes, limit: int) -> int:
    """Return how many bytes the pixels inflate to, counted up to a limit."""
    total, inflater = 0, zlib.decompressobj()
    for packed in _image_chunks(data):
        while total < limit and not inflater.eof:
            # Never `flush`: it inflates all the rest, up to 1000 times the size of a hostile file.
            rows = inflater.decompress(packed, _CHUNK_BYTES)
            if not rows:
                break
            total += len(rows)
            packed = inflater.unconsumed_tail
    return total


def _image_chunks(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length
