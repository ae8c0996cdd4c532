"""Decode the TIFF files that Pillow cannot, or not rightly, with the libraries of an extra.

Pillow has no colours of more than 8 bits, mixes up bytes of separate planes, and knows few kinds
of extra samples; OpenCV's pixels of such files even differ from one read to the next.
"""

import functools
import importlib.util
import io
import logging
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from augseq.errors import DecodeError, install_command
from augseq.pixels.color_modes import convert_bands
from augseq.pixels.decoder_process import call_in_decoder_process
from augseq.pixels.formats import load_extra
from augseq.pixels.full_depth import finish_deep
from augseq.pixels.options import MAX_PIXELS, DecodeOptions
from augseq.pixels.orientation import check_tags, read_orientation
from augseq.pixels.pillow_decoder import explaining
from augseq.pixels.tiff_layout import (
    BLACK_IS_0,
    BYTE_COMPRESSIONS,
    CMYK,
    FLOAT,
    MIXED,
    PREMULTIPLIED,
    RGB,
    SIGNED,
    UNNAMED,
    UNSIGNED,
    WHITE_IS_0,
    TiffLayout,
    read_layout,
)
from augseq.pixels.tiff_strips import NONE, unpack_strip
from augseq.types import Image

# Shape (height, width, samples).
Samples: TypeAlias = npt.NDArray[Any]

_READ = (WHITE_IS_0, BLACK_IS_0, RGB, CMYK)
_PILLOW_COMPRESSIONS = {2, 3, 4, 7, 32771, 32809, 34676, 34677, 50001, *BYTE_COMPRESSIONS}
_NUMBERS = {SIGNED: "integers (signed)", 5: "complex integers", 6: "complex numbers",
            MIXED: "numbers of several kinds"}  # fmt: skip
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def decode_tiff(data: bytes, options: DecodeOptions) -> Image | None:
    """Decode a TIFF file of a layout that Pillow does not read rightly.

    Returns:
        Shape (height, width, channels), uint8, or float32 with `options.full_depth`; None for
        files that Pillow or OpenCV decodes.

    Raises:
        DecodeError: As in `open_image`; or the extra is not installed.
    """
    layout = read_layout(data)
    if layout is None:
        return None
    if layout.compression not in _PILLOW_COMPRESSIONS:
        raise DecodeError(
            f"it is a TIFF compressed with {layout.compression_name}, which is not read"
        )
    if layout.is_for_pillow(options.full_depth):
        return None
    _check_readable(layout, options.full_depth)
    _check_size(layout, layout.height * layout.width, options)
    check_tags(data)
    if not all(map(importlib.util.find_spec, ("imagecodecs", "tifffile"))):
        if layout.is_for_fallback(options.full_depth):
            return None
        # tifffile alone would do for some of these files, and not for others.
        raise DecodeError(
            f"it is a {layout.name}, which needs a library; to read it, {install_command('tiff')}"
        )
    return call_in_decoder_process("TIFF", _decode, data, options)


def _decode(data: bytes, options: DecodeOptions) -> Image:
    layout = read_layout(data)
    assert layout is not None
    with explaining(data):
        orientation = read_orientation(data) if options.exif_orientation else 1
        samples = _read_samples(data, layout, options)
        if options.full_depth:
            return finish_deep(_deep_pixels(samples, layout), options, orientation)
        return convert_bands(
            samples.shape[:2],
            lambda top, bottom: _picture(samples[top:bottom], layout),
            options,
            orientation,
        )


def read_tiff_header(data: bytes) -> dict[str, Any]:
    """Describe a TIFF file that `decode_tiff` decodes; see `pillow_decoder.read_header`."""
    layout = read_layout(data)
    if layout is None:
        return {}
    orientation = read_orientation(data)
    found = {"format": "TIFF", "mode": layout.mode, "orientation": orientation, "num_frames": None}
    with (
        suppress(DecodeError),
        explaining(data),
        _load_tifffile().TiffFile(io.BytesIO(data)) as file,
    ):
        found["num_frames"] = len(file.pages)
    return found


