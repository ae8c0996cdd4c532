"""Draw boxes and key points into the pixels of an image."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from augseq.inspection.drawn_objects import DrawnObject, place_labels
from augseq.types import Image

# OpenCV takes fixed-point coordinates with this number of binary places.
_PLACES = 4
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


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
    pixels = _enlarged(image, side_px)
    line = max(2, round(max(pixels.shape) / 130))
    for one in objects:
        if len(one.corners):
            _draw_lines(pixels, _corners(one, pixels, line), one.color, line, is_closed=True)
    for one in objects:
        for ends in one.edges:
            _draw_lines(pixels, one.points[list(ends)], one.color, line, is_closed=False)
        _draw_points(pixels, one, line)
    return _labelled(pixels, objects) if names else pixels


def _enlarged(image: Image, side_px: int) -> Image:
    scale = side_px / max(image.shape)
    if scale <= 1:
        return np.array(image, order="C")
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.array(PillowImage.fromarray(image).resize((width, height)))


def _corners(one: DrawnObject, pixels: Image, line: int) -> Image:
    """Return the corners of a box, such that no line is cut in half at the border."""
    if not one.is_upright:
        return one.corners
    inset = (line / 2 + 1) / np.array(pixels.shape[1::-1])
    return np.clip(one.corners, inset, 1 - inset)


def _draw_lines(pixels: Image, places: Image, color: str, line: int, *, is_closed: bool) -> None:
    ends = _fixed(places, pixels)
    for shade, width in ((_BLACK, line + 2), (_rgb(color), line)):
        cv2.polylines(pixels, [ends], is_closed, shade, width, cv2.LINE_AA, _PLACES)


def _draw_points(pixels: Image, one: DrawnObject, line: int) -> None:
    centres = _fixed(one.points, pixels).tolist()
    for centre, color, is_hidden in zip(centres, one.point_colors, one.is_hidden, strict=True):
        edge, inside = (_rgb(color), _WHITE) if is_hidden else (_BLACK, _rgb(color))
        for shade, radius in ((edge, 1.5 * line + 1), (inside, 1.5 * line)):
            size = round(radius * 2**_PLACES)
            cv2.circle(pixels, centre, size, shade, -1, cv2.LINE_AA, _PLACES)


def _labelled(pixels: Image, objects: Sequence[DrawnObject]) -> Image:
    height, width = pixels.shape[:2]
    size = max(9, round(max(height, width) / 22))
    font = _font(size)
    gap = round(size / 4)

    def measure(text: str) -> tuple[float, float]:
        return font.getlength(text) + 2 * gap, 1.3 * size

    picture = PillowImage.fromarray(pixels)
    drawing = ImageDraw.Draw(picture)
    for label in place_labels(objects, width, height, measure):
        left, top = round(label.left), round(label.top)
        right, bottom = round(label.left + label.width) - 1, round(label.top + label.height) - 1
        drawing.rectangle((left, top, right, bottom), fill=label.color)
        place = (left + gap, (top + bottom) / 2)
        drawing.text(place, label.text, fill=label.ink, font=font, anchor="lm")
    return np.array(picture)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # The font of figures, which comes with matplotlib and has many more letters than Pillow's.
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(path, size)


def _fixed(places: Image, pixels: Image) -> Image:
    # Pixels are centred at integers.
    exact = places * np.array(pixels.shape[1::-1]) - 0.5
    return np.asarray(np.rint(np.clip(exact, -1e4, 1e4) * 2**_PLACES), np.int32)


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))
