"""The boxes and key points of augmented samples, as columns of a manifest."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.augment.moved_shapes import bounds_of
from augseq.errors import ArgumentError
from augseq.loading.targets.view import ObjectsView, box_corners
from augseq.manifest.categories import key_point_names
from augseq.manifest.mirrored_points import partners_by_name
from augseq.types import Array

_ALWAYS = ("boxes", "box_classes")
_DEFAULT_CLASS = "object"
# As far outside its image as annotations can be.
_MARGIN_PX = 0.5


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


def check_corners(view: ObjectsView, shape: tuple[int, ...], where: str) -> None:
    """Raise `ArgumentError` if a box has a corner outside the image.

    Only oriented boxes can: others end at the edge.

    Args:
        view: The objects of an image.
        shape: (height, width, ...) of the image.
        where: Which image it is, as in messages.
    """
    if view.corners is None:
        return
    corners = _in_pixels(view.corners, view.size, shape)
    outside = np.maximum(-corners, corners - shape[1::-1]).max(axis=(1, 2), initial=0)
    if outside.max(initial=0) <= _MARGIN_PX:
        return
    number = int(outside.argmax())
    raise ArgumentError(
        "Annotation files cannot contain oriented boxes with corners outside the image. Received: "
        f"corners (x, y) {corners[number].round(2).tolist()}, in an image of {shape[0]} x "
        f"{shape[1]} pixels (height x width), for {where}. To exclude boxes that are cut off, pass "
        "min_visibility=1 to augseq.Boxes (at the shell: --min-visibility 1). To write upright "
        'boxes around their visible parts, pass format="xyxy" (at the shell: --upright).'
    )


def dataset_info_of(
    views: Sequence[ObjectsView], dataset_info: str, mirror: Sequence[int] | None
) -> str:
    """Return what to say about the whole dataset, as in `Manifest`.

    Args:
        views: The objects of each image; their classes are categories if there are none yet.
        dataset_info: What is said about the original dataset.
        mirror: The partner of each key point, which is added if their names do not tell it; None
            if it is not known.
    """
    if not dataset_info and views:
        classes = list(views[0].class_names) or [_DEFAULT_CLASS]
        categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
        dataset_info = json.dumps({"categories": categories}, ensure_ascii=False)
    if not dataset_info or mirror is None:
        return dataset_info
    info = json.loads(dataset_info)
    by_name = partners_by_name(key_point_names(dataset_info, len(mirror)))
    if info.get("flip_idx", list(by_name)) == list(mirror):
        return dataset_info
    return json.dumps({**info, "flip_idx": list(mirror)}, ensure_ascii=False)


def _row(
    view: ObjectsView, shape: tuple[int, ...], other_class: str, *, is_oriented: bool
) -> Mapping[str, list[Any]]:
    row: dict[str, list[Any]] = {"boxes": [], "box_classes": []}
    points = None if view.points is None else view.points.astype(np.float64)
    # Points keep their unit, so that the same target reads them again; boxes have only one.
    shift = 0.5 - view.pixel_centre
    if points is not None:
        points[..., :2] = _in_pixels(points[..., :2], view.points_size, shape)
        is_seen = points[..., 2] > 0
        points[~is_seen] = 0
        row["keypoints"] = points.ravel().tolist()
        row["box_keypoints"] = [points.shape[1]] * len(points)
    if view.corners is not None:
        corners = _in_pixels(view.corners, view.size, shape)
        boxes = bounds_of(corners)
        if not is_oriented:
            # Rounding of relative boxes can move edges outside.
            boxes = np.clip(boxes, 0, np.tile(shape[1::-1], 2))
        else:
            row["polygons"] = corners.ravel().tolist()
            row["polygon_points"] = [4] * len(corners)
            row["box_polygons"] = [1] * len(corners)
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


def _in_pixels(
    points: Array, size: tuple[float, float] | None, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Return points in pixels.

    Args:
        points: x and y, shape (..., 2).
        size: (height, width) of the image in their unit, as in `ObjectsView`.
        shape: (height, width, ...) of the image in pixels.
    """
    sides = np.array(shape[1::-1], np.float64)
    scale = np.ones(2) if size is None else sides / size[::-1]
    return np.asarray(points.astype(np.float64) * scale)


def _are_upright(corners: Any) -> bool:
    """Return whether all boxes are upright, with corners clockwise from the top left."""
    return not len(corners) or bool((corners == box_corners(bounds_of(corners))).all())


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
