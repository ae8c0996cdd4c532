"""Measure the boxes of a manifest."""

import numpy as np
import numpy.typing as npt

from augseq.manifest.box_statistics import BoxStatistics, Spread
from augseq.manifest.manifest import Manifest
from augseq.manifest.object_columns import ObjectColumns, read_objects
from augseq.manifest.windows import check_whole_images

# As in COCO's metrics: largest area of a small box, and of a medium one, in square pixels.
_AREAS = (32**2, 96**2)
_SIZES = ("small", "medium", "large")


def measure_boxes(manifest: Manifest) -> BoxStatistics:
    """Do what `Manifest.box_statistics` does.

    Raises:
        ArgumentError: The manifest has no columns of boxes, or their values do not fit.
    """
    check_whole_images(manifest.table, "box_statistics")
    return statistics_of(manifest, read_objects(manifest, "`box_statistics`"))


def statistics_of(manifest: Manifest, objects: ObjectColumns) -> BoxStatistics:
    """Return the statistics of the objects of a manifest.

    Args:
        manifest: The manifest.
        objects: What `read_objects` returns for it.
    """
    names = manifest.box_class_names or tuple(sorted(set(objects.classes)))
    number_of = {name: number for number, name in enumerate(names)}
    known = [(k, number_of[name]) for k, name in enumerate(objects.classes) if name in number_of]
    places, numbers = np.array(known, np.int64).reshape(-1, 2).T
    boxes = np.bincount(numbers, minlength=len(names))
    pairs = np.unique(objects.images[places] * len(names) + numbers)
    images = np.bincount(pairs % max(len(names), 1), minlength=len(names))
    counts = np.bincount(objects.images, minlength=len(manifest))
    widths, heights = (objects.boxes[:, 2:] - objects.boxes[:, :2]).T
    is_sized = (widths > 0) & (heights > 0)
    widths, heights = widths[is_sized], heights[is_sized]
    sizes = np.bincount(np.searchsorted(_AREAS, widths * heights, side="right"), minlength=3)
    return BoxStatistics(
        boxes=dict(zip(names, boxes.tolist(), strict=True)),
        images=dict(zip(names, images.tolist(), strict=True)),
        num_images=len(manifest),
        num_empty_images=int((counts == 0).sum()),
        per_image=_spread(counts),
        heights=_spread(heights),
        widths=_spread(widths),
        ratios=_spread(widths / heights),
        sizes=dict(zip(_SIZES, sizes.tolist(), strict=True)),
    )


def _spread(values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> Spread:
    if not len(values):
        return Spread(0.0, 0.0, 0.0)
    return Spread(float(values.min()), float(np.median(values)), float(values.max()))
