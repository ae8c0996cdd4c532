"""Annotated images for tests of boxes and key points, without files of annotations."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

import augseq

CLASSES = ("car", "person", "bird")
HEIGHT, WIDTH = 40, 60


def scene(
    folder: Path,
    boxes: Sequence[Sequence[Sequence[float]]],
    labels: Sequence[Sequence[int]] | None = None,
    *,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    pixels: Any = None,
    suffix: str = "png",
    points: Sequence[Any] | None = None,
    polygons: Sequence[Any] | None = None,
    info: dict[str, Any] | None = None,
    columns: dict[str, Any] | None = None,
) -> augseq.Manifest:
    """Return a manifest of images with boxes.

    Args:
        folder: Where the images are saved.
        boxes: Of each image, the boxes: left, top, right, bottom.
        labels: Of each image, the classes of the boxes; all of class 0 if None.
        size: (height, width) of the images.
        pixels: Images, if not black.
        suffix: Their format.
        points: Of each image, the key points of each object, (k, 3).
        polygons: Of each image, the polygons of each object, a list of (k, 2).
        info: Further keys of `dataset_info`.
        columns: Further columns.
    """
    for k in range(len(boxes)):
        image = np.zeros((*size, 3), np.uint8) if pixels is None else pixels[k]
        Image.fromarray(image).save(folder / f"{k}.{suffix}")
    images = augseq.index_folder(folder, labels=None, progress=False)
    labels = [[0] * len(found) for found in boxes] if labels is None else labels
    lists: dict[str, Any] = {
        "boxes": pa.array([np.ravel(found) for found in boxes], pa.list_(pa.float64())),
        "box_classes": pa.array([[CLASSES[n] for n in found] for found in labels]),
    }
    if points is not None:
        counts = [[len(one) for one in found] for found in points]
        flat = [[x for one in found for x in np.ravel(one)] for found in points]
        lists["box_keypoints"] = pa.array(counts, pa.list_(pa.int32()))
        lists["keypoints"] = pa.array(flat, pa.list_(pa.float64()))
    if polygons is not None:
        per_object = [[len(parts) for parts in found] for found in polygons]
        lengths = [[len(part) for parts in found for part in parts] for found in polygons]
        flat = [[x for parts in found for p in parts for x in np.ravel(p)] for found in polygons]
        lists["box_polygons"] = pa.array(per_object, pa.list_(pa.int32()))
        lists["polygon_points"] = pa.array(lengths, pa.list_(pa.int32()))
        lists["polygons"] = pa.array(flat, pa.list_(pa.float64()))
    for name, values in {**lists, **(columns or {})}.items():
        images = images.with_column(name, values)
    categories = [{"id": k, "name": name} for k, name in enumerate(CLASSES)]
    text = json.dumps({"categories": categories, **(info or {})})
    return augseq.Manifest(root=images.root, class_names=(), table=images.table, dataset_info=text)


def batch_of(images: augseq.Manifest, target: Any, **options: Any) -> Any:
    """Return the targets of all images, as Keras gets them."""
    sequence = augseq.ImageSequence(
        images, **{"image_size": None, "workers": 0, "targets": target, **options}
    )
    return sequence[0][1]
