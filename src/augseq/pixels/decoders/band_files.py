"""Images of any number of channels: TIFF and .npy files, with the numbers as stored."""

import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from augseq.errors import DecodeError
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.decoders.decoder_errors import explaining
from augseq.pixels.decoders.isolated.decoder_process import call_in_decoder_process
from augseq.pixels.decoders.npy import is_npy, open_npy
from augseq.pixels.decoders.orientation import check_tags, read_tiff_orientation
from augseq.pixels.decoders.stored_image import StoredImage
from augseq.pixels.decoders.tiff_colors import Samples
from augseq.pixels.decoders.tiff_layout import (
    BYTE_COMPRESSIONS,
    FLOAT,
    SIGNED,
    UNSIGNED,
    TiffLayout,
    read_layout,
)
from augseq.pixels.decoders.tiff_parts import TiffReader, find_parts
from augseq.pixels.decoders.tiff_samples import has_libraries, missing_libraries, read_samples
from augseq.pixels.decoders.tiff_tags import is_tiff, read_directory
from augseq.pixels.local_file import FileContent
from augseq.pixels.options import Bands, DecodeOptions
from augseq.pixels.region import Box, cut
from augseq.types import Image

# Larger integers are not all numbers of float32.
_MOST_EXACT = 1 << 24
_KINDS = {UNSIGNED: "uint", SIGNED: "int", FLOAT: "float"}
# Kind of a TIFF page, and its bits for a smaller copy, or a mask, of the one before.
_PAGE_KIND = 254
_COPY_OR_MASK = 0b101


def open_bands(data: FileContent, options: DecodeOptions) -> OpenImage | None:
    """Open a TIFF or .npy file as an image of all its bands; None for another kind of file.

    Args:
        data: The whole file.
        options: Orientation, limits, and what all files must have.

    Raises:
        DecodeError: It is damaged, too large, or of an unsupported kind, or has other bands than
            `options.alike`. `read` of the result can raise this too.
    """
    if is_npy(data):
        return _open_npy(data, options)
    return _open_tiff(data, options) if is_tiff(data) else None


def describe_bands(data: bytes, options: DecodeOptions) -> dict[str, Any]:
    """Return the `Probe` fields of a file that `open_bands` reads."""
    if is_npy(data):
        stored = open_npy(data)
        mode, name, orientation = f"{stored.shape[2]} x {stored.dtype.name}", "NPY", 1
    else:
        layout = _readable_layout(data)
        mode, name = f"{len(layout.bits)} x {_type_name(layout)}", "TIFF"
        orientation = read_tiff_orientation(data) if options.exif_orientation else 1
    return {"format": name, "mode": mode, "orientation": orientation, "num_frames": 1}


def _open_npy(data: FileContent, options: DecodeOptions) -> OpenImage:
    stored = open_npy(data)
    _check(stored.shape, stored.dtype, options)
    return StoredImage(
        _chosen_shape(stored.shape, options), stored.read, 1, partial(_as_pixels, options.bands)
    )


def _open_tiff(data: FileContent, options: DecodeOptions) -> OpenImage:
    layout = _readable_layout(data)
    dtype = np.dtype(np.uint8 if _type_name(layout) == "uint8" else np.float32)
    shape = layout.height, layout.width, len(layout.bits)
    _check(shape, dtype, options)
    check_tags(data)
    if not has_libraries():
        raise missing_libraries(layout)
    with explaining():
        orientation = read_tiff_orientation(data) if options.exif_orientation else 1
        if _has_other_page(data):
            raise DecodeError(
                "it has more than one page, but the bands must be the samples of one page. Write "
                'arrays of shape (height, width, bands) with photometric="minisblack" and '
                'planarconfig="contig" of tifffile.imwrite'
            )
    upright = shape if orientation < 5 else (shape[1], shape[0], shape[2])
    decode = partial(_decode_isolated, options=options)
    parts = find_parts(data, layout)
    read = partial(_read_whole, decode, data) if parts is None else TiffReader(parts, decode).read
    upright = _chosen_shape(upright, options)
    return StoredImage(upright, read, orientation, partial(_as_pixels, options.bands))


