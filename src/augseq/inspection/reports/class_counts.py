"""Count the classes of a target: labels, tags, boxes, or pixels of masks."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.indexing.look import num_readers
from augseq.inspection.drawing.thumbnails import opener
from augseq.loading.targets.box_checks import flagged, read_objects
from augseq.loading.targets.boxes_target import BoxesTarget
from augseq.loading.targets.label import ColumnLabelTarget, LabelTarget
from augseq.loading.targets.mask import MaskTarget
from augseq.loading.targets.multi_label import MultiLabelTarget
from augseq.loading.targets.target import ImageOptions, TargetOption
from augseq.manifest.manifest import Manifest
from augseq.manifest.mask_counts import MaskCounts
from augseq.manifest.record import Record
from augseq.parallel_map.map_items import map_in_threads
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import WHOLE
from augseq.validation import briefly


def count_classes(
    manifest: Manifest, target: Any, *, progress: bool
) -> dict[str | int, int] | MaskCounts:
    """Do what `Manifest.class_counts` does with a target.

    Raises:
        ArgumentError: It is not a target, or one without classes.
        AugseqError: A value does not fit, or a file cannot be read; the message names it.
    """
    # A class has the methods of its instances.
    is_target = isinstance(target, TargetOption) and not isinstance(target, type)
    images = ImageOptions(dtype="float32", decode=DecodeOptions())
    bound = target.bind(manifest, images) if is_target else None
    if isinstance(bound, MaskTarget):
        return _count_masks(manifest, bound, progress=progress)
    if isinstance(bound, MultiLabelTarget):
        counts = sum((bound.load(record) for record in manifest), np.zeros(bound.shape))
        return dict(zip(bound.classes, map(int, counts), strict=True))
    if isinstance(bound, BoxesTarget):
        images_of, kinds = read_objects(manifest)
        found = Counter(kinds[~flagged(manifest, bound.flags, images_of)].tolist())
        return {name: found[name] for name in bound.classes}
    if isinstance(bound, LabelTarget | ColumnLabelTarget):
        names = manifest.class_names if isinstance(bound, LabelTarget) else bound.classes
        numbers = np.bincount(bound.class_numbers(manifest), minlength=len(names))
        return dict(zip(names, numbers.tolist(), strict=True))
    raise ArgumentError(
        "`class_counts` requires the name of a column, or a target with classes: augseq.Label, "
        f"augseq.MultiLabel, augseq.Mask or augseq.Boxes. Received: {briefly(target)}"
    )


def pixels_by_code(codes: npt.NDArray[np.uint16], num_classes: int) -> npt.NDArray[np.int64]:
    """Return the pixels of each class in a mask; the last number is that of ignored pixels.

    Args:
        codes: Class numbers, and any higher number for ignored pixels.
        num_classes: Number of classes.
    """
    counts = np.bincount(np.minimum(codes, num_classes).ravel(), minlength=num_classes + 1)
    return counts.astype(np.int64)


def mask_counts(
    classes: tuple[str, ...], counts_of_images: Iterable[npt.NDArray[np.int64]]
) -> MaskCounts:
    """Return the counts of all masks.

    Args:
        classes: Names of the classes.
        counts_of_images: What `pixels_by_code` returns for each mask.
    """
    pixels, images = np.zeros((2, len(classes) + 1), np.int64)
    num_images = 0
    for counts in counts_of_images:
        pixels += counts
        images += counts > 0
        num_images += 1
    return MaskCounts(
        pixels=dict(zip(classes, pixels.tolist(), strict=False)),
        images=dict(zip(classes, images.tolist(), strict=False)),
        ignored_pixels=int(pixels[-1]),
        num_images=num_images,
    )


def _count_masks(manifest: Manifest, target: MaskTarget, *, progress: bool) -> MaskCounts:
    open_record = opener(manifest)

    def count(record: Record) -> npt.NDArray[np.int64]:
        opened, _ = open_record(record)
        # Only its size counts: the image is not decoded.
        found = target.read_map(record, opened.shape, WHOLE, np.empty((0, 0, 3), np.uint8))
        return pixels_by_code(found.values, len(target.classes))

    counts = map_in_threads(
        count,
        manifest,
        num_items=len(manifest),
        num_threads=num_readers(manifest.root),
        title="Counting",
        progress=progress,
    )
    return mask_counts(target.classes, counts)
