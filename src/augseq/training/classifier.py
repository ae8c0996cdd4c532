"""A small image classifier to train from scratch on a CPU, and its schedule."""

import contextlib
import difflib
import itertools
import random
import sys
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from augseq.errors import ArgumentError
from augseq.training.run_options import SMALL

DEFAULT_LEARNING_RATE = 3e-3

# For short runs: after 85 steps on 258 photographs of 12 classes, validation accuracy was 0.67
# with 0.9 and 0.12 with Keras' default of 0.99; after 850 steps both reached 0.96 to 0.97.
_NORM_MOMENTUM = 0.9
_STEM_FILTERS = 24
_STAGE_FILTERS = (32, 64, 128, 128)
_DROPOUT = 0.2
_WEIGHT_DECAY = 5e-3
_WARM_UP = 0.1


def build_classifier(
    architecture: str, *, image_size: tuple[int, int], num_classes: int, seed: int
) -> keras.Model:
    """Build an image classifier with random weights.

    "small" has 0.25 million weights and is intended for a few hundred to tens of thousands of
    images on a CPU. Any other name is an architecture of `keras.applications`.

    Args:
        architecture: "small", or the name of a model in `keras.applications`, such as
            "MobileNetV2"; case-insensitive.
        image_size: Height and width in pixels.
        num_classes: Number of classes.
        seed: Seed of the initial weights and of dropout. No global generator changes.

    Returns:
        An uncompiled model. Inputs: images of shape (batch, height, width, 3), uint8 or float32,
        range 0 to 255, which the model rescales. Outputs: probabilities of shape
        (batch, num_classes), float32.

    Raises:
        ArgumentError: There is no such architecture, or it does not support this image size.
    """
    if architecture.lower() == SMALL:
        return _build_small(image_size, num_classes, seed)
    return _build_application(architecture, image_size, num_classes, seed)


def compile_classifier(
    model: keras.Model, *, num_steps: int, learning_rate: float | None = None
) -> None:
    """Compile a classifier for a training run of known length.

    Uses AdamW, a learning rate with warm-up over the first tenth of the steps and then cosine
    decay to zero, sparse categorical cross-entropy (for integer labels), and accuracy.

    Args:
        model: A classifier that outputs probabilities.
        num_steps: Steps of the whole run: batches per epoch times epochs.
        learning_rate: Peak learning rate; None for `DEFAULT_LEARNING_RATE`.
    """
    warm_up = max(1, round(_WARM_UP * num_steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=DEFAULT_LEARNING_RATE if learning_rate is None else learning_rate,
        warmup_steps=warm_up,
        decay_steps=max(1, num_steps - warm_up),
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=_WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=_jit_compile(),
    )


def _jit_compile() -> bool | str:
    # On a CPU, XLA makes TensorFlow slower: an epoch of 416 images took 1.7 s with it and
    # 1.0 s without, and compiling 7 s instead of 2 s. JAX is slow without it.
    return False if keras.backend.backend() == "tensorflow" else "auto"


def _build_small(image_size: tuple[int, int], num_classes: int, seed: int) -> keras.Model:
    seeds = itertools.count(int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1))
    pixels = keras.Input((*image_size, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    x = _convolution(x, _STEM_FILTERS, kernel_size=5, strides=2, seed=next(seeds))
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for stage, filters in enumerate(_STAGE_FILTERS):
        if stage > 0:
            # "same", so that tiny images do not shrink to nothing.
            x = keras.layers.MaxPooling2D(2, padding="same")(x)
        x = _convolution(x, filters, kernel_size=3, strides=1, seed=next(seeds))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(_DROPOUT, seed=next(seeds))(x)
    probabilities = keras.layers.Dense(
        num_classes,
        activation="softmax",
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        # In float32 under any dtype policy: a half-precision softmax rounds small losses to zero.
        dtype="float32",
        name="probabilities",
    )(x)
    return keras.Model(pixels, probabilities, name=SMALL)


def _convolution(x: Any, filters: int, *, kernel_size: int, strides: int, seed: int) -> Any:
    # Not separable, for speed on every backend. In a residual network on a CPU, separable
    # convolutions took 0.5 times as long with TensorFlow, 1.8 times with JAX, 4.5 with torch.
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(seed=seed),
    )(x)
    x = keras.layers.BatchNormalization(momentum=_NORM_MOMENTUM)(x)
    return keras.layers.Activation("relu")(x)


def _build_application(
    architecture: str, image_size: tuple[int, int], num_classes: int, seed: int
) -> keras.Model:
    build = _application(architecture)
    shape = (*image_size, 3)
    try:
        with _default_seeds_from(seed):
            network = build(weights=None, include_top=True, input_shape=shape, classes=num_classes)
    except ValueError as error:
        raise ArgumentError(
            f"{build.__name__} cannot be built for image_size={image_size}: {error}"
        ) from error
    if _scales_pixels(build):
        return network
    pixels = keras.Input(shape, name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    return keras.Model(pixels, network(scaled), name=network.name)


def _application(architecture: str) -> Any:
    """Return the model function of `keras.applications` with this name."""
    builders = {
        name.lower(): value
        for name, value in vars(keras.applications).items()
        if name[0].isupper() and callable(value)
    }
    if architecture.lower() in builders:
        return builders[architecture.lower()]
    close = difflib.get_close_matches(architecture.lower(), [SMALL, *builders], cutoff=0.5)
    names = [builders[name].__name__ if name in builders else name for name in close]
    hint = f" Close to it: {', '.join(names)}." if names else ""
    raise ArgumentError(
        f'`architecture` must be "{SMALL}" or the name of a model of keras.applications.'
        f"{hint} Received: architecture={architecture!r}."
    )


def _scales_pixels(build: Any) -> bool:
    # In Keras, `preprocess_input` does nothing if the network starts with its own scaling.
    pixel = np.full((1, 1, 1, 3), 255.0, np.float32)
    preprocessed = sys.modules[build.__module__].preprocess_input(pixel.copy())
    return bool(np.array_equal(preprocessed, pixel))


@contextlib.contextmanager
def _default_seeds_from(seed: int) -> Iterator[None]:
    # keras.applications takes no seed; its layers draw theirs from Python's global generator.
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
