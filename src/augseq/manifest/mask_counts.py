"""How often each class occurs in masks."""

from collections.abc import Mapping
from dataclasses import dataclass

from augseq.terminal_text import table_text


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MaskCounts:
    """How many pixels and images of each class there are in masks; `print` shows it.

    Attributes:
        pixels: Number of pixels of each class.
        images: Number of images with at least one pixel of each class.
        ignored_pixels: Number of ignored pixels.
        num_images: Number of images.
    """

    pixels: Mapping[str, int]
    images: Mapping[str, int]
    ignored_pixels: int
    num_images: int

    @property
    def shares(self) -> dict[str, float]:
        """Share of each class in the pixels that are not ignored; 0 if there are none."""
        total = max(sum(self.pixels.values()), 1)
        return {name: count / total for name, count in self.pixels.items()}

    def __repr__(self) -> str:
        return f"MaskCounts({len(self.pixels):,} classes, {self.num_images:,} images)"

    def __str__(self) -> str:
        return table_text(f"MaskCounts: {self.num_images:,} images", self.texts())

    def texts(self) -> dict[str, str]:
        """Return pixels, share and images of each class as text, in columns."""
        shares = self.shares
        rows = {}
        for name, count in self.pixels.items():
            num_images = self.images[name]
            images = f"{num_images:>9,} image{'s' * (num_images != 1)}"
            rows[name] = f"{count:>15,} px  {shares[name]:>6.1%}  {images}"
        if self.ignored_pixels:
            rows["(ignored)"] = f"{self.ignored_pixels:>15,} px"
        return rows
