"""The contract of an augmentation as executable tests, one per rule."""

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

import cloudpickle
import numpy as np
import numpy.typing as npt

from augseq.augment.augmentation import Augmentation
from augseq.augment.augmentation_list import AugmentationList, make_augmentation_list
from augseq.augment.moving_map import MovingMap
from augseq.errors import AugmentationError
from augseq.types import Image

Law = Callable[[Augmentation, Image, int], None]

_NUM_DRAWS = 24
_NUM_THREADS = 8
_LINES_PER_PAUSE = 41
_MOST_PAUSES = 20


def check_augmentation(augmentation: Any, image: Image | None = None, *, seed: int = 0) -> None:
    """Test an augmentation against every rule of its contract.

    Args:
        augmentation: Any valid element of `augment=[...]`.
        image: Image to test with, shape (height, width, channels), uint8 or float32. None: a
            noise image of 64 x 96 pixels.
        seed: Random seed of the test.

    Raises:
        AugmentationError: It breaks a rule; the message describes how.
        ArgumentError: It is not an augmentation.

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
            "returns different pixels for the same generator when called again: it keeps state "
            "from earlier calls, or draws from a source other than `rng`",
        )


def leaves_its_input_alone(augmentation: Augmentation, image: Image, seed: int) -> None:
    """The input is not changed."""
    for draw in range(_NUM_DRAWS):
        given = image.copy()
        augmentation(given, _rng(seed + draw))
        _require_equal(given, image, "changes its input image; work on a copy")


def uses_no_global_generator(augmentation: Augmentation, image: Image, seed: int) -> None:
    """Neither Python's nor numpy's global generator is used."""
    before = random.getstate(), np.random.get_state(legacy=False)
    _results(augmentation, image, seed)
    after = random.getstate(), np.random.get_state(legacy=False)
    if repr(before) != repr(after):
        raise AugmentationError(
            "The augmentation draws from a global generator, `random` or `numpy.random`; "
            "use `rng` instead."
        )


def threads_may_share_it(augmentation: Augmentation, image: Image, seed: int) -> None:
    """Concurrent calls from several threads give the same pixels as sequential calls."""
    expected = _results(augmentation, image, seed)
    starts = threading.Barrier(_NUM_THREADS)

    def run(first: int, pausing: bool) -> list[tuple[int, Image]]:
        starts.wait()
        # Each thread starts at a different draw, so that concurrent calls have different draws.
        draws = [(first + k) % _NUM_DRAWS for k in range(_NUM_DRAWS)]
        with _pausing_often() if pausing else nullcontext():
            return [(draw, augmentation(image.copy(), _rng(seed + draw)).copy()) for draw in draws]

    with _switching_often(), ThreadPoolExecutor(_NUM_THREADS) as pool:
        for pausing in (False, True):
            runs = pool.map(run, range(_NUM_THREADS), [pausing] * _NUM_THREADS)
            for draw, result in chain.from_iterable(runs):
                _require_equal(
                    result, expected[draw], "returns different pixels when threads share it"
                )


def survives_pickling(augmentation: Augmentation, image: Image, seed: int) -> None:
    """It can be pickled, as for worker processes, and the copy gives the same pixels."""
    expected = _results(augmentation, image, seed)
    try:
        twin = pickle.loads(cloudpickle.dumps(augmentation))
    except Exception as error:
        raise AugmentationError(
            f"The augmentation cannot be pickled, so worker processes cannot run it: {error}"
        ) from error
    for draw, result in enumerate(_results(twin, image, seed)):
        _require_equal(result, expected[draw], "returns different pixels after pickling")


def crops_before_decoding_as_in_a_call(augmentation: Augmentation, image: Image, seed: int) -> None:
    """A crop drawn before decoding gives the pixels that a call gives."""
    steps = _as_list(augmentation)
    for draw in range(_NUM_DRAWS):
        rng, untouched = _rng(seed + draw), _rng(seed + draw)
        crop = steps.draw_crop(image.shape, rng)
        if crop is None:
            if rng.random() != untouched.random():
                raise AugmentationError(
                    "The augmentation must not draw in `draw_crop` if it returns None."
                )
            continue
        top, left, height, width = crop.box or (0, 0, *image.shape[:2])
        part = image[top : top + height, left : left + width].copy()
        _require_equal(
            steps(part, rng, crop),
            steps(image.copy(), untouched),
            "returns different pixels when its crop is drawn before decoding: `draw_crop` must "
            "draw what a call draws, and `finish` must return what a call returns",
        )


def moves_masks_with_the_image(augmentation: Augmentation, image: Image, seed: int) -> None:
    """Pixels that are declared to stay in place do so, and others move with their mask."""
    steps = _as_list(augmentation)
    if any(step.reason_against_maps for step in steps.details):
        # Lists with masks refuse it.
        return
    plain, changed, is_changed = _images_that_differ_in_a_square(image, seed)
    for draw in range(_NUM_DRAWS):
        mask = MovingMap(is_changed.astype(np.uint16), "labels")
        result = steps(changed.copy(), _rng(seed + draw), maps=[mask])
        effect = result.astype(np.float64) - steps(plain.copy(), _rng(seed + draw))
        inside = effect[mask.values == 1]
        most = _most_of_a_square(effect, int(is_changed.sum() ** 0.5))
        # Noise that depends on the pixels can differ everywhere, but by less.
        if len(inside) and most > max(2 * abs(inside.mean(axis=0)).max(), 0.4 * result.std()):
            raise AugmentationError(
                "The augmentation moves pixels, but not those of a mask: an area that differs "
                "between two images is elsewhere after the call. If it moves pixels, it must not "
                "be declared with @augseq.photometric or moves_pixels = False; use the equivalent "
                "albumentations transform."
            )


LAWS: tuple[Law, ...] = (
    returns_an_image,
    equal_rng_gives_equal_pixels,
    leaves_its_input_alone,
    uses_no_global_generator,
    threads_may_share_it,
    survives_pickling,
    crops_before_decoding_as_in_a_call,
    moves_masks_with_the_image,
)


@contextmanager
def _switching_often() -> Iterator[None]:
    """Switch threads so often that a race is hardly ever missed."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _pausing_often() -> Iterator[None]:
    """Pause this thread between lines of Python, so that other threads run there.

    On a busy machine, a fast augmentation would otherwise run without interruption: only eighteen
    of forty races were detected.
    """
    lines = count(1)

    def trace(_: FrameType, event: str, __: Any) -> Any:
        if event == "line":
            num_pauses, num_lines_since = divmod(next(lines), _LINES_PER_PAUSE)
            if num_lines_since == 0:
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


