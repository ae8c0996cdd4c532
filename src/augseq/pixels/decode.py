"""Decode the bytes of an image file into an upright array."""

from collections.abc import Callable
from typing import Any, TypeVar

from PIL import ImageFile

from augseq.errors import DecodeError
from augseq.pixels.decoded_image import DecodedImage, FloatImage, OpenImage
from augseq.pixels.decoders.band_files import describe_bands, open_bands
from augseq.pixels.decoders.decoder_errors import UnidentifiedError
from augseq.pixels.decoders.image_format import ImageFormat
from augseq.pixels.decoders.isolated.decoder_process import call_in_decoder_process
from augseq.pixels.decoders.registry import HEAD_BYTES, find_format
from augseq.pixels.file_kinds import EMPTY, name_kind
from augseq.pixels.local_file import FileContent
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import WHOLE
from augseq.types import Image

Result = TypeVar("Result")


def open_image(data: FileContent, options: DecodeOptions) -> OpenImage:
    """Open the bytes of one image file with the decoder of its format.

    The first bytes select the decoder from `decoders.registry`. JPEG and TIFF files are decoded on
    demand, all others immediately; decoders that can crash run in a child process. Only the first
    frame of an animation and the first page of a TIFF are read; colour profiles are not applied.

    16-bit pixels are reduced to their upper 8 bits, as Pillow does with 16-bit colour.
    With `options.full_depth`, 65535 becomes 1.0, as does 255 in 8-bit files, and floats keep
    their values. Colour AVIF and HEIC files with more than 8 bits are then refused; such JPEG
    2000 files are always refused.

    Not all damage is detected: AVIF, BMP, GIF, HEIC, JPEG, JPEG 2000, PPM, WebP and most TIFF
    files have no checksum over their pixels. When part of a JPEG file is read, only that part
    and the end are checked; of a TIFF file, only the strips or tiles of the part.

    Args:
        data: The file. Of a `LocalFile`, only what is needed is read, if its format allows that.
        options: Colour mode, orientation, background, limits, depth. With the colour mode "bands",
            pixels are the numbers of a TIFF or .npy file.

    Raises:
        DecodeError: The data is not an image, is damaged or truncated, declares too many pixels,
            or has pixels without a fixed range. For pixels decoded on demand, `read` raises it.
    """
    if not data:
        raise DecodeError(EMPTY)
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise DecodeError(
            "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is on in this process, so damaged files would be "
            "filled in silently; set it to False"
        )
    if options.color_mode == "bands":
        return _open_bands(data, options)
    image_format = _format_of(data)
    try:
        if image_format.may_crash:
            return DecodedImage(_call_isolated(image_format, _decode, data[:], options))
        return _open(image_format, data, options)
    except UnidentifiedError as error:
        raise DecodeError(name_kind(data[:])) from error


def decode_image(data: bytes, options: DecodeOptions) -> Image:
    """Decode the bytes of one image file; see `open_image`.

    Returns:
        Pixels, shape (height, width, channels); a new, writable array. uint8, 0 to 255; float32
        with `options.full_depth`. 3, 1 or 4 channels for "rgb", "grayscale", "rgba". With "bands",
        all channels, uint8 or float32.

    Raises:
        DecodeError: As in `open_image`.
    """
    return open_image(data, options).read(WHOLE)


def describe_image(data: bytes, options: DecodeOptions) -> dict[str, Any]:
    """Describe a decodable image by its header.

    Returns:
        `format`, `mode`, `orientation` and `num_frames`, as in a `Probe`.
    """
    if options.color_mode == "bands":
        return describe_bands(data, options)
    return _call(_describe, data, options)


def find_losses(data: bytes, options: DecodeOptions) -> frozenset[str]:
    """Return what a decodable image loses when converted to 8-bit RGB.

    Returns:
        Those of "16 bit" and "transparency" that the file has, whether or not its pixels use them.
    """
    if options.color_mode == "bands":
        return frozenset()
    return _call(_find_losses, data, options)


def _open_bands(data: FileContent, options: DecodeOptions) -> OpenImage:
    opened = open_bands(data, options)
    if opened is None:
        found = _format_of(data)
        raise DecodeError(
            f'color_mode="bands" reads TIFF and .npy files, but it is a {found.title} file; '
            'color_mode="rgb" reads it'
        )
    return opened


def _format_of(data: FileContent) -> ImageFormat:
    image_format = find_format(data[:HEAD_BYTES])
    if image_format is None:
        raise DecodeError(name_kind(data[:]))
    return image_format


def _open(image_format: ImageFormat, data: FileContent, options: DecodeOptions) -> OpenImage:
    if image_format.open_parts is not None:
        opened = image_format.open_parts(data, options)
    else:
        opened = image_format.open(data[:], options)
    return FloatImage(opened) if options.full_depth else opened


def _call(
    function: Callable[[bytes, DecodeOptions], Result], data: bytes, options: DecodeOptions
) -> Result:
    """Call a function of this module, in a child process if the decoder can crash."""
    image_format = _format_of(data)
    if image_format.may_crash:
        return _call_isolated(image_format, function, data, options)
    return function(data, options)


def _call_isolated(
    image_format: ImageFormat,
    function: Callable[[bytes, DecodeOptions], Result],
    data: bytes,
    options: DecodeOptions,
) -> Result:
    if image_format.extra is not None:
        image_format.extra.check()
    return call_in_decoder_process(image_format.title, function, data, options)


# Called in decoder processes: they pickle by name, and find the format themselves.


def _decode(data: bytes, options: DecodeOptions) -> Image:
    return _open(_format_of(data), data, options).read(WHOLE)


def _describe(data: bytes, options: DecodeOptions) -> dict[str, Any]:
    return _format_of(data).describe(data, options)


def _find_losses(data: bytes, options: DecodeOptions) -> frozenset[str]:
    find = _format_of(data).find_losses
    return frozenset() if find is None else find(data, options)
