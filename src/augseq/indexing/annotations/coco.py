"""Index a COCO file: the boxes, polygons, masks and key points of images, as JSON."""

import gc
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from augseq.errors import AugseqWarning, ManifestError
from augseq.indexing.annotations.coco_file import CocoFile, read_coco_file, read_ids
from augseq.indexing.annotations.coco_shapes import (
    Report,
    flat_floats,
    read_keypoints,
    read_segmentations,
)
from augseq.indexing.annotations.images import UNKNOWN_SIZE, find_images
from augseq.indexing.annotations.objects import (
    AnnotatedObjects,
    check_boxes,
    check_points,
    manifest_of,
    text_array,
)
from augseq.indexing.annotations.options import AnnotationOptions, Frame, InvalidPolicy
from augseq.indexing.annotations.problems import Problems
from augseq.manifest.manifest import Manifest
from augseq.types import Array, PathLike
from augseq.validation import briefly, explains_names

_MAX_FLOAT = sys.float_info.max
_IMAGE_KEYS = {"id", "file_name", "height", "width"}
_OBJECT_KEYS = {
    *("id", "image_id", "category_id", "bbox", "area", "iscrowd"),
    *("segmentation", "keypoints", "num_keypoints"),
}


@explains_names
def index_coco(
    annotations: PathLike,
    root: PathLike | None = None,
    *,
    frame: Frame = "upright",
    invalid: InvalidPolicy = "raise",
    check_files: bool = True,
    progress: bool = True,
) -> Manifest:
    """Index the images and boxes of a COCO file.

    The columns `boxes`, `box_classes` and others hold the objects of each image; the page
    docs/annotations.md describes them. Images without objects have empty lists. Records come in
    the order of the file. `write_coco` writes the same numbers back.

    Args:
        annotations: The JSON file, such as "annotations/instances_train2017.json".
        root: Folder that the file names are relative to; the folder of the file if None.
        frame: How the images were shown when the boxes were drawn: "upright", with the EXIF
            orientation applied, or "stored", without.
        invalid: What to do about images with invalid annotations, such as empty boxes, boxes
            outside the image, or a missing file: "raise" lists them in an error; "exclude" moves
            them to `excluded`, with the reason.
        check_files: Whether to check that each file exists, and has the annotated size, by its
            header. It must be False for a remote root.
        progress: Whether long work shows a progress bar.

    Returns:
        A manifest whose `box_class_names` are the categories in the order of their ids, including
        those without boxes. It has no labels.

    Raises:
        ManifestError: The file is not a COCO file, or annotations are invalid.
        MissingFileError: The file, the root or an image does not exist.
        UnreadableError: Access to the file is denied.
        ArgumentError: An option is invalid, or two images have the same file.

    Warns:
        AugseqWarning: Images are excluded.

    Source:
        https://cocodataset.org/#format-data describes the format.
    """
    options = AnnotationOptions(
        frame=frame, invalid=invalid, check_files=check_files, progress=progress
    )
    manifest, findings = manifest_of_coco(annotations, root, options)
    for finding in findings:
        warnings.warn(finding, AugseqWarning, stacklevel=3)  # `explains_names` is between.
    return manifest


def manifest_of_coco(
    annotations: PathLike, root: PathLike | None, options: AnnotationOptions
) -> tuple[Manifest, tuple[str, ...]]:
    """Do the same as `index_coco`, but return the warnings."""
    with _paused_collection():
        return _read(annotations, root, options)


