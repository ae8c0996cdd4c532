"""The boxes of a record, after they have moved with its image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Geometry, Points, Size
from augseq.augment.mixing import Box, Mix
from augseq.augment.moved_shapes import (
    Floats,
    bounds_of,
    box_areas,
    corners_of,
    move_boxes,
    move_points,
    move_polygons,
    polygon_areas,
)
from augseq.loading.targets.annotated_frame import AnnotatedFrame
from augseq.loading.targets.annotated_outlines import Outlines, annotated_outlines
from augseq.loading.targets.box_format import (
    CORNERS,
    RELATIVE,
    BoxFormat,
    format_boxes,
    format_corners,
    read_boxes,
    read_corners,
)
from augseq.loading.targets.key_points_target import KeyPointsTarget
from augseq.loading.targets.mirrored_classes import ClassMirror, mirror_text
from augseq.loading.targets.pasted_boxes import (
    are_inside,
    corner_areas,
    inside_part,
    outside_part,
)
from augseq.loading.targets.points_target import PointsTarget
from augseq.loading.targets.row_objects import BOXES, LABELS, POINTS, RowObjects
from augseq.loading.targets.view import ObjectsView, TargetView
from augseq.manifest.record import Record
from augseq.types import Array, Image, Value

CLASSES = "box_classes"
PADDING = -1
# Rounding alone makes no box less visible.
_ROUNDING = 1e-9
# Of corners that go round in the other direction.
_OTHER_WAY = (1, 0, 3, 2)


@dataclass(frozen=True, slots=True)
class _Annotated:
    """The objects of a record that are used, in the image as it is loaded.

    Attributes:
        boxes: Left, top, right, bottom in pixels, shape (n, 4).
        labels: Their labels, shape (n,).
        outlines: Their polygons; None if they are not read.
        numbers: Their places among all objects of the record, shape (n,).
    """

    boxes: Floats
    labels: npt.NDArray[np.int64]
    outlines: Outlines | None
    numbers: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxesTarget(PointsTarget):
    """The boxes and labels of a record.

    Attributes:
        format: How boxes are written.
        max_boxes: Number of rows.
        classes: Names of the classes; boxes of others are excluded.
        flags: Columns of flags; boxes with one of them are excluded.
        outlines: Columns of polygons; empty if only boxes are used.
        min_visibility: As in `Boxes`.
        min_area_px: As in `Boxes`.
        key_points: The key points of the objects; None without.
        attempts: As in `Boxes`.
        frame: The frame in which the images were annotated.
        rows: The objects of images in an array; None for those of a manifest.
        class_mirror: Which classes change places in a mirrored image; None if none do.
        most: The most boxes that an image has.
    """

    format: BoxFormat
    max_boxes: int
    classes: tuple[str, ...]
    flags: tuple[str, ...]
    outlines: tuple[str, ...]
    min_visibility: float
    min_area_px: float
    key_points: KeyPointsTarget | None
    # With `field`, since `Target`'s property would be taken for the default.
    attempts: int = field()
    frame: AnnotatedFrame
    rows: RowObjects | None = None
    # Not in the text that is compared when a run resumes, unless it is given.
    class_mirror: ClassMirror | None = field(default=None, repr=False)
    # Does not change values.
    most: int = field(default=0, repr=False, compare=False)
    _label_of: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        label_of = {name: label for label, name in enumerate(self.classes)}
        object.__setattr__(self, "_label_of", label_of)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the objects, and of the size of the image."""
        if self.rows is not None:
            return ()
        points = () if self.key_points is None else self.key_points.columns
        names = (BOXES, CLASSES, *self.flags, *self.outlines, *points, *self.frame.columns)
        return tuple(dict.fromkeys(names))

    @property
    def parts(self) -> Mapping[str, tuple[int | None, ...]]:
        """The shapes of its arrays by name."""
        shapes: dict[str, tuple[int | None, ...]] = {BOXES: self.shape, LABELS: (self.max_boxes,)}
        if self.key_points is not None:
            shapes[POINTS] = (self.max_boxes, self.key_points.num_points, 3)
        return shapes

    def geometry(self, record: Record, shape: tuple[int, ...]) -> Geometry:
        """Return the geometry of the whole image; see `PointsTarget`."""
        return self.frame.geometry(record, shape)

    def load(self, record: Record, image: Any = None) -> Value:
        """Return the boxes and labels, given the geometry of the image after it has moved."""
        geometry: Geometry = image
        record = record if self.rows is None else self.rows.with_columns(record)
        annotated = self._annotated(record, geometry.first_size)
        move = self._moved_corners if self.format in CORNERS else self._moved_boxes
        boxes, shares, areas = move(annotated, geometry)
        is_kept = self._are_kept(shares, areas)
        objects = {BOXES: boxes[is_kept], LABELS: annotated.labels[is_kept]}
        if self.key_points is not None:
            points, _ = self.key_points.of_objects(record, geometry)
            objects[POINTS] = points[annotated.numbers[is_kept]]
        return self._padded([objects])

    def _are_kept(self, shares: Floats, areas: Floats) -> npt.NDArray[np.bool_]:
        """Return which boxes have a sufficient visible share and area."""
        is_visible = (shares > 0) & (shares >= self.min_visibility - _ROUNDING)
        return np.asarray(is_visible & (areas >= self.min_area_px), np.bool_)

    def _padded(self, groups: Sequence[Mapping[str, Array]]) -> Value:
        """Return the value with the objects of one or two images, then padding."""
        boxes = np.full(self.shape, PADDING, np.float32)
        labels = np.full(self.max_boxes, PADDING, np.int32)
        value = {BOXES: boxes, LABELS: labels}
        if self.key_points is not None:
            value[POINTS] = np.zeros((self.max_boxes, self.key_points.num_points, 3), np.float32)
        for name, rows in value.items():
            start = 0
            for group in groups:
                stop = start + len(group[name])
                rows[start:stop] = group[name]
                start = stop
        return value

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return why the boxes of two images do not fit, or an empty text."""
        if 2 * self.most <= self.max_boxes:
            return ""
        return (
            f"A mixed image can have the boxes of two images, up to {2 * self.most}. Pass "
            f"max_boxes={2 * self.most} to augseq.Boxes."
        )

    def mixed(self, own: Value, other: Value, mix: Mix, image: Image) -> Value:
        """Return the boxes of both images, or what a pasted rectangle leaves of them.

        Boxes are the bounds of what is visible. `min_visibility` and `min_area_px` apply once more,
        to what is visible of the boxes before.
        """
        size = (image.shape[0], image.shape[1])
        groups = [self._objects(own), self._objects(other)]
        if mix.box is not None:
            groups = [
                self._visible(objects, mix.box, size, is_pasted=is_pasted)
                for objects, is_pasted in zip(groups, (False, True), strict=True)
            ]
        return self._padded(groups)

    def _objects(self, value: Value) -> dict[str, Array]:
        """Return the arrays of a value without padding."""
        assert not isinstance(value, np.ndarray)
        is_object = value[LABELS] >= 0
        return {name: rows[is_object] for name, rows in value.items()}

    def _visible(
        self, objects: dict[str, Array], pasted: Box, size: Size, *, is_pasted: bool
    ) -> dict[str, Array]:
        """Return the objects that are visible beside a rectangle, or inside it if pasted."""
        if self.format in CORNERS:
            corners = read_corners(objects[BOXES], self.format, size)
            areas, inside = corner_areas(corners, pasted, size)
            areas = np.where(areas > 0, areas, 1)
            shares = inside / areas if is_pasted else 1 - inside / areas
        else:
            boxes = read_boxes(objects[BOXES], self.format, size)
            areas = box_areas(boxes)
            bounds, shares = (inside_part if is_pasted else outside_part)(boxes, pasted)
            is_cut = (bounds != boxes).any(axis=1)
            # Others stay as they are, also without rounding.
            objects[BOXES][is_cut] = format_boxes(bounds[is_cut], self.format, size)
        if self.key_points is not None:
            scale = size[::-1] if self.key_points.relative else (1, 1)
            points = objects[POINTS][..., :2] * scale + 0.5 - self.key_points.pixel_centre
            is_hidden = are_inside(points, pasted) != is_pasted
            objects[POINTS][is_hidden] = 0
        is_kept = self._are_kept(shares, areas * shares)
        return {name: rows[is_kept] for name, rows in objects.items()}

    def _annotated(self, record: Record, size: Size) -> _Annotated:
        columns = record.columns
        boxes = np.array(columns[BOXES], np.float64).reshape(-1, 4)
        labels = np.array([self._label_of.get(name, -1) for name in columns[CLASSES]], np.int64)
        outlines = annotated_outlines(columns, boxes) if self.outlines else None
        if record.index in self.frame.turns:
            ends = self.frame.placed(boxes.reshape(-1, 2, 2), record, size)
            boxes = bounds_of(ends)
            if outlines is not None:
                polygons = self.frame.placed(outlines.polygons, record, size)
                outlines = Outlines(polygons, outlines.owners)
        is_used = labels >= 0
        for name in self.flags:
            is_used &= ~np.array(columns[name] or [False] * len(labels), np.bool_)
        numbers = np.arange(len(labels))
        if is_used.all():
            return _Annotated(boxes, labels, outlines, numbers)
        outlines = None if outlines is None else outlines.of(is_used)
        return _Annotated(boxes[is_used], labels[is_used], outlines, numbers[is_used])

    def _moved_boxes(
        self, annotated: _Annotated, geometry: Geometry
    ) -> tuple[Floats, Floats, Floats]:
        """Return moved boxes in the format, the visible share of each, and its area."""
        if annotated.outlines is None or not geometry.steps:
            boxes, shares = move_boxes(geometry, annotated.boxes)
        else:
            boxes, shares = annotated.outlines.moved(geometry, len(annotated.boxes))
        # Without a limit, shares do as well: they are not negative.
        areas = box_areas(boxes) if self.min_area_px else shares
        return format_boxes(boxes, self.format, geometry.size), shares, areas

    def _moved_corners(
        self, annotated: _Annotated, geometry: Geometry
    ) -> tuple[Points, Floats, Floats]:
        """Return moved corners in the format, the visible share of each box, and that area."""
        corners = corners_of(annotated.boxes)
        if annotated.outlines is not None and len(corners):
            # Longer polygons are of excluded objects.
            corners = annotated.outlines.polygons[:, :4]
        _, shares = move_polygons(geometry, corners)
        moved, _ = move_points(geometry, corners)
        if geometry.is_mirrored:
            moved = moved[:, _OTHER_WAY]
        areas = polygon_areas(moved) * shares
        return format_corners(moved, self.format, geometry.size), shares, areas

    def mirrored(self, value: Value) -> Value:
        """Return the boxes of the mirrored image, with the classes that they have there."""
        assert self.class_mirror is not None
        assert not isinstance(value, np.ndarray)
        labels = value[LABELS].copy()
        labels[labels >= 0] = self.class_mirror.numbers(labels[labels >= 0])
        return {**value, LABELS: labels}

    def has_lost_objects(self, record: Record, value: Any) -> bool:
        """Return whether a record has boxes, but none is left in its value."""
        # Those that are left come first.
        is_empty = bool(value[LABELS][0] == PADDING)
        record = record if self.rows is None else self.rows.with_columns(record)
        return is_empty and len(self._annotated(record, (0, 0)).labels) > 0

    def corners_in(self, value: Value, size: Size) -> tuple[Points, list[str]]:
        """Return the corners of the boxes of a value, and the names of their classes.

        Args:
            value: What `load` returned, or a row of a batch.
            size: (height, width) of its image in pixels.

        Returns:
            x and y in pixels, float64, shape (n, 4, 2), clockwise from the top left unless boxes
            are oriented, without padding; and n names.
        """
        assert not isinstance(value, np.ndarray)
        is_object = value[LABELS] >= 0
        corners = read_corners(value[BOXES][is_object], self.format, size)
        return corners, [self.classes[label] for label in value[LABELS][is_object].tolist()]

    def view(self, value: Value) -> TargetView:
        """Return the boxes, and their key points."""
        assert not isinstance(value, np.ndarray)
        corners, _ = self.corners_in(value, (1, 1))
        is_object = value[LABELS] >= 0
        objects = ObjectsView(
            classes=value[LABELS][is_object],
            class_names=self.classes,
            corners=corners,
            size=(1, 1) if self.format.startswith(RELATIVE) else None,
        )
        points = self.key_points
        if points is None:
            return TargetView(title=BOXES, objects=objects)
        objects = replace(
            objects,
            points=value[POINTS][is_object],
            skeletons=dict.fromkeys(range(len(self.classes)), points.skeleton),
            points_size=points.size_in_view,
            pixel_centre=points.pixel_centre,
        )
        return TargetView(title=BOXES, objects=objects)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its boxes, (max_boxes, 4) or (max_boxes, 4, 2)."""
        return (self.max_boxes, 4, 2) if self.format in CORNERS else (self.max_boxes, 4)

    @property
    def text(self) -> str:
        """The number of classes, the format, dtypes and shapes."""
        return (
            f"boxes of {len(self.classes)} classes, {self.format}, float32 {self.shape}, "
            f"and labels, int32 ({self.max_boxes},)"
            + ("" if self.key_points is None else f", with {self.key_points.num_points} key points")
        )

    @property
    def content(self) -> str:
        """What decides the values, beside the columns."""
        return repr(self) + mirror_text(self.class_mirror)
