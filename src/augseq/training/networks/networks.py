"""The networks before a model's head: a small one to train from scratch, or a pretrained one."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from augseq.errors import ArgumentError
from augseq.manifest.pixel_statistics import PixelStatistics
from augseq.training.networks.backbones import build_backbone, preprocess
from augseq.training.networks.pretrained import load_pretrained
from augseq.training.run_options import IMAGENET, RANDOM, SMALL

# For short runs: after 85 steps on 258 photographs of 12 classes, validation accuracy was 0.67
# with 0.9 and 0.12 with Keras' default of 0.99; after 850 steps both reached 0.96 to 0.97.
_NORM_MOMENTUM = 0.9
_STEM_FILTERS = 24
_STAGE_FILTERS = (32, 64, 128, 128)
# By level, each of half the size of the one before.
_UNET_FILTERS = (8, 16, 32, 64, 64)
_DECODER_FILTERS = (16, 32, 48, 64, 96, 128)
_DROPOUT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network without its head.

    Attributes:
        name: Its name.
        pixels: The input, a Keras tensor of shape (batch, height, width, channels).
        features: Features of each image, a Keras tensor of shape (batch, num_features); or of each
            pixel, of shape (batch, height, width, num_features).
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

    def per_pixel(self, channels: int, name: str) -> Any:
        """Return the outputs of a new last layer, shape (batch, height, width, channels).

        Args:
            channels: Number of outputs for each pixel.
            name: Of the layer.
        """
        return keras.layers.Conv2D(
            channels,
            1,
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(self.seeds)),
            dtype="float32",
            name=name,
        )(self.features)


def build_network(
    architecture: str,
    *,
    image_shape: tuple[int, int, int],
    seed: int,
    weights: str = RANDOM,
    white: float = 255.0,
    is_per_pixel: bool = False,
    bands: PixelStatistics | None = None,
) -> Network:
    """Build a network, which starts with its preprocessing.

    "small" has 0.25 million weights and is intended for a few hundred to tens of thousands of
    images on a CPU. Any other name is an architecture of `keras.applications`.

    For outputs of each pixel, "small" is a U-Net, and other networks get a decoder, which combines
    their feature maps from the smallest to the largest.

    Args:
        architecture: "small", or the name of a model in `keras.applications`, such as
            "MobileNetV2"; case-insensitive.
        image_shape: (height, width, channels) in pixels, of 3 channels, or 1 for greyscale; any
            number of bands for "small".
        seed: Seed of the initial weights and of dropout. No global generator changes.
        weights: Weights of the network: "random", "imagenet", or a file as in `load_pretrained`.
        white: Value of a white pixel: 255, or 1 with `full_depth`.
        is_per_pixel: Whether to return features of each pixel rather than of each image.
        bands: Mean and variance of each band, to normalize images of bands; None for colours.

    Returns:
        The network, for images of shape (batch, *image_shape), uint8 or float32, range 0 to
        `white`, which it rescales; or of bands, of any range.

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
        if bands is None:
            scaled = keras.layers.Rescaling(2 / white, offset=-1)(pixels)
        else:
            # In float32 under any dtype policy: half precision has no numbers above 65504.
            scaled = keras.layers.Normalization(
                mean=bands.mean, variance=bands.variance, dtype="float32"
            )(pixels)
        build = _small_unet if is_per_pixel else _small_network
        body = keras.Model(pixels, build(scaled, seeds))
        x, name = body.output, SMALL
    else:
        height, width, channels = image_shape
        download = IMAGENET if weights == IMAGENET else None
        body = build_backbone(architecture, (height, width), weights=download, seed=seed)
        x = pixels if white == 255 else keras.layers.Rescaling(255 / white)(pixels)
        if channels == 1:
            x = keras.layers.Concatenate()([x, x, x])
        x, name = preprocess(x, architecture), body.name
        if is_per_pixel:
            x = _with_decoder(body, x, seeds)
        else:
            x = keras.layers.GlobalAveragePooling2D()(body(x))
    if weights not in (RANDOM, IMAGENET):
        load_pretrained(body, weights, architecture=architecture)
    return Network(name=name, pixels=pixels, features=x, seeds=seeds)


