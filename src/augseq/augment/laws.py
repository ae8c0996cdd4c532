"""The contract of an augmentation as laws that can be run against any of them."""

import pickle
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from itertools import chain, count
from types import FrameType
from typing import Any

import numpy as np

from augseq.augment.augmentation import Augmentation
from augseq.augment.augmentation_list import AugmentationList, make_augmentation_list
from augseq.errors import AugmentationError
from augseq.types import Image

Law = Callable[[Augmentation, Image, int], None]

_NUM_DRAWS = 24
_NUM_THREADS = 8
_LINES_PER_PAUSE = 41
_MOST_PAUSES = 20


def check_augmentation(augmentation: Any, image: Image | None = None, *, seed: int = 0) -> None:
    """Test an augmentation against every law of its contract.

    Args:
        augmentation: Anything that may stand in `augment=[...]`.
        image: What to try it on, shape (height, width, channels), uint8 or float32; a noise
            image of 64 x 96 pixels if None.
        seed: For the draws of the test.

    Raises:
        AugmentationError: A law is broken; the message says which and how.
        ArgumentError: It is not an augmentation at all.

    Example:
        >>> import albumentations as A
        >>> import augseq
        >>> augseq.check_augmentation(A.HorizontalFlip())
        >>> augseq.check_augmentation(lambda image, rng: None)
        Traceback (most recent call last):
        augseq.errors.AugmentationError: Augmentation 1, '<lambda>', must return ...
    """
    steps = make_augmentation_list([augmentation])
    if image is None:
        image = np.random.default_rng(seed).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    for law in LAWS:
        law(steps, image, seed)


def returns_an_image(augmentation: Augmentation, image: Image, seed: int) -> None:
    """The result has the right type, rank, channels and dtype."""
    _as_list(augmentation)(image.copy(), _rng(seed))


def equal_rng_gives_equal_pixels(augmentation: Augmentation, image: Image, seed: int) -> None:
    """The same image and state of `rng` give the same pixels, whatever ran before."""
    expected = _results(augmentation, image, seed)
    for draw in reversed(range(_NUM_DRAWS)):
        _require_equal(
            augmentation(image.copy(), _rng(seed + draw)),
            expected[draw],
            "gives other pixels for the same generator when called again: it keeps a memory of "
            "earlier calls, or draws from somewhere else than `rng`",
        )


def leaves_its_input_alone(augmentation: Augmentation, image: Image, seed: int) -> None:
    """The input is not changed."""
    for draw in range(_NUM_DRAWS):
        given = image.copy()
        augmentation(given, _rng(seed + draw))
        _require_equal(given, image, "changes the image that it is given; work on a copy")


def uses_no_global_generator(augmentation: Augmentation, image: Image, seed: int) -> None:
    """Neither Python's nor numpy's global generator is used."""
    before = random.getstate(), np.random.get_state(legacy=False)
    _results(augmentation, image, seed)
    after = random.getstate(), np.random.get_state(legacy=False)
    if repr(before) != repr(after):
        raise AugmentationError(
            "The augmentation draws from a global generator, `random` or `numpy.random`; "
            "draw from `rng` instead."
        )


def threads_may_share_it(augmentation: Augmentation, image: Image, seed: int) -> None:
    """Calls from several threads at once give the same as calls in turn."""
    expected = _results(augmentation, image, seed)
    starts = threading.Barrier(_NUM_THREADS)

    def run(first: int, pausing: bool) -> list[tuple[int, Image]]:
        starts.wait()
        # Each thread begins elsewhere, so that neighbours in time have other draws.
        draws = [(first + k) % _NUM_DRAWS for k in range(_NUM_DRAWS)]
        with _pausing_often() if pausing else nullcontext():
            return [(draw, augmentation(image.copy(), _rng(seed + draw)).copy()) for draw in draws]

    with _switching_often(), ThreadPoolExecutor(_NUM_THREADS) as pool:
        for pausing in (False, True):
            runs = pool.map(run, range(_NUM_THREADS), [pausing] * _NUM_THREADS)
            for draw, result in chain.from_iterable(runs):
                _require_equal(result, expected[draw], "gives other pixels when threads share it")


def survives_pickling(augmentation: Augmentation, image: Image, seed: int) -> None:
    """It pickles, and its copy gives the same pixels."""
    expected = _results(augmentation, image, seed)
    try:
        twin = pickle.loads(pickle.dumps(augmentation))
    except Exception as error:
        raise AugmentationError(
            f"The augmentation does not pickle, so worker processes cannot run it: {error}"
        ) from error
    for draw, result in enumerate(_results(twin, image, seed)):
        _require_equal(result, expected[draw], "gives other pixels after pickling")


def crops_before_decoding_as_in_a_call(augmentation: Augmentation, image: Image, seed: int) -> None:
    """A crop drawn before decoding gives the pixels that a call gives."""
    steps = _as_list(augmentation)
    for draw in range(_NUM_DRAWS):
        rng, untouched = _rng(seed + draw), _rng(seed + draw)
        crop = steps.draw_crop(image.shape, rng)
        if crop is None:
            if rng.random() != untouched.random():
                raise AugmentationError(
                    "The augmentation draws in `draw_crop` although it returns None."
                )
            continue
        top, left, height, width = crop.box or (0, 0, *image.shape[:2])
        part = image[top : top + height, left : left + width].copy()
        _require_equal(
            steps(part, rng, crop),
            steps(image.copy(), untouched),
            "gives different pixels when its crop is drawn before decoding: `draw_crop` must draw "
            "what a call draws, and `finish` return what a call returns",
        )


LAWS: tuple[Law, ...] = (
    returns_an_image,
    equal_rng_gives_equal_pixels,
    leaves_its_input_alone,
    uses_no_global_generator,
    threads_may_share_it,
    survives_pickling,
    crops_before_decoding_as_in_a_call,
)


@contextmanager
def _switching_often() -> Iterator[None]:
    """Let threads take turns so often that a race is hardly ever missed."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _pausing_often() -> Iterator[None]:
    """Let this thread rest amid its lines of Python, so that others run there.

    On a busy machine, a quick augmentation would else come to its end in one go: of forty races
    there, eighteen were noticed.
    """
    lines = count(1)

    def trace(_: FrameType, event: str, __: Any) -> Any:
        if event == "line":
            num_pauses, is_amid = divmod(next(lines), _LINES_PER_PAUSE)
            if not is_amid:
                time.sleep(1e-6)
            if num_pauses == _MOST_PAUSES:
                sys.settrace(None)
                return None
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def _as_list(augmentation: Augmentation) -> AugmentationList:
    if isinstance(augmentation, AugmentationList):
        return augmentation
    return make_augmentation_list([augmentation])


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def _results(augmentation: Augmentation, image: Image, seed: int) -> list[Image]:
    draws = range(seed, seed + _NUM_DRAWS)
    return [augmentation(image.copy(), _rng(draw)).copy() for draw in draws]


def _require_equal(result: Image, expected: Image, complaint: str) -> None:
    if not np.array_equal(result, expected, equal_nan=result.dtype.kind == "f"):
        raise AugmentationError(f"The augmentation {complaint}.")