def _check_readable(layout: TiffLayout, full_depth: bool) -> None:
    """Raise for a layout whose pixels cannot be shown, whichever library decodes them."""
    bits, num = layout.bits[0], len(layout.bits)
    if layout.numbers == FLOAT and not full_depth:
        raise DecodeError(
            "its pixels are floating-point numbers, which have no fixed range to scale from; "
            "full_depth=True keeps them"
        )
    is_whole = layout.numbers == UNSIGNED
    if (is_whole and max(layout.bits) > 16) or layout.numbers not in (UNSIGNED, FLOAT):
        kind = "integers" if is_whole else _NUMBERS.get(layout.numbers, "numbers of no stated kind")
        raise DecodeError(
            f"its pixels are {bits}-bit {kind}, which have no fixed range to scale from"
        )
    if layout.photometric is None:
        raise DecodeError(f"its header does not say what the {num} samples of a pixel are")
    has_range = is_whole or layout.photometric in (BLACK_IS_0, RGB)
    if (
        layout.photometric not in _READ
        or num < layout.num_colors
        or len(set(layout.bits)) > 1
        or not has_range
    ):
        raise DecodeError(f"it is a {layout.name}, {num} samples a pixel, which is not read")
    if layout.num_colors == 1 and layout.extra_kinds.count(UNNAMED) > 1:
        raise DecodeError(
            f"it has {num} samples per pixel (bands), which its header does not name as colours. "
            "Only grey, RGB and CMYK are read, with or without alpha: "
            "save the bands to show as one of these"
        )
    if layout.compression not in BYTE_COMPRESSIONS:
        raise DecodeError(
            f"it is a {layout.name}, compressed with {layout.compression_name}, which is not read"
        )


def _check_size(layout: TiffLayout, num_pixels: int, options: DecodeOptions) -> None:
    options.check_size(layout.width, layout.height, "TIFF")
    # Three copies are in memory at times: the file, its samples, and the pixels.
    num_bytes = num_pixels * sum(max(8, bits) for bits in layout.bits) // 8
    most = 4 * max(options.max_pixels, MAX_PIXELS)
    if num_bytes > most:
        raise DecodeError(
            f"its samples claim {num_bytes} bytes, more than the {most} for "
            f"max_pixels={options.max_pixels}; for such files raise max_pixels"
        )


