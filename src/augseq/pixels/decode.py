"""Bytes of an image file become one upright uint8 array, or an error that says why not."""

from PIL import ImageFile, UnidentifiedImageError

from augseq.errors import DecodeError
from augseq.pixels.jpeg_decoder import decode_jpeg
from augseq.pixels.options import DecodeOptions
from augseq.pixels.pillow_decoder import decode_with_pillow
from augseq.types import Image


def decode_image(data: bytes, options: DecodeOptions) -> Image:
    """Decode the bytes of one image file.

    The first frame of animated files and the first page of a TIFF count. Pixels of 16 bits are
    scaled to 8, as Pillow scales 16-bit colour: by their upper byte. This is the one place
    that picks a decoder.

    Ordinary JPEG files are decoded by simplejpeg, with the pixels that Pillow gives, and all
    others by Pillow.

    Not every damage shows. AVIF, BMP, GIF, JPEG, JPEG 2000, PPM, WebP and most TIFF files have
    no checksum over their pixels.

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
        pixels = decode_jpeg(data, options)
        return decode_with_pillow(data, options) if pixels is None else pixels
    except DecodeError:
        raise
    except UnidentifiedImageError as error:
        raise DecodeError(f"its {len(data)} bytes are not an image of a known format") from error
    # Pillow's parsers let all kinds of exceptions out of damaged files, from struct.error to
    # SyntaxError, and RecursionError or MemoryError from hostile ones.
    except Exception as error:
        raise DecodeError(f"{error or type(error).__name__}".strip()) from error
