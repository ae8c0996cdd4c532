"""The boxes and key points of augmented samples, as columns of a manifest."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from augseq.augment.moved_shapes import bounds_of, part_inside
from augseq.loading.targets.view import ObjectsView

_ALWAYS = ("boxes", "box_classes")
_DEFAULT_CLASS = "object"


def object_columns(
    views: Sequence[ObjectsView], shapes: Sequence[tuple[int, ...]], dataset_info: str
) -> dict[str, list[Any]]:
    """Return the columns of the objects of images, as `index_coco` makes them.

    Args:
        views: The objects of each image.
        shapes: (height, width, ...) of each image.
        dataset_info: As in `Manifest`.
    """
    # Programs for oriented boxes read polygons only.
    is_oriented = any(view.corners is not None and not _are_upright(view.corners) for view in views)
    other_class = _other_class(dataset_info)
    rows = [
        _row(view, shape, other_class, is_oriented=is_oriented)
        for view, shape in zip(views, shapes, strict=True)
    ]
    found: dict[str, list[Any]] = {}
    for name in dict.fromkeys([*_ALWAYS, *chain.from_iterable(rows)]):
        lists = [row.get(name, []) for row in rows]
        if name in _ALWAYS or any(lists):
            found[name] = lists
    # The size of the annotated image; exports state it.
    found["image_height"] = [shape[0] for shape in shapes]
    found["image_width"] = [shape[1] for shape in shapes]
    found["box_frame"] = ["upright"] * len(shapes)
    return found


def dataset_info_of(views: Sequence[ObjectsView], dataset_info: str) -> str:
    """Return what to say about the whole dataset, with categories, as in `Manifest`."""
    if dataset_info or not views:
        return dataset_info
    names = list(views[0].class_names) or [_DEFAULT_CLASS]
    categories = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
    return json.dumps({"categories": categories}, ensure_ascii=False)


def _row(
    view: ObjectsView, shape: tuple[int, ...], other_class: str, *, is_oriented: bool
) -> Mapping[str, list[Any]]:
    sides = np.array(shape[1::-1], np.float64)
    scale, point_scale = (
        np.ones(2) if size is None else sides / size[::-1] for size in (view.size, view.points_size)
    )
    row: dict[str, list[Any]] = {"boxes": [], "box_classes": []}
    points = None if view.points is None else view.points.astype(np.float64)
    # Points keep their unit, so that the same target reads them again; boxes have only one.
    shift = 0.5 - view.pixel_centre
    if points is not None:
        points[..., :2] *= point_scale
        is_seen = points[..., 2] > 0
        points[~is_seen] = 0
        row["keypoints"] = points.ravel().tolist()
        row["box_keypoints"] = [points.shape[1]] * len(points)
    if view.corners is not None:
        corners = view.corners.astype(np.float64) * scale
        # Corners of oriented boxes can be outside the image, which annotations cannot.
        boxes = bounds_of(corners)
        boxes = np.clip(boxes, 0, np.tile(sides, 2))
        if is_oriented:
            size = (shape[0], shape[1])
            # Rounding can move what is just visible to outside.
            polygons = [part_inside(points, size) or points for points in corners.tolist()]
            boxes = np.array([bounds_of(np.array([one]))[0] for one in polygons]).reshape(-1, 4)
            row["polygons"] = list(chain.from_iterable(chain.from_iterable(polygons)))
            row["polygon_points"] = list(map(len, polygons))
            row["box_polygons"] = [1] * len(polygons)
    elif points is not None:
        boxes = _bounds_of_visible(points + np.array([shift, shift, 0]))
    else:
        boxes = np.zeros((0, 4))
    row["boxes"] = boxes.ravel().tolist()
    names = view.class_names
    row["box_classes"] = [
        names[number] if number < len(names) else other_class for number in view.classes.tolist()
    ]
    return row


def _are_upright(corners: Any) -> bool:
    """Return whether all boxes are upright: their corners have two values of x and of y."""
    low, high = corners.min(axis=1, keepdims=True), corners.max(axis=1, keepdims=True)
    return bool(((corners == low) | (corners == high)).all())


def _bounds_of_visible(points: Any) -> Any:
    """Return boxes around the visible points of objects, at least one pixel wide and high."""
    is_seen = points[..., 2:] > 0
    low = np.where(is_seen, points[..., :2], np.inf).min(axis=1)
    high = np.where(is_seen, points[..., :2], -np.inf).max(axis=1)
    grown = np.maximum(0, 1 - (high - low)) / 2
    return np.concatenate([low - grown, high + grown], axis=1)


def _other_class(dataset_info: str) -> str:
    """Return the class of objects whose class is not known, such as those of key points alone."""
    categories = json.loads(dataset_info)["categories"] if dataset_info else []
    with_points = [category["name"] for category in categories if category.get("keypoints")]
    return str([*with_points, _DEFAULT_CLASS][0])
