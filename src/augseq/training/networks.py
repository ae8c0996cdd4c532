"""The networks before a model's head: a small one to train from scratch, or a pretrained one."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from augseq.errors import ArgumentError
from augseq.training.backbones import build_backbone, preprocess
from augseq.training.pretrained import load_pretrained
from augseq.training.run_options import IMAGENET, RANDOM, SMALL

# For short runs: after 85 steps on 258 photographs of 12 classes, validation accuracy was 0.67
# with 0.9 and 0.12 with Keras' default of 0.99; after 850 steps both reached 0.96 to 0.97.
_NORM_MOMENTUM = 0.9
_STEM_FILTERS = 24
_STAGE_FILTERS = (32, 64, 128, 128)
_DROPOUT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network without its head.

    Attributes:
        name: Its name.
        pixels: The input, a Keras tensor of shape (batch, height, width, channels).
        features: One vector of each image, a Keras tensor of shape (batch, num_features).
        seeds: Seeds of the layers that follow.
    """

    name: str
    pixels: Any
    features: Any
    seeds: Iterator[int]

    def dense(self, units: int, activation: str, name: str) -> Any:
        """Return the outputs of a new last layer, a Keras tensor of shape (batch, units).

        Args:
            units: Number of outputs.
            activation: Such as "softmax".
            name: Of the layer.
        """
        x = keras.layers.Dropout(_DROPOUT, seed=next(self.seeds))(self.features)
        return keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(self.seeds)),
            # In float32 under any dtype policy: a half-precision softmax rounds small losses to
            # zero.
            dtype="float32",
            name=name,
        )(x)


def build_network(
    architecture: str,
    *,
    image_shape: tuple[int, int, int],
    seed: int,
    weights: str = RANDOM,
    white: float = 255.0,
) -> Network:
    """Build a network, which starts with its preprocessing.

    "small" has 0.25 million weights and is intended for a few hundred to tens of thousands of
    images on a CPU. Any other name is an architecture of `keras.applications`.

    Args:
        architecture: "small", or the name of a model in `keras.applications`, such as
            "MobileNetV2"; case-insensitive.
        image_shape: (height, width, channels) in pixels, of 3 channels, or 1 for greyscale.
        seed: Seed of the initial weights and of dropout. No global generator changes.
        weights: Weights of the network: "random", "imagenet", or a file as in `load_pretrained`.
        white: Value of a white pixel: 255, or 1 with `full_depth`.

    Returns:
        The network, for images of shape (batch, *image_shape), uint8 or float32, range 0 to
        `white`, which it rescales.

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
    return Network(name=name, pixels=pixels, features=x, seeds=seeds)


def freeze_network(model: keras.Model, *, with_head_only: bool) -> None:
    """Choose which layers of a model with a pretrained network to train.

    Batch normalization stays in inference mode with its pretrained statistics: those of a few
    images would be worse, and changing them would damage the weights.

    Args:
        model: A model whose last layer with weights is its head.
        with_head_only: Train only the head; otherwise, all layers.
    """
    *network, head = [layer for layer in model.layers if layer.weights]
    for layer in network:
        layer.trainable = not with_head_only
    head.trainable = True
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _small_network(x: Any, seeds: Iterator[int]) -> Any:
    x = _convolution(x, _STEM_FILTERS, kernel_size=5, strides=2, seed=next(seeds))
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for stage, filters in enumerate(_STAGE_FILTERS):
        if stage > 0:
            # "same", so that tiny images do not shrink to nothing.
            x = keras.layers.MaxPooling2D(2, padding="same")(x)
        x = _convolution(x, filters, kernel_size=3, strides=1, seed=next(seeds))
    return keras.layers.GlobalAveragePooling2D()(x)


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
