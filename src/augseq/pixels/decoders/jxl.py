"""JPEG XL, decoded with the library of an extra."""

import numpy as np
from PIL import Image as PillowImage

from augseq.errors import DecodeError
from augseq.pixels.decoded_image import DecodedImage, OpenImage
from augseq.pixels.decoders.color_modes import convert_bands
from augseq.pixels.decoders.extra import Extra
from augseq.pixels.decoders.full_depth import finish_deep
from augseq.pixels.decoders.image_format import ImageFormat, begins_with
from augseq.pixels.options import DecodeOptions
from augseq.types import Image

_EXTRA = Extra(name="jxl", library="imagecodecs", reads="JPEG XL")
# Bit lengths of the number for a side, selected by two bits.
_SIDE_BITS = (9, 13, 18, 30)
# Numbers in headers, selected by two bits: the bit length, and an offset to add.
_DEPTH = ((0, 8), (0, 10), (0, 12), (6, 1))
_PREVIEW_DIV_8 = ((0, 16), (0, 32), (5, 1), (9, 33))
_PREVIEW = ((6, 1), (8, 65), (10, 321), (12, 1345))
_TICKS = ((0, 100), (0, 1000), (10, 1), (30, 1))
_TICKS_DIV = ((0, 1), (0, 1001), (8, 1), (10, 1))
_LOOPS = ((0, 0), (3, 0), (16, 0), (32, 0))
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def _open(data: bytes, options: DecodeOptions) -> OpenImage:
    codecs = _EXTRA.load()
    try:
        header = _codestream(data)
        height, width = read_size(header)
        bits = read_bits(header)
    except IndexError as error:
        raise DecodeError("its JPEG XL header is truncated") from error
    options.check_size(width, height, JXL.name, JXL.weight)
    try:
        pixels = codecs.jpegxl_decode(
            data, index=0, keeporientation=not options.exif_orientation, numthreads=1
        )
    except Exception as error:
        raise DecodeError(f"its JPEG XL data is damaged ({error})") from error
    return DecodedImage(_finished(np.asarray(pixels), bits, options))


def _finished(pixels: Image, bits: int, options: DecodeOptions) -> Image:
    pixels = pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.shape[2] > 4:
        raise DecodeError(f"its channels are of an unknown kind, shape {pixels.shape}")
    is_float = pixels.dtype.kind == "f"
    if options.full_depth:
        return finish_deep(pixels if is_float else pixels / np.float32(2**bits - 1), options)
    if is_float:
        raise DecodeError(
            "its pixels are floating-point numbers, which have no fixed range to scale from; "
            "full_depth=True keeps them"
        )
    if bits > 8:
        pixels = (pixels >> (bits - 8)).astype(np.uint8)
    elif bits < 8:
        pixels = (pixels.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]

    def band(top: int, bottom: int) -> PillowImage.Image:
        rows = np.ascontiguousarray(pixels[top:bottom])
        return PillowImage.frombytes(mode, rows.shape[1::-1], rows.tobytes())

    return convert_bands(pixels.shape[:2], band, options, 1)


def _codestream(data: bytes) -> bytes:
    """Return the beginning of the codestream, which may be wrapped in boxes."""
    if data.startswith(b"\xff\x0a"):
        return data[2:66]
    at = 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = at + 8
        if length == 1:
            length, body = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        if kind in (b"jxlc", b"jxlp"):
            start = body + (4 if kind == b"jxlp" else 0)
            return data[start + 2 : start + 66]
        if length < 8:
            break
        at += length
    raise DecodeError("its JPEG XL data contains no image")


def read_size(header: bytes) -> tuple[int, int]:
    """Return (height, width) in pixels from the first bytes after the signature.

    Raises:
        IndexError: There are too few bytes.

    Source:
        ISO/IEC 18181-1, SizeHeader.
    """
    return _take_size(_Bits(header))


def _take_size(bits: "_Bits") -> tuple[int, int]:
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


def read_bits(header: bytes) -> int:
    """Return the number of bits per channel; imagecodecs does not rescale the values.

    Args:
        header: The first bytes after the signature.

    Raises:
        IndexError: There are too few bytes.

    Source:
        ISO/IEC 18181-1, ImageMetadata.
    """
    bits = _Bits(header)
    _take_size(bits)
    if bits.take(1):  # All fields have default values.
        return 8
    if bits.take(1):
        bits.take(3)  # The orientation.
        if bits.take(1):  # The intrinsic size.
            _take_size(bits)
        if bits.take(1):
            _skip_preview(bits)
        if bits.take(1):
            for numbers in (_TICKS, _TICKS_DIV, _LOOPS):
                bits.number(numbers)
            bits.take(1)
    # Floats use all bits.
    return 32 if bits.take(1) else bits.number(_DEPTH)


def _skip_preview(bits: "_Bits") -> None:
    sides = _PREVIEW_DIV_8 if bits.take(1) else _PREVIEW
    bits.number(sides)
    if not bits.take(3):
        bits.number(sides)


class _Bits:
    """A reader of numbers from bytes, lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise IndexError
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken

    def number(self, kinds: tuple[tuple[int, int], ...]) -> int:
        """Take a number in one of four encodings, selected by two bits."""
        length, least = kinds[self.take(2)]
        return self.take(length) + least


JXL = ImageFormat(
    name="JXL",
    title="JPEG XL",
    endings=(".jxl",),
    matches=begins_with(b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    weight=2,
    extra=_EXTRA,
    # No crash was found, but the extra includes many libraries.
    may_crash=True,
    open=_open,
    describe=lambda _data, _options: {"format": "JXL"},
)
