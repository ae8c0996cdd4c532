"""The columns of a manifest that hold the objects of each image: boxes, polygons, key points.

Each is a list column with the values of all objects of an image, in the order of its boxes. Values
of several numbers are flat, since Arrow reads flat lists fastest: four numbers for a box.

| column | for each object |
|---|---|
| boxes | left, top, right, bottom: pixels from 0, right and bottom exclusive |
| box_classes | name of the class, one of `Manifest.box_class_names` |
| box_ids | id in the annotation file, an integer or text |
| box_crowd, box_difficult, box_truncated | flags |
| box_areas | area in square pixels, as annotated |
| box_attributes | all else that the file says about the object, as JSON text |
| box_masks | COCO's run lengths, as JSON text |
| box_as_written | the four numbers of the box in the file, so that exports are exact; or nulls |
| box_polygons | number of polygons |
| box_keypoints | number of key points |
| polygon_points | of each polygon: number of points |
| polygons | of each point of a polygon: x, y |
| keypoints | of each key point: x, y, and 0 (not labelled), 1 (hidden) or 2 (visible) |

Of each image: `image_id`, `image_height` and `image_width` in pixels, `image_attributes` (JSON
text), and `box_frame`: "upright", or "stored" for coordinates before the EXIF orientation is
applied.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError
from augseq.manifest.manifest import Manifest

BOXES, CLASSES = "boxes", "box_classes"
# Values of an object in each column; the others have one.
WIDTHS = {BOXES: 4, "box_as_written": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectColumns:
    """The objects of all images of a manifest, one after the other.

    Attributes:
        images: Position of the image of each object, shape (n,).
        boxes: Left, top, right and bottom in pixels, float64, shape (n, 4).
        classes: Name of the class of each object.
        table: The columns of the manifest.
    """

    images: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.float64]
    classes: list[str]
    table: pa.Table

    def values(self, name: str) -> list[Any] | None:
        """Return the value of each object in a column with one per object.

        None if there is no such column, and a list of None for images without values in it.

        Raises:
            ArgumentError: An image has another number of values than boxes.
        """
        flat = self.flat(name, np.bincount(self.images, minlength=len(self.table)))
        return None if flat is None else flat.to_pylist()

    def numbers(self, name: str) -> npt.NDArray[np.float64] | None:
        """Return the numbers of each object in a column, shape (n, width); NaN for missing."""
        width = WIDTHS.get(name, 1)
        flat = self.flat(name, width * np.bincount(self.images, minlength=len(self.table)))
        return None if flat is None else np.asarray(flat, np.float64).reshape(-1, width)

    def flat(self, name: str, counts: npt.NDArray[np.int64]) -> pa.Array | None:
        """Return the values of all lists in a column; nulls for images without a list.

        Args:
            name: Name of the column.
            counts: Number of values that each image must have.
        """
        if name not in self.table.column_names:
            return None
        lists = self.table.column(name).combine_chunks()
        lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), -1))
        wrong = np.flatnonzero((lengths >= 0) & (lengths != counts))
        if len(wrong):
            path = self.table.column("path")[int(wrong[0])].as_py()
            raise ArgumentError(
                f"The column {name!r} must have {counts[wrong[0]]} values for {path!r}, to fit "
                f"the boxes. Received: {lengths[wrong[0]]}"
            )
        flat = pc.list_flatten(lists)
        if (lengths >= 0).all():
            return flat
        has_value = np.repeat(lengths >= 0, counts)
        places = np.cumsum(has_value) - 1
        return flat.take(pa.array(places, pa.int64(), mask=~has_value))


def read_objects(manifest: Manifest, purpose: str) -> ObjectColumns:
    """Return the objects of all images of a manifest.

    Args:
        manifest: With the columns of `index_coco` and similar functions.
        purpose: What needs them, for the error.

    Raises:
        ArgumentError: A column is missing, or its values do not fit.
    """
    lists = manifest.arrow_column(BOXES, purpose).combine_chunks()
    counts = np.asarray(pc.fill_null(pc.list_value_length(lists), 0)) // 4
    objects = ObjectColumns(
        images=np.repeat(np.arange(len(manifest)), counts),
        boxes=np.zeros((counts.sum(), 4)),
        classes=[],
        table=manifest.table,
    )
    boxes, classes = objects.numbers(BOXES), objects.values(CLASSES)
    if boxes is None or classes is None or None in classes:
        raise ArgumentError(
            f"{purpose} requires the class of each box in the column {CLASSES!r}. Received: "
            f"{manifest.table.column_names}"
        )
    return ObjectColumns(images=objects.images, boxes=boxes, classes=classes, table=manifest.table)


def list_column(
    values: pa.Array, counts: npt.NDArray[np.int64], is_null: npt.NDArray[np.bool_]
) -> pa.Array:
    """Return a list column.

    Args:
        values: The values of all rows, one after the other.
        counts: Number of values of each row.
        is_null: Whether a row is null instead; its values are dropped.
    """
    if is_null.any():
        values = values.filter(pa.array(np.repeat(~is_null, counts)))
        counts = np.where(is_null, 0, counts)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    mask = pa.array(is_null) if is_null.any() else None
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=mask)
