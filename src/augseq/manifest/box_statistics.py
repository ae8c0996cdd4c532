"""How many boxes a manifest has, and how large they are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

from augseq.terminal_text import counted, shortened, table_text

_MOST_CLASSES = 40
_MOST_LETTERS = 40
_SPREADS = ("per_image", "heights", "widths", "ratios")


class Spread(NamedTuple):
    """The lowest, the middle and the highest of some numbers."""

    least: float
    median: float
    most: float

    def __str__(self) -> str:
        return f"{self.least:.4g} to {self.most:.4g}, median {self.median:.4g}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BoxStatistics:
    """How many boxes there are, of which classes and sizes; `print` shows it.

    Attributes:
        boxes: Number of boxes of each class.
        images: Number of images with at least one box of each class.
        num_images: Number of images.
        num_empty_images: Number of images without boxes.
        per_image: Number of boxes in an image.
        heights: Heights of boxes in pixels of the annotated images.
        widths: Widths, likewise.
        ratios: Width of a box divided by its height.
        sizes: Number of "small", "medium" and "large" boxes, as in COCO's metrics: with an area
            under 32 x 32 pixels, under 96 x 96, and larger.
    """

    boxes: Mapping[str, int]
    images: Mapping[str, int]
    num_images: int
    num_empty_images: int
    per_image: Spread
    heights: Spread
    widths: Spread
    ratios: Spread
    sizes: Mapping[str, int]

    @property
    def num_boxes(self) -> int:
        """Number of boxes."""
        return sum(self.boxes.values())

    def __repr__(self) -> str:
        return f"BoxStatistics({self.headline()})"

    def __str__(self) -> str:
        return table_text(f"BoxStatistics: {self.headline()}", self.texts())

    def to_dict(self) -> dict[str, object]:
        """Return everything by name, as JSON takes it."""
        spreads = {name: getattr(self, name)._asdict() for name in _SPREADS}
        return {**asdict(self), **spreads}

    def headline(self) -> str:
        """Return the numbers of boxes, classes and images in a few words."""
        empty = f", {self.num_empty_images:,} without any" if self.num_empty_images else ""
        return (
            f"{counted(self.num_boxes, 'box')} of {counted(len(self.boxes), 'class')} in "
            f"{counted(self.num_images, 'image')}{empty}"
        )

    def class_texts(self) -> dict[str, str]:
        """Return boxes and images of each class, or of the most frequent ones, as text."""
        shown = self._most_frequent()
        rows = {shortened(name, _MOST_LETTERS): self._row(name) for name in shown}
        if len(self.boxes) > len(shown):
            rows["(other classes)"] = f"{len(self.boxes) - len(shown):,}"
        return rows

    def size_texts(self) -> dict[str, str]:
        """Return the number of boxes in an image, and their sizes, as text."""
        rows = {"boxes in an image": str(self.per_image)}
        if self.num_boxes:
            rows["height, px"] = str(self.heights)
            rows["width, px"] = str(self.widths)
            rows["width : height"] = str(self.ratios)
            total = max(sum(self.sizes.values()), 1)
            shares = [f"{count / total:.1%} {name}" for name, count in self.sizes.items()]
            rows["area"] = ", ".join(shares)
        return rows

    def texts(self) -> dict[str, str]:
        """Return everything as text."""
        sizes = {f"({name})": text for name, text in self.size_texts().items()}
        return {**self.class_texts(), **sizes}

    def _most_frequent(self) -> list[str]:
        if len(self.boxes) <= _MOST_CLASSES:
            return list(self.boxes)
        found = sorted(self.boxes, key=lambda name: -self.boxes[name])[:_MOST_CLASSES]
        return [name for name in self.boxes if name in set(found)]

    def _row(self, name: str) -> str:
        count, num_images = self.boxes[name], self.images[name]
        share = count / max(self.num_boxes, 1)
        return (
            f"{count:>9,} box{'es' if count != 1 else '  '}  {share:>6.1%}  "
            f"{num_images:>9,} image{'s' * (num_images != 1)}"
        )
