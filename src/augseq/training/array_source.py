"""The plan of a sequence of images in an array."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.array_row import array_row_target
from augseq.manifest.manifest import Manifest, make_manifest
from augseq.pixels.source import ArraySource
from augseq.types import Images

_FILE_OPTIONS = frozenset(
    {
        "background",
        "cache",
        "color_mode",
        "exif_orientation",
        "full_depth",
        "label_mode",
        "max_file_bytes",
        "max_pixels",
        "scaled_decode",
    }
)


def array_manifest(num_images: int, options: Collection[str]) -> Manifest:
    """Return a manifest with a name for each row of an array, for use in errors.

    Args:
        num_images: Number of rows.
        options: Names of the options that the user passed.

    Raises:
        ArgumentError: An option is about files or labels.
    """
    foreign = _FILE_OPTIONS.intersection(options)
    if foreign:
        raise ArgumentError(f"Arrays have no files or labels. Received: {sorted(foreign)}")
    paths = [f"x[{row}]" for row in range(num_images)]
    return make_manifest("", (), paths=paths, targets=None)


def array_source(x: Images) -> ArraySource:
    """Return a source that reads an array, or nested lists of numbers.

    Args:
        x: Images, shape (n, height, width, channels).

    Raises:
        ArgumentError: `x` is not a stack of images.
    """
    try:
        return ArraySource(x if hasattr(x, "dtype") else np.asarray(x))
    except ValueError as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(
            f"`x` must be images of shape (n, height, width, channels), all the same size. {error}"
        ) from error


def array_plan(plan: BatchPlan, source: ArraySource, y: npt.NDArray[Any] | None) -> BatchPlan:
    """Return a plan with images and targets from arrays.

    Args:
        plan: A plan for the same number of records.
        source: The images.
        y: Targets, shape (n, ...); None to predict.

    Raises:
        ArgumentError: `y` has a different length.
    """
    targets = {} if y is None else {"target": array_row_target(y, len(source.images))}
    return replace(plan, pipeline=replace(plan.pipeline, source=source, targets=targets))
