"""Maps as colours: the classes of a mask over its image, and numbers from dark to bright."""

import colorsys
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps

from augseq.inspection.drawing.thumbnails import displayable
from augseq.types import Image

UNKNOWN_COLORS = ("#d2d2d2", "#6e6e6e")
"""The two greys of the stripes that mark ignored pixels and pixels without a value."""

# The first seven are of Okabe and Ito: distinct with all common kinds of colour blindness, on light
# and dark images. Each of the others is as far as possible from those before it, for eyes without
# and with deuteranopia.
_COLORS = (
    *("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442"),
    *("#880099", "#66ff88", "#ff3366", "#666600", "#1166ee", "#883322", "#ffbb88"),
    *("#dd88ff", "#00eeee", "#229900", "#99bb66", "#990055", "#dd33aa"),
)
_OPACITY = 0.55
# Below this, the stripes are hidden by the details of the image.
_OPACITY_OF_UNKNOWN = 0.85
_GOLDEN_RATIO = 0.618034
_SATURATION_AND_VALUE = ((0.75, 0.95), (0.9, 0.6), (0.45, 0.85))


def class_color(number: int, name: str = "") -> str:
    """Return the colour of a class as "#rrggbb"; empty for a background, which is not coloured.

    Args:
        number: Number of the class, from 0; its colour is the same in all pictures.
        name: Name of the class.
    """
    if name.casefold() == "background":
        return ""
    if number < len(_COLORS):
        return _COLORS[number]
    # Hues of any number of neighbours differ.
    saturation, value = _SATURATION_AND_VALUE[number % len(_SATURATION_AND_VALUE)]
    parts = colorsys.hsv_to_rgb(number * _GOLDEN_RATIO % 1, saturation, value)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def overlaid(image: Image, labels: npt.NDArray[np.integer[Any]], colors: dict[int, str]) -> Image:
    """Return an image under translucent colours of its classes; ignored pixels are striped.

    Args:
        image: Shape (height, width, channels), of any range; see `displayable`.
        labels: Class of each pixel, shape (height, width); negative where ignored. If it is
            larger or smaller than the image, the nearest pixels are used.
        colors: Colours by class, "" for none.

    Returns:
        uint8, shape (height, width, 3).
    """
    labels = resized_map(labels, image.shape)
    pixels = displayable(image)[:, :, :3].astype(np.float32)
    painted, opacity = _striped(labels.shape), np.full(labels.shape, _OPACITY_OF_UNKNOWN)
    for number, color in colors.items():
        is_class = labels == number
        painted[is_class] = _rgb(color) if color else 0
        opacity[is_class] = _OPACITY if color else 0
    mixed = pixels + (painted - pixels) * opacity[:, :, np.newaxis]
    return np.asarray(np.rint(mixed), np.uint8)


def colored(values: npt.NDArray[np.float32], limits: tuple[float, float]) -> Image:
    """Return numbers as colours, from dark (lowest) to bright; striped where unknown.

    Args:
        values: Shape (height, width); NaN where unknown.
        limits: The numbers of the first and the last colour.

    Returns:
        uint8, shape (height, width, 3).
    """
    low, high = limits
    is_known = np.isfinite(values)
    share = (np.where(is_known, values, low).astype(np.float64) - low) / max(high - low, 1e-300)
    picture = colormaps["viridis"](share, bytes=True)[:, :, :3]
    striped = np.where(is_known[:, :, np.newaxis], picture, _striped(values.shape))
    return striped.astype(np.uint8)


def scale_colors(count: int) -> list[str]:
    """Return colours of `colored`, evenly from the lowest to the highest number."""
    rows = colormaps["viridis"](np.linspace(0, 1, count), bytes=True)[:, :3].tolist()
    return ["#" + "".join(f"{part:02x}" for part in row) for row in rows]


def shrunk_map(values: npt.NDArray[Any], side_px: int) -> npt.NDArray[Any]:
    """Return a map with no side longer than `side_px`, of the nearest pixels."""
    scale = min(1.0, side_px / max(values.shape))
    return resized_map(values, tuple(max(1, round(side * scale)) for side in values.shape))


def resized_map(values: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return a map in another size (height, width), of the nearest pixels."""
    places = [
        ((np.arange(size) + 0.5) * old / size).astype(np.int64)
        for size, old in zip(shape, values.shape, strict=False)
    ]
    return values[np.ix_(*places)]


def _striped(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return diagonal stripes in two greys, shape (height, width, 3)."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    width = max(1, min(shape) // 24)
    is_dark = (rows + columns) // width % 2
    light, dark = (np.array(_rgb(color), np.float32) for color in UNKNOWN_COLORS)
    return np.where(is_dark[:, :, np.newaxis], dark, light)


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))