@contextmanager
def _paused_collection() -> Iterator[None]:
    """Pause the search for reference cycles, in which JSON has none.

    It would go over the millions of objects of a large file many times: half of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(
    annotations: PathLike, root: PathLike | None, options: AnnotationOptions
) -> tuple[Manifest, tuple[str, ...]]:
    content = read_coco_file(annotations)
    source, problems = content.source, Problems(content.source)
    rows = content.images
    ids = read_ids(rows, "id", "images", source)
    image_ids = pa.array(ids)
    images = find_images(
        _file_names(rows, source),
        [
            _size(row, f"{place} in {source}")
            for row, place in zip(rows, content.places("images"), strict=True)
        ],
        root=Path(annotations).absolute().parent if root is None else root,
        source=f"`images` in {source}",
        places=content.places("images"),
        options=options,
        problems=problems,
    )
    objects = _objects(content, ids, problems)
    check_boxes(images, objects, problems)
    for kind, name, width in (("point of a polygon", "polygons", 2), ("key point", "keypoints", 3)):
        numbers = np.asarray(objects.ragged[name].values).reshape(-1, width)
        owners = np.repeat(np.arange(len(objects.images)), objects.ragged[name].counts // width)
        is_labelled = numbers[:, -1] > 0 if width == 3 else np.ones(len(numbers), bool)
        points = numbers[is_labelled, :2]
        check_points(images, objects, points, owners[is_labelled], kind, problems)
    manifest = manifest_of(
        images,
        objects,
        image_columns={
            "image_id": image_ids,
            "image_attributes": _extras(rows, _IMAGE_KEYS, source),
        },
        dataset_info=content.info,
        options=options,
        problems=problems,
    )
    return manifest, (*images.findings, *problems.findings())


def _file_names(images: list[dict[str, Any]], source: str) -> list[str]:
    names: list[Any] = [image.get("file_name") for image in images]
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise ManifestError(
                f"images[{number}] in {source} must have a `file_name`. Received: "
                f"{briefly(images[number])}"
            )
    text_array(names, source)
    return names


def _size(image: dict[str, Any], place: str) -> tuple[int, int]:
    height, width = image.get("height"), image.get("width")
    if height is None and width is None:
        return UNKNOWN_SIZE
    if type(height) is int and type(width) is int and 0 < height < 2**31 and 0 < width < 2**31:
        return height, width
    raise ManifestError(
        f"The height and width of {place} must be integers above 0, in pixels. Received: "
        f"height={height!r}, width={width!r}"
    )


def _objects(content: CocoFile, image_ids: list[Any], problems: Problems) -> AnnotatedObjects:
    rows, source = content.annotations, content.source
    ids = read_ids(rows, "id", "annotations", source)

    def place(number: int) -> str:
        owner = content.images[images[number]].get("file_name") if images[number] >= 0 else None
        of = "" if owner is None else f" of {owner!r}"
        return f"annotations[{number}] (id {ids[number]!r}){of}"

    position_of = {image_id: position for position, image_id in enumerate(image_ids)}
    wanted = read_ids(rows, "image_id", "annotations", source, unique=False)
    images = np.array([position_of.get(image_id, -1) for image_id in wanted], np.int64)
    for number in np.flatnonzero(images < 0).tolist():
        text = f"there is no image with the id {wanted[number]!r}"
        problems.add(-1, place(number), text)

    def report(number: int, text: str) -> None:
        if images[number] >= 0:
            problems.add(int(images[number]), place(number), text)

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
    shapes, masks = read_segmentations(rows, report)
    columns["box_masks"] = text_array(masks, source)
    also = _empty_lists(rows)
    for number, count in odd_counts.items():
        also[number] = also.get(number, {}) | count
    columns["box_attributes"] = _extras(rows, _OBJECT_KEYS, source, also)
    columns["box_polygons"] = shapes.num_polygons
    columns["box_keypoints"] = keypoints.num_points
    return AnnotatedObjects(
        images=images,
        boxes=boxes,
        written=written,
        classes=_classes(content, report),
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
    names = [name_of.get(category_id) for category_id in ids]
    if None in names:
        for number, name in enumerate(names):
            if name is None:
                report(number, f"there is no category with the id {ids[number]!r}")
    return text_array(names, content.source)


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
    values = [row.get("iscrowd") or 0 for row in rows]
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


def _extras(
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
