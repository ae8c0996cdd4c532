"""What transforms of albumentations do to float images outside 0 to 1."""

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import numpy as np

from augseq.errors import AugmentationError
from augseq.types import Image

RangeUse: TypeAlias = Literal["keeps", "needs unit", "changes"]
"""Whether a transform keeps the range of float pixels, needs 0 to 1, or gives another range."""

# Transforms that move, mix or overwrite pixels, and take floats of any range. Measured: each gives
# `a * result + b` for `a * image + b`, which one that clips does not. A test measures it for every
# transform of the installed release. All others need 0 to 1, which they clip to, for the most part.
_KEEP_RANGE = frozenset(
    {
        *("Affine", "AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "Blur", "CenterCrop"),
        *("ChannelDropout", "ChannelShuffle", "CoarseDropout", "ConstrainedCoarseDropout", "Crop"),
        *("CropAndPad", "CropNonEmptyMaskIfExists", "D4", "ElasticTransform", "Erasing"),
        *("FrequencyMasking", "GlassBlur", "GridDistortion", "GridDropout", "GridElasticDeform"),
        *("HorizontalFlip", "LongestMaxSize", "MaskDropout", "Morphological", "NoOp"),
        *("OpticalDistortion", "Pad", "PadIfNeeded", "Perspective", "PiecewiseAffine"),
        *("PixelDropout", "RandomCrop", "RandomCropFromBorders", "RandomCropNearBBox"),
        *("RandomGridShuffle", "RandomResizedCrop", "RandomRotate90", "RandomScale"),
        *("RandomSizedBBoxSafeCrop", "RandomSizedCrop", "Resize", "Rotate", "SafeRotate"),
        *("SaltAndPepper", "ShiftScaleRotate", "SmallestMaxSize", "SquareSymmetry"),
        *("ThinPlateSpline", "TimeMasking", "TimeReverse", "ToFloat", "ToGray", "ToRGB"),
        *("Transpose", "VerticalFlip", "XYMasking"),
    }
)
_LINEAR_GREYS = ("weighted_average", "average", "max")
# Pixels of 0 to 1 may leave it by so much when float32 rounds.
_ROUNDING = 1e-5
_BASES = ("albumentations.core.", "albumentations.augmentations.other.lambda_transform")


class FloatRange:
    """What is known of the range of a float image on its way through a list.

    It is measured where floats come from: a file, an array, a function. Bicubic interpolation
    then leaves it by a few percent, which is no error: transforms that clip do to floats what
    8 bits would. Whatever else leaves it is.

    Attributes:
        limits: (lowest, highest) value; None where it must be measured.
    """

    __slots__ = ("limits",)

    def __init__(self) -> None:
        self.limits: tuple[float, float] | None = None

    def measure(self, image: Image) -> tuple[float, float]:
        """Return the range of an image; that of its source where it only was interpolated."""
        if self.limits is None:
            self.limits = (float(image.min()), float(image.max()))
        return self.limits

    def includes(self, values: Iterable[float]) -> bool:
        """Tell whether pixels of some values would be within what is known."""
        low, high = self.limits or (np.inf, -np.inf)
        return all(low <= value <= high for value in values)

    def forget(self) -> None:
        """Note that the image may have any range now."""
        self.limits = None

    def require_unit(self, image: Image, name: str) -> None:
        """Raise `AugmentationError` where a float image is not within 0 to 1.

        Args:
            image: What a transform is about to change.
            name: Of the transform.
        """
        low, high = self.measure(image)
        if low < -_ROUNDING or high > 1 + _ROUNDING:
            raise AugmentationError(
                f"{name} takes float images from 0 to 1 and clips or distorts other values. "
                f"Received: values from {low:.4g} to {high:.4g}. {_advice(low, high)}"
            )


def range_use(transform: Any) -> RangeUse:
    """Tell what a transform of albumentations, not a `Compose`, does to the range of floats."""
    kinds = (k for k in type(transform).__mro__ if k.__module__.startswith("albumentations."))
    kind = next(kinds, None)
    if kind is None:
        return "changes"
    name = kind.__name__
    if name in _KEEP_RANGE:
        if kind is not type(transform):
            # The `apply` of a user's subclass may do anything.
            return "changes"
        return "keeps" if _keeps_range_with_its_options(transform) else "needs unit"
    is_base = kind.__module__.startswith(_BASES) or name.lstrip("_").startswith("Base")
    return "changes" if name == "Normalize" or is_base else "needs unit"


def fills(transform: Any) -> tuple[float, ...]:
    """Return the values that a transform may write into an image, where they are numbers."""
    if getattr(transform, "border_mode", 0) != 0:
        # Not cv2.BORDER_CONSTANT: borders come from the image.
        return ()
    values = [getattr(transform, name, None) for name in ("fill", "drop_value")]
    numbers = [value for value in values if value is not None and not isinstance(value, str)]
    return tuple(float(number) for value in numbers for number in np.ravel(value))


def normalized_range(transform: Any) -> tuple[float, float] | None:
    """Return the range that `Normalize` gives to images of its full range; None where it is 0 to 1.

    Args:
        transform: Any transform of albumentations; only `Normalize` gives a range.
    """
    if type(transform).__name__ != "Normalize":
        return None
    kind = transform.normalization
    if kind != "standard":
        # One that is standardised has a mean of 0, and limits that depend on the image.
        return None if kind.startswith("min_max") else (-np.inf, np.inf)
    mean, std = np.atleast_1d(transform.mean), np.atleast_1d(transform.std)
    low, high = float((-mean / std).min()), float(((1 - mean) / std).max())
    return (low, high) if low < -_ROUNDING or high > 1 + _ROUNDING else None


def _keeps_range_with_its_options(transform: Any) -> bool:
    # Filled from their surroundings, images are cut down to 8 bits.
    if str(getattr(transform, "fill", "")).startswith("inpaint"):
        return False
    return type(transform).__name__ != "ToGray" or transform.method in _LINEAR_GREYS


def _advice(low: float, high: float) -> str:
    if low >= -0.5 and high <= 1.5:
        return "Clip them before it: np.clip(image, 0, 1)."
    if low >= 0 and high <= 255:
        return "Keep uint8, or divide by 255 before it."
    if low >= 0 and high <= 65535:
        return "Divide by the largest value that pixels may have, such as 65535, before it."
    return (
        "Put what changes the range, such as Normalize, after it; or remove that, and normalize "
        "in the model with keras.layers.Rescaling or Normalization."
    )
