"""Ten transforms that are not pure, each in a way of its own, in a module that processes find."""

import itertools
import os
import random
import sys
import threading
import time
from dataclasses import dataclass, field

import numpy as np

from augseq.types import Image

Rng = np.random.Generator


def numpy_noise(image: Image, rng: Rng) -> Image:
    return image + np.random.randint(0, 9, image.shape).astype(np.uint8)


def python_flip(image: Image, rng: Rng) -> Image:
    return image[:, ::-1] if random.random() < 0.5 else image


def fresh_noise(image: Image, rng: Rng) -> Image:
    return image + np.random.default_rng().integers(0, 9, image.shape, np.uint8)


def darken_in_place(image: Image, rng: Rng) -> Image:
    image //= 2
    return image


def shift_by_the_clock(image: Image, rng: Rng) -> Image:
    return image + np.uint8(time.perf_counter_ns() % 251)


def shift_by_the_process(image: Image, rng: Rng) -> Image:
    return image + np.uint8(os.getpid() % 251)


def shift_by_a_hash(image: Image, rng: Rng) -> Image:
    return image + np.uint8(hash("augseq") % 251)


class Counting:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: Image, rng: Rng) -> Image:
        self.calls += 1
        return image + np.uint8(self.calls % 251)


class Racing:
    """Keeps what it drew in an attribute, as albumentations does."""

    def __call__(self, image: Image, rng: Rng) -> Image:
        self.shift = rng.integers(0, 250, dtype=np.uint8)
        for _ in itertools.repeat(None, 2000):
            pass
        return image + self.shift


class Locked:
    """Holds what no other process can have."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __call__(self, image: Image, rng: Rng) -> Image:
        with self.lock:
            return image


@dataclass(frozen=True, kw_only=True)
class GoesWrongElsewhere:
    """Ends a new process, after a word about it, or hangs in it.

    Attributes:
        code: The exit code; None to hang.
        home: The process in which all goes well.
    """

    code: int | None
    home: int = field(default_factory=os.getpid)

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if os.getpid() == self.home:
            return image
        if self.code is None:
            threading.Event().wait()
        print("the disk is on fire", file=sys.stderr, flush=True)
        os._exit(self.code or 0)


IMPURE = {
    "numpy_noise": numpy_noise,
    "python_flip": python_flip,
    "fresh_noise": fresh_noise,
    "darken_in_place": darken_in_place,
    "shift_by_the_clock": shift_by_the_clock,
    "shift_by_the_process": shift_by_the_process,
    "shift_by_a_hash": shift_by_a_hash,
    "Counting": Counting(),
    "Racing": Racing(),
    "Locked": Locked(),
}
