"""The augmentations for the arguments of Keras' `ImageDataGenerator`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from augseq.augment.keras_affine import KerasAffine
from augseq.errors import ArgumentError
from augseq.types import Image
from augseq.validation import check_number

PreprocessingFunction = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]


class Part(NamedTuple):
    """An augmentation, with its code.

    Attributes:
        item: The augmentation.
        code: An expression that creates it.
        definition: A function that the expression refers to; empty if there is none.
        notes: What differs from Keras, in sentences.
    """

    item: Any
    code: str
    definition: str = ""
    notes: tuple[str, ...] = ()


def geometry_part(affine: KerasAffine) -> Iterator[Part]:
    """Yield the affine transform, if it changes anything."""
    notes = []
    width, height = affine.width_shift_range, affine.height_shift_range
    if np.any(width) or np.any(height):
        notes.append("Shifts below 1 are shares of the image, and others pixels, as in Keras.")
    if width != height:
        notes.append(
            "width_shift_range moves the image sideways, and height_shift_range up and down; "
            "Keras 3 swaps them."
        )
    if 0 < affine.shear_range < 1:
        notes.append(
            f"shear_range is in degrees: {affine.shear_range:g} changes almost nothing, as in "
            "Keras."
        )
    has_zoom = affine.zoom_limits != (1, 1)
    if has_zoom:
        notes.append("As in Keras, a zoom above 1 shrinks the content; albumentations enlarges it.")
    if affine.rotation_range or affine.shear_range or has_zoom:
        notes.append(
            "Images that are not square turn about their centre; Keras swaps height and width."
        )
    if notes:
        yield Part(affine, repr(affine), notes=tuple(notes))


def flip_parts(horizontal: bool, vertical: bool) -> Iterator[Part]:
    """Yield the flips."""
    import albumentations as A

    if horizontal:
        yield Part(A.HorizontalFlip(p=0.5), "A.HorizontalFlip(p=0.5)")
    if vertical:
        yield Part(A.VerticalFlip(p=0.5), "A.VerticalFlip(p=0.5)")


def channel_shift_part(amount: float) -> Iterator[Part]:
    """Yield the transform for `channel_shift_range`."""
    import albumentations as A

    check_number("channel_shift_range", amount, least=0, most=255)
    if not amount:
        return
    notes = ["channel_shift_range stops at 0 and 255; in Keras, at the extremes of the image."]
    if amount < 1:
        notes.append(
            f"channel_shift_range={amount:g} changes pixels from 0 to 255 by less than one level, "
            "as in Keras, which rescales later."
        )
    share = amount / 255
    yield Part(
        A.RandomBrightnessContrast(brightness_limit=(-share, share), contrast_limit=(0, 0), p=1),
        f"A.RandomBrightnessContrast(brightness_limit=(-{amount:g} / 255, {amount:g} / 255), "
        "contrast_limit=(0, 0), p=1)",
        notes=tuple(notes),
    )


def brightness_part(limits: Sequence[float] | None) -> Iterator[Part]:
    """Yield the transform for `brightness_range`."""
    import albumentations as A

    if limits is None:
        return
    is_pair = isinstance(limits, list | tuple) and len(limits) == 2
    if not is_pair or check_number("brightness_range", limits[0], least=0) > check_number(
        "brightness_range", limits[1], least=0
    ):
        raise ArgumentError(
            "`brightness_range` must be (low, high): two factors of at least 0. "
            f"Received: brightness_range={limits!r}"
        )
    low, high = limits
    # Without changes of contrast, saturation and hue it is Pillow's `ImageEnhance.Brightness`.
    yield Part(
        A.ColorJitter((low, high), contrast=(1, 1), saturation=(1, 1), hue=(0, 0), p=1),
        f"A.ColorJitter(({low}, {high}), contrast=(1, 1), saturation=(1, 1), hue=(0, 0), p=1)",
    )


def preprocessing_part(function: PreprocessingFunction | None) -> Iterator[Part]:
    """Yield the step for `preprocessing_function`."""
    if function is None:
        return
    if not callable(function):
        raise ArgumentError(
            "`preprocessing_function` must be a function of an image. "
            f"Received: {type(function).__name__}"
        )
    name = str(getattr(function, "__name__", ""))
    name = name if name.isidentifier() else "preprocessing_function"
    notes = ["preprocessing_function runs last: pass it to the validation sequence too."]
    if str(getattr(function, "__module__", "")).startswith(("keras.", "tensorflow.", "tf_keras.")):
        notes.append(
            f"{name} of Keras can be called on the input of the model instead, which is faster."
        )
    yield Part(
        Preprocessing(function),
        "preprocess",
        "def preprocess(image, rng):\n"
        f'    return np.asarray({name}(image.astype("float32")), "float32")',
        tuple(notes),
    )


def standardization_part(center: bool, scale: bool) -> Iterator[Part]:
    """Yield the step for `samplewise_center` and `samplewise_std_normalization`."""
    note = ("Images are standardized last: pass this step to the validation sequence too.",)
    if scale:
        yield Part(
            Standardization(scale=True),
            "standardize",
            "@augseq.photometric\ndef standardize(image, rng):\n"
            '    image = image.astype("float32")\n'
            "    return (image - image.mean()) / (image.std() + 1e-6)",
            note,
        )
    elif center:
        yield Part(
            Standardization(scale=False),
            "center_image",
            "@augseq.photometric\ndef center_image(image, rng):\n"
            '    image = image.astype("float32")\n'
            "    return image - image.mean()",
            note,
        )


class Preprocessing:
    """An augmentation that calls a function of an image, as `ImageDataGenerator` does.

    Args:
        function: As `preprocessing_function` of `image_data_generator`.
    """

    def __init__(self, function: PreprocessingFunction) -> None:
        self._function = function
        self.moves_pixels = getattr(function, "moves_pixels", True)

    def __repr__(self) -> str:
        name = getattr(self._function, "__name__", type(self._function).__name__)
        return f"Preprocessing({name})"

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Return the result of the function, which may change its argument."""
        return np.asarray(self._function(image.astype(np.float32)), np.float32)


class Standardization:
    """An augmentation that subtracts the mean of an image, without any randomness.

    Args:
        scale: Whether to divide by the standard deviation too.
    """

    moves_pixels = False

    def __init__(self, *, scale: bool) -> None:
        self._scale = scale

    def __repr__(self) -> str:
        return f"Standardization(scale={self._scale})"

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Return the image as float32, with a mean of 0."""
        image = image.astype(np.float32)
        std = image.std() + 1e-6 if self._scale else 1
        return np.asarray((image - image.mean()) / std, np.float32)
