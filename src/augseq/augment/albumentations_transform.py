"""An albumentations transform as an `Augmentation`."""

import copy
import inspect
import random
import threading
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from augseq.augment.albumentations_parts import PartWatch, is_compose, moves_pixels, parts_of
from augseq.augment.augmentation import DetailedAugmentation, Fired
from augseq.augment.border_fill import fill_all_channels
from augseq.augment.crop import Crop
from augseq.augment.float_range import FloatRange
from augseq.augment.moving_map import MovingMap, follow_with_labels
from augseq.augment.suitability import (
    reason_against_channels,
    reason_against_moving,
    reason_against_points,
)
from augseq.types import Image

# Modules of the albumentations transforms that choose the size of their result.
_SIZE_MODULES = (
    "albumentations.augmentations.crops",
    "albumentations.augmentations.geometric.pad",
    "albumentations.augmentations.geometric.resize",
)
# Transforms that use one box of the image, which depends only on its shape.
_CROPS = ("CenterCrop", "RandomCrop", "RandomResizedCrop", "RandomSizedCrop")


class AlbumentationsTransform(DetailedAugmentation):
    """A transform or `Compose` that fulfils the contract of an augmentation.

    An albumentations object is neither thread-safe nor pure: it stores its generators and drawn
    parameters as attributes, and a seed gives equal draws to all transforms of a `Compose`. Here
    each thread has its own copy, and all draws come from `rng`; a `seed` passed to the object is
    ignored.

    Args:
        transform: An albumentations object. It is copied, so that later changes to the original
            have no effect.
    """

    def __init__(self, transform: Any) -> None:
        self._transform = copy.deepcopy(transform)
        self._copies = threading.local()

    @property
    def name(self) -> str:
        """The name of the transform's class."""
        return type(self._transform).__name__

    @property
    def transform(self) -> Any:
        """A copy of the albumentations object."""
        return copy.deepcopy(self._transform)

    @property
    def sets_size(self) -> bool:
        """Whether it, or a transform inside it, chooses the size of the result."""
        return _sets_size(self._transform)

    @property
    def result_size(self) -> tuple[int, int] | None:
        """(height, width) in pixels of all results; None if it varies or is unknown."""
        transform = self._transform
        if is_compose(transform) or not _sets_size(transform) or transform.p < 1:
            return None
        size = getattr(transform, "size", None) or (
            getattr(transform, "height", None),
            getattr(transform, "width", None),
        )
        return None if None in size else tuple(size)

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Apply the transform, with all draws from `rng`.

        Args:
            image: Shape (height, width, channels), uint8 or float32.
            rng: Generator for this record in this epoch.

        Raises:
            AugmentationError: It would clip float pixels, or returns no array; the message names
                the transform inside a `Compose`.
        """
        return self.vary(image, rng, FloatRange())

    def vary(self, image: Image, rng: np.random.Generator, floats: FloatRange) -> Image:
        """Apply the transform, and raise an error if it would clip float pixels.

        Raises:
            AugmentationError: As in `__call__`.
        """
        transform = self._drawing_from(rng)
        self._copies.watch.floats = floats
        return _with_channels(transform(image=image)["image"])

    @property
    def reason_against_maps(self) -> str | None:
        """Why it cannot move a mask together with the image; None if it can."""
        return reason_against_moving(self._transform)

    @property
    def reason_against_points(self) -> str | None:
        """Why it cannot move boxes together with the image; None if it can."""
        return reason_against_points(self._transform)

    def reason_against_channels(self, number: int, *, moves_only: bool = False) -> str | None:
        """Return why it cannot change an image of some number of channels; None if it can.

        Args:
            number: Number of channels.
            moves_only: Whether the image is only moved.
        """
        return reason_against_channels(self._transform, number, moves_only=moves_only)

    def vary_with(
        self,
        image: Image,
        maps: Collection[MovingMap],
        rng: np.random.Generator,
        floats: FloatRange,
    ) -> Image:
        """Apply the transform, and each part that moves the image to its maps too.

        Raises:
            AugmentationError: As in `__call__`.
        """
        transform = self._drawing_from(rng)
        watch = self._copies.watch
        watch.floats, watch.maps = floats, maps
        try:
            return _with_channels(transform(image=image)["image"])
        finally:
            watch.maps = ()

    def draw_crop(self, shape: tuple[int, ...], rng: np.random.Generator) -> Crop | None:
        """Draw the crop for an image of this shape, as a call would draw it.

        Returns:
            The crop; None, without drawing, if the transform needs the whole image.
        """
        if self._is_plain("geometric.resize", ("Resize",)):
            transform = self._drawing_from(rng)
            size = (transform.height, transform.width)
            return Crop(
                box=None,
                covers=size,
                finish=partial(_apply, transform, {}),
                move=partial(_move_resized, transform, size),
            )
        if not self._is_plain("crops.transforms", _CROPS):
            return None
        transform = self._drawing_from(rng)
        params = transform.get_params_dependent_on_data(params={"shape": shape}, data={})
        transform.params = params
        left, top, right, bottom = map(int, params["crop_coords"])
        return Crop(
            box=(top, left, bottom - top, right - left),
            covers=getattr(transform, "size", None),
            finish=partial(_apply_crop, transform, params),
            move=partial(_move_crop, transform, params),
        )

    def fired(self) -> Fired:
        """Return the transforms that took effect in this thread's last call."""
        # None before the first call in a thread.
        return tuple(_fired(getattr(self._copies, "parts", ())))

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of all transforms that can fire: itself, or those inside a `Compose`."""
        return tuple(type(part).__name__ for part in parts_of(self._transform))

    @property
    def moving_parts(self) -> frozenset[str]:
        """Names of the transforms that can move pixels; the others keep them in place."""
        return frozenset(
            type(part).__name__ for part in parts_of(self._transform) if moves_pixels(part)
        )

    @property
    def settings(self) -> str:
        """Its probability and its non-default options, as text."""
        transform = self._transform
        if is_compose(transform):
            return f"{', '.join(self.part_names)}; p={transform.p:g}"
        defaults = inspect.signature(type(transform)).parameters
        chosen = [
            f"{key}={value!r}"
            for key, value in transform.get_transform_init_args().items()
            if key != "p"
            and (key not in defaults or not np.array_equal(value, defaults[key].default))
        ]
        return ", ".join([f"p={transform.p:g}", *chosen])

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the state of calls, for copies too.
        return (type(self), (self._transform,))

    def __repr__(self) -> str:
        return repr(self._transform)

    def _is_plain(self, module: str, names: tuple[str, ...]) -> bool:
        """Return whether it is of one of these classes, always applied, and does not pad."""
        kind = type(self._transform)
        return (
            kind.__module__ == f"albumentations.augmentations.{module}"
            and kind.__name__ in names
            and self._transform.p >= 1
            and not getattr(self._transform, "pad_if_needed", False)
        )

    def _drawing_from(self, rng: np.random.Generator) -> Any:
        """Return this thread's copy of the transform, set to draw from `rng`."""
        local = self._copies
        if not hasattr(local, "transform"):
            local.transform, local.draws = copy.deepcopy(self._transform), _Draws()
            local.parts = tuple(parts_of(local.transform))
            for part in local.parts:
                follow_with_labels(part)
                fill_all_channels(part)
            local.watch = PartWatch(FloatRange())
            local.watch.attach(local.transform)
        # A part that a OneOf skips would otherwise report what it drew for an earlier image.
        for part in local.parts:
            part.params = {}
        local.draws.draw_from(rng)
        # Unlike with a seed, all transforms of a Compose then draw in turn from one stream, so a
        # horizontal and a vertical flip are independent.
        local.transform.set_random_state(rng, local.draws)
        return local.transform


class _Draws(random.Random):
    """Python's `random` distributions on the bits of a numpy generator.

    Seeding a `random.Random` for each call took 5.6 of the 50 microseconds of a flip.
    """

    def draw_from(self, rng: np.random.Generator) -> None:
        """Use the bits of `rng` from now on."""
        self._bits = rng.bit_generator
        # `gauss` generates two numbers at a time and would keep one for the next image.
        self.gauss_next = None

    def random(self) -> float:
        """Return a float from 0 to below 1, with 53 random bits."""
        return (self._bits.random_raw() >> 11) * 2.0**-53

    def getrandbits(self, k: int) -> int:
        """Return `k` random bits as an integer."""
        words = (self._bits.random_raw() for _ in range(-(-k // 64)))
        return sum(word << (64 * n) for n, word in enumerate(words)) >> (-k % 64)


def _fired(parts: Iterable[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in parts:
        if getattr(part, "params", None):
            # The shape of the image and unchanged options were not drawn.
            drawn = {
                key: value
                for key, value in part.params.items()
                if key != "shape" and value is not getattr(part, key, part)
            }
            yield type(part).__name__, drawn


def _apply_crop(transform: Any, params: dict[str, Any], part: Image) -> Image:
    whole = (0, 0, part.shape[1], part.shape[0])
    return _apply(transform, {**params, "crop_coords": whole}, part)


def _move_crop(transform: Any, params: dict[str, Any], moving: MovingMap) -> None:
    height, width = moving.size
    size = getattr(transform, "size", (height, width))
    moving.move(transform, {**params, "crop_coords": (0, 0, width, height)}, size)


def _move_resized(transform: Any, size: tuple[int, int], moving: MovingMap) -> None:
    moving.move(transform, {}, size)


def _apply(transform: Any, params: dict[str, Any], image: Image) -> Image:
    return _with_channels(transform.apply(image, **params))


def _with_channels(result: Image) -> Image:
    # OpenCV drops the channel axis of grey images, and not every transform puts it back.
    return result[:, :, np.newaxis] if np.ndim(result) == 2 else result


def _sets_size(transform: Any) -> bool:
    if is_compose(transform):
        return any(_sets_size(child) for child in transform.transforms)
    return any(kind.__module__.startswith(_SIZE_MODULES) for kind in type(transform).__mro__)
