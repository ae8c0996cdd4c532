"""The interface of an augmentation: its call, and what it can report about itself."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from augseq.augment.crop import Crop
from augseq.augment.float_range import FloatRange
from augseq.augment.moving_map import MovingMap
from augseq.types import Image

Fired: TypeAlias = tuple[tuple[str, Mapping[str, Any]], ...]
"""The transforms that took effect, each with the parameters it drew."""


@runtime_checkable
class Augmentation(Protocol):
    """Changes one image, with randomness from a generator that is passed in.

    A plain function `f(image, rng)` is an augmentation. The contract:

    - All randomness comes from `rng`; no global generator is read or changed.
    - The same image and the same state of `rng` give the same pixels, whatever ran before.
    - The input is not changed; the result is a new array, a view of it, or the input itself.
    - The result has the same number of channels, and the same dtype or float32.
    - Several threads can call it at the same time.
    - It can be pickled (by `cloudpickle`, as lambdas can), so that other processes can run it.
    - If it declares that it moves no pixels, it moves none.

    `augseq.check_augmentation` tests all of this on your own augmentation. If an augmentation
    chooses the size of its result, such as a random crop, set its attribute `sets_size = True`;
    it then receives the image before it is resized. If it only changes values, and never moves
    pixels, set `moves_pixels = False` (for a function: `@augseq.photometric`): masks as targets
    require that, or an albumentations transform. To report more, inherit from
    `DetailedAugmentation`.
    """

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Return the augmented image.

        Args:
            image: Shape (height, width, channels), uint8 or float32.
            rng: Generator for this record in this epoch.
        """
        ...


@runtime_checkable
class SizedAugmentation(Augmentation, Protocol):
    """An augmentation that states whether it chooses the size of its result."""

    sets_size: bool


@runtime_checkable
class DetailedAugmentation(Augmentation, Protocol):
    """An augmentation that also reports what it does, and can crop before decoding.

    Inherit from it, write `__call__`, and override what applies: everything else has a default.
    """

    @property
    def name(self) -> str:
        """The name in errors, plans and figures."""
        return type(self).__name__

    @property
    def sets_size(self) -> bool:
        """Whether it chooses the size of its result.

        It then receives the image before it is resized.
        """
        return False

    @property
    def result_size(self) -> tuple[int, int] | None:
        """(height, width) in pixels of each result; None if they vary or are unknown."""
        return None

    @property
    def settings(self) -> str:
        """Its options as short text; empty if it has none."""
        return ""

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of all transforms that `fired` can report."""
        return (self.name,)

    @property
    def moving_parts(self) -> frozenset[str]:
        """The names in `part_names` of transforms that can move pixels."""
        return frozenset(self.part_names)

    def draw_crop(self, shape: tuple[int, ...], rng: np.random.Generator) -> Crop | None:
        """Draw a crop before decoding, as a call would draw it.

        Called only on the first element of a list, and only if `sets_size` is True.

        Args:
            shape: (height, width, channels) of the whole image.
            rng: Generator for this record in this epoch.

        Returns:
            The crop; None, without drawing, if a call needs the whole image.
        """
        return None

    def fired(self) -> Fired | None:
        """Return what took effect in this thread's last call; None if unknown.

        A crop is reported as a parameter `crop_coords`, (left, top, right, bottom) in pixels.
        """
        return None

    def vary(self, image: Image, rng: np.random.Generator, floats: FloatRange) -> Image:
        """Call it, and track the range of float pixels.

        Args:
            image: Shape (height, width, channels), uint8 or float32.
            rng: Generator for this record in this epoch.
            floats: What is known about the range of a float image; updated by the call.
        """
        floats.forget()
        return self(image, rng)

    @property
    def reason_against_maps(self) -> str | None:
        """Why it cannot move a mask together with the image; None if it can."""
        # A new size moves pixels too, whatever the parts say.
        if not self.moving_parts and not self.sets_size:
            return None
        return (
            "it may move pixels, and cannot move masks or boxes with them. If it only changes "
            "values, declare that: decorate a function with @augseq.photometric, or set the "
            "attribute moves_pixels = False of an object. If it moves pixels, use the equivalent "
            "albumentations transform."
        )

    @property
    def reason_against_points(self) -> str | None:
        """Why it cannot move boxes together with the image; None if it can."""
        return self.reason_against_maps

    def vary_with(
        self,
        image: Image,
        maps: Collection[MovingMap],
        rng: np.random.Generator,
        floats: FloatRange,
    ) -> Image:
        """Call it, and move the maps of the image in the same way.

        Args:
            image: Shape (height, width, channels), uint8 or float32.
            maps: The maps, whose values are replaced.
            rng: Generator for this record in this epoch.
            floats: As in `vary`.
        """
        twins = [moving for moving in maps if moving.kind == "twin"]
        if not twins:
            return self.vary(image, rng, floats)
        # The same draws for each; then `rng` continues as if there were no twins.
        before = rng.bit_generator.state
        result = self.vary(image, rng, floats)
        after = rng.bit_generator.state
        for twin in twins:
            rng.bit_generator.state = before
            twin.values = self.vary(twin.values, rng, twin.floats)
        rng.bit_generator.state = after
        return result


class _PlainAugmentation(DetailedAugmentation):
    """Wraps a function or object that has only a call, and perhaps `sets_size`."""

    def __init__(self, call: Augmentation) -> None:
        self._call = call

    @property
    def name(self) -> str:
        return str(getattr(self._call, "__name__", type(self._call).__name__))

    @property
    def sets_size(self) -> bool:
        return isinstance(self._call, SizedAugmentation) and self._call.sets_size

    @property
    def moving_parts(self) -> frozenset[str]:
        is_still = getattr(self._call, "moves_pixels", True) is False
        return frozenset() if is_still and not self.sets_size else frozenset((self.name,))

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        return self._call(image, rng)


def detailed(augmentation: Augmentation) -> DetailedAugmentation:
    """Return an augmentation as a `DetailedAugmentation`, with defaults."""
    if isinstance(augmentation, DetailedAugmentation):
        return augmentation
    return _PlainAugmentation(augmentation)
