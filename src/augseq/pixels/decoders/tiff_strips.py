"""Decompress the strips and tiles of TIFF files strictly: all bytes, or an error.

LZW and PackBits are not decoded with imagecodecs: its LZW decoder crashed the process on 1 of
about 300 damaged files (2026.3.6), so others may have had pixels from beyond its tables. libtiff,
which comes with Pillow, reports such damage.
"""

import io
import lzma
import struct
import zlib

from PIL.TiffImagePlugin import TiffImageFile

from augseq.errors import DecodeError
from augseq.pixels.decoders.extra import Extra

NONE, LZW, DEFLATE, PACKBITS, OLD_DEFLATE, LZMA, ZSTANDARD = 1, 5, 8, 32773, 32946, 34925, 50000
_ZSTANDARD_EXTRA = Extra(name="tiff", library="imagecodecs", reads="TIFF (Zstandard)")
_LZMA_BYTES = 256 << 20
_REVERSED_BITS = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def unpack_strip(
    data: bytes, compression: int, row_bytes: int, num_rows: int, *, is_bit_reversed: bool
) -> bytes:
    """Return the decompressed bytes of a strip or tile.

    Args:
        data: The compressed bytes.
        compression: Number of the compression, one of the above.
        row_bytes: Length of a decompressed row.
        num_rows: Number of rows; anything after them is skipped.
        is_bit_reversed: Whether the lowest bit of each byte comes first.

    Raises:
        DecodeError: There are too few bytes.
        Exception: The data is damaged; the type depends on the decoder.
    """
    size = row_bytes * num_rows
    if is_bit_reversed:
        data = data.translate(_REVERSED_BITS)
    if compression in (DEFLATE, OLD_DEFLATE):
        # One byte more than needed, so that the checksum after the last byte is verified.
        data = zlib.decompressobj().decompress(data, size + 1)
    elif compression == LZMA:
        data = lzma.LZMADecompressor(memlimit=_LZMA_BYTES).decompress(data, size)
    elif compression == ZSTANDARD:
        data = bytes(_ZSTANDARD_EXTRA.load().zstd_decode(data, out=size))
    elif compression != NONE:
        picture = TiffImageFile(io.BytesIO(_as_file(data, compression, row_bytes, num_rows)))
        data = picture.tobytes()
    if len(data) < size:
        raise DecodeError(
            f"its pixels are truncated: {len(data)} of {size} bytes of a strip or tile"
        )
    return data[:size]


def _as_file(data: bytes, compression: int, row_bytes: int, num_rows: int) -> bytes:
    """Return an 8-bit grey TIFF file with the compressed data as its only strip."""
    start = 8 + 2 + 9 * 12 + 4
    tags = {256: row_bytes, 257: num_rows, 258: 8, 259: compression, 262: 1, 273: start, 277: 1,
            278: num_rows, 279: len(data)}  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<4sIH", b"II*\0", 8, len(tags)) + entries + bytes(4) + data
