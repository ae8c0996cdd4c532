"""Decode JPEG XL, with the library of an extra."""

from typing import Any

import numpy as np
from PIL import Image as PillowImage

from augseq.errors import DecodeError
from augseq.pixels.bands import convert_bands
from augseq.pixels.formats import load_extra
from augseq.pixels.full_depth import finish_deep
from augseq.pixels.options import DecodeOptions
from augseq.types import Image

# Of a side: the lengths of the number that follows, by two bits that say which.
_SIDE_BITS = (9, 13, 18, 30)
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def decode_jxl(data: bytes, options: DecodeOptions) -> Image:
    """Decode the bytes of a JPEG XL file; see `open_image`.

    Raises:
        DecodeError: The extra is missing, or the file is damaged or claims too many pixels.
    """
    codecs: Any = load_extra("imagecodecs", "a JPEG XL", "jxl")
    try:
        height, width = read_size(_codestream(data))
    except IndexError as error:
        raise DecodeError("its JPEG XL header is truncated") from error
    options.check_size(width, height, "JXL")
    try:
        pixels = codecs.jpegxl_decode(
            data, index=0, keeporientation=not options.exif_orientation, numthreads=1
        )
    except Exception as error:
        raise DecodeError(f"its JPEG XL data is damaged ({error})") from error
    return _finished(np.asarray(pixels), options)


def _finished(pixels: Image, options: DecodeOptions) -> Image:
    pixels = pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.shape[2] > 4:
        raise DecodeError(f"it has channels of an unknown kind, shape {pixels.shape}")
    if options.full_depth:
        return finish_deep(pixels, options)
    if pixels.dtype.kind == "f":
        raise DecodeError(
            "its pixels are floating-point numbers, which have no fixed range to scale from; "
            "full_depth=True keeps them"
        )
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]

    def band(top: int, bottom: int) -> PillowImage.Image:
        rows = np.ascontiguousarray(pixels[top:bottom])
        return PillowImage.frombytes(mode, rows.shape[1::-1], rows.tobytes())

    return convert_bands(pixels.shape[:2], band, options, 1)


def _codestream(data: bytes) -> bytes:
    """Return the beginning of the image proper, out of the boxes that may lie around it."""
    if data.startswith(b"\xff\x0a"):
        return data[2:32]
    at = 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = at + 8
        if length == 1:
            length, body = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        if kind in (b"jxlc", b"jxlp"):
            start = body + (4 if kind == b"jxlp" else 0)
            return data[start + 2 : start + 32]
        if length < 8:
            break
        at += length
    raise DecodeError("its JPEG XL data has no image in it")


def read_size(header: bytes) -> tuple[int, int]:
    """Return (height, width) in pixels from the first bytes after the signature.

    Raises:
        IndexError: There are too few bytes.

    Source:
        ISO/IEC 18181-1, SizeHeader.
    """
    bits = _Bits(header)
    is_small = bits.take(1)

    def side() -> int:
        if is_small:
            return 8 * (bits.take(5) + 1)
        return bits.take(_SIDE_BITS[bits.take(2)]) + 1

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return height, side()
    across, down = _RATIOS[ratio]
    return height, height * across // down


class _Bits:
    """Numbers out of bytes, lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise IndexError
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken
