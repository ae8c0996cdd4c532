"""A model of one's own is checked before it is trained as a classifier."""

from typing import Any

import keras
import numpy as np
import pytest

import augseq
from augseq.errors import ArgumentError
from augseq.training.kinds.classes import Classes
from augseq.training.runs.own_model import check_own_model, with_own_model

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def batches() -> augseq.ImageSequence:
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 6, 3), np.uint8)
    return augseq.ImageSequence.from_arrays(images, np.arange(5) % 3, workers=0)


def ending_with(*layers: Any, shape: tuple[Any, ...] = (8, 6, 3)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), *layers])


@pytest.mark.parametrize(
    "model",
    [
        lambda: ending_with(keras.layers.Dense(3, activation="softmax")),
        lambda: ending_with(keras.layers.Dense(3), keras.layers.Softmax()),
        lambda: keras.Sequential(
            [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")]
        ),
        lambda: keras.Sequential(
            [
                keras.Input((None, None, 3)),
                keras.layers.GlobalMaxPooling2D(),
                keras.layers.Dense(3, activation="softmax", dtype="float16"),
            ]
        ),
    ],
)
def test_any_model_with_a_probability_for_each_class_is_accepted(
    model: Any, batches: augseq.ImageSequence
) -> None:
    check_own_model(model(), batches, Classes(classes=NAMES))


# Probabilities of a half, whatever the image.
SIGMOID = {"activation": "sigmoid", "kernel_initializer": "zeros"}
SOFTMAX = {"activation": "softmax"}


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (lambda: ending_with(keras.layers.Dense(3)), "return probabilities, which add up to 1"),
        (lambda: ending_with(keras.layers.Dense(3, **SIGMOID)), "add up to 1"),
        (lambda: ending_with(keras.layers.Dense(4, **SOFTMAX)), r"Received: shape \(2, 4\)"),
        (lambda: ending_with(keras.layers.Dense(1, **SIGMOID)), "each of the 3 classes"),
        (lambda: keras.Sequential([keras.layers.Softmax()]), r"shape \(2, 8, 6, 3\)"),
        (
            lambda: ending_with(keras.layers.Dense(3, **SOFTMAX), shape=(9, 9, 3)),
            r"must take images of shape \(8, 6, 3\)",
        ),
    ],
)
def test_other_models_are_refused_before_training(
    model: Any, text: str, batches: augseq.ImageSequence
) -> None:
    with pytest.raises(ArgumentError, match=text):
        check_own_model(model(), batches, Classes(classes=NAMES))


def test_a_model_with_several_outputs_is_refused(batches: augseq.ImageSequence) -> None:
    pixels = keras.Input((8, 6, 3))
    flat = keras.layers.Flatten()(pixels)
    model = keras.Model(pixels, {"a": flat, "b": flat})
    with pytest.raises(ArgumentError, match="Received: dict"):
        check_own_model(model, batches, Classes(classes=NAMES))


@pytest.mark.parametrize("name", ["weights", "mixed_precision"])
def test_options_about_built_models_are_refused(name: str) -> None:
    options = augseq.RunOptions(**{name: "imagenet" if name == "weights" else True})
    model = ending_with(keras.layers.Dense(3))
    with pytest.raises(ArgumentError, match=f"trained as it is.*Received: {name}"):
        with_own_model(options, model)
