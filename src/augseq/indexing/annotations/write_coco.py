"""Export the boxes of a manifest as a COCO file."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from augseq.errors import ArgumentError
from augseq.indexing.annotations.box_numbers import coco_boxes, coco_numbers, written_numbers
from augseq.manifest.categories import sorted_categories
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.object_columns import CLASSES, ObjectColumns, read_objects
from augseq.manifest.windows import check_whole_images
from augseq.storage.atomic_file import atomic_write
from augseq.types import PathLike
from augseq.validation import did_you_mean


def write_coco(manifest: Manifest, path: PathLike) -> None:
    """Write the images and boxes of a manifest as a COCO file.

    `index_coco(path, manifest.root)` reads it back with equal columns. Excluded records are not
    written. Boxes that come from a COCO file, and were not changed since, have the same numbers as
    in that file.

    Args:
        manifest: From `index_coco` or a similar function, or with the same columns.
        path: File to create or replace; file names in it are relative to the manifest's root.

    Raises:
        ArgumentError: A column is missing, an id is repeated, or a number is not finite.
        MissingFileError: The folder of the path does not exist.
        OSError: The file cannot be written.
    """
    check_manifest(manifest)
    check_whole_images(manifest.table, "write_coco")
    objects = read_objects(manifest, "write_coco")
    info = json.loads(manifest.dataset_info) if manifest.dataset_info else {}
    categories = _categories(manifest, objects)
    id_of = {category["name"]: category["id"] for category in categories}
    image_ids = _unique_ids(manifest.table, "image_id", len(manifest))
    content = {
        **info,
        "images": list(_images(manifest, image_ids)),
        "categories": info.get("categories", categories),
        "annotations": list(_annotations(objects, image_ids, id_of)),
    }
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise ArgumentError(
            "COCO files cannot contain numbers that are not finite. Remove NaN and infinity from "
            "the columns of boxes, polygons, key points and areas."
        ) from error
    with atomic_write(path) as file:
        file.write(text.encode())


def _categories(manifest: Manifest, objects: ObjectColumns) -> list[dict[str, Any]]:
    found = sorted(set(objects.classes))
    if not manifest.dataset_info:
        return [{"id": number, "name": name} for number, name in enumerate(found, 1)]
    names = manifest.box_class_names
    unknown = [name for name in found if name not in names]
    if unknown:
        raise ArgumentError(
            f"The column {CLASSES!r} must contain the names of categories. Received: "
            f"{unknown[0]!r}.{did_you_mean(unknown[0], names)} Categories: {list(names)}"
        )
    return sorted_categories(manifest.dataset_info)


def _images(manifest: Manifest, ids: list[Any]) -> Iterator[dict[str, Any]]:
    table = manifest.table
    sizes = [manifest.arrow_column(f"image_{side}", "write_coco") for side in ("height", "width")]
    attributes: list[str | None] = [None] * len(table)
    if "image_attributes" in table.column_names:
        attributes = table.column("image_attributes").to_pylist()
    rows = (ids, table.column("path").to_pylist(), *(size.to_pylist() for size in sizes))
    for *row, extra in zip(*rows, attributes, strict=True):
        image = dict(zip(("id", "file_name", "height", "width"), row, strict=True))
        known = {key: value for key, value in image.items() if value is not None}
        yield {**known, **_parsed(extra)}


def _annotations(
    objects: ObjectColumns, image_ids: list[Any], id_of: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    ids = objects_ids(objects)
    boxes = written_numbers(objects, coco_boxes, coco_numbers).tolist()
    crowd = objects.values("box_crowd") or [False] * len(boxes)
    areas = objects.values("box_areas")
    if areas is None and "box_ids" not in objects.table.column_names:
        # COCO's metrics need it; a COCO file without areas stays as it is.
        areas = [width * height for _, _, width, height in boxes]
    shapes = list(_segmentations(objects))
    keypoints = list(parts(objects, "box_keypoints", "keypoints", 3))
    attributes = objects.values("box_attributes") or [None] * len(boxes)
    for number, image in enumerate(objects.images.tolist()):
        row = {
            "id": ids[number],
            "image_id": image_ids[image],
            "category_id": id_of[objects.classes[number]],
            "bbox": boxes[number],
            "iscrowd": int(crowd[number] or 0),
        }
        if areas is not None and areas[number] is not None:
            row["area"] = areas[number]
        if shapes[number]:
            row["segmentation"] = shapes[number]
        if keypoints[number]:
            keypoints[number][2::3] = map(int, keypoints[number][2::3])
            row["keypoints"] = keypoints[number]
            row["num_keypoints"] = sum(1 for flag in keypoints[number][2::3] if flag)
        # An empty list in the file was replaced if there is another one now.
        further = {k: v for k, v in _parsed(attributes[number]).items() if v != [] or k not in row}
        yield {**row, **further}


def objects_ids(objects: ObjectColumns) -> list[Any]:
    """Return the ids of objects, or numbers from 1 if they have none.

    Raises:
        ArgumentError: An id is missing or repeated.
    """
    ids = objects.values("box_ids")
    if ids is None:
        return list(range(1, len(objects.images) + 1))
    _check_unique(ids, "box_ids")
    return ids


def _unique_ids(table: Any, name: str, count: int) -> list[Any]:
    if name not in table.column_names:
        return list(range(1, count + 1))
    ids: list[Any] = table.column(name).to_pylist()
    _check_unique(ids, name)
    return ids


def _check_unique(ids: list[Any], name: str) -> None:
    if None in ids or len(set(ids)) != len(ids):
        found = next(value for value, count in Counter(ids).items() if value is None or count > 1)
        raise ArgumentError(
            f"The values of the column {name!r} must be unique. Received: {found!r}, "
            f"{ids.count(found)} times, for example since manifests were concatenated. Assign "
            f"new ones: images.with_column({name!r}, ...)."
        )


def _segmentations(objects: ObjectColumns) -> Iterator[Any]:
    masks = objects.values("box_masks") or [None] * len(objects.images)
    polygons = polygons_of(objects)
    for mask, shape in zip(masks, polygons, strict=True):
        yield json.loads(mask) if mask else shape


def polygons_of(objects: ObjectColumns) -> Iterator[list[list[float]]]:
    """Yield the polygons of each object, each as [x, y, x, y, ...]."""
    lengths = parts(objects, "box_polygons", "polygon_points", 1)
    coordinates = objects.table.column("polygons") if _has(objects, "polygons") else None
    flat = [] if coordinates is None else _flat(coordinates)
    at = 0
    for sizes in lengths:
        shape = []
        for size in sizes:
            shape.append(flat[at : at + 2 * size])
            at += 2 * size
        yield shape
    _check_all_used("polygons", "polygon_points", at, len(flat))


def parts(objects: ObjectColumns, counts: str, values: str, width: int) -> Iterator[list[Any]]:
    """Yield the values of each object in a column with several values per object.

    Args:
        objects: The objects.
        counts: Name of the column with the number of parts of each object.
        values: Name of the column with the values of all parts.
        width: Number of values of each part.
    """
    numbers = objects.values(counts) if _has(objects, values) else None
    numbers = numbers or [0] * len(objects.images)
    flat = _flat(objects.table.column(values)) if _has(objects, values) else []
    at = 0
    for number in numbers:
        end = at + width * (number or 0)
        yield flat[at:end]
        at = end
    _check_all_used(values, counts, at, len(flat))


def _check_all_used(values: str, counts: str, expected: int, received: int) -> None:
    if expected != received:
        raise ArgumentError(
            f"The column {values!r} must have as many values as {counts!r} says. Received: "
            f"{received} values in all images, instead of {expected}"
        )


def _has(objects: ObjectColumns, name: str) -> bool:
    return name in objects.table.column_names


def _flat(column: Any) -> list[Any]:
    values: list[Any] = column.combine_chunks().flatten().to_pylist()
    return values


def _parsed(text: str | None) -> dict[str, Any]:
    content = {} if text is None else json.loads(text)
    # Attributes of VOC are a list.
    return content if isinstance(content, dict) else {}