def _chosen_shape(shape: tuple[int, int, int], options: DecodeOptions) -> tuple[int, int, int]:
    height, width, number = shape
    return height, width, number if options.bands is None else len(options.bands)


def _read_whole(decode: Callable[[bytes], Samples], data: FileContent, box: Box) -> Samples:
    return cut(decode(data[:]), box)


def _decode_isolated(data: bytes, options: DecodeOptions) -> Samples:
    return call_in_decoder_process("TIFF", _read_tiff, data, options)


def _read_tiff(data: bytes, options: DecodeOptions) -> Samples:
    with explaining():
        return read_samples(data, _readable_layout(data), options)


def _has_other_page(data: FileContent) -> bool:
    """Return whether the second page is not a smaller copy, or a mask, of the first one."""
    start = read_directory(data).next_start
    if not start:
        return False
    try:
        page = read_directory(data, start)
        kind = (page.numbers(_PAGE_KIND) or (0,))[0]
    except (struct.error, ValueError):
        return False
    return bool(page.entries) and not kind & _COPY_OR_MASK


def _readable_layout(data: FileContent) -> TiffLayout:
    layout = read_layout(data)
    if layout is None:
        raise DecodeError("its TIFF header is damaged, or of a very old kind")
    if layout.numbers not in _KINDS or len(set(layout.bits)) > 1:
        raise DecodeError(
            "its bands must be integers or floating-point numbers, all of the same type"
        )
    if layout.compression not in BYTE_COMPRESSIONS:
        raise DecodeError(
            f"it is compressed with {layout.compression_name}, which is not supported for bands; "
            "use deflate, LZW, LZMA or Zstandard"
        )
    return layout


def _type_name(layout: TiffLayout) -> str:
    bits = layout.bits[0]
    # Whole bytes hold fewer bits.
    is_byte = layout.numbers == UNSIGNED and bits <= 8
    return "uint8" if is_byte else f"{_KINDS[layout.numbers]}{bits}"


def _check(shape: tuple[int, ...], dtype: np.dtype[Any], options: DecodeOptions) -> None:
    height, width, number = shape
    options.check_size(width, height, "an image of bands", 1)
    is_byte = dtype in (np.uint8, np.bool_)
    num_bytes = number * (1 if is_byte else max(4, dtype.itemsize))
    options.check_sample_bytes(height * width * num_bytes, height * width)
    found = Bands(number, "uint8" if is_byte else "float32", options.bands)
    if options.alike not in (None, found):
        raise DecodeError(
            f"it has {found}, but all images must be alike, and the first one has {options.alike}"
        )
    if max(options.bands or (0,)) >= number:
        raise DecodeError(
            f"it has {number} bands, numbered from 0 to {number - 1}, but "
            f"bands={list(options.bands or ())} requires band {max(options.bands or (0,))}"
        )


def _as_pixels(bands: Sequence[int] | None, stored: Samples) -> Image:
    """Return the chosen bands as pixels: uint8 if they have 8 bits, otherwise float32."""
    if bands is not None:
        stored = stored[:, :, list(bands)]
    if stored.dtype in (np.uint8, np.bool_):
        return np.array(stored, np.uint8, order="C")
    # 64-bit numbers that are too large become infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        pixels: Image = np.array(stored, np.float32, order="C")
    if not np.isfinite(pixels).all():
        raise DecodeError(
            "some of its numbers are NaN or infinite as float32. Replace them, for example missing "
            "ones by 0, before you train"
        )
    if stored.dtype.kind in "iu" and stored.dtype.itemsize > 2:
        most = max(int(stored.max()), -int(stored.min()))
        if most > _MOST_EXACT:
            raise DecodeError(
                f"it has integers up to {most}, but float32 holds only those up to {_MOST_EXACT} "
                "exactly. Scale them, and save them as uint16 or float32"
            )
    return pixels
