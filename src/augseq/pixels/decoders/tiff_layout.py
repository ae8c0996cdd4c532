"""How a TIFF file stores its pixels, and a readable name for it."""

import struct
from dataclasses import dataclass

from augseq.errors import DecodeError
from augseq.pixels.decoders.tiff_tags import Directory, is_tiff, read_directory
from augseq.pixels.local_file import FileContent

WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
# Kinds of extra samples.
UNNAMED, PREMULTIPLIED, STRAIGHT = 0, 1, 2
UNSIGNED, SIGNED, FLOAT, MIXED = 1, 2, 3, -1
# 999 is CorelDRAW's.
_EXTRA_KINDS = {PREMULTIPLIED: PREMULTIPLIED, STRAIGHT: STRAIGHT, 999: STRAIGHT}
# The compressions whose decoders accept a limit on the size of their output.
BYTE_COMPRESSIONS = {1: "none", 5: "LZW", 8: "deflate", 32773: "PackBits", 32946: "deflate",
                     34925: "LZMA", 50000: "Zstandard"}  # fmt: skip

_COLORS = {
    WHITE_IS_0: "grey", BLACK_IS_0: "grey", RGB: "colour", PALETTE: "palette", 4: "mask",
    CMYK: "CMYK", YCBCR: "YCbCr", LAB: "CIELab", 9: "ICCLab", 10: "ITULab", 32803: "camera raw",
    32844: "LogL", 32845: "LogLuv", 34892: "camera raw",
}  # fmt: skip
_NUM_COLORS = {WHITE_IS_0: 1, BLACK_IS_0: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, LAB: 3}
_COMPRESSIONS = {
    2: "fax", 3: "fax", 4: "fax", 6: "old JPEG", 7: "JPEG", 33003: "JPEG 2000", 33005: "JPEG 2000",
    34712: "JPEG 2000", 34887: "LERC", 34933: "PNG", 34934: "JPEG XR", 50001: "WebP",
    50002: "JPEG XL", 52546: "JPEG XL", **BYTE_COMPRESSIONS,
}  # fmt: skip
# The extra samples with which Pillow's pixels are correct: for 8 bits, interleaved.
_PILLOW_EXTRAS: dict[int, set[tuple[int, ...]]] = {
    WHITE_IS_0: {()},
    BLACK_IS_0: {(), (0,), (1,), (2,)},
    RGB: {(), (0,), (0, 0), (0, 0, 0), (1,), (1, 0), (1, 0, 0), (2,), (2, 0), (2, 0, 0), (999,)},
    PALETTE: {(), (0,), (2,)},
    CMYK: {(), (0,), (0, 0)},
    YCBCR: {()},
    LAB: {()},
}
# The same for 8 bits in separate planes, and for the upper byte of 16 bits, interleaved.
_FEW_EXTRAS: dict[int, set[tuple[int, ...]]] = {RGB: {(), (2,)}, CMYK: {()}}
# The same by bit depth, for compressed planes, which libtiff decompresses for Pillow.
_PACKED_PLANES: dict[int, dict[int, set[tuple[int, ...]]]] = {
    8: {BLACK_IS_0: {(0,)}, RGB: {(0,), (0, 0), (1,)}, CMYK: {(0,)}},
    16: {RGB: {(), (0,), (0, 0), (2,)}, CMYK: {(), (0,)}},
}
_OPENCV_COMPRESSIONS = {1, 5, 8, 32773, 32946}


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffLayout:
    """The layout of the first image in a TIFF file.

    Attributes:
        height: Height in pixels, as stored.
        width: Width in pixels, as stored.
        bits: Bits of each sample of a pixel.
        numbers: UNSIGNED, SIGNED, FLOAT, MIXED or another SampleFormat.
        photometric: Kind of colours, such as RGB; None if the file does not say.
        extras: Kinds of the samples beyond the colours, as far as the file says.
        is_planar: Whether each sample has a separate plane.
        is_bit_reversed: Whether the lowest bit of a byte comes first.
        is_big_endian: Whether the upper byte of a number comes first.
        is_foreign: Whether it is a BigTIFF in the byte order that Pillow cannot read.
        compression: Number of the compression.
    """

    height: int
    width: int
    bits: tuple[int, ...]
    numbers: int
    photometric: int | None
    extras: tuple[int, ...]
    is_planar: bool
    is_bit_reversed: bool
    is_big_endian: bool
    is_foreign: bool
    compression: int

    @property
    def name(self) -> str:
        """The layout in words, such as "16-bit colour TIFF with alpha"."""
        depth = "/".join(map(str, dict.fromkeys(self.bits)))
        kind = {FLOAT: "floating-point "}.get(self.numbers, "")
        colors = "" if self.photometric is None else _COLORS.get(self.photometric, "unknown")
        alpha = {PREMULTIPLIED: "premultiplied alpha", STRAIGHT: "alpha"}
        parts = [alpha[kind] for kind in self.extra_kinds if kind in alpha][:1]
        parts += ["separate planes"] * self.is_planar
        return f"{depth}-bit {kind}{colors} TIFF".replace("  ", " ") + (
            " with " + " and ".join(parts) if parts else ""
        )

    @property
    def mode(self) -> str:
        """The nearest of Pillow's modes, which has none for colours of more than 8 bits."""
        if self.photometric == CMYK:
            return "CMYK"
        alpha = "A" if any(self.extra_kinds) else ""
        if self.photometric == RGB:
            return f"RGB{alpha}"
        if self.numbers == FLOAT:
            return "F"
        return "I;16" if max(self.bits) > 8 and not alpha else f"L{alpha}"

    @property
    def compression_name(self) -> str:
        """The compression in words."""
        return _COMPRESSIONS.get(self.compression, f"method {self.compression}")

    @property
    def num_colors(self) -> int:
        """Number of samples of a pixel that are its colour."""
        return 0 if self.photometric is None else _NUM_COLORS.get(self.photometric, 0)

    @property
    def extra_kinds(self) -> tuple[int, ...]:
        """The kind of each sample beyond the colours."""
        num_extras = max(0, len(self.bits) - self.num_colors)
        if self.photometric == RGB and num_extras == 1 and not self.extras:
            # If the file does not say, all readers treat it as alpha.
            return (STRAIGHT,)
        kinds = (_EXTRA_KINDS.get(kind, UNNAMED) for kind in self.extras)
        return (*kinds, *[UNNAMED] * num_extras)[:num_extras]

    def is_for_pillow(self, full_depth: bool) -> bool:
        """Return whether Pillow decodes this layout correctly.

        Args:
            full_depth: Whether to keep more than 8 bits.
        """
        num, bits = len(self.bits), self.bits[0]
        if self.is_foreign or self.numbers != UNSIGNED or len(set(self.bits)) != 1:
            return False
        if self.photometric is None:
            return bits <= 8 and num == 1
        if self.is_bit_reversed and (self.extras or num not in (1, 3) or bits > 8):
            return False
        if self.photometric == YCBCR and bits == 8:
            return num in (1, 3) and not (self.is_planar and self.compression == 1)
        is_rgba = (self.photometric, num, self.extras) == (RGB, 4, ()) and not self.is_planar
        if num != self.num_colors + len(self.extras) and not is_rgba:
            return False
        if bits in (1, 2, 4):
            return num == 1
        if bits == 16:
            if (self.photometric, self.extras) == (BLACK_IS_0, ()):
                return True
            return not full_depth and not self.is_planar and self._is_one_of(_FEW_EXTRAS)
        return bits == 8 and self._is_one_of(_FEW_EXTRAS if self.is_planar else _PILLOW_EXTRAS)

    def is_for_fallback(self, full_depth: bool) -> bool:
        """Return whether Pillow or OpenCV decodes this file correctly without tifffile.

        In such layouts they decode only some byte orders, compressions and depths correctly.
        """
        bits, is_packed = self.bits[0], self.compression != 1
        if self.is_foreign or self.is_bit_reversed or len(set(self.bits)) != 1:
            return False
        is_whole = len(self.bits) == self.num_colors + len(self.extras)
        if not is_whole or self.compression not in BYTE_COMPRESSIONS:
            return False
        if self.numbers == FLOAT:
            is_grey = (bits, self.photometric) == (32, BLACK_IS_0)
            has_first = not self.extras or (self.extras == (0,) and self.is_planar and is_packed)
            is_swapped = self.is_big_endian and is_packed
            return full_depth and is_grey and has_first and not is_swapped
        if self.numbers != UNSIGNED:
            return False
        if self.is_planar:
            is_kept = bits == 8 or not full_depth
            return is_packed and is_kept and self._is_one_of(_PACKED_PLANES.get(bits, {}))
        if self.photometric == RGB and bits == 16:
            if full_depth:
                return self.extras in ((), (2,)) and self.compression in _OPENCV_COMPRESSIONS
            return self.extras == (0,)
        if self.extras or self.is_big_endian:
            return False
        if bits == 12:
            return self.photometric == BLACK_IS_0 and not is_packed and not full_depth
        return self.photometric == WHITE_IS_0 and bits == 16

    def _is_one_of(self, extras: dict[int, set[tuple[int, ...]]]) -> bool:
        return self.photometric is not None and self.extras in extras.get(self.photometric, ())


