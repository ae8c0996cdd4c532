"""The networks of `keras.applications`, without their heads, with their own preprocessing."""

import contextlib
import difflib
import random
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from augseq.errors import ArgumentError
from augseq.training.run_options import SMALL

_DOWNLOAD_FAILED = "URL fetch failure"
_URL = re.compile(r"https?://\S+")


def build_backbone(
    architecture: str, image_size: tuple[int, int], *, weights: str | None, seed: int
) -> keras.Model:
    """Build a network of `keras.applications` that returns feature maps.

    Args:
        architecture: Its name, case-insensitive.
        image_size: Height and width in pixels.
        weights: "imagenet" for the weights that Keras downloads; None for random ones.
        seed: Seed of random weights. No global generator changes.

    Raises:
        ArgumentError: There is no such network, it does not support this image size, or its weights
            cannot be downloaded.
    """
    build = find_application(architecture)
    options = {"include_top": False, "input_shape": (*image_size, 3)}
    try:
        with _default_seeds_from(seed), warnings.catch_warnings():
            # The weights of 224 x 224 pixels, which MobileNet then takes, fit any size.
            warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square")
            network: keras.Model = build(weights=weights, **options)
    except ValueError as error:
        raise ArgumentError(
            f"{build.__name__} cannot be built for image_size={image_size}: {error}"
        ) from error
    except Exception as error:
        # Keras raises an error of no class of its own.
        if _DOWNLOAD_FAILED not in str(error):
            raise
        raise _no_download(build.__name__, error) from error
    return network


def preprocess(pixels: Any, architecture: str) -> Any:
    """Apply the preprocessing that a network was trained with, as layers.

    Args:
        pixels: Keras tensor of shape (batch, height, width, 3), values 0 to 255.
        architecture: Name of a network of `keras.applications`.

    Source:
        `preprocess_input` of each network, which is linear in each channel; that of some also
        reverses the channels, and that of networks that start with their own scaling does nothing.
    """
    apply = sys.modules[find_application(architecture).__module__].preprocess_input
    # In float64, so that differences are exact enough.
    black = apply(np.zeros((1, 1, 1, 3))).ravel()
    slopes = [
        (apply(np.full((1, 1, 1, 3), 255.0) * one).ravel() - black) / 255 for one in np.eye(3)
    ]
    scale = np.sum(slopes, axis=0)
    if not np.allclose(np.diag(scale), slopes):
        # The first channel is the last one of the result.
        pixels = keras.ops.flip(pixels, axis=-1)
    if np.allclose(scale, 1) and np.allclose(black, 0):
        return pixels
    return keras.layers.Rescaling(scale.tolist(), offset=black.tolist())(pixels)


def find_application(architecture: str) -> Any:
    """Return the model function of `keras.applications` with this name.

    Raises:
        ArgumentError: There is none.
    """
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


def _no_download(name: str, error: Exception) -> ArgumentError:
    found = _URL.search(str(error))
    url = (
        found.group().rstrip(":")
        if found
        else f"the file of {name} without its top (its name has 'notop')"
    )
    return ArgumentError(
        f"The weights of {name} cannot be downloaded: {error}. On a computer with a network, "
        f"download {url} and copy it here; then pass its path as `weights` (at the shell: "
        f"--weights FILE). Without `weights`, training starts from random ones."
    )


@contextlib.contextmanager
def _default_seeds_from(seed: int) -> Iterator[None]:
    # keras.applications takes no seed; its layers draw theirs from Python's global generator.
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
