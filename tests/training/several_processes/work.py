"""What the programs of all backends share: images, a model, and what one process must get."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import augseq

from ..scenarios.watch import NEEDS_JIT, Trained, array_sequence, read_images

NUMBER = int(sys.argv[1])
ADDRESSES = sys.argv[2].split(",")
NUM_IMAGES = 22
NUM_EPOCHS = 2
PART_SIZE = 4

_FINDINGS: dict[str, Any] = {}


def new_sequence(**options: Any) -> augseq.ImageSequence:
    """Return images of which no number of global batches is a whole epoch."""
    return array_sequence(NUM_IMAGES, **{"batch_size": PART_SIZE, **options})


def held_out() -> augseq.ImageSequence:
    """Return the same images as they are."""
    return new_sequence(augment=None, shuffle=False)


def new_model(kind: type[keras.Model] = keras.Model) -> keras.Model:
    """Return a linear model, always with the same weights."""
    inputs = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = kind(inputs, keras.layers.Dense(1)(flat))
    model.set_weights([np.random.default_rng(5).normal(size=(192, 1)), np.zeros(1)])
    optimizer = keras.optimizers.SGD(0.001)
    model.compile(optimizer, "mse", weighted_metrics=["mae"], jit_compile=NEEDS_JIT)
    return model


def mean_absolute_error(weights: list[np.ndarray]) -> float:
    """Compute by numpy what an evaluation of all images, each once, must give."""
    return float(np.abs(predictions(weights)[:, 0] - np.arange(NUM_IMAGES)).mean())


def predictions(weights: list[np.ndarray]) -> np.ndarray:
    """Compute with numpy the output of the model for the original images."""
    pixels = np.zeros((NUM_IMAGES, 64, 3))
    pixels[..., 0] = np.arange(NUM_IMAGES)[:, np.newaxis] / 255
    return pixels.reshape(NUM_IMAGES, 192) @ weights[0] + weights[1]


def train_alone() -> tuple[list[list[Trained]], list[np.ndarray]]:
    """Train global batches in this process alone; return what was trained, and the weights."""
    model, trained = new_model(), []
    whole = array_sequence(NUM_IMAGES, batch_size=NUM_IMAGES).shard(0, 1)
    size = 2 * PART_SIZE
    for epoch in range(NUM_EPOCHS):
        whole.set_epoch(epoch)
        images, targets = whole[0]
        places = [place % NUM_IMAGES for place in range(-(-NUM_IMAGES // size) * size)]
        steps = [places[first : first + size] for first in range(0, len(places), size)]
        for step in steps:
            model.train_on_batch(images[step], targets[step])
        trained.append([read_images(images[step]) for step in steps])
    return trained, model.get_weights()


def balanced_sequence(**options: Any) -> augseq.ImageSequence:
    """Return a sequence in which each image comes twice an epoch."""
    return new_sequence(sampling=augseq.Balanced(num_images=2 * NUM_IMAGES), **options)


def pixels_of(batches: augseq.ImageSequence, epoch: int) -> list[list[list[int]]]:
    """Return for each batch of an epoch the pixels that identify its images and draws."""
    batches.set_epoch(epoch)
    return [batches[k][0][:, 0, 0].astype(int).tolist() for k in range(len(batches))]


def refusal(call: Callable[[], Any]) -> str:
    """Return the message of the error that a call raises; empty without one."""
    try:
        call()
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def note(**findings: Any) -> None:
    """Keep findings for the test to judge."""
    _FINDINGS.update(findings)


def tell(wait_for_others: Callable[[], Any]) -> None:
    """Print the findings, and end when all have: a group ends its members if one leaves early."""
    print(json.dumps(_FINDINGS), flush=True)
    wait_for_others()
    os._exit(0)  # A normal exit may wait for threads of the group.
