"""Move points and boxes of an image as it was moved, and measure what is still visible of them."""

from collections.abc import Sequence
from math import inf
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import (
    ROUNDING_PX,
    Aligned,
    Geometry,
    Points,
    Projected,
    Size,
    Step,
    is_inside,
)

Floats: TypeAlias = npt.NDArray[np.float64]

_CORNERS = np.array([(0, 1), (2, 1), (2, 3), (0, 3)])
# Points that replace an edge where straight lines become curves.
_NUM_PARTS = 24
# Not 0, to divide by.
_LEAST_AREA = 1e-300


def move_points(geometry: Geometry, points: Points) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Return points after all moves, and which of them are visible.

    A point that a crop has cut off stays invisible, even if padding is added there later.

    Args:
        geometry: How the image has moved.
        points: Shape (..., 2).

    Returns:
        Points, shape (..., 2), and flags, shape (...,). Without moves, all points are visible.
    """
    is_visible = np.ones(points.shape[:-1], np.bool_)
    for step in geometry.steps:
        points = step.move(points)
        # Labelling tools round to half a pixel, perhaps to outside of the image.
        if step.cuts:
            is_visible &= is_inside(points, step.size)
    return points, is_visible


def move_boxes(geometry: Geometry, boxes: Floats) -> tuple[Floats, Floats]:
    """Return the bounds of what is visible of boxes after all moves.

    Args:
        geometry: How the image has moved.
        boxes: Left, top, right, bottom, shape (n, 4).

    Returns:
        Boxes, shape (n, 4), and the visible share of the area of each, 0 to 1, shape (n,). The
        numbers of a box without a visible part have no meaning.
    """
    before: list[Aligned] = []
    after: list[Aligned] = []
    rest = list(geometry.steps)
    for step in rest:
        if not isinstance(step, Aligned):
            break
        before.append(step)
    boxes, shares = _moved_straight(before, boxes)
    del rest[: len(before)]
    if not rest:
        return boxes, shares
    # Bounds move in the same way as shapes.
    while isinstance(step := rest[-1], Aligned) and not step.cuts:
        after.insert(0, step)
        del rest[-1]
    first = rest[0]
    if len(rest) == 1 and isinstance(first, Projected) and first.is_affine:
        bounds, kept = _moved_affine(first, boxes)
    else:
        bounds, kept = _moved(rest, corners_of(boxes))
    if after:
        bounds, _ = _moved_straight(after, bounds)
    return bounds, shares * kept


def _moved_affine(step: Projected, boxes: Floats) -> tuple[Floats, Floats]:
    """Return the bounds of boxes after a rotation or the like; see `move_boxes`.

    Without their corners, which are only needed of those that are cut.
    """
    (a, b, x), (c, d, y), _ = step.matrix.tolist()
    low = [max(a, 0), max(c, 0), min(a, 0), min(c, 0)], [max(b, 0), max(d, 0), min(b, 0), min(d, 0)]
    high = [row[2:] + row[:2] for row in low]
    # Left is the smallest x of all corners: a times left or right, plus b times top or bottom.
    bounds: Floats = boxes @ np.array([*low, *high]) + (x, y, x, y)
    shares = np.ones(len(boxes))
    if step.cuts:
        numbers = _outside(bounds, step.size)
        if numbers:
            corners = step.move(corners_of(boxes[numbers]))
            for number, points in zip(numbers, corners.tolist(), strict=True):
                _, bounds[number], shares[number] = _cut(points, step.size)
    return bounds, shares


def _moved_straight(steps: Sequence[Aligned], boxes: Floats) -> tuple[Floats, Floats]:
    """Return boxes after aligned moves, and their visible shares; see `move_boxes`.

    All moves are composed first, in plain numbers, and applied to the boxes at once.
    """
    scale_x, scale_y, offset_x, offset_y, swapped = 1.0, 1.0, 0.0, 0.0, False
    # What is visible, in the coordinates of the boxes.
    low_x, low_y, high_x, high_y = -inf, -inf, inf, inf
    for step in steps:
        if step.swaps:
            scale_x, scale_y, offset_x, offset_y = scale_y, scale_x, offset_y, offset_x
            swapped = not swapped
        scale_x, offset_x = step.scale_x * scale_x, step.scale_x * offset_x + step.offset_x
        scale_y, offset_y = step.scale_y * scale_y, step.scale_y * offset_y + step.offset_y
        if step.cuts:
            height, width = step.size
            ends = (-offset_x / scale_x, (width - offset_x) / scale_x)
            others = (-offset_y / scale_y, (height - offset_y) / scale_y)
            ends, others = (others, ends) if swapped else (ends, others)
            low_x, high_x = max(low_x, min(ends)), min(high_x, max(ends))
            low_y, high_y = max(low_y, min(others)), min(high_y, max(others))
    if low_x == -inf:
        shares = np.ones(len(boxes))
    else:
        whole = boxes
        # A box beside the window becomes empty, even if the window is.
        boxes = np.maximum(np.minimum(boxes, (high_x, high_y, high_x, high_y)), (low_x, low_y) * 2)
        shares = _shares(box_areas(boxes), box_areas(whole))
    if not steps:
        return boxes, shares
    if swapped:
        boxes = boxes[:, (1, 0, 3, 2)]
    boxes = boxes * (scale_x, scale_y, scale_x, scale_y) + (offset_x, offset_y) * 2
    left, top = 2 if scale_x < 0 else 0, 3 if scale_y < 0 else 1
    if (left, top) != (0, 1):
        boxes = boxes[:, (left, top, 2 - left, 4 - top)]
    return boxes, shares


def box_areas(boxes: Floats) -> Floats:
    """Return the areas of boxes, (n, 4), in square pixels, shape (n,)."""
    sides = boxes[:, 2:] - boxes[:, :2]
    areas: Floats = sides[:, 0] * sides[:, 1]
    return areas


def move_polygons(geometry: Geometry, polygons: Points) -> tuple[Floats, Floats]:
    """Return the bounds of what is visible of polygons after all moves.

    Args:
        geometry: How the image has moved.
        polygons: Shape (n, k, 2), with k of at least 3.

    Returns:
        As of `move_boxes`.
    """
    return _moved(geometry.steps, polygons)


def _moved(steps: Sequence[Step], shapes: Points) -> tuple[Floats, Floats]:
    shares = np.ones(len(shapes))
    if not len(shapes):
        return np.zeros((0, 4)), shares
    for step in steps:
        if not step.is_straight:
            shapes = _with_parts(shapes)
        shapes = step.move(shapes)
        if step.cuts:
            shapes, kept = _all_cut(shapes, step.size)
            shares *= kept
    return bounds_of(shapes), shares


def corners_of(boxes: Floats) -> Points:
    """Return the corners of boxes, clockwise from the top left, shape (n, 4, 2)."""
    return boxes[:, _CORNERS]


def bounds_of(shapes: Points) -> Floats:
    """Return left, top, right and bottom of shapes of equally many points, shape (n, 4)."""
    return np.concatenate([shapes.min(axis=1), shapes.max(axis=1)], axis=1)


def _with_parts(polygons: Points) -> Points:
    """Return polygons with further points on their edges."""
    ends = np.roll(polygons, -1, axis=1)[:, :, np.newaxis]
    parts = (np.arange(_NUM_PARTS) / _NUM_PARTS)[:, np.newaxis]
    found: Points = polygons[:, :, np.newaxis] * (1 - parts) + ends * parts
    return found.reshape(len(polygons), -1, 2)


def _all_cut(polygons: Points, size: Size) -> tuple[Points, Floats]:
    """Return the parts of polygons inside an image, and their shares of the polygons.

    Args:
        polygons: Shape (n, k, 2).
        size: Size of the image.

    Returns:
        Polygons, shape (n, m, 2), whose last point can be repeated; and shares, shape (n,).
    """
    shares = np.ones(len(polygons))
    numbers = _outside(bounds_of(polygons), size)
    if not numbers:
        return polygons, shares
    parts = []
    for number in numbers:
        part, _, shares[number] = _cut(polygons[number].tolist(), size)
        parts.append(part)
    num_points = polygons.shape[1]
    most = max(num_points, *map(len, parts))
    cut = np.empty((len(polygons), most, 2))
    cut[:, :num_points], cut[:, num_points:] = polygons, polygons[:, -1:]
    cut[numbers] = [part + part[-1:] * (most - len(part)) for part in parts]
    return cut, shares


def _outside(bounds: Floats, size: Size) -> list[int]:
    """Return the numbers of bounds that are not inside an image."""
    height, width = size
    limits = (-ROUNDING_PX, -ROUNDING_PX, -width - ROUNDING_PX, -height - ROUNDING_PX)
    is_outside = bounds * (1, 1, -1, -1) < limits
    return sorted(set(is_outside.nonzero()[0].tolist()))


def _cut(points: list[Any], size: Size) -> tuple[list[Any], tuple[float, ...], float]:
    """Return the part of a polygon inside an image, its bounds, and its share of the area.

    In plain numbers: an object has few corners, and few objects are cut.

    Args:
        points: x and y of each corner.
        size: Size of the image.
    """
    part, whole = part_inside(points, size), _area(points)
    share = _area(part) / whole if whole and part else 0
    part = part or [(0.0, 0.0)]
    x, y = zip(*part, strict=True)
    return part, (min(x), min(y), max(x), max(y)), share


def _area(points: list[tuple[float, float]]) -> float:
    total = 0.0
    for k, (x, y) in enumerate(points):
        last_x, last_y = points[k - 1]
        total += last_x * y - last_y * x
    return abs(total) / 2


def part_inside(points: list[tuple[float, float]], size: Size) -> list[tuple[float, float]]:
    """Return the part of a polygon inside an image; empty if there is none.

    Args:
        points: x and y of each corner.
        size: Size of the image.

    Source:
        Sutherland and Hodgman (1974), "Reentrant Polygon Clipping".
    """
    height, width = size
    for axis, sign, limit in ((0, 1, 0), (0, -1, -width), (1, 1, 0), (1, -1, -height)):
        found = []
        # How far each point is inside this side of the image.
        depths = [sign * point[axis] - limit for point in points]
        if min(depths, default=0) >= 0:
            continue
        for k, (depth, (x, y)) in enumerate(zip(depths, points, strict=True)):
            before, (last_x, last_y) = depths[k - 1], points[k - 1]
            if (depth < 0) != (before < 0):
                share = before / (before - depth)
                found.append((last_x + share * (x - last_x), last_y + share * (y - last_y)))
            if depth >= 0:
                found.append((x, y))
        points = found
    return points


def polygon_areas(polygons: Points) -> Floats:
    """Return the areas of polygons, (n, k, 2), in square pixels, shape (n,)."""
    x, y = polygons[..., 0], polygons[..., 1]
    # `np.roll` takes longer than all the rest.
    products = (x[:, :-1] * y[:, 1:] - y[:, :-1] * x[:, 1:]).sum(axis=1)
    areas: Floats = np.abs(products + x[:, -1] * y[:, 0] - y[:, -1] * x[:, 0]) / 2
    return areas


def _shares(kept: Floats, areas: Floats) -> Floats:
    # Nothing is left of a box without an area.
    return kept / np.maximum(areas, _LEAST_AREA)
