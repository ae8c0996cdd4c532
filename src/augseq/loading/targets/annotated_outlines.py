"""The outlines of annotated objects: their polygons, or the corners of their boxes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Geometry, Points
from augseq.augment.moved_shapes import Floats, corners_of, move_polygons, polygon_areas

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

_COUNTS, _POINTS, _COORDINATES = "box_polygons", "polygon_points", "polygons"
POLYGON_COLUMNS = (_COUNTS, _POINTS, _COORDINATES)
"""Number of polygons of each object; number of points of each polygon; x and y of each point."""


@dataclass(frozen=True, slots=True)
class Outlines:
    """The outlines of some objects, each of one polygon or several.

    Attributes:
        polygons: Shape (p, k, 2); the last point is repeated in those of fewer points.
        owners: The object of each polygon, ascending, shape (p,).
    """

    polygons: Points
    owners: npt.NDArray[np.int64]

    def of(self, is_used: npt.NDArray[np.bool_]) -> "Outlines":
        """Return the outlines of some of the objects, which are then counted anew.

        Args:
            is_used: Whether to return those of an object, shape (n,).
        """
        numbers = np.cumsum(is_used) - 1
        is_of_used = is_used[self.owners]
        return Outlines(self.polygons[is_of_used], numbers[self.owners[is_of_used]])

    def moved(self, geometry: Geometry, num_objects: int) -> tuple[Floats, Floats]:
        """Return the bounds of what is visible of the objects after all moves.

        Args:
            geometry: How the image has moved.
            num_objects: Number of objects.

        Returns:
            Boxes, shape (n, 4), and the visible share of the area of each, 0 to 1, shape (n,).
        """
        bounds, shares = move_polygons(geometry, self.polygons)
        areas, visible = polygon_areas(self.polygons), shares > 0
        boxes = np.tile([np.inf, np.inf, -np.inf, -np.inf], (num_objects, 1))
        np.minimum.at(boxes[:, :2], self.owners[visible], bounds[visible, :2])
        np.maximum.at(boxes[:, 2:], self.owners[visible], bounds[visible, 2:])
        kept, whole = (
            np.bincount(self.owners, part, minlength=num_objects)
            for part in (shares * areas, areas)
        )
        # A line is visible, but has no area.
        is_visible = np.isin(np.arange(num_objects), self.owners[visible])
        boxes[~is_visible] = 0
        return boxes, np.divide(kept, whole, out=is_visible.astype(np.float64), where=whole > 0)


def annotated_outlines(columns: Mapping[str, Any], boxes: Floats) -> Outlines:
    """Return the outlines of the objects of an image.

    Args:
        columns: The columns of its record, with those of `POLYGON_COLUMNS` that exist.
        boxes: The boxes of its objects, shape (n, 4), whose corners replace missing polygons.
    """
    corners = corners_of(boxes)
    counts = columns.get(_COUNTS) or [0] * len(boxes)
    lengths = iter(columns.get(_POINTS) or ())
    points = np.array(columns.get(_COORDINATES) or (), np.float64).reshape(-1, 2)
    found, owners, start = [], [], 0
    for number, count in enumerate(counts):
        if not count:
            found.append(corners[number])
            owners.append(number)
        for _ in range(count or 0):
            length = next(lengths)
            found.append(points[start : start + length])
            owners.append(number)
            start += length
    most = max(map(len, found), default=4)
    polygons = np.empty((len(found), most, 2))
    for row, polygon in zip(polygons, found, strict=True):
        row[: len(polygon)], row[len(polygon) :] = polygon, polygon[-1]
    return Outlines(polygons, np.array(owners, np.int64))


def other_than_corners(
    manifest: "Manifest", images_of: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return which objects have something other than a box or a polygon of 4 points, shape (n,).

    Args:
        manifest: The records.
        images_of: Position of the image of each object.
    """
    is_other = np.zeros(len(images_of), np.bool_)
    if _COUNTS not in manifest.table.column_names:
        return is_other
    lists = manifest.arrow_column(_COUNTS).combine_chunks()
    has_list = np.asarray(lists.is_valid())[images_of]
    counts = np.zeros(len(images_of), np.int64)
    counts[has_list] = np.array(lists.flatten().fill_null(0), np.int64)
    lengths = manifest.arrow_column(_POINTS).combine_chunks().flatten()
    owners = np.repeat(np.arange(len(counts)), counts)
    is_other[owners[np.asarray(lengths) != 4]] = True
    return np.asarray(is_other | (counts > 1), np.bool_)
