"""The transforms inside an albumentations `Compose`, and what each does in a call."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from augseq.augment.float_range import FloatRange, RangeUse, fills, range_use
from augseq.augment.moving_map import MovingMap
from augseq.errors import AugmentationError

NO_TENSORS = (
    "Keras takes numpy arrays of shape (height, width, channels) and creates the tensors itself."
)


def is_albumentations(item: object) -> bool:
    """Return whether an object is from albumentations, without importing that."""
    return hasattr(item, "set_random_state") and any(
        kind.__module__.split(".")[0] == "albumentations" for kind in type(item).__mro__
    )


def is_compose(transform: Any) -> bool:
    """Return whether it runs other transforms, like `Compose`, `OneOf` and `Sequential`."""
    # Not by its attribute `transforms`: ColorJitter has one too, with functions.
    return any(
        kind.__module__ == "albumentations.core.composition" for kind in type(transform).__mro__
    )


def parts_of(transform: Any) -> Iterator[Any]:
    """Yield the transforms inside a `Compose`, or the transform itself."""
    if is_compose(transform):
        for child in transform.transforms:
            yield from parts_of(child)
    elif transform is not None:
        yield transform


def moves_pixels(part: Any) -> bool:
    """Return whether a transform that contains no others can move pixels."""
    names = {kind.__name__ for kind in type(part).__mro__}
    return "DualTransform" in names and not names & {"BaseDropout", "NoOp", "PixelDropout"}


@dataclass(frozen=True, slots=True)
class _Part:
    """A transform that contains no others.

    Attributes:
        name: Name of its class.
        apply: Its `apply_with_params`.
        use: What it does to the range of floats.
        fills: Values that it can write into an image.
        transform: The transform, if it moves pixels.
    """

    name: str
    apply: Callable[..., Any]
    use: RangeUse
    fills: tuple[float, ...]
    transform: Any

    @classmethod
    def of(cls, transform: Any) -> "_Part":
        return cls(
            name=type(transform).__name__,
            apply=transform.apply_with_params,
            use=range_use(transform),
            fills=fills(transform),
            transform=transform if moves_pixels(transform) else None,
        )


@dataclass(slots=True)
class PartWatch:
    """Checks the input and output of the parts of one transform while they run.

    Attributes:
        floats: What is known about the image; replaced for each call.
        maps: Maps to move with the image; replaced for each call.
    """

    floats: FloatRange
    maps: Collection[MovingMap] = ()

    def attach(self, transform: Any, *, sees_all: bool = True) -> None:
        """Start checking each part of a transform.

        Args:
            transform: A copy that only this thread uses, and that is not copied again.
            sees_all: Whether its parts receive all channels of an image.
        """
        if is_compose(transform):
            sees_all &= type(transform).__name__ != "SelectiveChannelTransform"
            for child in transform.transforms:
                self.attach(child, sees_all=sees_all)
        elif hasattr(transform, "apply_with_params"):
            run = partial(self._run, _Part.of(transform))
            # The range of a few channels says nothing about the others.
            transform.apply_with_params = run if sees_all else partial(self._run_alone, run)

    def _run_alone(self, run: Callable[..., Any], *args: Any, **data: Any) -> Any:
        self.floats.forget()
        result = run(*args, **data)
        self.floats.forget()
        return result

    def _run(self, part: _Part, *args: Any, **data: Any) -> Any:
        image = data["image"]
        is_float = image.dtype.kind == "f"
        if is_float and part.use == "needs unit":
            self.floats.require_unit(image, part.name)
        elif is_float and part.use == "keeps":
            self.floats.measure(image)
        result = part.apply(*args, **data)
        if self.maps and part.transform is not None:
            for moving in self.maps:
                moving.move(part.transform, args[0])
        if not isinstance(result["image"], np.ndarray):
            raise AugmentationError(
                f"{part.name} must return a numpy array of shape (height, width, channels). "
                f"Received: {type(result['image']).__name__}. {NO_TENSORS}"
            )
        if part.name == "Normalize" and result["image"].dtype == np.float64:
            # It returns float32, except for uint8 with a `normalization` other than "standard".
            result["image"] = result["image"].astype(np.float32)
        if not is_float or part.use != "keeps" or not self.floats.includes(part.fills):
            self.floats.forget()
        return result
