"""Image classifiers: a small one to train from scratch on a CPU, pretrained ones, a schedule."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from augseq.errors import ArgumentError
from augseq.training.backbones import build_backbone, preprocess
from augseq.training.pretrained import load_pretrained
from augseq.training.run_options import IMAGENET, RANDOM, SMALL, RunOptions

# For short runs: after 85 steps on 258 photographs of 12 classes, validation accuracy was 0.67
# with 0.9 and 0.12 with Keras' default of 0.99; after 850 steps both reached 0.96 to 0.97.
_NORM_MOMENTUM = 0.9
_STEM_FILTERS = 24
_STAGE_FILTERS = (32, 64, 128, 128)
_DROPOUT = 0.2
_WEIGHT_DECAY = 5e-3
_WARM_UP = 0.1


def build_classifier(
    architecture: str,
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    seed: int,
    weights: str = RANDOM,
    white: float = 255.0,
) -> keras.Model:
    """Build an image classifier: a network, which starts with its preprocessing, and a head.

    "small" has 0.25 million weights and is intended for a few hundred to tens of thousands of
    images on a CPU. Any other name is an architecture of `keras.applications`.

    Args:
        architecture: "small", or the name of a model in `keras.applications`, such as
            "MobileNetV2"; case-insensitive.
        image_shape: (height, width, channels) in pixels, of 3 channels, or 1 for greyscale.
        num_classes: Number of classes.
        seed: Seed of the initial weights and of dropout. No global generator changes.
        weights: Weights of the network: "random", "imagenet", or a file as in `load_pretrained`.
            Those of the head are always random.
        white: Value of a white pixel: 255, or 1 with `full_depth`.

    Returns:
        An uncompiled model. Inputs: images of shape (batch, *image_shape), uint8 or float32, range
        0 to `white`, which the model rescales. Outputs: probabilities of shape
        (batch, num_classes), float32. Its last layer is its head.

    Raises:
        ArgumentError: There is no such architecture, it does not support this image size, or the
            weights do not fit it or cannot be downloaded.
        MissingFileError: There is no such file of weights.
    """
    seeds = itertools.count(int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1))
    pixels = keras.Input(image_shape, name="image")
    if architecture.lower() == SMALL:
        if weights == IMAGENET:
            raise ArgumentError(
                f'There are no ImageNet weights of "{SMALL}". Choose another architecture (at the '
                "shell: --architecture EfficientNetV2B0), or pass a file of weights."
            )
        scaled = keras.layers.Rescaling(2 / white, offset=-1)(pixels)
        body = keras.Model(pixels, _small_network(scaled, seeds))
        x, name = body.output, SMALL
    else:
        height, width, channels = image_shape
        download = IMAGENET if weights == IMAGENET else None
        body = build_backbone(architecture, (height, width), weights=download, seed=seed)
        x = pixels if white == 255 else keras.layers.Rescaling(255 / white)(pixels)
        if channels == 1:
            x = keras.layers.Concatenate()([x, x, x])
        x, name = body(preprocess(x, architecture)), body.name
        x = keras.layers.GlobalAveragePooling2D()(x)
    if weights not in (RANDOM, IMAGENET):
        load_pretrained(body, weights, architecture=architecture)
    return keras.Model(pixels, _head(x, num_classes, seeds), name=name)


def build_classifier_of(options: RunOptions, *, num_classes: int) -> keras.Model:
    """Build the classifier of a run, as in `build_classifier`."""
    policy = keras.config.dtype_policy()
    if options.mixed_precision:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        return build_classifier(
            options.architecture,
            image_shape=(*options.image_size, 1 if options.color_mode == "grayscale" else 3),
            num_classes=num_classes,
            seed=options.seed,
            weights=str(options.weights),
            white=1.0 if options.full_depth else 255.0,
        )
    finally:
        keras.config.set_dtype_policy(policy)


def freeze_network(model: keras.Model, *, with_head_only: bool) -> None:
    """Choose which layers of a pretrained classifier to train.

    Batch normalization stays in inference mode with its pretrained statistics: those of a few
    images would be worse, and changing them would damage the weights.

    Args:
        model: A model whose last layer is its head.
        with_head_only: Train only the head; otherwise, all layers.
    """
    *network, head = model.layers
    for layer in network:
        layer.trainable = not with_head_only
    head.trainable = True
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def compile_classifier(model: keras.Model, *, num_steps: int, learning_rate: float) -> None:
    """Compile a classifier for a training run of known length.

    Uses AdamW, a learning rate with warm-up over the first tenth of the steps and then cosine
    decay to zero, sparse categorical cross-entropy (for integer labels), and accuracy.

    Args:
        model: A classifier that outputs probabilities.
        num_steps: Steps of the whole run: batches per epoch times epochs.
        learning_rate: Peak learning rate.
    """
    warm_up = max(1, round(_WARM_UP * num_steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=learning_rate,
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


def _small_network(x: Any, seeds: Iterator[int]) -> Any:
    x = _convolution(x, _STEM_FILTERS, kernel_size=5, strides=2, seed=next(seeds))
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for stage, filters in enumerate(_STAGE_FILTERS):
        if stage > 0:
            # "same", so that tiny images do not shrink to nothing.
            x = keras.layers.MaxPooling2D(2, padding="same")(x)
        x = _convolution(x, filters, kernel_size=3, strides=1, seed=next(seeds))
    return keras.layers.GlobalAveragePooling2D()(x)


def _head(x: Any, num_classes: int, seeds: Iterator[int]) -> Any:
    x = keras.layers.Dropout(_DROPOUT, seed=next(seeds))(x)
    return keras.layers.Dense(
        num_classes,
        activation="softmax",
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        # In float32 under any dtype policy: a half-precision softmax rounds small losses to zero.
        dtype="float32",
        name="probabilities",
    )(x)


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
