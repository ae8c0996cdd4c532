"""Checks of the boxes of all records of a manifest; errors name the files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.annotated_outlines import other_than_corners
from augseq.loading.targets.boxes_target import CLASSES
from augseq.loading.targets.column_checks import files_at, unknown_classes
from augseq.loading.targets.row_objects import BOXES

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest


def read_objects(manifest: "Manifest") -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Return the position of the image, and the name of the class, of each object.

    Raises:
        LabelError: The numbers of boxes and classes differ, or a box is not valid.
    """
    lists = [manifest.arrow_column(name, "Boxes").combine_chunks() for name in (BOXES, CLASSES)]
    lengths, counts = (np.asarray(part.fill_null([]).value_lengths()) for part in lists)
    wrong = lengths != 4 * counts
    if wrong.any():
        raise LabelError(
            f"There must be four numbers in the column {BOXES!r} for each class in {CLASSES!r}. "
            f"Received: {lengths[wrong][0]} numbers and {counts[wrong][0]} classes for "
            f"{files_at(manifest, wrong)}"
        )
    names = np.array(lists[1].flatten().to_pylist(), object)
    images_of = np.repeat(np.arange(len(manifest)), counts)
    boxes = np.asarray(lists[0].flatten(), np.float64).reshape(-1, 4)
    with np.errstate(invalid="ignore"):
        wrong = ~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    if wrong.any():
        has_it = np.isin(np.arange(len(manifest)), images_of[wrong])
        raise LabelError(
            f"The column {BOXES!r} must have the left, top, right and bottom of each box, in "
            f"finite pixels. Received: {boxes[wrong][0].tolist()} for "
            f"{files_at(manifest, has_it)}. Correct the column; a box of left, top, width and "
            "height ends at left + width, top + height."
        )
    return images_of, names


def flagged(
    manifest: "Manifest", flags: Sequence[str], images_of: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return which objects have one of some flags, shape (num_objects,)."""
    is_flagged = np.zeros(len(images_of), np.bool_)
    for name in flags:
        lists = manifest.arrow_column(name).combine_chunks()
        # A missing list has no flags.
        has_list = np.asarray(lists.is_valid())[images_of]
        is_flagged[has_list] |= np.array(lists.flatten().fill_null(False), np.bool_)
    return is_flagged


def unknown_boxes(
    manifest: "Manifest",
    images_of: npt.NDArray[np.int64],
    names: npt.NDArray[Any],
    is_known: npt.NDArray[np.bool_],
    classes: Sequence[str],
) -> LabelError:
    """Return the error for boxes of classes that are not among those of the option.

    Args:
        manifest: The records.
        images_of: Position of the image of each box.
        names: Its class.
        is_known: Whether that is in `classes`.
        classes: The classes.
    """
    unknown = list(dict.fromkeys(names[~is_known].tolist()))
    has_it = np.isin(np.arange(len(manifest)), images_of[names == unknown[0]])
    error = unknown_classes("Boxes", unknown, classes, files_at(manifest, has_it))
    return LabelError(f'{error}. To exclude such boxes, pass other_classes="exclude".')


def check_counts(
    manifest: "Manifest", images_of: npt.NDArray[np.int64], max_boxes: int | None
) -> int:
    """Return the most boxes of an image.

    Args:
        manifest: The records.
        images_of: Position of the image of each box.
        max_boxes: As in `Boxes`.

    Raises:
        ArgumentError: An image has more than `max_boxes`.
    """
    counts = np.bincount(images_of, minlength=len(manifest))
    most = int(counts.max(initial=0))
    if max_boxes is not None and most > max_boxes:
        raise ArgumentError(
            "`max_boxes` must be enough for the boxes of every image. Received: "
            f"max_boxes={max_boxes}, but there are up to {most}, in "
            f"{files_at(manifest, counts > max_boxes)}. Pass max_boxes={most}, or select other "
            "images."
        )
    return most


def check_corners(
    manifest: "Manifest", images_of: npt.NDArray[np.int64], is_used: npt.NDArray[np.bool_]
) -> None:
    """Raise `LabelError` if an object has other polygons than one of four points.

    Args:
        manifest: The records.
        images_of: Position of the image of each object.
        is_used: Whether its box is used.
    """
    is_other = other_than_corners(manifest, images_of) & is_used
    if is_other.any():
        has_it = np.isin(np.arange(len(manifest)), images_of[is_other])
        raise LabelError(
            "The format of oriented boxes requires one polygon of four points for each object, or "
            f"only a box. Received: other polygons in {files_at(manifest, has_it)}. Use another "
            'format, such as "xyxy".'
        )
