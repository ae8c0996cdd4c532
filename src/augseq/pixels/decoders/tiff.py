"""TIFF: with Pillow if its pixels are correct, otherwise with an extra.

Pillow has no colours of more than 8 bits, mixes up bytes of separate planes, and knows few kinds
of extra samples; OpenCV's pixels of such files even differ from one read to the next.
"""

import io
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from augseq.errors import DecodeError
from augseq.pixels.decoded_image import DecodedImage, OpenImage
from augseq.pixels.decoders.color_modes import convert_bands
from augseq.pixels.decoders.decoder_errors import explaining
from augseq.pixels.decoders.full_depth import finish_deep
from augseq.pixels.decoders.image_format import ImageFormat
from augseq.pixels.decoders.isolated.decoder_process import call_in_decoder_process
from augseq.pixels.decoders.orientation import check_tags, read_tiff_orientation
from augseq.pixels.decoders.stored_image import StoredImage, own_pixels
from augseq.pixels.decoders.tiff_colors import eight_bit_picture, float_pixels
from augseq.pixels.decoders.tiff_layout import (
    BLACK_IS_0,
    BYTE_COMPRESSIONS,
    CMYK,
    FLOAT,
    MIXED,
    RGB,
    SIGNED,
    UNNAMED,
    UNSIGNED,
    WHITE_IS_0,
    TiffLayout,
    read_layout,
)
from augseq.pixels.decoders.tiff_parts import TiffReader, find_parts
from augseq.pixels.decoders.tiff_pillow import PILLOW
from augseq.pixels.decoders.tiff_samples import (
    check_sample_bytes,
    has_libraries,
    load_tifffile,
    missing_libraries,
    read_samples,
)
from augseq.pixels.decoders.tiff_tags import is_tiff
from augseq.pixels.local_file import FileContent
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import WHOLE
from augseq.types import Image

_READ = (WHITE_IS_0, BLACK_IS_0, RGB, CMYK)
_PILLOW_COMPRESSIONS = {2, 3, 4, 7, 32771, 32809, 34676, 34677, 50001, *BYTE_COMPRESSIONS}
_NUMBERS = {SIGNED: "integers (signed)", 5: "complex integers", 6: "complex numbers",
            MIXED: "numbers of several kinds"}  # fmt: skip


def _open(data: FileContent, options: DecodeOptions) -> OpenImage:
    layout = read_layout(data)
    if layout is None:
        return PILLOW.open(data[:], options)
    decode = _decode_with_pillow if _is_for_pillow(layout, data, options) else _decode_isolated
    options.check_size(layout.width, layout.height, TIFF.name, TIFF.weight)
    parts = find_parts(data, layout)
    if parts is None:
        return DecodedImage(decode(data[:], options))
    with explaining():
        orientation = read_tiff_orientation(data) if options.exif_orientation else 1
    size = (layout.height, layout.width) if orientation < 5 else (layout.width, layout.height)
    reader = TiffReader(parts, partial(decode, options=replace(options, exif_orientation=False)))
    return StoredImage((*size, options.num_channels), reader.read, orientation, own_pixels)


def _decode_with_pillow(data: bytes, options: DecodeOptions) -> Image:
    return PILLOW.open(data, options).read(WHOLE)


def _decode_isolated(data: bytes, options: DecodeOptions) -> Image:
    return call_in_decoder_process("TIFF", _decode_samples, data, options)


def _is_for_pillow(layout: TiffLayout, data: FileContent, options: DecodeOptions) -> bool:
    """Return whether Pillow or OpenCV decodes a file correctly.

    Raises:
        DecodeError: No library does; or the extra is not installed.
    """
    if layout.compression not in _PILLOW_COMPRESSIONS:
        raise DecodeError(
            f"it is a TIFF compressed with {layout.compression_name}, which is not supported"
        )
    if layout.is_for_pillow(options.full_depth):
        return True
    _check_readable(layout, options.full_depth)
    options.check_size(layout.width, layout.height, TIFF.name, TIFF.weight)
    check_sample_bytes(layout, layout.height * layout.width, options)
    check_tags(data)
    if has_libraries():
        return False
    if layout.is_for_fallback(options.full_depth):
        return True
    raise missing_libraries(layout)


def _decode_samples(data: bytes, options: DecodeOptions) -> Image:
    layout = read_layout(data)
    assert layout is not None
    with explaining():
        orientation = read_tiff_orientation(data) if options.exif_orientation else 1
        samples = read_samples(data, layout, options)
        if options.full_depth:
            return finish_deep(float_pixels(samples, layout), options, orientation)
        return convert_bands(
            samples.shape[:2],
            lambda top, bottom: eight_bit_picture(samples[top:bottom], layout),
            options,
            orientation,
        )


def _describe(data: bytes, options: DecodeOptions) -> dict[str, Any]:
    found = PILLOW.describe(data, options)
    layout = None if found else read_layout(data)
    if layout is None:
        return found
    orientation = read_tiff_orientation(data)
    found = {"format": "TIFF", "mode": layout.mode, "orientation": orientation, "num_frames": None}
    with suppress(DecodeError), explaining(), load_tifffile().TiffFile(io.BytesIO(data)) as file:
        found["num_frames"] = len(file.pages)
    return found


def _find_losses(data: bytes, options: DecodeOptions) -> frozenset[str]:
    losses = PILLOW.find_losses(data, options)
    with suppress(DecodeError):
        layout = read_layout(data)
        if layout is not None:
            losses |= {"16 bit"} if max(layout.bits) > 8 else set()
            losses |= {"transparency"} if any(layout.extra_kinds) else set()
    return losses


def _check_readable(layout: TiffLayout, full_depth: bool) -> None:
    """Raise for a layout that cannot become an image, whichever library decodes it."""
    bits, num = layout.bits[0], len(layout.bits)
    if layout.numbers == FLOAT and not full_depth:
        raise DecodeError(
            "its pixels are floating-point numbers, which have no fixed range to scale from; "
            "full_depth=True keeps them"
        )
    is_whole = layout.numbers == UNSIGNED
    if (is_whole and max(layout.bits) > 16) or layout.numbers not in (UNSIGNED, FLOAT):
        kind = "integers" if is_whole else _NUMBERS.get(layout.numbers, "numbers of unknown kind")
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
        raise DecodeError(f"it is a {layout.name}, {num} samples per pixel, which is not supported")
    if layout.num_colors == 1 and layout.extra_kinds.count(UNNAMED) > 1:
        raise DecodeError(
            f"it has {num} samples per pixel (bands), which its header does not name as colours; "
            'color_mode="bands" reads them all'
        )
    if layout.compression not in BYTE_COMPRESSIONS:
        raise DecodeError(
            f"it is a {layout.name}, compressed with {layout.compression_name}, which is not "
            "supported"
        )


TIFF = ImageFormat(
    name=PILLOW.name,
    title="TIFF",
    endings=(".tif", ".tiff"),
    matches=is_tiff,
    open=_open,
    open_parts=_open,
    describe=_describe,
    find_losses=_find_losses,
)
