"""The objects of an annotation file, checked and turned into columns of a manifest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augseq.errors import ManifestError
from augseq.indexing.annotations.images import AnnotatedImages
from augseq.indexing.annotations.options import AnnotationOptions
from augseq.indexing.annotations.problems import Problems
from augseq.manifest.manifest import Manifest
from augseq.manifest.object_columns import BOXES, CLASSES, list_column
from augseq.manifest.schema import take_apart

# Labelling tools round to half a pixel.
_MARGIN_PX = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ragged:
    """Several values for each object.

    Attributes:
        values: The values of all objects, one after the other.
        counts: Number of values of each object, shape (n,).
    """

    values: pa.Array
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedObjects:
    """The objects of all images, in any order.

    Attributes:
        images: Position of the image of each, shape (n,); -1 for none.
        boxes: Left, top, right, bottom in pixels, float64, shape (n, 4).
        written: The four numbers in the file, float64, shape (n, 4); NaN for a box that is not in
            the file but computed from a polygon.
        classes: Name of the class of each; null if unknown.
        columns: Other columns, with one value for each object.
        ragged: Other columns, with several values for each object.
        place: Returns where an object is in the file, as in messages.
        shown: Returns the box of an object as in the file, as in messages.
    """

    images: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.float64]
    written: npt.NDArray[np.float64]
    classes: pa.Array
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    ragged: Mapping[str, Ragged] = field(default_factory=dict)
    place: Callable[[int], str]
    shown: Callable[[int], str]


def check_boxes(images: AnnotatedImages, objects: AnnotatedObjects, problems: Problems) -> None:
    """Add the problems of boxes that are not finite, empty, or outside their image."""
    boxes, written = objects.boxes, objects.written
    low, high = boxes[:, :2], boxes[:, 2:]
    sizes = images.sizes_of(objects.images)[:, ::-1]
    is_finite = np.isfinite(boxes).all(axis=1)
    is_empty = is_finite & (high <= low).any(axis=1)
    is_known = (sizes >= 0).all(axis=1)
    is_outside = (low < -_MARGIN_PX).any(axis=1) | (high > sizes + _MARGIN_PX).any(axis=1)
    checks = [
        # A box that could not be read has its own message.
        (~is_finite & ~np.isnan(written).all(axis=1), "the numbers of a box must be finite"),
        (is_empty, "a box must have a width and a height above 0"),
        (is_finite & ~is_empty & is_known & is_outside, "a box must be inside its image"),
    ]
    for is_wrong, rule in checks:
        for number in np.flatnonzero(is_wrong & (objects.images >= 0)).tolist():
            width, height = sizes[number].tolist()
            size = (
                f", in an image of {height} x {width} pixels (height x width)"
                if "inside" in rule
                else ""
            )
            text = f"{rule}. Received: {objects.shown(number)}{size}"
            problems.add(int(objects.images[number]), objects.place(number), text)


def check_points(
    images: AnnotatedImages,
    objects: AnnotatedObjects,
    column: Literal["polygons", "keypoints"],
    kind: str,
    problems: Problems,
) -> None:
    """Add the problems of points that are not finite, or outside their image.

    Args:
        images: The images.
        objects: The objects.
        column: Their ragged column. Of key points, only those that are labelled are checked.
        kind: What the points are, as in messages.
        problems: Gets the problems.
    """
    ragged, width = objects.ragged[column], 2 if column == "polygons" else 3
    numbers = np.asarray(ragged.values).reshape(-1, width)
    is_labelled = numbers[:, -1] > 0 if width == 3 else np.ones(len(numbers), np.bool_)
    points = numbers[is_labelled, :2]
    owners = np.repeat(np.arange(len(objects.images)), ragged.counts // width)[is_labelled]
    places = objects.images[owners]
    sizes = images.sizes_of(places)[:, ::-1]
    is_outside = ((points < -_MARGIN_PX) | (points > sizes + _MARGIN_PX)).any(axis=1)
    is_outside &= (sizes >= 0).all(axis=1)
    is_wrong = (is_outside | ~np.isfinite(points).all(axis=1)) & (places >= 0)
    for number in np.flatnonzero(is_wrong).tolist():
        owner, (width, height) = int(owners[number]), sizes[number].tolist()
        text = f"a {kind} must be inside its image. Received: {points[number].tolist()}"
        if height >= 0:
            text += f", in an image of {height} x {width} pixels (height x width)"
        problems.add(int(objects.images[owner]), objects.place(owner), text)


def manifest_of(
    images: AnnotatedImages,
    objects: AnnotatedObjects,
    *,
    image_columns: Mapping[str, Any],
    dataset_info: str,
    options: AnnotationOptions,
    problems: Problems,
) -> Manifest:
    """Return the manifest of annotated images.

    Args:
        images: The images.
        objects: Their objects, checked.
        image_columns: Other columns, with one value for each image.
        dataset_info: As in `Manifest`.
        options: How to read annotations.
        problems: All problems.

    Raises:
        ManifestError: There are problems, and they are not excluded; or text is not valid UTF-8.
    """
    problems.settle(options.invalid)
    reasons = problems.reasons(len(images))
    core = {
        "index": pa.array(np.arange(len(images))),
        "path": images.paths,
        "target": pa.nulls(len(images), pa.int32()),
        "image_height": _side(images, 0),
        "image_width": _side(images, 1),
        "box_frame": pa.array([options.frame] * len(images), pa.string()),
    }
    rows = pa.table(
        core
        | {name: values for name, values in image_columns.items() if not _is_empty(values)}
        | _object_columns(objects, len(images), np.asarray(reasons.is_valid()))
        | {"reason": reasons}
    )
    served, excluded = take_apart(rows)
    return Manifest(
        root=images.root,
        class_names=(),
        table=served,
        excluded=excluded,
        dataset_info=dataset_info,
    )


def text_array(values: Any, source: str) -> pa.Array:
    """Return text as a column.

    Raises:
        ManifestError: It is not valid Unicode.
    """
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError as error:
        raise ManifestError(
            f"The text in {source} must be valid Unicode. Received: {error.object[:80]!a}"
        ) from error


def counts_column(counts: npt.NDArray[np.int64]) -> pa.Array:
    """Return numbers of parts, or nulls if no object has any, so that there is no column."""
    return pa.array(counts, pa.int32()) if counts.any() else pa.nulls(len(counts), pa.int32())


def _side(images: AnnotatedImages, axis: int) -> pa.Array:
    sides = images.sizes[:, axis]
    return pa.array(sides, pa.int32(), mask=sides < 0)


def _is_empty(values: Any) -> bool:
    return bool(isinstance(values, pa.Array) and values.null_count == len(values))


def _object_columns(
    objects: AnnotatedObjects, num_images: int, is_excluded: npt.NDArray[np.bool_]
) -> dict[str, pa.Array]:
    """Return list columns, with the objects of each image in the order of the file."""
    belongs = np.flatnonzero(objects.images >= 0)
    order = belongs[np.argsort(objects.images[belongs], kind="stable")]
    owners = objects.images[order]
    counts = np.bincount(owners, minlength=num_images)
    written = objects.written[order].ravel()
    columns = {
        BOXES: list_column(pa.array(objects.boxes[order].ravel()), 4 * counts, is_excluded),
        "box_as_written": list_column(
            pa.array(written, mask=np.isnan(written)), 4 * counts, is_excluded
        ),
    }
    for name, values in {CLASSES: objects.classes, **objects.columns}.items():
        if name == CLASSES or values.null_count < len(values):
            columns[name] = list_column(values.take(pa.array(order)), counts, is_excluded)
    for name, ragged in objects.ragged.items():
        if len(ragged.values):
            places, lengths = _ragged_order(ragged.counts, order)
            sums = np.bincount(owners, weights=lengths, minlength=num_images).astype(np.int64)
            columns[name] = list_column(ragged.values.take(pa.array(places)), sums, is_excluded)
    return columns


def _ragged_order(
    counts: npt.NDArray[np.int64], order: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the positions of the values of objects in another order, and their new counts."""
    starts, lengths = (np.cumsum(counts) - counts)[order], counts[order]
    ends = np.cumsum(lengths)
    places = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    return places + np.repeat(starts, lengths), lengths
