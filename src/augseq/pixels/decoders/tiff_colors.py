"""Convert samples of a TIFF file to grey or RGB pixels with straight alpha."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from augseq.pixels.decoders.tiff_layout import (
    CMYK,
    FLOAT,
    PREMULTIPLIED,
    UNNAMED,
    WHITE_IS_0,
    TiffLayout,
)

Samples: TypeAlias = npt.NDArray[Any]
"""Shape (height, width, samples): unsigned integers or floats, as stored."""

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def float_pixels(samples: Samples, layout: TiffLayout) -> Samples:
    """Convert samples to floats of 1 to 4 channels: grey or RGB, with straight alpha."""
    most = 1 if layout.numbers == FLOAT else 2 ** layout.bits[0] - 1
    # 64-bit floats that are too large become infinite, and are refused later.
    with np.errstate(over="ignore", invalid="ignore"):
        # Divided last, so that inverted values are rounded to the nearest float.
        colors, alpha = _split(samples.astype(np.float32), layout, most)
        scale = np.float32(most)
        return _join(_rgb(colors / scale, layout, 1), None if alpha is None else alpha / scale)


def eight_bit_picture(samples: Samples, layout: TiffLayout) -> PillowImage.Image:
    """Convert samples to an 8-bit picture."""
    bits = layout.bits[0]
    # The product of two 16-bit values fits.
    colors, alpha = _split(samples.astype(np.uint32), layout, 2**bits - 1)
    pixels = _join(
        _rgb(_eight_bits(colors, bits), layout, 255),
        None if alpha is None else _eight_bits(alpha, bits),
    ).astype(np.uint8)
    height, width, num_channels = pixels.shape
    return PillowImage.frombytes(_MODES[num_channels], (width, height), pixels.tobytes())


def _split(values: Samples, layout: TiffLayout, most: int) -> tuple[Samples, Samples | None]:
    """Return colours with black at 0, and straight alpha; skip other extra samples."""
    num, alpha = layout.num_colors, None
    colors = values[:, :, :num]
    for at, kind in enumerate(layout.extra_kinds, start=num):
        if kind != UNNAMED:
            alpha = values[:, :, at : at + 1]
            colors = _unmultiplied(colors, alpha, most) if kind == PREMULTIPLIED else colors
            break
    return (most - colors if layout.photometric == WHITE_IS_0 else colors), alpha


def _unmultiplied(colors: Samples, alpha: Samples, most: int) -> Samples:
    if colors.dtype.kind == "f":
        straight: Samples = np.zeros_like(colors)
        np.divide(colors * most, alpha, out=straight, where=alpha > 0)
        return straight
    straight = (colors * most + alpha // 2) // np.maximum(alpha, 1)
    return np.minimum(straight, most, out=straight)


def _rgb(colors: Samples, layout: TiffLayout, most: int) -> Samples:
    """Convert CMYK to RGB, as Pillow does."""
    if layout.photometric != CMYK:
        return colors
    product: Samples = (most - colors[:, :, :3]) * (most - colors[:, :, 3:])
    return product if most == 1 else (product + most // 2) // most


def _eight_bits(values: Samples, bits: int) -> Samples:
    return values >> (bits - 8) if bits >= 8 else values * 255 // (2**bits - 1)


def _join(colors: Samples, alpha: Samples | None) -> Samples:
    return colors if alpha is None else np.concatenate([colors, alpha], axis=2)
