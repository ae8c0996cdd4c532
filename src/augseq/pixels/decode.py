"""Bytes of an image file become one upright array, or an error that says why not."""

from collections.abc import Callable
from typing import Any, TypeVar

from PIL import ImageFile

from augseq.errors import DecodeError
from augseq.pixels.decoded_image import DecodedImage, FloatImage, OpenImage
from augseq.pixels.decoders.decoder_errors import UnidentifiedError
from augseq.pixels.decoders.image_format import ImageFormat
from augseq.pixels.decoders.isolated.decoder_process import call_in_decoder_process
from augseq.pixels.decoders.registry import find_format
from augseq.pixels.file_kinds import name_kind
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import WHOLE
from augseq.types import Image

Result = TypeVar("Result")


def open_image(data: bytes, options: DecodeOptions) -> OpenImage:
    """Open the bytes of one image file with the decoder of its format.

    The row of `decoders.registry` that matches the first bytes says which one that is. JPEG files
    are decoded when their pixels are asked for, all others at once; decoders that may crash run
    in a process of their own. The first frame of animated files and the first page of a TIFF
    count; colour profiles are not applied.

    Pixels of 16 bits are scaled to 8, as Pillow scales 16-bit colour: by their upper byte.
    With `options.full_depth`, 65535 becomes 1.0, as does 255 in files of 8 bits, and floats
    keep their values. Files of AVIF and HEIC in colour that have more than 8 bits are then
    refused, and those of JPEG 2000 always.

    Not every damage shows. AVIF, BMP, GIF, HEIC, JPEG, JPEG 2000, PPM, WebP and most TIFF files
    have no checksum over their pixels; and when a part of a JPEG file is
    read, only that part and the end are checked.

    Args:
        data: The whole file.
        options: Colour mode, orientation, background, limits, depth.

    Raises:
        DecodeError: The data is not an image, is damaged or truncated, declares too
            many pixels, or has pixels without a fixed range. The message says which. Where pixels
            are decoded later, `read` raises it.
    """
    if not data:
        raise DecodeError("the file is empty (0 bytes)")
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise DecodeError(
            "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is on in this process, so a damaged file would "
            "be filled up silently; set it to False"
        )
    image_format = _format_of(data)
    try:
        if image_format.may_crash:
            return DecodedImage(_call_apart(image_format, _decode, data, options))
        return _open(image_format, data, options)
    except UnidentifiedError as error:
        raise DecodeError(name_kind(data)) from error


def decode_image(data: bytes, options: DecodeOptions) -> Image:
    """Decode the bytes of one image file; see `open_image`.

    Returns:
        Pixels, shape (height, width, channels); a new array that may be written to. uint8,
        0 to 255; float32 with `options.full_depth`. 3, 1 or 4 channels for "rgb",
        "grayscale", "rgba".

    Raises:
        DecodeError: As in `open_image`.
    """
    return open_image(data, options).read(WHOLE)


def describe_image(data: bytes, options: DecodeOptions) -> dict[str, Any]:
    """Describe an image that can be decoded, from what stands before its pixels.

    Returns:
        `format`, `mode`, `orientation` and `num_frames`, as a `Probe` has them.
    """
    return _call(_describe, data, options)


def find_losses(data: bytes, options: DecodeOptions) -> frozenset[str]:
    """Name what an image that can be decoded loses on its way to 8-bit RGB.

    Returns:
        Of "16 bit" and "transparency" those that the file has, whether its pixels use them or not.
    """
    return _call(_find_losses, data, options)


def _format_of(data: bytes) -> ImageFormat:
    image_format = find_format(data)
    if image_format is None:
        raise DecodeError(name_kind(data))
    return image_format


def _open(image_format: ImageFormat, data: bytes, options: DecodeOptions) -> OpenImage:
    opened = image_format.open(data, options)
    return FloatImage(opened) if options.full_depth else opened


def _call(
    function: Callable[[bytes, DecodeOptions], Result], data: bytes, options: DecodeOptions
) -> Result:
    """Call a function of this module: here, or where a crash is an error if one may come."""
    image_format = _format_of(data)
    if image_format.may_crash:
        return _call_apart(image_format, function, data, options)
    return function(data, options)


def _call_apart(
    image_format: ImageFormat,
    function: Callable[[bytes, DecodeOptions], Result],
    data: bytes,
    options: DecodeOptions,
) -> Result:
    if image_format.extra is not None:
        image_format.extra.check()
    return call_in_decoder_process(image_format.title, function, data, options)


# What a decoder process calls: by name, with the format that it finds for itself.


def _decode(data: bytes, options: DecodeOptions) -> Image:
    return _open(_format_of(data), data, options).read(WHOLE)


def _describe(data: bytes, options: DecodeOptions) -> dict[str, Any]:
    return _format_of(data).describe(data, options)


def _find_losses(data: bytes, options: DecodeOptions) -> frozenset[str]:
    find = _format_of(data).find_losses
    return frozenset() if find is None else find(data, options)