def freeze_network(model: keras.Model, *, with_head_only: bool) -> None:
    """Choose which layers of a model with a pretrained network to train.

    Batch normalization stays in inference mode with its pretrained statistics: those of a few
    images would be worse, and changing them would damage the weights.

    Args:
        model: A model whose layer that is a model itself is the pretrained network; without one,
            all layers but the last one with weights are.
        with_head_only: Train only the rest, which has random weights; otherwise, all layers.
    """
    *layers, _ = weighted = [layer for layer in model.layers if layer.weights]
    network = [layer for layer in weighted if isinstance(layer, keras.Model)] or layers
    for layer in weighted:
        layer.trainable = not with_head_only or layer not in network
    for layer in network:
        for part in layer._flatten_layers():
            if isinstance(part, keras.layers.BatchNormalization):
                part.trainable = False


def _small_network(x: Any, seeds: Iterator[int]) -> Any:
    x = _convolution(x, _STEM_FILTERS, kernel_size=5, strides=2, seed=next(seeds))
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for stage, filters in enumerate(_STAGE_FILTERS):
        if stage > 0:
            # "same", so that tiny images do not shrink to nothing.
            x = keras.layers.MaxPooling2D(2, padding="same")(x)
        x = _convolution(x, filters, kernel_size=3, strides=1, seed=next(seeds))
    return keras.layers.GlobalAveragePooling2D()(x)


def _small_unet(x: Any, seeds: Iterator[int]) -> Any:
    maps = []
    for level, filters in enumerate(_UNET_FILTERS):
        if level > 0:
            # "same", so that tiny images do not shrink to nothing.
            x = keras.layers.MaxPooling2D(2, padding="same")(x)
            x = _convolution(x, filters, kernel_size=3, strides=1, seed=next(seeds))
        x = _convolution(x, filters, kernel_size=3, strides=1, seed=next(seeds))
        maps.append(x)
    return _decoded(maps, _UNET_FILTERS, seeds)


def _with_decoder(body: keras.Model, x: Any, seeds: Iterator[int]) -> Any:
    """Return features of each pixel from the feature maps of a network."""
    encoder = keras.Model(body.input, _maps_of(body), name=body.name)
    # The preprocessed image itself has the details of the largest size.
    maps = [x, *encoder(x)]
    filters = [*_DECODER_FILTERS, *[_DECODER_FILTERS[-1]] * len(maps)]
    return _decoded(maps, filters, seeds)


def _maps_of(body: keras.Model) -> list[Any]:
    """Return the last feature map of each size, from half of the image's size on."""
    height = body.input.shape[1]
    by_level: dict[int, Any] = {}
    for layer in body.layers:
        is_cut = isinstance(layer, keras.layers.ZeroPadding2D | keras.layers.Cropping2D)
        shape: Any = getattr(layer.output, "shape", ())
        if len(shape) == 4 and not is_cut:
            by_level[round(math.log2(height / shape[1]))] = layer.output
    # The output of the network, rather than of a layer beside it.
    by_level[max(by_level)] = body.output
    return [by_level[level] for level in sorted(by_level) if level > 0]


def _decoded(maps: Sequence[Any], filters: Sequence[int], seeds: Iterator[int]) -> Any:
    """Combine feature maps from the smallest to the largest."""
    *skips, x = maps
    for skip, number in zip(reversed(skips), reversed(filters[: len(skips)]), strict=True):
        # Of any size, not only twice the size.
        x = keras.ops.image.resize(x, skip.shape[1:3], interpolation="nearest")
        x = keras.layers.Concatenate()([x, skip])
        x = _convolution(x, number, kernel_size=3, strides=1, seed=next(seeds))
    return x


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
