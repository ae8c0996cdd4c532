"""Read the objects of a COCO file."""

import json
import sys
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from augseq.errors import ManifestError
from augseq.indexing.annotations.coco_file import CocoFile, as_whole, read_ids
from augseq.indexing.annotations.coco_shapes import (
    Report,
    check_num_keypoints,
    flat_floats,
    read_keypoints,
    read_segmentations,
)
from augseq.indexing.annotations.images import AnnotatedImages
from augseq.indexing.annotations.objects import AnnotatedObjects, text_array
from augseq.indexing.annotations.problems import Problems
from augseq.types import Array
from augseq.validation import briefly

_MAX_FLOAT = sys.float_info.max
_KEYS = {
    *("id", "image_id", "category_id", "bbox", "area", "iscrowd"),
    *("segmentation", "keypoints", "num_keypoints"),
}


def read_objects(
    content: CocoFile, image_ids: list[Any], images: AnnotatedImages, problems: Problems
) -> AnnotatedObjects:
    """Return the objects of a COCO file.

    Args:
        content: The file.
        image_ids: The id of each image.
        images: The images.
        problems: Gets the problems of objects.
    """
    rows, source = content.annotations, content.source
    ids = read_ids(rows, "id", "annotations", source)

    def place(number: int) -> str:
        of = f" of {images.paths[owners[number]].as_py()!r}" if owners[number] >= 0 else ""
        return f"annotations[{number}] (id {ids[number]!r}){of}"

    position_of = {image_id: position for position, image_id in enumerate(image_ids)}
    wanted = read_ids(rows, "image_id", "annotations", source, unique=False)
    _check_types_agree(wanted, image_ids, "image_id", "images", source)
    owners = np.array([position_of.get(image_id, -1) for image_id in wanted], np.int64)
    for number in np.flatnonzero(owners < 0).tolist():
        text = f"there is no image with the id {wanted[number]!r}"
        problems.add(-1, place(number), text)

    def report(number: int, text: str) -> None:
        if owners[number] >= 0:
            problems.add(int(owners[number]), place(number), text)

    classes = _classes(content, report)
    written = _boxes(rows, report)
    boxes = written.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        boxes[:, 2:] += boxes[:, :2]
    columns = {
        "box_ids": pa.array(ids),
        "box_crowd": _crowd(rows, report),
        "box_areas": _areas(rows, report),
    }
    keypoints, odd_counts = read_keypoints(rows, report)
    check_num_keypoints(rows, content.categories, keypoints, report)
    shapes, masks = read_segmentations(rows, images.sizes_of(owners), report)
    columns["box_masks"] = text_array(masks, source)
    also = _empty_lists(rows)
    for number, count in odd_counts.items():
        also[number] = also.get(number, {}) | count
    columns["box_attributes"] = extras(rows, _KEYS, source, also)
    columns["box_polygons"] = shapes.num_polygons
    columns["box_keypoints"] = keypoints.num_points
    return AnnotatedObjects(
        images=owners,
        boxes=boxes,
        written=written,
        classes=classes,
        columns=columns,
        ragged={
            "polygon_points": shapes.points_of_polygons,
            "polygons": shapes.coordinates,
            "keypoints": keypoints.coordinates,
        },
        place=place,
        shown=lambda number: f"bbox={written[number].tolist()}",
    )


def _classes(content: CocoFile, report: Report) -> pa.Array:
    name_of = {category["id"]: category["name"] for category in content.categories}
    rows = content.annotations
    ids = read_ids(rows, "category_id", "annotations", content.source, unique=False)
    _check_types_agree(ids, list(name_of), "category_id", "categories", content.source)
    names = [name_of.get(category_id) for category_id in ids]
    if None in names:
        for number, name in enumerate(names):
            if name is None:
                report(number, f"there is no category with the id {ids[number]!r}")
    return text_array(names, content.source)


def _check_types_agree(found: list[Any], ids: list[Any], key: str, name: str, source: str) -> None:
    """Raise `ManifestError` if one file writes the same ids as numbers and as text."""
    if found and ids and type(found[0]) is not type(ids[0]):
        raise ManifestError(
            f"The `{key}` of annotations and the `id` of {name} in {source} must both be integers, "
            f"or both text. Received: {found[0]!r} and {ids[0]!r}"
        )


def _boxes(rows: list[dict[str, Any]], report: Report) -> Array:
    """Return the boxes as written, shape (n, 4); NaN for those that are not four numbers."""
    boxes: list[Any] = [row.get("bbox") for row in rows]
    is_plain = set(map(type, boxes)) <= {list} and set(map(len, boxes)) <= {4}
    if not is_plain or not set(map(type, chain.from_iterable(boxes))) <= {int, float}:
        for number, box in enumerate(boxes):
            is_list = type(box) is list and len(box) == 4
            if not is_list or not {*map(type, box)} <= {int, float}:
                boxes[number] = [np.nan] * 4
                text = f"`bbox` must be [x, y, width, height]. Received: {briefly(box)}"
                report(number, text)
    return flat_floats(boxes).reshape(-1, 4)


def _crowd(rows: list[dict[str, Any]], report: Report) -> pa.Array:
    values = [as_whole(row.get("iscrowd") or 0) for row in rows]
    if not {*map(type, values)} <= {int, bool} or not {*values} <= {0, 1}:
        for number, value in enumerate(values):
            if type(value) not in (int, bool) or value not in (0, 1):
                report(number, f"`iscrowd` must be 0 or 1. Received: {briefly(value)}")
                values[number] = 0
    return pa.array(map(bool, values), pa.bool_())


def _areas(rows: list[dict[str, Any]], report: Report) -> pa.Array:
    values: list[Any] = [row.get("area") for row in rows]
    if set(map(type, values)) == {float} and 0 <= min(values) <= max(values) <= _MAX_FLOAT:
        return pa.array(values, pa.float64())
    for number, value in enumerate(values):
        if value is None or (type(value) in (int, float) and 0 <= value <= _MAX_FLOAT):
            continue
        report(number, f"`area` must be a number of at least 0. Received: {briefly(value)}")
        values[number] = None
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _empty_lists(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return the parts that are empty lists, by position: programs expect these keys again."""
    found: dict[int, dict[str, Any]] = {}
    for key in ("segmentation", "keypoints"):
        for number, value in enumerate([row.get(key) for row in rows]):
            if value == []:
                found.setdefault(number, {})[key] = []
    return found


def extras(
    rows: list[dict[str, Any]],
    known: set[str],
    source: str,
    also: dict[int, dict[str, Any]] | None = None,
) -> pa.Array:
    """Return the unknown keys of some objects as JSON text; null for objects without any.

    Args:
        rows: The objects.
        known: Keys that have their own columns.
        source: Name of the file, as in messages.
        also: Known keys to add, by position.
    """
    also = also or {}
    texts: list[str | None] = [None] * len(rows)
    for number, row in enumerate(rows):
        if row.keys() <= known and number not in also:
            continue
        extra = {key: value for key, value in row.items() if key not in known}
        texts[number] = json.dumps(extra | also.get(number, {}), ensure_ascii=False)
    return text_array(texts, source)
