"""Draw boxes and key points into the pixels of an image."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from augseq.inspection.drawing.drawn_objects import DrawnObject, Places, line_scale, place_labels
from augseq.types import Image

# Lines are drawn at so many times the size, so that their edges are smooth.
_TIMES = 3


def with_objects(
    image: Image, objects: Sequence[DrawnObject], *, side_px: int, names: bool
) -> Image:
    """Return an image with objects drawn into a copy of it.

    Args:
        image: Shape (height, width, 3), uint8.
        objects: The objects.
        side_px: Longer side of the result; smaller images are enlarged, so that lines are thin.
        names: Whether to write the names of their classes, for which `side_px` should be 250 or
            more.
    """
    picture = _enlarged(image, side_px)
    width, height = picture.size
    line = max(3, round(max(picture.size) / 90))
    line = _TIMES * max(1, round(line * line_scale(len(objects))))
    # With repeated pixels, reducing gives those without a line back exactly.
    sides = (_TIMES * width, _TIMES * height)
    large = picture.resize(sides, PillowImage.Resampling.NEAREST)
    drawing = ImageDraw.Draw(large)
    for one in objects:
        if len(one.corners):
            corners = _corners(one, sides, line)
            _draw_line(drawing, [*corners, corners[0]], one.color, line)
    for one in objects:
        for ends in one.edges:
            _draw_line(drawing, one.points[list(ends)] * sides, one.color, line)
        _draw_points(drawing, one, sides, line)
    picture = large.reduce(_TIMES)
    if names:
        _draw_labels(picture, objects)
    return np.array(picture)


def _enlarged(image: Image, side_px: int) -> PillowImage.Image:
    picture = PillowImage.fromarray(image)
    scale = side_px / max(picture.size)
    if scale <= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height))


def _corners(one: DrawnObject, sides: tuple[int, int], line: int) -> Places:
    """Return the corners of a box, such that no line is cut in half at the border."""
    corners = np.clip(one.corners, -10, 10) * sides
    inset = line / 2 + _TIMES
    return np.clip(corners, inset, np.array(sides) - inset) if one.is_upright else corners


def _draw_line(
    drawing: ImageDraw.ImageDraw, places: Iterable[Places], color: str, line: int
) -> None:
    # Pixels are centred at integers.
    points = [(float(x) - 0.5, float(y) - 0.5) for x, y in places]
    for shade, width in (("#000000", line + 2 * _TIMES), (color, line)):
        drawing.line(points, fill=shade, width=width)
        for x, y in points:
            # Corners, which would have gaps.
            half = (width - 1) / 2
            drawing.ellipse((x - half, y - half, x + half, y + half), fill=shade)


def _draw_points(
    drawing: ImageDraw.ImageDraw, one: DrawnObject, sides: tuple[int, int], line: int
) -> None:
    centres = (one.points * sides - 0.5).tolist()
    for (x, y), color, is_hidden in zip(centres, one.point_colors, one.is_hidden, strict=True):
        edge, inside = (color, "#ffffff") if is_hidden else ("#000000", color)
        for shade, radius in ((edge, 1.5 * line + _TIMES), (inside, 1.5 * line)):
            drawing.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade)


def _draw_labels(picture: PillowImage.Image, objects: Sequence[DrawnObject]) -> None:
    width, height = picture.size
    size = max(9, round(max(height, width) / 22))
    font = _font(size)
    gap = round(size / 4)

    def measure(text: str) -> tuple[float, float]:
        return font.getlength(text) + 2 * gap, 1.3 * size

    drawing = ImageDraw.Draw(picture)
    for label in place_labels(objects, width, height, measure):
        left, top = round(label.left), round(label.top)
        right, bottom = round(label.left + label.width) - 1, round(label.top + label.height) - 1
        drawing.rectangle((left, top, right, bottom), fill=label.color)
        place = (left + gap, (top + bottom) / 2)
        drawing.text(place, label.text, fill=label.ink, font=font, anchor="lm")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # The font of figures, which comes with matplotlib and has many more letters than Pillow's.
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(path, size)
