"""What is visible of boxes and points after a part of another image was pasted."""

from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Points, Size
from augseq.augment.mixing import Box
from augseq.augment.moved_shapes import Floats, box_areas, part_inside, polygon_areas


def outside_part(boxes: Floats, pasted: Box) -> tuple[Floats, Floats]:
    """Return the bounds of what is visible of boxes beside a pasted rectangle.

    Args:
        boxes: Left, top, right, bottom in px, shape (n, 4).
        pasted: The rectangle, (top, left, height, width) in px.

    Returns:
        Boxes, shape (n, 4), and the visible share of the area of each, 0 to 1, shape (n,). The
        numbers of a box without a visible part have no meaning.
    """
    covered, shares = inside_part(boxes, pasted)
    left, top, right, bottom = boxes.T
    is_high = (covered[:, 1] <= top) & (covered[:, 3] >= bottom) & (shares > 0)
    is_wide = (covered[:, 0] <= left) & (covered[:, 2] >= right) & (shares > 0)
    # Only what spans a box from side to side cuts off a strip; otherwise a corner remains.
    visible = np.stack(
        [
            np.where(is_high & (covered[:, 0] <= left), covered[:, 2], left),
            np.where(is_wide & (covered[:, 1] <= top), covered[:, 3], top),
            np.where(is_high & (covered[:, 2] >= right), covered[:, 0], right),
            np.where(is_wide & (covered[:, 3] >= bottom), covered[:, 1], bottom),
        ],
        axis=1,
    )
    return visible, 1 - shares


def inside_part(boxes: Floats, pasted: Box) -> tuple[Floats, Floats]:
    """Return the parts of boxes inside a rectangle; as `outside_part`."""
    left, top, right, bottom = _edges(pasted)
    inside = np.maximum(np.minimum(boxes, (right, bottom) * 2), (left, top) * 2)
    areas = box_areas(boxes)
    shares = np.divide(box_areas(inside), areas, out=np.zeros(len(boxes)), where=areas > 0)
    return inside, shares


def corner_areas(corners: Points, pasted: Box, size: Size) -> tuple[Floats, Floats]:
    """Return the areas of oriented boxes in an image, and the parts of them in a rectangle.

    Args:
        corners: x and y of each corner in px, shape (n, 4, 2).
        pasted: The rectangle, (top, left, height, width) in px.
        size: (height, width) of the image in px.

    Returns:
        Two arrays of square pixels, shape (n,).
    """
    top, left, *sides = pasted
    # In plain numbers: an image has few objects.
    whole = [_area(shape, size) for shape in corners]
    part = [_area(shape - (left, top), (sides[0], sides[1])) for shape in corners]
    return np.array(whole, np.float64), np.array(part, np.float64)


def are_inside(points: npt.NDArray[np.floating[Any]], pasted: Box) -> npt.NDArray[np.bool_]:
    """Return which points, x and y in px, shape (..., 2), are inside a rectangle, shape (...,)."""
    left, top, right, bottom = _edges(pasted)
    x, y = points[..., 0], points[..., 1]
    return np.asarray((x >= left) & (x < right) & (y >= top) & (y < bottom), np.bool_)


def _edges(pasted: Box) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a rectangle."""
    top, left, height, width = pasted
    return left, top, left + width, top + height


def _area(shape: Points, size: Size) -> float:
    part = part_inside(shape.tolist(), size)
    return float(polygon_areas(np.array([part]))[0]) if part else 0.0
