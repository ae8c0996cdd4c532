"""Bytes of an image file become one upright uint8 array, or an error that says why not."""

import io

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFile, ImageOps, UnidentifiedImageError

from augseq.errors import DecodeError
from augseq.pixels.options import DecodeOptions
from augseq.types import Image

# Raster formats only: Pillow would start Ghostscript for EPS, and open many rarer parsers.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_MODES = {"rgb": "RGB", "grayscale": "L", "rgba": "RGBA"}
_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_TRANSPARENT_MODES = ("RGBA", "LA", "PA", "RGBa", "La")


def decode_image(data: bytes, options: DecodeOptions) -> Image:
    """Decode the bytes of one image file.

    The first frame of animated files counts. Pixels of 16 bits are scaled to 8, as Pillow
    scales 16-bit colour: by their upper byte. This is the one place that picks a decoder.

    Args:
        data: The whole file.
        options: Colour mode, orientation, background, limit.

    Returns:
        Pixels, shape (height, width, channels), uint8, 0 to 255; a new array that may be
        written to. 3, 1 or 4 channels for "rgb", "grayscale", "rgba".

    Raises:
        DecodeError: The data is not an image, is damaged or truncated, claims too many
            pixels, or has pixels without a fixed range. The message says which.
    """
    if not data:
        raise DecodeError("the file is empty (0 bytes)")
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise DecodeError(
            "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is on in this process, so a damaged file would "
            "be filled up silently; set it to False"
        )
    try:
        return _decode_with_pillow(data, options)
    except DecodeError:
        raise
    except UnidentifiedImageError as error:
        raise DecodeError(f"its {len(data)} bytes are not an image of a known format") from error
    # Pillow's parsers let all kinds of exceptions out of damaged files, from struct.error to
    # SyntaxError, and RecursionError or MemoryError from hostile ones.
    except Exception as error:
        raise DecodeError(f"{error or type(error).__name__}".strip()) from error


def _decode_with_pillow(data: bytes, options: DecodeOptions) -> Image:
    with PillowImage.open(io.BytesIO(data), formats=_FORMATS) as picture:
        width, height = picture.size
        if width * height > options.max_pixels:
            raise DecodeError(
                f"it claims {width} x {height} pixels, more than max_pixels={options.max_pixels}"
            )
        picture.load()
        if options.exif_orientation:
            ImageOps.exif_transpose(picture, in_place=True)
        converted = _convert(picture, options)
    pixels = np.array(converted)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


def _convert(picture: PillowImage.Image, options: DecodeOptions) -> PillowImage.Image:
    if picture.mode in _SIXTEEN_BIT_MODES:
        picture = _upper_bytes(picture)
    elif picture.mode == "I" and picture.format in ("PNG", "PPM"):
        # Older Pillow opens 16-bit PNG, and every Pillow 16-bit PGM, with this wider mode.
        picture = _upper_bytes(picture)
    elif picture.mode in ("I", "F"):
        kind = "32-bit integers" if picture.mode == "I" else "floating-point numbers"
        raise DecodeError(f"its pixels are {kind}, which have no fixed range to scale from")
    if picture.mode in _TRANSPARENT_MODES or "transparency" in picture.info:
        if options.color_mode == "rgba":
            return picture.convert("RGBA")
        picture = _flatten(picture.convert("RGBA"), options.background)
    if picture.mode not in ("L", "RGB", "RGBA"):
        # Pillow has no direct way from some modes, such as CMYK, to grey or to RGBA.
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return picture.convert(_MODES[options.color_mode])


def _upper_bytes(picture: PillowImage.Image) -> PillowImage.Image:
    values = np.asarray(picture)
    grey = PillowImage.fromarray((values >> 8).astype(np.uint8))
    transparent = picture.info.get("transparency")
    if transparent is None:
        return grey
    alpha = PillowImage.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return PillowImage.merge("LA", (grey, alpha))


def _flatten(picture: PillowImage.Image, background: tuple[int, int, int]) -> PillowImage.Image:
    canvas = PillowImage.new("RGBA", picture.size, (*background, 255))
    return PillowImage.alpha_composite(canvas, picture).convert("RGB")
