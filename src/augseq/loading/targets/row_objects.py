"""The objects of images in arrays: boxes, labels and key points in the rows of each image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Points, Size
from augseq.augment.moved_shapes import bounds_of
from augseq.errors import ArgumentError
from augseq.loading.targets.box_format import CORNERS, BoxFormat, read_corners
from augseq.manifest.record import Record
from augseq.storage.array_content import array_text
from augseq.terminal_text import array_text as shape_text
from augseq.validation import briefly, rectangular

BOXES, LABELS, POINTS = "boxes", "labels", "keypoints"
# As for annotation files.
_MARGIN_PX = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class RowObjects:
    """Objects of the images in an array; a record's index is its row.

    Attributes:
        corners: Corners of boxes in pixels, shape (n, m, 4, 2).
        labels: Labels of boxes, -1 where there is none, shape (n, m).
        points: x, y and visibility of key points, shape (n, m, k, 3); None without.
        classes: Names of the classes.
        is_oriented: Whether boxes are oriented.
    """

    corners: Points
    labels: npt.NDArray[np.int64]
    points: npt.NDArray[np.float64] | None
    classes: tuple[str, ...]
    is_oriented: bool

    def __repr__(self) -> str:
        # What decides the values, as `Target.content` needs it.
        parts = [self.corners, self.labels] + ([] if self.points is None else [self.points])
        return f"RowObjects({', '.join(map(array_text, parts))})"

    def with_columns(self, record: Record) -> Record:
        """Return a record with the columns that the manifest of annotated images has."""
        labels = self.labels[record.index]
        is_object = labels >= 0
        corners = self.corners[record.index][is_object]
        count = len(corners)
        boxes = bounds_of(corners)
        columns: dict[str, Any] = {
            "boxes": boxes.ravel().tolist(),
            "box_classes": [self.classes[label] for label in labels[is_object].tolist()],
        }
        if self.is_oriented:
            columns["box_polygons"] = [1] * count
            columns["polygon_points"] = [4] * count
            columns["polygons"] = corners.ravel().tolist()
        if self.points is not None:
            points = self.points[record.index][is_object]
            columns["box_keypoints"] = [points.shape[1]] * count
            columns["keypoints"] = points.ravel().tolist()
        return Record(index=record.index, path=record.path, columns=columns)


def row_objects(
    arrays: Any,
    box_format: BoxFormat,
    classes: tuple[str, ...] | None,
    *,
    num_images: int,
    size: Size,
    name: str,
) -> RowObjects:
    """Return the objects in arrays.

    Args:
        arrays: "boxes", "labels" and perhaps "keypoints", as Keras' detectors take them.
        box_format: The format of the boxes.
        classes: Names of the classes; None for their numbers.
        num_images: How many rows each array must have.
        size: (height, width) of all images in pixels.
        name: Name of the argument in messages.

    Raises:
        ArgumentError: An array is missing, or has another shape or values.
    """
    known = {BOXES, LABELS, POINTS}
    if not isinstance(arrays, Mapping) or not {BOXES, LABELS} <= set(arrays) <= known:
        raise ArgumentError(
            f'`{name}` must be augseq.Boxes(..., arrays={{"boxes": ..., "labels": ...}}), perhaps '
            f'with "keypoints". Received: arrays={briefly(arrays)}'
        )
    boxes, labels = rectangular(arrays[BOXES], name), rectangular(arrays[LABELS], name)
    points = None
    if arrays.get(POINTS) is not None:
        points = rectangular(arrays[POINTS], name).astype(np.float64)
    received = shape_text(
        {BOXES: boxes, LABELS: labels} | ({} if points is None else {POINTS: points})
    )
    shape = (num_images, *labels.shape[1:2])
    per_box = (4, 2) if box_format in CORNERS else (4,)
    is_fitting = labels.shape == shape and labels.ndim == 2 and boxes.shape == (*shape, *per_box)
    if points is not None:
        is_fitting = is_fitting and points.ndim == 4 and points.shape[:2] == shape
        is_fitting = is_fitting and points.shape[3] == 3
    if not is_fitting or boxes.dtype.kind not in "iuf" or labels.dtype.kind not in "iuf":
        raise ArgumentError(
            f'The arrays of `{name}` must have a row for each of the {num_images} images: "boxes" '
            f'(images, boxes, {", ".join(map(str, per_box))}), "labels" (images, boxes), and '
            f'"keypoints" (images, boxes, points, 3). Received: {received}'
        )
    numbers = labels.astype(np.int64)
    is_object = numbers >= 0
    values = boxes.astype(np.float64)
    values[~is_object] = 0
    highest = int(numbers.max(initial=-1))
    names = tuple(map(str, range(highest + 1))) if classes is None else classes
    if (numbers != labels).any() or highest >= len(names) or not np.isfinite(values).all():
        raise ArgumentError(
            f"`{name}` must have finite boxes, and whole numbers below {len(names)} as labels, or "
            f"-1 for rows without a box. Received: {received}, "
            f"classes={briefly(classes)}"
        )
    flat: Any = values.reshape(-1, *per_box)
    corners = read_corners(flat, box_format, size).reshape(*shape, 4, 2)
    _check_corners(corners, is_object, values, box_format, size, name)
    if points is not None:
        _check_points(points[is_object], name)
    return RowObjects(
        corners=corners,
        labels=numbers,
        points=points,
        classes=names,
        is_oriented=box_format in CORNERS,
    )


def _check_corners(
    corners: Points,
    is_object: npt.NDArray[np.bool_],
    values: npt.NDArray[np.float64],
    box_format: BoxFormat,
    size: Size,
    name: str,
) -> None:
    """Raise `ArgumentError` for a box without an area, or outside of its image.

    Corners of oriented boxes can be outside.
    """
    height, width = size
    if box_format in CORNERS:
        sides = corners.max(axis=2) - corners.min(axis=2)
        is_outside = np.zeros_like(is_object)
    else:
        sides = corners[:, :, 2] - corners[:, :, 0]
        is_beyond = (corners < -_MARGIN_PX) | (corners > (width + _MARGIN_PX, height + _MARGIN_PX))
        is_outside = np.asarray(is_beyond.any(axis=(2, 3)), np.bool_)
    rules = (
        ((sides <= 0).any(axis=2), "must have a width and a height above 0"),
        (is_outside, f"must be inside the images of {height} x {width} pixels (height x width)"),
    )
    for is_wrong, rule in rules:
        for image, row in np.argwhere(is_wrong & is_object)[:1].tolist():
            raise ArgumentError(
                f"Each box of `{name}` {rule}, in the format {box_format!r}; rows without a box "
                f"have the label -1. Received: boxes[{image}, {row}] = "
                f"{values[image, row].tolist()}"
            )


def _check_points(points: npt.NDArray[np.float64], name: str) -> None:
    """Raise `ArgumentError` for a key point that is not finite, or with another visibility."""
    if not np.isfinite(points).all() or not np.isin(points[..., 2], (0, 1, 2)).all():
        raise ArgumentError(
            f'"keypoints" of `{name}` must be finite x and y, and a visibility of 0, 1 or 2. '
            f"Received: {shape_text({POINTS: points})}"
        )
