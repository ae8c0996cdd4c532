"""Decode with Pillow: every format, colour mode and orientation."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, TiffImageFile

from augseq.errors import DecodeError
from augseq.pixels.options import DecodeOptions
from augseq.types import Image

# Raster formats only: Pillow would start Ghostscript for EPS, and open many rarer parsers.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_MODES = {"rgb": "RGB", "grayscale": "L", "rgba": "RGBA"}
_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_ORIENTATION_WORDS = (b"Exif\0\0", b"http://ns.adobe.com/xap/")
# Back from upright to the stored orientation.
_UNTURN = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_90,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_270,
}


def decode_with_pillow(data: bytes, options: DecodeOptions) -> Image:
    """Decode the bytes of an image file of any format; see `open_image`."""
    with _explaining(data), _open(data, options.max_pixels) as picture:
        turned = None
        if isinstance(picture, TiffImageFile):
            # Of all formats, Pillow turns this one upright by itself when it loads.
            turned = picture.getexif().get(ExifTags.Base.Orientation)
        if picture.format == "PNG":
            _check_png(data)
        picture.load()
        if picture.format == "PNG":
            _scale_transparency(picture, depth=data[24])
        if options.exif_orientation:
            _check_exif(picture)
            ImageOps.exif_transpose(picture, in_place=True)
        converted = _convert(picture, options)
    if turned in _UNTURN and not options.exif_orientation:
        converted = converted.transpose(_UNTURN[turned])
    pixels = np.array(converted)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


@contextmanager
def _explaining(data: bytes) -> Iterator[None]:
    """Make every exception a `DecodeError`.

    Pillow's parsers let all kinds of them out of damaged files, from struct.error to SyntaxError,
    and RecursionError or MemoryError out of hostile ones.
    """
    try:
        yield
    except DecodeError:
        raise
    except UnidentifiedImageError as error:
        raise DecodeError(f"its {len(data)} bytes are not an image of a known format") from error
    except Exception as error:
        raise DecodeError(f"{error or type(error).__name__}".strip()) from error


def _open(data: bytes, max_pixels: int) -> PillowImage.Image:
    """Read the header of a file, no pixels."""
    if PillowImage.MAX_IMAGE_PIXELS is not None and max_pixels > PillowImage.MAX_IMAGE_PIXELS:
        # Pillow warns above its limit, and refuses above twice of it. Warnings cannot be caught in
        # threads; so its limit, one for the process, follows ours, but only upwards.
        PillowImage.MAX_IMAGE_PIXELS = max_pixels
    try:
        picture = PillowImage.open(io.BytesIO(data), formats=_FORMATS)
    except (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        claim = str(error).partition(" exceeds")[0]
        raise DecodeError(f"{claim} exceeds max_pixels={max_pixels}") from error
    width, height = picture.size
    if width * height > max_pixels:
        raise DecodeError(f"it claims {width} x {height} pixels, more than max_pixels={max_pixels}")
    return picture


def _check_png(data: bytes) -> None:
    """Raise where a checksum is wrong or the end is missing; `load` looks at neither."""
    with PillowImage.open(io.BytesIO(data), formats=("PNG",)) as picture:
        picture.verify()


def _scale_transparency(picture: PillowImage.Image, depth: int) -> None:
    """Bring the transparent colour of a PNG to the 8 bits that Pillow gave its pixels."""
    transparent = picture.info.get("transparency")
    if transparent is None:
        return
    if picture.mode == "L" and depth < 8:
        picture.info["transparency"] = transparent * 255 // (2**depth - 1)
    elif picture.mode == "RGB" and depth == 16:
        raise DecodeError(
            "it marks one 16-bit colour as transparent, which cannot be found again in 8 bits"
        )


def read_orientation(data: bytes) -> int:
    """Return the EXIF orientation of a JPEG file, 1 (upright) to 8, without decoding it.

    Raises:
        DecodeError: The EXIF data is damaged.
    """
    # Only what stands before the pixels counts, and these words are a hundred times as quick to
    # look for there as Pillow is with the whole header.
    pixels = data.find(b"\xff\xda")
    if not any(data.find(word, 0, pixels) >= 0 for word in _ORIENTATION_WORDS):
        return 1
    with _explaining(data), PillowImage.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        _check_exif(picture)
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))


def _check_exif(picture: PillowImage.Image) -> None:
    try:
        # Of a JPEG, Pillow has tried it once, and would now take it for empty where it failed.
        PillowImage.Exif().load(picture.info.get("exif", b""))
        picture.getexif()
    except Exception as error:
        raise DecodeError(
            f"its EXIF data is damaged ({error}), so which side is up is not known; "
            "exif_orientation=False leaves it unread"
        ) from error


def _convert(picture: PillowImage.Image, options: DecodeOptions) -> PillowImage.Image:
    if picture.mode in _SIXTEEN_BIT_MODES:
        picture = _upper_bytes(picture)
    elif picture.mode == "I" and picture.format in ("PNG", "PPM"):
        # Older Pillow opens 16-bit PNG, and every Pillow 16-bit PGM, with this wider mode.
        picture = _upper_bytes(picture)
    elif picture.mode in ("I", "F"):
        kind = "32-bit integers" if picture.mode == "I" else "floating-point numbers"
        raise DecodeError(f"its pixels are {kind}, which have no fixed range to scale from")
    if picture.has_transparency_data:
        if options.color_mode == "rgba":
            return picture.convert("RGBA")
        picture = _flatten(picture.convert("RGBA"), options.background)
    if picture.mode not in ("L", "RGB", "RGBA"):
        # Pillow has no direct way from some modes, such as CMYK, to grey or to RGBA.
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return picture.convert(_MODES[options.color_mode])


def _upper_bytes(picture: PillowImage.Image) -> PillowImage.Image:
    values = np.asarray(picture)
    if isinstance(picture, TiffImageFile):
        values = _full_range(values, picture)
    grey = PillowImage.fromarray((values >> 8).astype(np.uint8))
    transparent = picture.info.get("transparency")
    if transparent is None:
        return grey
    alpha = PillowImage.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return PillowImage.merge("LA", (grey, alpha))


def _full_range(values: npt.NDArray[Any], picture: TiffImageFile) -> npt.NDArray[Any]:
    """Bring the grey values of a TIFF to 16 bits with black at 0; Pillow leaves them as stored."""
    (bits,) = picture.tag_v2[BITSPERSAMPLE]
    values = values << (16 - bits)
    return ~values if picture.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0 else values


def _flatten(picture: PillowImage.Image, background: tuple[int, int, int]) -> PillowImage.Image:
    canvas = PillowImage.new("RGBA", picture.size, (*background, 255))
    return PillowImage.alpha_composite(canvas, picture).convert("RGB")


def read_header(data: bytes, options: DecodeOptions) -> dict[str, Any]:
    """Describe an image that can be decoded, from what stands before its pixels.

    Returns:
        `format`, `mode`, `orientation` and `num_frames`, as a `Probe` has them; nothing where
        another decoder reads what Pillow does not.
    """
    found: dict[str, Any] = {}
    with suppress(DecodeError), _explaining(data), _open(data, options.max_pixels) as picture:
        found |= {"format": picture.format, "mode": picture.mode}
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
        found["orientation"] = int(orientation) if orientation in range(1, 9) else 1
        # Last, since the frames of an animation are counted by going through all of them.
        found["num_frames"] = getattr(picture, "n_frames", 1)
    return found