def read_layout(data: FileContent) -> TiffLayout | None:
    """Read the layout of the first image in a TIFF file.

    Returns:
        The layout; None to leave a file to Pillow: of another kind, or very old, or damaged.

    Raises:
        DecodeError: Its tags about samples contradict each other.
    """
    if not is_tiff(data):
        return None
    try:
        directory = read_directory(data)
        return _read_layout(directory)
    except (struct.error, ValueError):
        return None


def _read_layout(directory: Directory) -> TiffLayout | None:
    def number(tag: int, default: int) -> int:
        return (directory.numbers(tag) or (default,))[0]

    width, height = number(256, 0), number(257, 0)
    compression = number(259, 1)
    # Pillow fills in what old-style JPEG leaves out.
    if width < 1 or height < 1 or compression == 6:
        return None
    num_samples = number(277, 1)
    bits = directory.numbers(258) or (1,)
    bits = bits * num_samples if len(bits) == 1 and num_samples <= 0xFFFF else bits[:num_samples]
    if len(bits) != num_samples or not num_samples:
        raise DecodeError(
            f"its header declares the bits of {len(bits)} samples, but a pixel has {num_samples}"
        )
    formats = set((directory.numbers(339) or (UNSIGNED,))[:num_samples])
    photometric = directory.numbers(262)
    return TiffLayout(
        height=height,
        width=width,
        bits=bits,
        numbers=formats.pop() if len(formats) == 1 else MIXED,
        photometric=photometric[0] if photometric else None,
        extras=directory.numbers(338) or (),
        is_planar=number(284, 1) == 2 and num_samples > 1,
        is_bit_reversed=number(266, 1) == 2,
        is_big_endian=directory.order == ">",
        is_foreign=directory.is_big and directory.order == ">",
        compression=compression,
    )