def _read_samples(data: bytes, layout: TiffLayout, options: DecodeOptions) -> Samples:
    """Decode all samples as they are stored.

    Returns:
        Shape (height, width, samples); unsigned integers or floats, in the order of the machine.
    """
    with _load_tifffile().TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        num_planes, depth, height, width, num_interleaved = page.shaped
        shape = (height, width, num_planes * num_interleaved)
        if depth != 1 or shape != (layout.height, layout.width, len(layout.bits)):
            raise DecodeError("its directory is damaged, so the shape of its pixels is not known")
        if page.dtype is None:
            raise DecodeError(f"it is a {layout.name}, which is not read")
        rows, columns = page.rowsperstrip, width
        if page.is_tiled:
            rows, columns = page.tilelength, page.tilewidth
            # However small the image is, a whole tile is decoded.
            _check_size(layout, rows * columns * page.tiledepth, options)
        if rows < 1 or columns < 1:
            raise DecodeError("its directory is damaged, so the size of its strips is not known")
        # The rest is unpacking numbers, undoing predictors, and finding the place of each part.
        page.compression, page.fillorder = NONE, 1
        row_bytes = (columns * num_interleaved * layout.bits[0] + 7) // 8
        num_down, num_across = -(-height // rows), -(-width // columns)
        samples = np.empty((num_planes, height, width, num_interleaved), page.dtype)
        for index in range(num_planes * num_down * num_across):
            # The last strip is cut, tiles are not.
            num_rows = rows if page.is_tiled else min(rows, height - index % num_down * rows)
            packed = unpack_strip(
                _part(page, data, index),
                layout.compression,
                row_bytes,
                num_rows,
                is_bit_reversed=layout.is_bit_reversed,
            )
            part, (plane, _, top, left, _), _ = page.decode(packed, index)
            bottom, right = min(top + rows, height), min(left + columns, width)
            samples[plane, top:bottom, left:right] = part[0, : bottom - top, : right - left]
    return samples[0] if num_planes == 1 else np.moveaxis(samples[..., 0], 0, 2)


def _part(page: Any, data: bytes, index: int) -> bytes:
    """Return the bytes of a strip or tile; tifffile would fill missing ones up without a word."""
    if index < min(len(page.dataoffsets), len(page.databytecounts)):
        start, length = page.dataoffsets[index], page.databytecounts[index]
        if start > 0 < length and start + length <= len(data):
            return data[start : start + length]
    kind = "tile" if page.is_tiled else "strip"
    raise DecodeError(f"it is truncated or damaged: {kind} {index} of its pixels is missing")


@functools.cache
def _load_tifffile() -> Any:
    # What it tells there of damaged files is an error here, and nothing is to be printed.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    return load_extra("TIFF")


def _deep_pixels(samples: Samples, layout: TiffLayout) -> Samples:
    """Bring samples to floats of 1, 2, 3 or 4 channels: grey or RGB, with straight alpha."""
    most = 1 if layout.numbers == FLOAT else 2 ** layout.bits[0] - 1
    # Of 64 bits, what is too large becomes infinite, and is refused later.
    with np.errstate(over="ignore", invalid="ignore"):
        # Divided last, so that what is inverted has the bits of the nearest number.
        colors, alpha = _split(samples.astype(np.float32), layout, most)
        scale = np.float32(most)
        return _join(_rgb(colors / scale, layout, 1), None if alpha is None else alpha / scale)


def _picture(samples: Samples, layout: TiffLayout) -> PillowImage.Image:
    """Bring samples to 8 bits."""
    bits = layout.bits[0]
    # Of 16 bits, the product of two fits.
    colors, alpha = _split(samples.astype(np.uint32), layout, 2**bits - 1)
    pixels = _join(
        _rgb(_eight_bits(colors, bits), layout, 255),
        None if alpha is None else _eight_bits(alpha, bits),
    ).astype(np.uint8)
    height, width, num_channels = pixels.shape
    return PillowImage.frombytes(_MODES[num_channels], (width, height), pixels.tobytes())


def _split(values: Samples, layout: TiffLayout, most: int) -> tuple[Samples, Samples | None]:
    """Return colours with black at 0, and straight alpha; other extra samples are skipped."""
    num, alpha = layout.num_colors, None
    colors = values[:, :, :num]
    for at, kind in enumerate(layout.extra_kinds, start=num):
        if kind != UNNAMED:
            alpha = values[:, :, at : at + 1]
            colors = _unmultiplied(colors, alpha, most) if kind == PREMULTIPLIED else colors
            break
    return (most - colors if layout.photometric == WHITE_IS_0 else colors), alpha


def _unmultiplied(colors: Samples, alpha: Samples, most: int) -> Samples:
    if colors.dtype.kind == "f":
        straight: Samples = np.zeros_like(colors)
        np.divide(colors * most, alpha, out=straight, where=alpha > 0)
        return straight
    straight = (colors * most + alpha // 2) // np.maximum(alpha, 1)
    return np.minimum(straight, most, out=straight)


def _rgb(colors: Samples, layout: TiffLayout, most: int) -> Samples:
    """Bring CMYK to RGB, as Pillow does."""
    if layout.photometric != CMYK:
        return colors
    product: Samples = (most - colors[:, :, :3]) * (most - colors[:, :, 3:])
    return product if most == 1 else (product + most // 2) // most


def _eight_bits(values: Samples, bits: int) -> Samples:
    return values >> (bits - 8) if bits >= 8 else values * 255 // (2**bits - 1)


def _join(colors: Samples, alpha: Samples | None) -> Samples:
    return colors if alpha is None else np.concatenate([colors, alpha], axis=2)
