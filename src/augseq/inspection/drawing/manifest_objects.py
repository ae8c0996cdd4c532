"""The images of a manifest with their boxes and key points, drawn from its columns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.indexing.annotations.write_coco import parts, polygons_of
from augseq.inspection.drawing.positions import class_positions
from augseq.inspection.drawing.sample_look import SampleLook, look_at_views
from augseq.inspection.drawing.thumbnails import load_within, opener, shown_bands, shrunk
from augseq.loading.pipeline import NO_TARGETS
from augseq.loading.targets.annotated_frame import annotated_frame
from augseq.loading.targets.boxes import Boxes
from augseq.loading.targets.key_points import KeyPoints
from augseq.loading.targets.key_points_target import COUNTS as KEYPOINT_COUNTS
from augseq.loading.targets.skeletons import skeletons_of
from augseq.loading.targets.target import ImageOptions, Target
from augseq.loading.targets.view import ObjectsView, TargetView, box_corners
from augseq.manifest.manifest import Manifest
from augseq.manifest.object_columns import BOXES, CLASSES, read_objects
from augseq.manifest.own_columns import has_boxes, rows_with_boxes_of
from augseq.manifest.record import Record
from augseq.manifest.windows import has_windows
from augseq.pixels.options import Bands, DecodeOptions, ResizeOptions
from augseq.pixels.region import Region
from augseq.pixels.resize import covered_size
from augseq.types import Image, Positions


def shown_classes(manifest: Manifest) -> tuple[str, ...]:
    """Return the classes of the images of a manifest, or of its boxes if they have none."""
    if manifest.class_names or not has_boxes(manifest.table):
        return manifest.class_names
    return box_class_names(manifest)


def positions_of_class(manifest: Manifest, number: int) -> Positions:
    """Return the positions of all images of one of the `shown_classes`, in order."""
    if manifest.class_names:
        return class_positions(manifest, number)
    return rows_with_boxes_of(manifest.table, shown_classes(manifest)[number])


def box_class_names(manifest: Manifest) -> tuple[str, ...]:
    """Return the classes of the boxes of a manifest, those of its annotations if it has any."""
    return manifest.box_class_names or tuple(manifest.unique(CLASSES))


def object_targets(manifest: Manifest, decode: DecodeOptions) -> Mapping[str, Target]:
    """Return the boxes of a manifest as a target, to draw augmented ones; empty without boxes.

    With the key points of the boxes, unless it is not known which of them change places in a
    mirrored image, or boxes differ in their number.

    Args:
        manifest: The images.
        decode: How they are decoded.

    Raises:
        ArgumentError: Its boxes are not valid.
        LabelError: The same, for an image that the message names.
    """
    classes = box_class_names(manifest) if has_boxes(manifest.table) else ()
    if not classes:
        return NO_TARGETS
    images = ImageOptions(dtype="float32", decode=decode)
    boxes = Boxes("corners" if has_oriented_boxes(manifest) else "xyxy", classes=classes)
    if KEYPOINT_COUNTS in manifest.table.column_names:
        counts = [count for count in manifest.unique(KEYPOINT_COUNTS) if count]
        if len(counts) == 1:
            found = replace(boxes, key_points=KeyPoints()).bind(manifest, images)
            if found.key_points is not None and found.key_points.mirror is not None:
                return {BOXES: found}
    return {BOXES: boxes.bind(manifest, images)}


def has_oriented_boxes(manifest: Manifest) -> bool:
    """Return whether all polygons of a manifest are oriented boxes, and there are some."""
    if not {"box_polygons", "polygon_points"} <= set(manifest.table.column_names):
        return False
    counts = set(manifest.unique("box_polygons"))
    return counts <= {0, 1} and set(manifest.unique("polygon_points")) == {4}


def load_with_objects(
    manifest: Manifest, positions: Positions, *, side_px: int, limit_s: float
) -> list[SampleLook | str]:
    """Load images that fit into a square, with their objects; or the reasons why there is none.

    Args:
        manifest: The images.
        positions: Which ones; can repeat.
        side_px: Maximum length of the longer side.
        limit_s: Time limit for all images.
    """
    which, places = np.unique(positions, return_inverse=True)
    records, open_record = manifest.records(which), opener(manifest)
    chosen = manifest.select(which)
    # Those of tiles are only known after they have moved: `ImageSequence.show` draws them.
    has_views = has_boxes(manifest.table) and not has_windows(manifest.table)
    views = views_of(chosen) if has_views else [None] * len(records)
    images = ImageOptions(dtype="uint8", decode=DecodeOptions())
    fitting = ResizeOptions(image_size=(side_px, side_px), resize_mode="pad")

    def small(image: Image, bands: Bands | None, views: Mapping[str, TargetView]) -> SampleLook:
        shown, note = shown_bands(image, bands)
        return replace(look_at_views(shrunk(shown, side_px), views), note=note)

    def load(item: tuple[int, Record, ObjectsView | None]) -> SampleLook:
        place, record, view = item
        opened, bands = open_record(record)
        image = opened.read(Region(covers=covered_size(opened.shape, fitting)))
        if view is None:
            return small(image, bands, {})
        # Reads the header of its file if it was annotated as stored.
        frame = annotated_frame(chosen.select([place]), images)
        size = (opened.shape[0], opened.shape[1])
        view = _in_image(view, size, partial(frame.placed, record=record, size=size))
        return small(image, bands, {"": TargetView(objects=view)})

    items = [(k, *item) for k, item in enumerate(zip(records, views, strict=True))]
    looks = load_within(items, load, limit_s=limit_s)
    return [looks[place] for place in places.tolist()]


def views_of(manifest: Manifest) -> list[ObjectsView | None]:
    """Return the objects of each image, in pixels of the image as annotated."""
    objects = read_objects(manifest, "Drawing boxes")
    names = box_class_names(manifest)
    number_of = {name: number for number, name in enumerate(names)}
    numbers = np.array([number_of.get(name, len(names)) for name in objects.classes], np.int64)
    corners = box_corners(objects.boxes)
    for number, polygons in enumerate(polygons_of(objects)):
        # An oriented box.
        if len(polygons) == 1 and len(polygons[0]) == 8:
            corners[number] = np.reshape(polygons[0], (4, 2))
    points = _padded(list(parts(objects, "box_keypoints", "keypoints", 3)))
    counts = np.bincount(objects.images, minlength=len(manifest))
    ends = np.cumsum(counts)
    shared: dict[str, Any] = {
        "class_names": names,
        "skeletons": skeletons_of(manifest.dataset_info),
    }
    return [
        ObjectsView(
            classes=numbers[start:end],
            corners=corners[start:end],
            points=None if points is None else points[start:end],
            **shared,
        )
        for start, end in zip((ends - counts).tolist(), ends.tolist(), strict=True)
    ]


def _padded(lists: Sequence[Sequence[float]]) -> npt.NDArray[np.float64] | None:
    """Return key points of objects, shape (n, most, 3), with zeros after the last."""
    most = max(map(len, lists), default=0) // 3
    if not most:
        return None
    padded = np.zeros((len(lists), most, 3))
    for row, values in zip(padded, lists, strict=True):
        row[: len(values) // 3] = np.reshape(values, (-1, 3))
    return padded


def _in_image(view: ObjectsView, size: tuple[int, int], placed: Any) -> ObjectsView:
    """Return objects in the upright image."""
    points = view.points
    if points is not None:
        places = placed(points[:, :, :2])
        points = np.concatenate([places, points[:, :, 2:]], axis=2)
    return ObjectsView(
        classes=view.classes,
        class_names=view.class_names,
        corners=None if view.corners is None else placed(view.corners),
        points=points,
        skeletons=view.skeletons,
        size=size,
        points_size=size,
    )
