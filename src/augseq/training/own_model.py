"""Check a user's own model before it is trained as a classifier."""

from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

from augseq.errors import ArgumentError
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


def check_classifier(
    model: keras.Model, batches: ImageSequence, class_names: Sequence[str]
) -> None:
    """Raise `ArgumentError` unless a model returns one probability for each class.

    Args:
        model: The model, which is called with a few images.
        batches: Batches to evaluate it on.
        class_names: Names of the classes.
    """
    images = batches[0][0][:_NUM_TRIED]
    try:
        outputs = model(images, training=False)
    except (ValueError, TypeError) as error:
        raise ArgumentError(
            f"`model` must take images of shape {images.shape[1:]}, as `options` say. {error}"
        ) from error
    shape = getattr(outputs, "shape", None)
    expected = (len(images), len(class_names))
    if shape is None or tuple(shape) != expected:
        received = type(outputs).__name__ if shape is None else f"shape {tuple(shape)}"
        raise ArgumentError(
            f"`model` must return one probability for each of the {expected[1]} classes, so "
            f"{expected} for {expected[0]} images. Received: {received}"
        )
    values = np.asarray(keras.ops.convert_to_numpy(outputs), np.float64)
    if (values < 0).any() or not np.allclose(values.sum(axis=1), 1, atol=0.02):
        raise ArgumentError(
            "`model` must return probabilities, which add up to 1; end it with "
            'Dense(num_classes, activation="softmax"). Received for an image: '
            f"{values[0].round(3).tolist()[:8]}"
        )
