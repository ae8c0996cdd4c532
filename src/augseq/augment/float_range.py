"""What albumentations transforms do to float images outside 0 to 1."""

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import numpy as np

from augseq.errors import AugmentationError
from augseq.types import Image

RangeUse: TypeAlias = Literal["keeps", "needs unit", "changes"]
"""Whether a transform keeps the range of float pixels, needs 0 to 1, or changes the range."""

# Transforms that move, mix or overwrite pixels and accept floats of any range: each returns
# `a * result + b` for `a * image + b`, unlike one that clips. A test measures this for every
# transform of the installed release. All others need 0 to 1, and most of them clip to it.
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
# Tolerance for pixels from 0 to 1, since float32 rounds.
_ROUNDING = 1e-5
_BASES = ("albumentations.core.", "albumentations.augmentations.other.lambda_transform")


class FloatRange:
    """What is known about the range of a float image as it passes through a list.

    The range is measured where floats originate: a file, an array, a function. Bicubic
    interpolation can then exceed it by a few percent, which is not an error: transforms that
    clip do to floats what 8 bits would. Any other value outside it is an error.

    Attributes:
        limits: (lowest, highest) value; None if it must be measured.
    """

    __slots__ = ("limits",)

    def __init__(self) -> None:
        self.limits: tuple[float, float] | None = None

    def measure(self, image: Image) -> tuple[float, float]:
        """Return the range of an image; that of its source if it was only interpolated since."""
        if self.limits is None:
            self.limits = (float(image.min()), float(image.max()))
        return self.limits

    def includes(self, values: Iterable[float]) -> bool:
        """Return whether all values are within the known range."""
        low, high = self.limits or (np.inf, -np.inf)
        return all(low <= value <= high for value in values)

    def forget(self) -> None:
        """Record that the range is unknown."""
        self.limits = None

    def require_unit(self, image: Image, name: str) -> None:
        """Raise `AugmentationError` if a float image is not within 0 to 1.

        Args:
            image: Input of a transform.
            name: Name of the transform.
        """
        low, high = self.measure(image)
        if low < -_ROUNDING or high > 1 + _ROUNDING:
            raise AugmentationError(
                f"{name} takes float images from 0 to 1 and clips or distorts other values. "
                f"Received: values from {low:.4g} to {high:.4g}. {_advice(low, high)}"
            )


def range_use(transform: Any) -> RangeUse:
    """Return what a transform, not a `Compose`, does to the range of floats."""
    kinds = (k for k in type(transform).__mro__ if k.__module__.startswith("albumentations."))
    kind = next(kinds, None)
    if kind is None:
        return "changes"
    name = kind.__name__
    if name in _KEEP_RANGE:
        if kind is not type(transform):
            # The `apply` of a user's subclass can do anything.
            return "changes"
        return "keeps" if _keeps_range_with_its_options(transform) else "needs unit"
    is_base = kind.__module__.startswith(_BASES) or name.lstrip("_").startswith("Base")
    return "changes" if name == "Normalize" or is_base else "needs unit"


def fills(transform: Any) -> tuple[float, ...]:
    """Return the numbers that a transform can write into an image."""
    if getattr(transform, "border_mode", 0) != 0:
        # Not cv2.BORDER_CONSTANT: borders are filled from the image.
        return ()
    values = [getattr(transform, name, None) for name in ("fill", "drop_value")]
    numbers = [value for value in values if value is not None and not isinstance(value, str)]
    return tuple(float(number) for value in numbers for number in np.ravel(value))


def normalized_range(transform: Any) -> tuple[float, float] | None:
    """Return the output range of `Normalize` for full-range images; None if it is 0 to 1.

    Args:
        transform: Any albumentations transform; None for all but `Normalize`.
    """
    if type(transform).__name__ != "Normalize":
        return None
    kind = transform.normalization
    if kind != "standard":
        # A standardized image has a mean of 0, and limits that depend on the image.
        return None if kind.startswith("min_max") else (-np.inf, np.inf)
    mean, std = np.atleast_1d(transform.mean), np.atleast_1d(transform.std)
    low, high = float((-mean / std).min()), float(((1 - mean) / std).max())
    return (low, high) if low < -_ROUNDING or high > 1 + _ROUNDING else None


def _keeps_range_with_its_options(transform: Any) -> bool:
    # Inpainting reduces images to 8 bits.
    if str(getattr(transform, "fill", "")).startswith("inpaint"):
        return False
    return type(transform).__name__ != "ToGray" or transform.method in _LINEAR_GREYS


def _advice(low: float, high: float) -> str:
    if low >= -0.5 and high <= 1.5:
        return "Clip the image before it: np.clip(image, 0, 1)."
    if low >= 0 and high <= 255:
        return "Keep uint8, or divide by 255 before it."
    if low >= 0 and high <= 65535:
        return "Divide by the largest possible value, such as 65535, before it."
    return (
        "Move the transform that changes the range, such as Normalize, after it; or remove that "
        "transform, and normalize in the model with keras.layers.Rescaling or Normalization."
    )
