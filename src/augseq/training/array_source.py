"""The plan of a sequence of images in an array."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import IMAGE
from augseq.loading.targets.array_row import ArrayRowTarget, array_row_target
from augseq.loading.targets.boxes import Boxes
from augseq.loading.targets.input_image import InputImage, InputImageTarget
from augseq.loading.targets.make_targets import check_input_names
from augseq.loading.targets.mask import Mask
from augseq.loading.targets.paired_image import PairedImage
from augseq.loading.targets.target import Target
from augseq.loading.targets.value_map import ValueMap
from augseq.manifest.manifest import Manifest, make_manifest
from augseq.pixels.source import ArraySource
from augseq.terminal_text import array_text
from augseq.training.array_maps import check_no_boxes, check_no_maps
from augseq.types import Images

Rows: TypeAlias = npt.NDArray[Any] | Mask | ValueMap | PairedImage | InputImage | Boxes
"""A target of `from_arrays`: an array with a row for each image, or what moves with the image."""

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
    columns = {"targets": "`y`", "inputs": "`x`", "weights": "`sample_weight`"}
    for name in columns.keys() & set(options):
        raise ArgumentError(
            f"`{name}` reads columns of a manifest, which arrays do not have: pass arrays as "
            f"{columns[name]}. Received: {name}=..."
        )
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


def split_inputs(x: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return the images of the argument `x`, and the further inputs by name.

    Raises:
        ArgumentError: It is a dict without images.
    """
    if not isinstance(x, Mapping):
        return x, {}
    if IMAGE not in x:
        raise ArgumentError(
            "`x` must be images of shape (n, height, width, channels), or a dict that contains "
            f"them as {IMAGE!r}, and further inputs of the model by their names. "
            f"Received: a dict with the keys {list(x)}"
        )
    return x[IMAGE], {name: rows for name, rows in x.items() if name != IMAGE}


def array_plan(
    plan: BatchPlan,
    source: ArraySource,
    y: Rows | Mapping[str, Rows] | None,
    inputs: Mapping[str, Any],
    sample_weight: npt.NDArray[Any] | None,
) -> BatchPlan:
    """Return a plan with images, targets, further inputs and weights from arrays.

    Args:
        plan: A plan for the same number of records.
        source: The images.
        y: Targets, shape (n, ...), or several by name; None to predict.
        inputs: Further inputs by name, each of shape (n, ...).
        sample_weight: Weights, shape (n,); None if all are equal.

    Raises:
        ArgumentError: An array has a different length, a weight is negative or not finite, or an
            array looks like maps, which would not move with the augmented images.
    """
    named = y if isinstance(y, Mapping) else {} if y is None else {"target": y}
    check_input_names("x", inputs)
    check_no_boxes(named, source, plan.pipeline)
    if isinstance(y, Mapping) and not y:
        raise ArgumentError("`y` must be an array or a dict of arrays. Received: {}")
    targets = {
        name: _target(rows, source, "y" if rows is y else f"y[{name!r}]", plan.pipeline)
        for name, rows in named.items()
    }
    further = {
        name: _value(rows, source, f"x[{name!r}]", plan.pipeline) for name, rows in inputs.items()
    }
    weights = None if sample_weight is None else _weights(sample_weight, len(source.images))
    if weights and not targets:
        raise ArgumentError("`sample_weight` requires targets: pass `y`.")
    pipeline = replace(
        plan.pipeline,
        source=source,
        targets=targets,
        inputs=further,
        scaled_decode=False,
        own_images=None,
    )
    return replace(plan, pipeline=pipeline, sample_weight=weights)


def _target(rows: Any, source: ArraySource, name: str, pipeline: Pipeline) -> Target:
    if isinstance(rows, InputImage):
        return InputImageTarget(dtype=pipeline.dtype, clean=rows.clean)
    if isinstance(rows, Boxes):
        return rows.bind_rows(source, pipeline.dtype, name)
    return _value(rows, source, name, pipeline)


def _value(rows: Any, source: ArraySource, name: str, pipeline: Pipeline) -> Target:
    if isinstance(rows, Mask | ValueMap | PairedImage):
        return rows.bind_rows(source, pipeline.dtype, name)
    target = array_row_target(rows, len(source.images), name)
    check_no_maps(target.rows, name, source, pipeline)
    return target


def _weights(rows: Any, num_images: int) -> ArrayRowTarget:
    target = array_row_target(rows, num_images, "sample_weight")
    weights = target.rows
    if weights.size != num_images or not np.isfinite(weights).all() or (weights < 0).any():
        raise ArgumentError(
            "`sample_weight` must be one finite number of at least 0 for each image, shape "
            f"({num_images},). Received: shape {weights.shape}, {array_text(weights)}"
        )
    return target
