"""What models and Keras on TensorFlow need for batches of several sizes."""

from typing import Any

import keras
import numpy as np

from augseq.errors import ArgumentError
from augseq.loading.batch import Batch
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import IMAGE


def without_size(batch: Batch) -> Any:
    """Return the arrays of a batch as Keras takes them, those of pixels as symbols of any size.

    Keras on TensorFlow infers the shapes of all batches from the first two, which may have the same
    size by chance.
    """
    size = batch.images.shape[1:3]

    def symbol(array: Any) -> Any:
        if not isinstance(array, np.ndarray) or array.shape[1:3] != size:
            return array
        shape = (None, None, None, *array.shape[3:])
        return keras.KerasTensor(shape, dtype=array.dtype.name)

    arrays = keras.tree.map_structure(symbol, batch.arrays)
    # Keras puts a single array, but no symbol, into a tuple.
    return (arrays,) if isinstance(arrays, keras.KerasTensor) else arrays


def check_any_size(model: Any, plan: BatchPlan) -> None:
    """Raise `ArgumentError` if batches have several sizes, but a model takes only one.

    Keras would report the shape of the first batch of another size, in the middle of an epoch.
    """
    if plan.pipeline.buckets is None:
        return
    tensors = getattr(model, "inputs", None) or []
    images = [tensor for tensor in tensors if len(tensor.shape) == 4]
    named = [tensor for tensor in images if tensor.name == IMAGE]
    fixed = [tensor.shape for tensor in named or images if None not in tensor.shape[1:3]]
    if fixed:
        raise ArgumentError(
            "With Buckets, batches have images of several sizes, so the model must take any: "
            f"keras.Input((None, None, {fixed[0][3]})), and for example GlobalAveragePooling2D "
            f"before dense layers. Received: an input of shape {tuple(fixed[0])}"
        )
