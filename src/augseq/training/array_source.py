"""The plan of a sequence of images in an array."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import IMAGE
from augseq.loading.sampling_options import OrderOptions, make_schedule, with_sampled_column
from augseq.loading.targets.array_row import ArrayRowTarget, array_row_target
from augseq.loading.targets.boxes import Boxes
from augseq.loading.targets.image_view import with_views
from augseq.loading.targets.input_image import InputImage, InputImageTarget
from augseq.loading.targets.make_targets import check_input_names
from augseq.loading.targets.mask import Mask
from augseq.loading.targets.paired_image import PairedImage
from augseq.loading.targets.target import Target
from augseq.loading.targets.value_map import ValueMap
from augseq.manifest.manifest import make_manifest
from augseq.pixels.buckets import Buckets
from augseq.pixels.source import ArraySource
from augseq.terminal_text import array_text
from augseq.training.array_maps import check_no_boxes, check_no_maps
from augseq.types import Images

Rows: TypeAlias = npt.NDArray[Any] | Mask | ValueMap | PairedImage | InputImage | Boxes
"""A target of `from_arrays`: an array with a row for each image, or what moves with the image."""

_FILE_OPTIONS = frozenset(
    {
        "background",
        "bands",
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


class ArrayData:
    """Arrays in place of files: what `ImageSequence.from_arrays` received.

    Args:
        x: Images, or a dict that contains them and further inputs.
        y: Targets, shape (n, ...), or several by name; None to predict.
        sample_weight: Weights, shape (n,); None if all are equal.
        options: Options of the constructor.

    Attributes:
        manifest: A name for each row, for use in errors.
        options: The options of the constructor that do not depend on the arrays.

    Raises:
        ArgumentError: The images are not a stack, or an option is about files or labels.
    """

    def __init__(
        self,
        x: Images | Mapping[str, Rows],
        y: Rows | Mapping[str, Rows] | None,
        sample_weight: npt.NDArray[Any] | None,
        options: Mapping[str, Any],
    ) -> None:
        images, self._inputs = _split_inputs(x)
        self._source = _array_source(images)
        self._y, self._sample_weight = y, sample_weight
        _check_options(options)
        paths = [f"x[{row}]" for row in range(len(self._source.images))]
        manifest = make_manifest("", (), paths=paths, targets=None)
        given = {"image_size": None, **options}
        # Only `y` tells the classes, and only `x` the images.
        self._views = given.pop("views", 1)
        self.manifest, self._sampling = with_sampled_column(manifest, given.pop("sampling", None))
        # Only `sampling` tells how many images an epoch has.
        self._drop_remainder = given.pop("drop_remainder", False)
        self.options = given

    def plan(self, blank: BatchPlan) -> BatchPlan:
        """Return a plan with images, targets, further inputs and weights from the arrays.

        Args:
            blank: The plan of a sequence with `manifest` and `options`.

        Raises:
            ArgumentError: An array has a different length, a weight is negative or not finite, or
                an array looks like maps, which would not move with the augmented images.
            LabelError: A record has no value to sample by.
        """
        plan = _array_plan(blank, self._source, self._y, self._inputs, self._sample_weight)
        order = OrderOptions(
            shuffle=blank.schedule.order.shuffle,
            seed=blank.schedule.seed,
            sampling=self._sampling,
            repeats=self.options.get("repeats", 1),
            batch_size=blank.schedule.batch_size,
            drop_remainder=self._drop_remainder,
        )
        return replace(
            plan,
            pipeline=with_views(plan.pipeline, self._views),
            schedule=make_schedule(self.manifest, plan.targets, order),
        )


def _check_options(options: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` if an option is about files or labels."""
    if isinstance(options.get("image_size"), Buckets):
        raise ArgumentError(
            "Buckets are for files of several sizes, but the images of an array have the same "
            f"one. Received: image_size={options['image_size']}. Pass (height, width), or None."
        )
    columns = {"targets": "`y`", "inputs": "`x`", "weights": "`sample_weight`"}
    for name in columns.keys() & set(options):
        raise ArgumentError(
            f"`{name}` reads columns of a manifest, which arrays do not have: pass arrays as "
            f"{columns[name]}. Received: {name}=..."
        )
    foreign = _FILE_OPTIONS.intersection(options)
    if foreign:
        raise ArgumentError(f"Arrays have no files or labels. Received: {sorted(foreign)}")


def _array_source(x: Images) -> ArraySource:
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


def _split_inputs(x: Any) -> tuple[Any, Mapping[str, Any]]:
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


def _array_plan(
    plan: BatchPlan,
    source: ArraySource,
    y: Rows | Mapping[str, Rows] | None,
    inputs: Mapping[str, Any],
    sample_weight: npt.NDArray[Any] | None,
) -> BatchPlan:
    plan.pipeline.augment.require_channels(source.images.shape[3])
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
