"""The transforms inside an albumentations `Compose`, and what each does in a call."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.float_range import FloatRange, RangeUse, fills, range_use
from augseq.augment.moving_map import MovingMap
from augseq.errors import AugmentationError
from augseq.types import Image

Channels: TypeAlias = npt.NDArray[np.integer[Any]] | None
"""Numbers of channels of an image; None for all."""

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

    def attach(self, transform: Any, *, channels: Channels = None) -> None:
        """Start checking each part of a transform.

        Args:
            transform: A copy that only this thread uses, and that is not copied again.
            channels: The channels of an image that its parts receive; None for all.
        """
        if is_compose(transform):
            if type(transform).__name__ == "SelectiveChannelTransform":
                chosen = np.asarray(transform.channels)
                channels = chosen if channels is None else channels[chosen]
            for child in transform.transforms:
                self.attach(child, channels=channels)
        elif hasattr(transform, "apply_with_params"):
            transform.apply_with_params = partial(self._run, _Part.of(transform), channels)

    def _run(self, part: _Part, channels: Channels, *args: Any, **data: Any) -> Any:
        result = _applied(part, channels, self.floats, args, data)
        for moving in self.maps:
            if moving.kind == "twin":
                _vary_twin(part, channels, args, moving)
            elif part.transform is not None:
                moving.move(part.transform, args[0], result["image"].shape[:2])
        return result


def _applied(
    part: _Part,
    channels: Channels,
    floats: FloatRange,
    args: tuple[Any, ...],
    data: dict[str, Any],
) -> Any:
    """Return the result of a part, after checking its input and output."""
    image = data["image"]
    is_float = image.dtype.kind == "f"
    if channels is not None:
        # The range of a few channels says nothing about the others.
        floats.forget()
    if is_float and part.use == "needs unit":
        floats.require_unit(image, part.name)
    elif is_float and part.use == "keeps":
        floats.measure(image)
    result = part.apply(*args, **data)
    if not isinstance(result["image"], np.ndarray):
        raise AugmentationError(
            f"{part.name} must return a numpy array of shape (height, width, channels). "
            f"Received: {type(result['image']).__name__}. {NO_TENSORS}"
        )
    if part.name == "Normalize" and result["image"].dtype == np.float64:
        # It returns float32, except for uint8 with a `normalization` other than "standard".
        result["image"] = result["image"].astype(np.float32)
    is_kept = is_float and part.use == "keeps" and floats.includes(part.fills)
    if not is_kept or channels is not None:
        floats.forget()
    return result


def _vary_twin(part: _Part, channels: Channels, args: tuple[Any, ...], moving: MovingMap) -> None:
    """Change a twin of the image as a part has changed the image, with the same draws."""
    values = moving.values
    chosen = values if channels is None else np.ascontiguousarray(values[:, :, channels])
    try:
        image: Image = _applied(part, channels, moving.floats, args, {"image": chosen})["image"]
    except AugmentationError as error:
        raise AugmentationError(f"{error} This is about the values of the paired image.") from error
    # OpenCV drops the channel axis of grey images.
    image = image[:, :, np.newaxis] if image.ndim == 2 else image
    if channels is not None:
        whole = values.copy()
        whole[:, :, channels] = image
        image = whole
    moving.values = image
