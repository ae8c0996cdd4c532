"""Decode with Pillow: every format, colour mode and orientation."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, TiffImageFile

from augseq.errors import DecodeError
from augseq.pixels.color_modes import convert_bands
from augseq.pixels.decoder_process import call_safely
from augseq.pixels.formats import is_heif, load_heif_plugin, name_kind
from augseq.pixels.jpeg_header import jpeg_orientation, read_jpeg_header
from augseq.pixels.options import DecodeOptions, to_read_it
from augseq.pixels.orientation import (
    ORIENTATION,
    check_tags,
    read_orientation,
    turn_back,
)
from augseq.pixels.pillow_checks import (
    check_first_frame,
    check_jpeg2000,
    check_palette,
    check_tiff,
    palette_length,
    show_zero_alpha,
)
from augseq.pixels.png_truncation import check_png_rows
from augseq.pixels.pnm import pnm_values
from augseq.pixels.tiff_layout import read_layout
from augseq.pixels.webp_chunks import check_webp_exif
from augseq.types import Image

Values: TypeAlias = npt.NDArray[Any]

# Raster formats only: Pillow would start Ghostscript for EPS, and open many rarer parsers.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")


def decode_with_pillow(data: bytes, options: DecodeOptions) -> Image:
    """Decode the bytes of an image file of any format; see `open_image`."""
    with explaining(data), open_picture(data, options) as picture:
        pnm = pnm_values(picture, data)
        if pnm is not None:
            return _pnm_pixels(*pnm, options)
        orientation = load_picture(picture, data, options)
        as_8_bits = _bits_reducer(picture)
        return convert_bands(
            (picture.height, picture.width),
            lambda top, bottom: as_8_bits(_rows(picture, top, bottom)),
            options,
            orientation,
        )


def _pnm_pixels(values: npt.NDArray[Any], most: int, options: DecodeOptions) -> Image:
    def band(top: int, bottom: int) -> PillowImage.Image:
        rows = values[top:bottom].astype(np.uint32)
        # The upper byte of 16 bits, and the nearest value of any other range.
        scaled = rows >> 8 if most == 0xFFFF else (rows * 255 + most // 2) // most
        pixels = scaled.astype(np.uint8)
        return PillowImage.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)

    return convert_bands((values.shape[0], values.shape[1]), band, options, 1)


def load_picture(picture: ImageFile.ImageFile, data: bytes, options: DecodeOptions) -> int:
    """Decode the pixels of a picture that `open_picture` opened, strictly.

    Returns:
        How its pixels must be turned to be upright, 1 (not at all) to 8.

    Raises:
        DecodeError: It is damaged. Pillow's own errors pass.
    """
    orientation = 1
    if isinstance(picture, TiffImageFile):
        orientation = _tiff_orientation(picture, data, options)
        check_tiff(picture, options)
    if picture.format == "PNG":
        _check_png(data)
    if picture.format == "GIF":
        check_first_frame(picture)
    num_colors = palette_length(picture)
    picture.load()
    show_zero_alpha(picture)
    check_palette(picture, num_colors)
    # Some decoders find another size than the header says.
    options.check_size(*picture.size, picture.format or "")
    if picture.format == "PNG":
        check_png_rows(picture, data)
        _scale_transparency(picture, depth=data[24])
    if options.exif_orientation and not isinstance(picture, TiffImageFile):
        orientation = _orientation(picture, data)
    return orientation


@contextmanager
def explaining(data: bytes) -> Iterator[None]:
    """Make every exception a `DecodeError`.

    Pillow's parsers let all kinds of them out of damaged files, from struct.error to SyntaxError,
    and RecursionError or MemoryError out of hostile ones.
    """
    try:
        yield
    except DecodeError:
        raise
    except UnidentifiedImageError as error:
        raise DecodeError(name_kind(data)) from error
    except (OSError, SyntaxError, ValueError) as error:
        mode = re.match(r"conversion from (\S+) to \S+ not supported", str(error))
        if mode is not None:
            raise DecodeError(
                "its pixels are stored in a way that is not read (Pillow calls it mode "
                f"{mode[1]}): save it again as plain grey, RGB or RGBA"
            ) from error
        raise DecodeError(f"{error or type(error).__name__}".strip()) from error
    except Exception as error:
        # Their texts say little by themselves: that of a KeyError is a number.
        raise DecodeError(f"it is damaged ({type(error).__name__}: {error})") from error


def open_picture(data: bytes, options: DecodeOptions) -> ImageFile.ImageFile:
    """Read the header of a file, no pixels."""
    max_pixels = options.max_pixels
    if PillowImage.MAX_IMAGE_PIXELS is not None and max_pixels > PillowImage.MAX_IMAGE_PIXELS:
        # Pillow warns above its limit, and refuses above twice of it. Warnings cannot be caught in
        # threads; so its limit, one for the process, follows ours, but only upwards.
        PillowImage.MAX_IMAGE_PIXELS = max_pixels
    check_tags(read_jpeg_header(data).exif if data.startswith(b"\xff\xd8") else data)
    formats: tuple[str, ...] = _FORMATS
    if is_heif(data):
        load_heif_plugin()
        formats = ("HEIF",)
    try:
        picture = PillowImage.open(io.BytesIO(data), formats=formats)
    except (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        claim = str(error).partition(" exceeds")[0]
        needed = int("".join(filter(str.isdecimal, claim)) or max_pixels)
        raise DecodeError(
            f"{claim} exceeds max_pixels={max_pixels}{to_read_it('max_pixels', needed)}"
        ) from error
    options.check_size(*picture.size, picture.format or "")
    if picture.format == "JPEG2000":
        check_jpeg2000(picture, data)
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


def _orientation(picture: PillowImage.Image, data: bytes) -> int:
    if data.startswith(b"\xff\xd8"):
        return jpeg_orientation(read_jpeg_header(data))
    exif = picture.info.get("exif") or b""
    if picture.format == "WEBP" and not exif:
        check_webp_exif(data)
    written_out = picture.info.get("Raw profile type exif")
    if not exif and written_out:
        # ImageMagick's way to put it in a PNG: three lines, then hexadecimal digits.
        exif = bytes.fromhex("".join(written_out.split("\n")[3:]))
    xmp = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
    return read_orientation(exif, xmp.encode() if isinstance(xmp, str) else xmp)


def _tiff_orientation(picture: TiffImageFile, data: bytes, options: DecodeOptions) -> int:
    """Return how a TIFF must be turned after Pillow has, of all formats, turned it by itself."""
    # Before it is loaded, since Pillow then forgets it. It turns by no numbers of rare types.
    turned = picture.tag_v2.get(ORIENTATION, 1)
    turned = turned if turned in range(1, 9) else 1
    if not options.exif_orientation:
        return turn_back(turned)
    orientation = read_orientation(data)
    if turned == 1:
        return orientation
    if orientation != turned:
        raise DecodeError("its directory is damaged, so which side is up is not known")
    return 1


def _rows(picture: PillowImage.Image, top: int, bottom: int) -> PillowImage.Image:
    whole = bottom - top == picture.height
    return picture if whole else picture.crop((0, top, picture.width, bottom))


def _bits_reducer(picture: PillowImage.Image) -> Callable[[PillowImage.Image], PillowImage.Image]:
    """Return what brings rows of a picture to 8 bits a channel."""
    is_wide = picture.mode == "I" and picture.format in ("PNG", "PPM")
    if picture.mode in _SIXTEEN_BIT_MODES or is_wide:
        # Older Pillow opens 16-bit PNG, and every Pillow 16-bit PGM, with the wider mode.
        return partial(_upper_bytes, full_range=full_range(picture))
    if picture.mode in ("I", "F"):
        kind = "32-bit integers" if picture.mode == "I" else "floating-point numbers"
        raise DecodeError(
            f"its pixels are {kind}, which have no fixed range to scale from"
            + "; full_depth=True keeps them" * (picture.mode == "F")
        )
    return lambda rows: rows


def _upper_bytes(
    picture: PillowImage.Image, full_range: Callable[[Values], Values]
) -> PillowImage.Image:
    values = full_range(np.asarray(picture))
    grey = PillowImage.fromarray((values >> 8).astype(np.uint8))
    transparent = picture.info.get("transparency")
    if transparent is None:
        return grey
    alpha = PillowImage.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return PillowImage.merge("LA", (grey, alpha))


def full_range(picture: PillowImage.Image) -> Callable[[Values], Values]:
    """Return what brings grey values to 16 bits with black at 0; Pillow leaves them as stored."""
    if not isinstance(picture, TiffImageFile):
        return lambda values: values
    (bits,) = picture.tag_v2[BITSPERSAMPLE]
    white_is_0 = picture.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0

    def bring(values: Values) -> Values:
        values = values << (16 - bits)
        return ~values if white_is_0 else values

    return bring


def read_header(data: bytes, options: DecodeOptions) -> dict[str, Any]:
    """Describe an image that can be decoded, from what stands before its pixels.

    Returns:
        `format`, `mode`, `orientation` and `num_frames`, as a `Probe` has them; nothing where
        another decoder reads what Pillow does not.
    """
    return call_safely(_read_header, data, options)


def _read_header(data: bytes, options: DecodeOptions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with suppress(DecodeError), explaining(data), open_picture(data, options) as picture:
        found |= {"format": picture.format, "mode": picture.mode}
        check_tags(picture.info.get("exif") or b"")
        is_tiff = isinstance(picture, TiffImageFile)
        found["orientation"] = read_orientation(data) if is_tiff else _orientation(picture, data)
        # Last, since the frames of an animation are counted by going through all of them.
        num_frames = getattr(picture, "n_frames", 1)
        # A PNG only claims a number, and each frame takes some bytes.
        found["num_frames"] = num_frames if num_frames <= len(data) else None
    return found


def read_losses(data: bytes, options: DecodeOptions) -> frozenset[str]:
    """Name what an image that can be decoded loses on its way to 8-bit RGB.

    Returns:
        Of "16 bit" and "transparency" those that the file has, whether its pixels use them or not.
    """
    return call_safely(_read_losses, data, options)


def _read_losses(data: bytes, options: DecodeOptions) -> frozenset[str]:
    losses = set()
    with suppress(DecodeError):
        layout = read_layout(data)
        if layout is not None:
            losses |= {"16 bit"} if max(layout.bits) > 8 else set()
            losses |= {"transparency"} if any(layout.extra_kinds) else set()
    with suppress(DecodeError), explaining(data), open_picture(data, options) as picture:
        # Pillow names 16-bit colour "RGB", as if it had 8; how it is stored tells them apart.
        if picture.mode.startswith("I;16") or ";16" in str(getattr(picture, "tile", "")):
            losses.add("16 bit")
        if picture.has_transparency_data:
            losses.add("transparency")
    return frozenset(losses)
