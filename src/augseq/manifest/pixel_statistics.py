"""Mean and standard deviation of the pixels of a manifest."""

from collections.abc import Sequence
from dataclasses import dataclass

from augseq.terminal_text import call_text


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelStatistics:
    """Mean and variance of each channel, over all pixels of the images of a manifest.

    They are on the scale of the pixels in a batch: 0 to 255, 0 to 1 with `full_depth`, or that of
    the files with `color_mode="bands"`.

    Attributes:
        mean: Mean of each channel, for `keras.layers.Normalization(mean=..., variance=...)`.
        variance: Variance of each channel: the mean squared difference from the mean.
        num_images: Number of images.
        num_pixels: Number of pixels.
        white: Largest value of a pixel, 255 or 1.
    """

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    num_images: int
    num_pixels: int
    white: float = 255.0

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel: the square root of `variance`."""
        return tuple(value**0.5 for value in self.variance)

    @property
    def unit_mean(self) -> tuple[float, ...]:
        """`mean` on a scale of 0 to 1, for `albumentations.Normalize(mean=..., std=...)`."""
        return tuple(value / self.white for value in self.mean)

    @property
    def unit_std(self) -> tuple[float, ...]:
        """`std` on a scale of 0 to 1, for `albumentations.Normalize(mean=..., std=...)`."""
        return tuple(value / self.white for value in self.std)

    def __repr__(self) -> str:
        return call_text(
            "PixelStatistics",
            f"mean={_rounded(self.mean)}",
            f"std={_rounded(self.std)}",
            f"{self.num_images:,} images",
        )


def _rounded(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:.4g}' for value in values)})"
