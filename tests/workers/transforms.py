"""Augmentations that worker processes load; nothing heavy is imported here.

A worker imports the module of each function that it runs. A test module would load Keras there, if
only because an annotation names `augseq.ImageSequence`: that takes seconds in each process.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

Image = np.ndarray


def add_noise(image: Image, rng: np.random.Generator) -> Image:
    return (image + rng.integers(0, 9, image.shape)).astype(image.dtype)


def add_noise_but_first(image: Image, rng: np.random.Generator) -> Image:
    """Add noise to all pixels but the first, which other transforms go by."""
    noisy = add_noise(image, rng)
    noisy[0, 0] = image[0, 0]
    return noisy


def invert_at_times(image: Image, rng: np.random.Generator) -> Image:
    return 255 - image if rng.random() < 0.5 else image


def slow(image: Image, rng: np.random.Generator) -> Image:
    """Take about 4 ms of pure Python, far more than any other stage of a tiny image."""
    end = time.perf_counter() + 0.004
    while time.perf_counter() < end:
        rng.random()
    return image


def count_backends(image: Image, rng: np.random.Generator) -> Image:
    names = ("jax", "keras", "tensorflow", "torch", "pyarrow", "matplotlib")
    return np.full_like(image, sum(name in sys.modules for name in names))


def blocked_signals(image: Image, rng: np.random.Generator) -> Image:
    """Return how many signals this thread does not get."""
    return np.full_like(image, len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))


def hold_the_lock(image: Image, rng: np.random.Generator) -> Image:
    """Take 2 ms of pure Python."""
    end = time.thread_time() + 0.002
    while time.thread_time() < end:
        pass
    return image


def release_the_lock(image: Image, rng: np.random.Generator) -> Image:
    """Take 5 ms in which other threads can work."""
    threading.Event().wait(0.005)
    return image


def hang(image: Image, rng: np.random.Generator) -> Image:
    while True:
        signal.pause()


GO_ON = threading.Event()
"""Releases the threads blocked in `Hang`, when a test is over."""


@dataclass(frozen=True)
class Hang:
    """Hangs over the images whose first value is `at`.

    Attributes:
        in_native_code: Whether that holds the interpreter lock, so that no other thread runs.
    """

    at: int = 5
    in_native_code: bool = False

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        if image[0, 0, 0] == self.at:
            (ctypes.PyDLL(None).pause if self.in_native_code else GO_ON.wait)()
        return image


class HangWhenLoaded:
    """Pickles, and hangs when it is loaded."""

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        return image

    def __reduce__(self) -> tuple[object, ...]:
        return (signal.pause, ())


class TextError(Exception):
    """Comes through pickling."""


class KeywordError(Exception):
    """Pickles, but does not come back."""

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class LocalError(Exception):
    """Does not even pickle."""

    def __reduce__(self) -> str:
        raise TypeError("never")


class PathError(Exception):
    """Survives pickling, but with a different text."""

    def __init__(self, path: str) -> None:
        super().__init__(f"cannot use {path}")


class MuteError(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise AttributeError("never")


@dataclass(frozen=True)
class Raise:
    """Raises an exception over the images whose first value is `at`."""

    error: BaseException
    at: int = 5

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        if image[0, 0, 0] == self.at:
            raise self.error
        return image


class RaiseKeyword:
    """Raises what cannot come back."""

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        raise KeywordError("broken", path="cats/5.jpg")


class RaisePath:
    """Raises what comes back with another text."""

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        raise PathError("broken")


class RaiseLocal:
    """Raises what does not pickle."""

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        raise LocalError("broken")


@dataclass(frozen=True)
class Die:
    """Ends its process over the images whose first value is `at`: once for each of some files.

    Attributes:
        folder: Where a file stands for each death.
        deaths: How many at most.
        signal: By which signal; 0 for a call of `os._exit(0)`.
    """

    folder: Path
    deaths: int
    signal: int = 0
    at: int = 5

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        died = len(list(self.folder.iterdir()))
        if image[0, 0, 0] == self.at and died < self.deaths:
            (self.folder / str(died)).touch()
            if self.signal:
                os.kill(os.getpid(), self.signal)
            os._exit(0)
        return image


@dataclass(frozen=True)
class DieOnce:
    """Ends its process once over every fourth image, whose first value is its number.

    By SIGKILL, SIGSEGV or a call of `os._exit(0)`, in turn.

    Attributes:
        folder: Where a file stands for each death.
    """

    folder: Path

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        number = int(image[0, 0, 0])
        if number % 4 == 1 and _is_first_time(self.folder / str(number)):
            way = (signal.SIGKILL, signal.SIGSEGV, None)[number // 4 % 3]
            if way:
                os.kill(os.getpid(), way)
            os._exit(0)
        return image


@dataclass(frozen=True)
class HangOnce:
    """Hangs in the first worker that comes to every fourth image.

    Attributes:
        folder: Where a file stands for each image over which one has hung.
    """

    folder: Path

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        number = int(image[0, 0, 0])
        if number % 4 == 1 and _is_first_time(self.folder / str(number)):
            signal.pause()
        return image


def _is_first_time(file: Path) -> bool:
    try:
        file.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Unloadable:
    """Pickles, but breaks when it is loaded."""

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        return image

    def __reduce__(self) -> tuple[object, ...]:
        return (_break, ())


class LoadsBackend(Unloadable):
    """Pickles, and seems to load a backend where it is loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_seem_to_load_jax, ())


class Deadly(Unloadable):
    """Pickles, and ends the process that loads it."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os._exit, (3,))


class Locked:
    """Does not pickle, by any means."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        return image


def _seem_to_load_jax() -> LoadsBackend:
    sys.modules["jax"] = ModuleType("jax")
    return LoadsBackend()


def _break() -> None:
    raise ImportError("no such library here")


class Uneven:
    """Gives every image a different height."""

    sets_size = True

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        return image[: 1 + int(rng.integers(1000)) % len(image)]


@dataclass(frozen=True)
class NoteEnd:
    """Takes some time, and then sets the time of a file: the end of the last sample anywhere.

    Attributes:
        path: The file.
        seconds: How long a sample takes.
        holds_the_lock: Whether it is Python code that takes so long.
    """

    path: str
    seconds: float
    holds_the_lock: bool = False

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        if self.holds_the_lock:
            end = time.monotonic() + self.seconds
            while time.monotonic() < end:
                pass
        else:
            threading.Event().wait(self.seconds)
        os.utime(self.path)
        return image


def hang_from_5_on(number: int) -> int:
    if number >= 5:
        threading.Event().wait()
    return number


def die_over_5(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
