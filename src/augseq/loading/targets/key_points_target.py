"""The key points of a record, after they have moved with its image."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Geometry
from augseq.augment.moved_shapes import move_points
from augseq.errors import LabelError
from augseq.loading.targets.annotated_frame import AnnotatedFrame
from augseq.loading.targets.points_target import PointsTarget
from augseq.loading.targets.row_objects import POINTS
from augseq.loading.targets.view import ObjectsView, Skeleton, TargetView
from augseq.manifest.record import Record
from augseq.types import Array

COUNTS = "box_keypoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPointsTarget(PointsTarget):
    """The key points of a record.

    Attributes:
        max_objects: As in `KeyPoints`.
        num_points: Number of points of an object.
        names: Their names; empty if not known.
        mirror: The number of the partner of each point; None if not known.
        relative: As in `KeyPoints`.
        pixel_centre: As in `KeyPoints`.
        frame: The frame in which the images were annotated.
        edges: Pairs of points to connect with a line.
    """

    max_objects: int | None
    num_points: int
    names: tuple[str, ...]
    mirror: tuple[int, ...] | None
    relative: bool
    pixel_centre: float
    frame: AnnotatedFrame
    # Only for pictures.
    edges: tuple[tuple[int, int], ...] = field(default=(), repr=False, compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the key points, and of the size of the image."""
        return (COUNTS, POINTS, *self.frame.columns)

    def geometry(self, record: Record, shape: tuple[int, ...]) -> Geometry:
        """Return the geometry of the whole image; see `PointsTarget`."""
        return self.frame.geometry(record, shape)

    def load(self, record: Record, image: Any = None) -> Array:
        """Return the key points, given the geometry of the image after it has moved.

        Raises:
            LabelError: Left and right changed sides, and the partners of the points are not known.
        """
        objects, has_any = self.of_objects(record, image)
        rows = np.zeros((self.max_objects or 1, self.num_points, 3), np.float32)
        rows[: np.count_nonzero(has_any)] = objects[has_any]
        return rows[0] if self.max_objects is None else rows

    def of_objects(
        self, record: Record, geometry: Geometry
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return the key points of all objects of a record, and which objects are labelled.

        Args:
            record: The record.
            geometry: That of its image, after it has moved.

        Returns:
            Points, shape (n, num_points, 3), with zeros for objects that are not labelled; and
            flags, shape (n,).

        Raises:
            LabelError: As `load`.
        """
        counts = record.columns[COUNTS]
        found = np.zeros((len(counts), self.num_points, 3))
        has_points = np.array([bool(count) for count in counts], np.bool_)
        found[has_points] = np.array(record.columns[POINTS]).reshape(-1, self.num_points, 3)
        is_labelled = found[..., 2] > 0
        points, is_visible = self._moved(found[..., :2], record, geometry)
        if self.relative:
            points = points / geometry.size[::-1]
        found[..., :2] = points
        found[~(is_labelled & is_visible)] = 0
        if geometry.is_mirrored:
            found = found[:, self._partners(record)]
        return found, np.asarray(is_labelled.any(axis=1), np.bool_)

    def _moved(
        self, points: npt.NDArray[np.float64], record: Record, geometry: Geometry
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return annotated points where they are now, and whether they are visible."""
        if not geometry.steps and record.index not in self.frame.turns:
            # Also without rounding.
            return points, np.ones(points.shape[:-1], np.bool_)
        shift = 0.5 - self.pixel_centre
        points = self.frame.placed(points + shift, record, geometry.first_size)
        points, is_visible = move_points(geometry, points)
        return points - shift, is_visible

    def _partners(self, record: Record) -> list[int]:
        if self.mirror is None:
            raise LabelError(
                f"Left and right changed sides in {record}, but the annotations do not say which "
                "key points then change places. Pass `mirror` to augseq.KeyPoints: the number of "
                "a partner for each point, or its own number, such as [0, 2, 1] for a nose and two "
                f"eyes. Received: {self.num_points} points"
            )
        return list(self.mirror)

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return why key points without boxes cannot be mixed."""
        return (
            "A mixed image shows the points of two images, and a model that predicts one set of "
            "points cannot tell which of them are meant. Remove `mix`, or predict boxes with "
            "key points: augseq.Boxes(key_points=...)."
        )

    def view(self, value: Array) -> TargetView:
        """Return the points, and how many there are."""
        points = value.reshape(-1, self.num_points, 3)
        is_point = points[..., 2] > 0
        points = points[is_point.any(axis=1)]
        several = f" of {len(points)} objects" if self.max_objects is not None else ""
        objects = ObjectsView(
            classes=np.zeros(len(points), np.int64),
            points=points,
            skeletons={0: self.skeleton},
            points_size=self.size_in_view,
            pixel_centre=self.pixel_centre,
        )
        text = f"{int(is_point.sum())} points{several}"
        return TargetView(title=POINTS, text=text, objects=objects)

    @property
    def size_in_view(self) -> tuple[float, float] | None:
        """(height, width) of the image in the unit of the points; None for pixels."""
        return (1, 1) if self.relative else None

    @property
    def skeleton(self) -> Skeleton:
        """How to draw the points."""
        return Skeleton(names=self.names, edges=self.edges)

    @property
    def shape(self) -> tuple[int, ...]:
        """(num_points, 3) or (max_objects, num_points, 3)."""
        shape = (self.num_points, 3)
        return shape if self.max_objects is None else (self.max_objects, *shape)

    @property
    def text(self) -> str:
        """The number of points, dtype and shape."""
        return f"{self.num_points} key points, x, y and visibility, float32 {self.shape}"

    @property
    def content(self) -> str:
        """What decides the values, beside the columns."""
        return repr(self)
