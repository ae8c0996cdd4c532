"""Pixels of more than 8 bits, as floats from 0 (black) to 1 (white)."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ImageFile
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile

from augseq.errors import DecodeError
from augseq.pixels.options import DecodeOptions
from augseq.pixels.orientation import turn
from augseq.pixels.pillow_checks import jpeg2000_bits
from augseq.pixels.pillow_decoder import explaining, full_range, load_picture, open_picture
from augseq.pixels.pnm import pnm_values
from augseq.types import Image

# (height, width, channels) of any depth: grey, grey and alpha, colour, colour and alpha.
Pixels: TypeAlias = npt.NDArray[Any]

# Of ITU-R 601, as Pillow's.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def decode_deep(data: bytes, options: DecodeOptions) -> Image | None:
    """Decode a file of more than 8 bits a channel, other than JPEG XL and most TIFF.

    Returns:
        Shape (height, width, channels), float32; None where the file has 8 bits.

    Raises:
        DecodeError: As in `open_image`; or the file has more than 8 bits, but of a kind that is
            read in 8 bits only, or has numbers that are not finite.
    """
    with explaining(data), open_picture(data, options) as picture:
        pnm = pnm_values(picture, data)
        if pnm is not None:
            values, most = pnm
            return finish_deep(values / np.float32(most), options)
        kind = _deep_kind(picture, data)
        if kind is None:
            return None
        if kind == "unread":
            raise DecodeError(
                f"of this kind of {picture.format} only 8 bits a channel are read; "
                "full_depth=False takes these"
            )
        # Also where Pillow reads 8 bits of it: it is strict about damage.
        orientation = load_picture(picture, data, options)
        if kind == "grey":
            # Pillow brings PGM written as text to 16 bits, in numbers of 32.
            pixels = full_range(picture)(np.asarray(picture)).astype(np.uint16)[:, :, np.newaxis]
            pixels = _with_key(pixels, picture.info.get("transparency"))
        elif kind == "float":
            pixels = np.asarray(picture)[:, :, np.newaxis]
        else:
            pixels = _deep_colors(data)
        return finish_deep(pixels, options, orientation)


def finish_deep(pixels: Pixels, options: DecodeOptions, orientation: int = 1) -> Image:
    """Bring pixels of any depth to floats of the colour mode that is wanted, upright.

    Args:
        pixels: Shape (height, width, 1 to 4), unsigned integers of their full range, or floats
            with 1 as white; 2 and 4 channels have alpha.
        options: Colour mode and background.
        orientation: 1 (upright) to 8.

    Raises:
        DecodeError: Some numbers are not finite.
    """
    most = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    values = pixels.astype(np.float32) / np.float32(most)
    if not np.isfinite(values).all():
        raise DecodeError("some of its pixels are not finite numbers")
    alpha = values[:, :, -1:] if values.shape[2] in (2, 4) else None
    colors = values if alpha is None else values[:, :, :-1]
    if options.color_mode == "rgba":
        opaque = np.ones_like(colors[:, :, :1]) if alpha is None else alpha
        rgb = np.broadcast_to(colors, (*colors.shape[:2], 3))
        result = np.concatenate([rgb, opaque], axis=2)
    else:
        if alpha is not None:
            background = np.array(options.background, np.float32) / np.float32(255)
            colors = colors * alpha + background * (1 - alpha)
        if options.color_mode == "rgb":
            result = np.broadcast_to(colors, (*colors.shape[:2], 3))
        else:
            result = colors if colors.shape[2] == 1 else (colors @ _LUMA)[:, :, np.newaxis]
    return np.array(turn(result, orientation), order="C")


def _deep_kind(picture: ImageFile.ImageFile, data: bytes) -> str | None:
    """Return "grey", "float", "colour", "unread", or None where a file has 8 bits."""
    if picture.mode == "F":
        return "float"
    if picture.mode.startswith("I;16"):
        return "grey"
    if picture.mode == "I":
        return "grey" if picture.format in ("PNG", "PPM") else None
    bits = _bits(picture, data)
    if bits <= 8:
        return None
    return "colour" if picture.format in ("PNG", "TIFF") else "unread"


def _bits(picture: ImageFile.ImageFile, data: bytes) -> int:
    """Return the bits of a channel in a file whose colours Pillow reads in 8."""
    if picture.format == "PNG":
        return data[24]
    if isinstance(picture, TiffImageFile):
        return int(max(picture.tag_v2.get(BITSPERSAMPLE, (8,))))
    if picture.format == "PPM":
        # Written as text, with the largest value.
        arguments = picture.tile[0].args
        return 16 if isinstance(arguments, tuple) and int(arguments[1]) > 255 else 8
    if picture.format == "JPEG2000":
        return jpeg2000_bits(data)
    if picture.format == "AVIF":
        return 10 if data[data.find(b"av1C") + 6] & 0x40 else 8
    return int(picture.info.get("bit_depth", 8))


def _with_key(grey: Pixels, transparent: int | None) -> Pixels:
    if transparent is None:
        return grey
    alpha = np.where(grey == transparent, 0, 0xFFFF).astype(np.uint16)
    return np.concatenate([grey.astype(np.uint16), alpha], axis=2)


def _deep_colors(data: bytes) -> Pixels:
    """Decode 16-bit colours, which Pillow cannot hold."""
    import cv2

    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3:
        raise DecodeError("its 16-bit colours cannot be read; full_depth=False takes 8 bits")
    order = [2, 1, 0, 3] if decoded.shape[2] == 4 else [2, 1, 0]
    return decoded[:, :, order]
