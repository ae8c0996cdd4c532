"""Move points and boxes of an image as it was moved, and measure what is still visible of them."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Geometry, Points, Size, is_inside

Floats: TypeAlias = npt.NDArray[np.float64]

_CORNERS = np.array([(0, 1), (2, 1), (2, 3), (0, 3)])
# Points that replace an edge where straight lines become curves.
_NUM_PARTS = 24


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
    if not geometry.steps:
        return boxes, np.ones(len(boxes))
    # Two opposite corners suffice, as long as the sides of a box stay horizontal and vertical.
    return _moved(geometry, boxes.reshape(-1, 2, 2))


def move_polygons(geometry: Geometry, polygons: Points) -> tuple[Floats, Floats]:
    """Return the bounds of what is visible of polygons after all moves.

    Args:
        geometry: How the image has moved.
        polygons: Shape (n, k, 2), with k of at least 3.

    Returns:
        As of `move_boxes`.
    """
    return _moved(geometry, polygons)


def _moved(geometry: Geometry, shapes: Points) -> tuple[Floats, Floats]:
    shares = np.ones(len(shapes))
    for step in geometry.steps:
        if not step.is_aligned and shapes.shape[1] == 2:
            shapes = corners_of(_bounds(shapes))
        if not step.is_straight:
            shapes = _with_parts(shapes)
        shapes = step.move(shapes)
        if step.cuts and len(shapes):
            cut = _cut_boxes if shapes.shape[1] == 2 else _cut_polygons
            shapes, kept = cut(shapes, step.size)
            shares *= kept
    return _bounds(shapes), shares


def corners_of(boxes: Floats) -> Points:
    """Return the corners of boxes, clockwise from the top left, shape (n, 4, 2)."""
    return boxes[:, _CORNERS]


def _bounds(shapes: Points) -> Floats:
    if not len(shapes):
        return np.zeros((0, 4))
    return np.concatenate([shapes.min(axis=1), shapes.max(axis=1)], axis=1)


def _with_parts(polygons: Points) -> Points:
    """Return polygons with further points on their edges."""
    ends = np.roll(polygons, -1, axis=1)[:, :, np.newaxis]
    parts = (np.arange(_NUM_PARTS) / _NUM_PARTS)[:, np.newaxis]
    found: Points = polygons[:, :, np.newaxis] * (1 - parts) + ends * parts
    return found.reshape(len(polygons), -1, 2)


def _cut_boxes(shapes: Points, size: Size) -> tuple[Points, Floats]:
    """Return the parts of boxes inside an image, and their shares of the boxes.

    Args:
        shapes: Two opposite corners of each, shape (n, 2, 2).
        size: Size of the image.
    """
    bounds = _bounds(shapes).reshape(-1, 2, 2)
    cut = np.clip(bounds, 0, size[::-1])
    areas, kept = (np.prod(found[:, 1] - found[:, 0], axis=1) for found in (bounds, cut))
    return cut, _shares(kept, areas)


def _cut_polygons(polygons: Points, size: Size) -> tuple[Points, Floats]:
    """Return the parts of polygons inside an image, and their shares of the polygons.

    Args:
        polygons: Shape (n, k, 2).
        size: Size of the image.

    Returns:
        Polygons, shape (n, m, 2), whose last point can be repeated; and shares, shape (n,).

    Source:
        Sutherland and Hodgman (1974), "Reentrant Polygon Clipping".
    """
    is_cut = np.asarray(~is_inside(polygons, size).all(axis=1), np.bool_)
    if not is_cut.any():
        return polygons, np.ones(len(polygons))
    found = []
    for points, is_outside in zip(polygons.tolist(), is_cut.tolist(), strict=True):
        part = _part_inside(points, size) if is_outside else points
        found.append(part or [(0.0, 0.0)])
    most = max(map(len, found))
    cut = np.array([part + part[-1:] * (most - len(part)) for part in found], np.float64)
    return cut, _shares(polygon_areas(cut), polygon_areas(polygons))


def _part_inside(points: list[tuple[float, float]], size: Size) -> list[tuple[float, float]]:
    """Return the part of a polygon inside an image; empty if there is none."""
    height, width = size
    for axis, sign, limit in ((0, 1, 0), (0, -1, -width), (1, 1, 0), (1, -1, -height)):
        found = []
        # How far each point is inside this side of the image.
        depths = [sign * point[axis] - limit for point in points]
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
    following = np.roll(polygons, -1, axis=1)
    products = polygons[..., 0] * following[..., 1] - polygons[..., 1] * following[..., 0]
    areas: Floats = np.abs(products.sum(axis=1)) / 2
    return areas


def _shares(kept: Floats, areas: Floats) -> Floats:
    return np.divide(kept, areas, out=np.zeros(len(kept)), where=areas > 0)
