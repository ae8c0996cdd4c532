"""Pixels of more than 8 bits, as floats from 0 (black) to 1 (white)."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.errors import DecodeError
from augseq.pixels.decoders.orientation import turn
from augseq.pixels.options import DecodeOptions
from augseq.types import Image

# (height, width, channels) of any depth: grey, grey and alpha, colour, colour and alpha.
Pixels: TypeAlias = npt.NDArray[Any]

# ITU-R 601, as in Pillow.
_LUMA = (np.float32(0.299), np.float32(0.587), np.float32(0.114))


def finish_deep(pixels: Pixels, options: DecodeOptions, orientation: int = 1) -> Image:
    """Convert pixels of any depth to upright floats in the requested colour mode.

    Args:
        pixels: Shape (height, width, 1 to 4), unsigned integers of their full range, or floats
            with 1 as white; the last of 2 or 4 channels is alpha.
        options: Colour mode and background.
        orientation: 1 (upright) to 8.

    Raises:
        DecodeError: Some values are not finite.
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
            result = colors if colors.shape[2] == 1 else _grey(colors)
    return np.array(turn(result, orientation), order="C")


def _grey(colors: Image) -> Image:
    """Return the luma of colours, shape (height, width, 1)."""
    # Not as a matrix product, whose last bits depend on the shape of the array, so that a window
    # would differ from the same part of the whole image.
    red, green, blue = (colors[:, :, k : k + 1] * _LUMA[k] for k in range(3))
    luma: Image = red + green + blue
    return luma


def with_key(grey: Pixels, transparent: int | None) -> Pixels:
    """Add an alpha channel that makes one grey value transparent."""
    if transparent is None:
        return grey
    alpha = np.where(grey == transparent, 0, 0xFFFF).astype(np.uint16)
    return np.concatenate([grey.astype(np.uint16), alpha], axis=2)


def read_deep_colors(data: bytes) -> Pixels:
    """Decode 16-bit colours, which Pillow does not support."""
    import cv2

    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3:
        raise DecodeError("its 16-bit colours cannot be read; full_depth=False reads 8 bits")
    order = [2, 1, 0, 3] if decoded.shape[2] == 4 else [2, 1, 0]
    return decoded[:, :, order]