def _images_that_differ_in_a_square(
    image: Image, seed: int
) -> tuple[Image, Image, npt.NDArray[np.bool_]]:
    """Return two noise images, dark and bright in a square, and a mask of the square.

    The square is left of the middle and near the top, so that flips and rotations move it away.

    Args:
        image: Has the shape, dtype and range of the results.
        seed: Random seed of the noise.
    """
    height, width, _ = image.shape
    side = max(1, min(height, width) // 4)
    is_changed = np.zeros((height, width), np.bool_)
    is_changed[height // 8 :, width // 4 :][:side, :side] = True
    low, high = (0, 255) if image.dtype == np.uint8 else (image.min(), image.max())
    shares = np.random.default_rng(seed).random(image.shape)
    dark, bright = (
        np.where(is_changed[..., None], shares / 4 + add, shares) * (high - low) + low
        for add in (0, 0.75)
    )
    return dark.astype(image.dtype), bright.astype(image.dtype), is_changed


def _most_of_a_square(values: npt.NDArray[np.float64], side: int) -> float:
    """Return the largest average, by magnitude, of a square and channel."""
    side = min(side, *values.shape[:2])
    sums = np.pad(values, ((1, 0), (1, 0), (0, 0))).cumsum(axis=0).cumsum(axis=1)
    rows = sums[side:] - sums[:-side]
    return float(abs(rows[:, side:] - rows[:, :-side]).max() / side**2)


def _results(augmentation: Augmentation, image: Image, seed: int) -> list[Image]:
    draws = range(seed, seed + _NUM_DRAWS)
    return [augmentation(image.copy(), _rng(draw)).copy() for draw in draws]


def _require_equal(result: Image, expected: Image, complaint: str) -> None:
    if not np.array_equal(result, expected, equal_nan=result.dtype.kind == "f"):
        raise AugmentationError(f"The augmentation {complaint}.")
