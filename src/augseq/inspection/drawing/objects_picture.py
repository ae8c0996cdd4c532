"""Draw boxes and key points over an image in a figure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Polygon, Rectangle
from matplotlib.textpath import text_to_path

from augseq.inspection.drawing.drawn_objects import DrawnObject, line_scale, place_labels
from augseq.terminal_text import num_columns

# In points; the dark line behind makes the coloured one visible on any image.
_LINE, _SHADOW = 1.1, 2.2
_POINT_SIZE = 3.2
_FONT_SIZE = 6
_POINTS_PER_INCH = 72
_FONT = FontProperties(size=_FONT_SIZE)


def draw_objects(axes: Any, shape: tuple[int, ...], objects: Sequence[DrawnObject]) -> None:
    """Draw objects over the image of some axes.

    Args:
        axes: Those that show the image.
        shape: (height, width, ...) of the image.
        objects: The objects.
    """
    # Pixels of an image per point of the figure: the image fills the width or the height.
    figure = axes.get_figure()
    place = axes.get_position(original=True)
    inches = figure.get_size_inches() * (place.width, place.height)
    height, width = shape[:2]
    unit = max(width / inches[0], height / inches[1]) / _POINTS_PER_INCH
    scale = line_scale(len(objects))
    for one in objects:
        _draw_box(axes, one, (width, height), unit, scale)
    for one in objects:
        _draw_points(axes, one, (width, height), scale)
    _draw_labels(axes, objects, (width, height), unit)


def _draw_box(
    axes: Any, one: DrawnObject, sides: tuple[int, int], unit: float, scale: float
) -> None:
    if not len(one.corners):
        return
    corners = one.corners * sides
    if one.is_upright:
        # Lines at the border would be cut in half.
        inset = unit * scale * _SHADOW / 2
        corners = np.clip(corners, inset, np.maximum(np.array(sides) - inset, inset))
    for color, points in (("black", _SHADOW), (one.color, _LINE)):
        # Pixels are centred at integers.
        style: dict[str, Any] = {"fill": False, "ec": color, "lw": points * scale, "zorder": 2}
        shape = Polygon(corners - 0.5, closed=True, **style)
        axes.add_patch(shape)


def _draw_points(axes: Any, one: DrawnObject, sides: tuple[int, int], scale: float) -> None:
    points = one.points * sides - 0.5
    for ends in one.edges:
        for color, width in (("black", _SHADOW), (one.color, _LINE)):
            axes.plot(*points[list(ends)].T, color=color, lw=width * scale, zorder=3)
    for place, color, is_hidden in zip(points, one.point_colors, one.is_hidden, strict=True):
        inside: dict[str, Any] = {"mfc": "white" if is_hidden else color, "mec": "black"}
        if is_hidden:
            inside["mec"] = color
        axes.plot(*place, "o", ms=_POINT_SIZE * scale, mew=0.7 * scale, zorder=4, **inside)


def _draw_labels(
    axes: Any, objects: Sequence[DrawnObject], sides: tuple[int, int], unit: float
) -> None:
    size = _FONT_SIZE * unit

    def measure(text: str) -> tuple[float, float]:
        return (_width_in_points(text) + 0.9 * _FONT_SIZE) * unit, 1.45 * size

    style: dict[str, Any] = {"fontsize": _FONT_SIZE, "ha": "left", "parse_math": False}
    for label in place_labels(objects, *sides, measure):
        left, top = label.left - 0.5, label.top - 0.5
        back = Rectangle((left, top), label.width, label.height, fc=label.color, lw=0, zorder=5)
        axes.add_patch(back)
        place = (left + 0.4 * size, top + 0.52 * label.height)
        axes.text(*place, label.text, color=label.ink, va="center_baseline", zorder=6, **style)


def _width_in_points(text: str) -> float:
    text = text.replace("…", "...")
    if not text.isascii():
        # The font that will have these letters is not known yet.
        return num_columns(text) * 0.7 * _FONT_SIZE
    width: float = text_to_path.get_text_width_height_descent(text, _FONT, ismath=False)[0]
    return width
