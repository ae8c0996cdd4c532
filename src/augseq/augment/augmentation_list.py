"""The user's list of augmentations, validated once and applied in order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augseq.augment.albumentations_parts import NO_TENSORS, is_albumentations
from augseq.augment.albumentations_transform import AlbumentationsTransform
from augseq.augment.augmentation import Augmentation, DetailedAugmentation, detailed
from augseq.augment.crop import Crop
from augseq.augment.float_range import FloatRange
from augseq.augment.moving_map import MapKind, MovingMap
from augseq.augment.suitability import (
    reason_against,
    reason_against_order,
    reason_against_parts,
)
from augseq.errors import ArgumentError, AugmentationError
from augseq.progress_note import THIS_THREAD
from augseq.types import Image

_FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True, slots=True)
class AugmentationList:
    """Augmentations in the order in which they run; itself an `Augmentation`.

    Attributes:
        steps: The augmentations; errors name them by position and name.
        details: The same augmentations, with what each reports about itself.
        sets_size: Whether any augmentation chooses the size of its result.
    """

    steps: tuple[Augmentation, ...] = ()
    details: tuple[DetailedAugmentation, ...] = field(init=False, repr=False, compare=False)
    sets_size: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        details = tuple(map(detailed, self.steps))
        object.__setattr__(self, "details", details)
        # Once: every sample asks for it several times, and asking three steps took 39 microseconds.
        object.__setattr__(self, "sets_size", any(step.sets_size for step in details))

    @property
    def result_size(self) -> tuple[int, int] | None:
        """(height, width) in pixels that the list sets; None if it varies or is unknown."""
        last = next((step for step in reversed(self.details) if step.sets_size), None)
        return None if last is None else last.result_size

    @property
    def names(self) -> list[str]:
        """Names of the augmentations, in order."""
        return [step.name for step in self.details]

    def draw_crop(self, shape: tuple[int, ...], rng: np.random.Generator) -> Crop | None:
        """Draw the crop of the first augmentation; None if it is not a crop.

        Args:
            shape: (height, width, channels) of the whole image.
            rng: The generator that the call will then continue to draw from.
        """
        if not self.details:
            return None
        try:
            return self.details[0].draw_crop(shape, rng)
        except Exception as error:
            _name_step(error, 1, self.details[0])
            raise

    def require_maps(self, kinds: Collection[MapKind | None]) -> None:
        """Raise `ArgumentError` if an augmentation cannot move maps together with the image.

        Args:
            kinds: The kinds of the maps.
        """
        for number, step in enumerate(self.details, 1):
            reason = step.reason_against_maps if set(kinds) - {"points"} else None
            if "points" in kinds:
                reason = reason or step.reason_against_points
            if reason:
                raise ArgumentError(
                    f"Element {number} of `augment`, {step.name!r}, cannot be used with targets "
                    "that move with the image, such as masks, boxes, and classes with `mirror`: "
                    f"{reason}"
                )

    def require_channels(self, number: int, *, moves_only: bool = False) -> None:
        """Raise `ArgumentError` if an augmentation is not for images of this number of channels.

        Functions are not checked.

        Args:
            number: Number of channels of the images.
            moves_only: Whether the images are only moved, as an image is with another one.
        """
        for position, step in enumerate(self.steps, 1):
            if isinstance(step, AlbumentationsTransform):
                reason = step.reason_against_channels(number, moves_only=moves_only)
                if reason:
                    raise _unsuitable(position, step, reason)

    def __call__(
        self,
        image: Image,
        rng: np.random.Generator,
        crop: Crop | None = None,
        maps: Collection[MovingMap] = (),
    ) -> Image:
        """Apply all augmentations, which draw in turn from `rng`.

        Args:
            image: The image, or the region of it that `crop` uses; can be read-only.
            rng: Generator for this record in this epoch.
            crop: The crop that the first augmentation has already drawn.
            maps: Maps of the image, which are moved with it.

        Returns:
            Shape (height, width, channels), uint8 or float32; writable, like the inputs of all
            augmentations.

        Raises:
            AugmentationError: An augmentation returned something other than such an image, or
                would clip float pixels.
        """
        note, floats = THIS_THREAD.note, FloatRange()
        image = image if crop else _writable(image)
        for number, step in enumerate(self.details, 1):
            note[1] = number
            try:
                if crop and number == 1:
                    result = _finished(crop, image, floats, maps)
                elif maps:
                    result = step.vary_with(image, maps, rng, floats)
                else:
                    result = step.vary(image, rng, floats)
            except AugmentationError as error:
                text = _of_element(_numbered(number, step), step, str(error))
                raise AugmentationError(text) from error
            except Exception as error:
                _name_step(error, number, step)
                raise
            problem = _problem(result, image)
            if problem:
                raise AugmentationError(
                    f"{_numbered(number, step)}, must return an image of shape "
                    f"(height, width, {image.shape[2]}), dtype {_allowed_dtypes(image)}, with "
                    "finite values. "
                    f"Received: {problem.rstrip('.')}."
                )
            # A crop can return a view of its input, and arrays from Pillow are read-only.
            image = _writable(result)
            if maps:
                _check_maps(maps, image, _numbered(number, step))
        note[1] = 0
        return image


def make_augmentation_list(augment: Sequence[Any] | AugmentationList | None) -> AugmentationList:
    """Convert a user's list of augmentations, of any combination of kinds.

    Args:
        augment: Albumentations transforms or `Compose`, functions `f(image, rng)`, and
            `Augmentation` objects; None for no augmentation.

    Raises:
        ArgumentError: It is not a list, or an element is not an augmentation, needs more than the
            image, returns tensors, or would clip the output of an earlier `Normalize`.
    """
    if augment is None:
        return AugmentationList()
    if isinstance(augment, AugmentationList):
        return augment
    if isinstance(augment, str | bytes) or not isinstance(augment, Sequence):
        hint = f"augseq.preset({augment!r})" if isinstance(augment, str) else "[...]"
        raise ArgumentError(
            "`augment` must be a list of augmentations. "
            f"Received: {_shown(augment)}. Write augment={hint}."
        )
    steps = AugmentationList(tuple(_as_augmentation(n, item) for n, item in enumerate(augment, 1)))
    clipped = reason_against_order(
        step.transform if isinstance(step, AlbumentationsTransform) else step
        for step in steps.steps
    )
    if clipped:
        number, reason = clipped
        raise _unsuitable(number, steps.steps[number - 1], reason)
    return steps


def _as_augmentation(number: int, item: Any) -> Augmentation:
    if is_albumentations(item) and not isinstance(item, type):
        reason = reason_against_parts(item)
        if reason:
            raise _unsuitable(number, item, reason)
        return AlbumentationsTransform(item)
    advice = reason_against(item)
    if advice:
        raise ArgumentError(
            f"Element {number} of `augment` must be an albumentations transform, a function "
            f"f(image, rng), or an object that can be called the same way. Received: "
            f"{_shown(item)}. {advice}"
        )
    augmentation: Augmentation = item
    return augmentation


def _finished(crop: Crop, image: Image, floats: FloatRange, maps: Collection[MovingMap]) -> Image:
    if image.dtype == _FLOAT32:
        floats.measure(image)
    for moving in maps:
        assert crop.move is not None
        if moving.kind == "twin" and moving.values.dtype == _FLOAT32:
            moving.floats.measure(moving.values)
        crop.move(moving)
    return crop.finish(image)


def _check_maps(maps: Collection[MovingMap], image: Image, step: str) -> None:
    for moving in maps:
        if moving.kind == "twin":
            problem = _problem(moving.values, image)
            if problem:
                raise AugmentationError(
                    f"{step}, must change a paired image as it changes the image. "
                    f"Received: {problem.rstrip('.')}."
                )
            moving.values = _writable(moving.values)
        if moving.size != image.shape[:2]:
            raise AugmentationError(
                f"{step}, must move masks and maps with the image. Received: an image of "
                f"{image.shape[:2]} and a map of {moving.size}."
            )


def _writable(image: Image) -> Image:
    """Return the image itself, or a copy if it is read-only."""
    return image if image.flags.writeable else image.copy()


def _problem(result: Any, image: Image) -> str | None:
    if not isinstance(result, np.ndarray):
        # Detects tensors of torch, TensorFlow and JAX.
        is_tensor = hasattr(result, "shape") and hasattr(result, "__array__")
        return f"{_shown(result)}{f'. {NO_TENSORS}' if is_tensor else ''}"
    same_rank = result.ndim == 3 and result.size > 0 and result.shape[2] == image.shape[2]
    if not same_rank or result.dtype not in (image.dtype, _FLOAT32):
        is_wide = same_rank and result.dtype == np.float64
        hint = '. Convert it with image.astype("float32")' if is_wide else ""
        return f"shape={result.shape}, dtype={result.dtype}{hint}"
    return _unusable_values(result) if result.dtype == _FLOAT32 else None


def _unusable_values(image: Image) -> str | None:
    # 0.05 ms for 224 x 224 pixels, at most 3 % of a sample; checking the sum took longer.
    is_finite = np.isfinite(image)
    if is_finite.all():
        return None
    num_bad = image.size - np.count_nonzero(is_finite)
    return f"{num_bad} of {image.size} values that are NaN or infinite"


def _allowed_dtypes(image: Image) -> str:
    return "float32" if image.dtype == _FLOAT32 else f"{image.dtype} or float32"


def _numbered(number: int, step: DetailedAugmentation) -> str:
    return f"Augmentation {number}, {step.name!r}"


def _unsuitable(number: int, item: Any, reason: str) -> ArgumentError:
    return ArgumentError(
        _of_element(f"Element {number} of `augment`, {detailed(item).name!r}", item, reason)
    )


def _of_element(element: str, item: Any, reason: str) -> str:
    """Join an element and a reason, without repeating the name the reason may begin with."""
    name = f"{detailed(item).name} "
    is_itself = reason.startswith(name)
    return f"{element}, {reason.removeprefix(name)}" if is_itself else f"{element}: {reason}"


def _name_step(error: Exception, number: int, step: DetailedAugmentation) -> None:
    error.add_note(f"Raised by augmentation {number}, {step.name!r}.")


def _shown(value: Any) -> str:
    if value is None:
        return "None"
    text = " ".join(repr(value).split())
    return f"{text[:60]}{'...' if len(text) > 60 else ''} of type {type(value).__name__}"
