"""Read a single image file exactly as training does."""

import os
from collections.abc import Sequence

from augseq.errors import DecodeError
from augseq.pixels.decode import open_image
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.options import (
    MAX_FILE_BYTES,
    MAX_PIXELS,
    ColorMode,
    DecodeOptions,
    Interpolation,
    ResizeMode,
    ResizeOptions,
    resize_options,
)
from augseq.pixels.read import read_bytes
from augseq.pixels.region import WHOLE, Region
from augseq.pixels.resize import resize_image, resized_region
from augseq.storage.path_encoding import from_system
from augseq.types import Image, PathLike


def read_image(
    path: PathLike,
    *,
    image_size: tuple[int, int] | None = None,
    color_mode: ColorMode = "rgb",
    bands: Sequence[int] | None = None,
    resize_mode: ResizeMode = "stretch",
    interpolation: Interpolation = "bilinear",
    exif_orientation: bool = True,
    background: tuple[int, int, int] = (255, 255, 255),
    max_pixels: int = MAX_PIXELS,
    max_file_bytes: int = MAX_FILE_BYTES,
    full_depth: bool = False,
    scaled_decode: bool = True,
) -> Image:
    """Read one image file, with the same pixels as in an `ImageSequence`.

    Args:
        path: The file.
        image_size: (height, width) in pixels to resize to; None keeps the original size.
        color_mode: "rgb", "grayscale" or "rgba"; or "bands" for all channels of a TIFF or .npy
            file, with the numbers as stored.
        bands: Which of these channels to return, in order, from 0; None for all.
        resize_mode: "stretch", "crop" (centre) or "pad" (black); needs `image_size`.
        interpolation: "nearest", "bilinear", "bicubic", "area" or "lanczos3".
        exif_orientation: Whether to apply the EXIF orientation, so that the image is upright.
        background: (red, green, blue), 0 to 255, behind transparent pixels.
        max_pixels: A file whose header declares more pixels is refused before it is decoded.
        max_file_bytes: A larger file is refused before it is read.
        full_depth: Whether to keep more than 8 bits per channel, if the file has them.
        scaled_decode: Whether to decode a large JPEG file at 1/2, 1/4 or 1/8 of its size if that
            still covers `image_size`. Faster, with slightly different pixels.

    Returns:
        Pixels, shape (height, width, channels); a new array. uint8, 0 to 255, with 16-bit values
        scaled down; with `full_depth` float32, in which 0 is black and 1 is white, and the values
        of floating-point files are unchanged. With `color_mode="bands"` uint8 for files of 8-bit
        integers, otherwise float32.

    Raises:
        MissingFileError: The file does not exist.
        UnreadableError: The system refuses to read it.
        DecodeError: It is not a usable image.
        ArgumentError: An option is invalid.

    Example:
        >>> import augseq
        >>> augseq.read_image("sample_images/README.md")
        Traceback (most recent call last):
        augseq.errors.DecodeError: Cannot decode 'sample_images/README.md': ...
    """
    options = DecodeOptions(
        color_mode=color_mode,
        exif_orientation=exif_orientation,
        background=background,
        max_pixels=max_pixels,
        max_file_bytes=max_file_bytes,
        full_depth=full_depth,
        bands=bands,
    )
    resize = resize_options(image_size, resize_mode, interpolation)
    name = os.fspath(path)
    try:
        opened = open_image(read_bytes(from_system(name), max_file_bytes), options)
        image = opened.read(_region(opened, resize, scaled_decode=scaled_decode))
    except DecodeError as error:
        raise DecodeError(f"Cannot decode {name!r}: {error}.", name) from error
    return image if resize is None else resize_image(image, resize)


def _region(opened: OpenImage, resize: ResizeOptions | None, *, scaled_decode: bool) -> Region:
    if resize is None:
        return WHOLE
    return resized_region(opened, resize, scaled_decode=scaled_decode)
