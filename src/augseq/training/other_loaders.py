"""Data sets of TensorFlow and Grain, from the batches of several epochs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from augseq.errors import ArgumentError, MissingExtraError, install_command
from augseq.loading.plan import BatchPlan
from augseq.pixels.source import ArraySource
from augseq.types import Array
from augseq.workers.batch_list import BatchList

if TYPE_CHECKING:
    import grain
    import tensorflow as tf


def require_own_batches(name: str, overridden: Sequence[str]) -> None:
    """Raise `ArgumentError` if a subclass of `ImageSequence` changes its batches.

    Args:
        name: Name of the subclass.
        overridden: The methods that it overrides.
    """
    if overridden:
        raise ArgumentError(
            "Other loaders load the batches of ImageSequence itself, not what a subclass makes "
            f"of them. Received: {name}, which overrides {', '.join(overridden)}. "
            "Use `augment` and `targets`, or change batches in the loader."
        )


def grain_dataset(batches: BatchList) -> "grain.MapDataset[Any]":
    """Return batches as a `grain.MapDataset`.

    Raises:
        MissingExtraError: Grain is not installed.
    """
    try:
        import grain
    except ImportError as error:
        raise MissingExtraError(
            f"`to_grain` requires Grain, which is not installed: {install_command('grain')}"
        ) from error
    return grain.MapDataset.source(batches)


def tf_dataset(batches: BatchList) -> "tf.data.Dataset":
    """Return batches as a `tf.data.Dataset` of tensors with known types and shapes."""
    import tensorflow as tf

    def spec(array: Array) -> tf.TensorSpec:
        return tf.TensorSpec(_static_shape(batches.plan, array), array.dtype)

    def load(number: Any) -> list[Array]:
        return tf.nest.flatten(batches[number])  # type: ignore[no-any-return]

    def load_tensors(number: tf.Tensor) -> Any:
        # Not stateful: TensorFlow can then save the state of an iterator in a checkpoint.
        tensors = tf.numpy_function(load, [number], [one.dtype for one in specs], stateful=False)
        # Fails if a shape is wrong; `set_shape` would not.
        checked = [tf.ensure_shape(t, one.shape) for t, one in zip(tensors, specs, strict=True)]
        return tf.nest.pack_sequence_as(structure, checked)

    structure = tf.nest.map_structure(spec, batches[0])
    specs = tf.nest.flatten(structure)
    numbers = tf.data.Dataset.range(len(batches))
    loaded = numbers.map(load_tensors, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return loaded.prefetch(tf.data.AUTOTUNE)


def _static_shape(plan: BatchPlan, array: Array) -> list[int | None]:
    """Return the shape of an array of every batch, given the first; None where it can vary."""
    sizes = plan.schedule.batch_sizes(0)
    shape: list[int | None] = [None if len(sizes) > 1 else len(array), *array.shape[1:]]
    if not _has_fixed_size(plan) and array.ndim > 2:
        shape[1:3] = None, None
    return shape


def _has_fixed_size(plan: BatchPlan) -> bool:
    """Return whether it is known that all images have the same size."""
    augment = plan.pipeline.augment
    if plan.pipeline.buckets is not None:
        return False
    if plan.pipeline.resize is not None or augment.result_size is not None:
        return True
    return isinstance(plan.pipeline.source, ArraySource) and not augment.sets_size
