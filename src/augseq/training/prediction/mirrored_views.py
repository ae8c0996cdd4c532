"""Predictions for mirrored images, in which left and right classes have changed places."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.targets.image_geometry import ImageGeometry
from augseq.loading.targets.mirrored_classes import ClassMirror
from augseq.training.sequence import ImageSequence

# No name of a model's output.
_FLAG = "is the image mirrored?"


def check_classes_stay(batches: ImageSequence) -> None:
    """Raise `ArgumentError` if a mirrored image has other classes than its record."""
    changing = [t.text for t in batches._plan.targets.values() if t.class_mirror]
    if changing and batches.pipeline.augment.steps:
        raise ArgumentError(
            "Where `mirror` exchanges the classes of a mirrored image, what a model returns for it "
            f"is not about its record. Received: {changing[0]}, with `mirror` and `augment`. "
            "Remove `mirror`, and from `augment` all that turns or mirrors the image; or remove "
            "`augment`."
        )


def with_mirror_flags(batches: ImageSequence) -> ImageSequence:
    """Return a sequence that also loads whether each image is mirrored.

    Raises:
        ArgumentError: That cannot be known of an augmentation.
    """
    plan = batches._plan
    targets = {**plan.targets, _FLAG: ImageGeometry()}
    pipeline = replace(plan.pipeline, targets=targets)
    return batches._with(replace(plan, pipeline=pipeline), epoch=batches.epoch)


def split_flags(
    batches: ImageSequence, targets: Any
) -> tuple[npt.NDArray[Any] | None, npt.NDArray[np.bool_] | None]:
    """Return the targets of a batch as those of its records, and which images are mirrored.

    Args:
        batches: The sequence.
        targets: The targets of one of its batches.

    Returns:
        The targets, and flags, shape (batch,); None for those that the sequence does not load.
    """
    kinds = batches._plan.targets
    if _FLAG not in kinds:
        return targets, None
    # A single target is not in a dict.
    found = dict(targets) if isinstance(targets, Mapping) else {_FLAG: targets}
    flags = found.pop(_FLAG)
    for name, value in found.items():
        if kinds[name].class_mirror is None:
            return value, flags
        own = value.copy()
        own[flags] = kinds[name].mirrored(value[flags])
        return own, flags
    return None, flags


def exchanged(outputs: npt.NDArray[Any], mirror: ClassMirror) -> npt.NDArray[Any]:
    """Return what a model returned for mirrored images as predictions for their records.

    Args:
        outputs: Shape (n, num_classes), or (n, 1): the probability of the second of two classes.
        mirror: Which classes change places.
    """
    return 1 - outputs if outputs.shape[1] == 1 else mirror.columns(outputs)
