"""Check a user's own model before it is trained."""

from dataclasses import replace

import keras
import numpy as np

from augseq.errors import ArgumentError
from augseq.training.kinds.kind import Kind
from augseq.training.run_options import GIVEN, RunOptions
from augseq.training.sequence import ImageSequence

_NUM_TRIED = 2


def with_own_model(options: RunOptions, model: keras.Model) -> RunOptions:
    """Return the options of a run that trains a user's own model, with its name.

    Raises:
        ArgumentError: An option is about models that are built here.
    """
    given = [
        name
        for name, is_given in (
            ("weights", options.is_fine_tuning),
            ("mixed_precision", options.mixed_precision),
        )
        if is_given
    ]
    if given:
        raise ArgumentError(
            "Your own `model` is trained as it is: load its weights, freeze its layers and choose "
            f"its dtype policy yourself. Received: {', '.join(given)}"
        )
    return replace(options, architecture=model.name, weights=GIVEN)


def check_own_model(model: keras.Model, batches: ImageSequence, kind: Kind) -> None:
    """Raise `ArgumentError` unless a model returns what it is to predict.

    Args:
        model: The model, which is called with a few images.
        batches: Batches to evaluate it on.
        kind: What it is to predict.
    """
    images = batches[0][0][:_NUM_TRIED]
    try:
        outputs = model(images, training=False)
    except (ValueError, TypeError) as error:
        raise ArgumentError(
            f"`model` must take images of shape {images.shape[1:]}, as `options` say. {error}"
        ) from error
    if getattr(outputs, "shape", None) is None:
        raise ArgumentError(
            f"`model` must have one output. Received: {type(outputs).__name__} of outputs"
        )
    kind.check_own(np.asarray(keras.ops.convert_to_numpy(outputs), np.float64), images)
