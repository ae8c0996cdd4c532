"""The boxes of a manifest, as they are checked."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augseq.manifest.manifest import Manifest
from augseq.manifest.object_columns import ObjectColumns, read_objects
from augseq.manifest.own_columns import has_boxes
from augseq.terminal_text import first_few, shortened

_MOST_LETTERS = 30
# Boxes of resized copies differ by rounding.
_SAME_OBJECT = 0.75
_EXACTLY_SAME = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxFacts:
    """The boxes of all images.

    Attributes:
        objects: The objects, in the order of the images.
        numbers: Class of each box, from 0, shape (n,).
        starts: Number of the first box of each image, and n, shape (num_images + 1,).
        sizes: (width, height) of each image as annotated; NaN if unknown, shape (num_images, 2).
        ids: Id of each box as text; None without ids.
    """

    objects: ObjectColumns
    numbers: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.float64]
    ids: list[str] | None

    def of_image(self, position: int) -> slice:
        """Return which boxes are in an image."""
        return slice(int(self.starts[position]), int(self.starts[position + 1]))

    def text(self, number: int) -> str:
        """Return what a finding says about a box: its class, size, place and id."""
        left, top, right, bottom = self.objects.boxes[number].tolist()
        name = shortened(self.objects.classes[number], _MOST_LETTERS)
        which = "" if self.ids is None else f", id {self.ids[number]}"
        return (
            f"{name} {bottom - top:.6g} x {right - left:.6g} px at top {top:.6g}, left "
            f"{left:.6g}{which}"
        )

    def counts_text(self, position: int) -> str:
        """Return how many boxes of each class there are in an image."""
        counts = Counter(self.objects.classes[self.of_image(position)])
        texts = [f"{count} {shortened(name, _MOST_LETTERS)}" for name, count in counts.items()]
        return first_few(sorted(texts), 4) or "no boxes"

    def differ(self, one: int, other: int, *, exactly: bool) -> bool:
        """Return whether the boxes of two images differ in number, class or place.

        Args:
            one: Position of an image.
            other: Position of another.
            exactly: Whether the images are equal, so that boxes must be equal except for rounding.
        """
        a, b = self.of_image(one), self.of_image(other)
        if not np.array_equal(np.sort(self.numbers[a]), np.sort(self.numbers[b])):
            return True
        overlaps = overlaps_of(self._relative(one), self._relative(other))
        overlaps[self.numbers[a, np.newaxis] != self.numbers[b]] = 0
        limit = _EXACTLY_SAME if exactly else _SAME_OBJECT
        # Each must have a partner, in both directions.
        return bool((overlaps.max(axis=0, initial=0) < limit).any()) or bool(
            (overlaps.max(axis=1, initial=0) < limit).any()
        )

    def _relative(self, position: int) -> npt.NDArray[np.float64]:
        """Return the boxes of an image in shares of its size; in pixels if it is unknown."""
        boxes, size = self.objects.boxes[self.of_image(position)], self.sizes[position]
        return boxes if np.isnan(size).any() else boxes / np.tile(size, 2)


def overlaps_of(
    one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return intersection over union of all pairs of boxes.

    Args:
        one: Left, top, right, bottom, shape (n, 4).
        other: Likewise, shape (m, 4).

    Returns:
        From 0 to 1, shape (n, m).
    """
    low = np.maximum(one[:, np.newaxis, :2], other[:, :2])
    high = np.minimum(one[:, np.newaxis, 2:], other[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (one, other)]
    together = areas[0][:, np.newaxis] + areas[1] - common
    shares = np.divide(common, together, out=np.zeros_like(common), where=together > 0)
    return np.asarray(shares)


def read_box_facts(manifest: Manifest) -> BoxFacts | None:
    """Return the boxes of a manifest; None if it has none.

    Raises:
        ArgumentError: A column is missing, or its values do not fit.
    """
    names = manifest.table.column_names
    if not has_boxes(manifest.table):
        return None
    objects = read_objects(manifest, "A check of boxes")
    number_of = {name: number for number, name in enumerate(dict.fromkeys(objects.classes))}
    counts = np.bincount(objects.images, minlength=len(manifest))
    sizes = np.full((len(manifest), 2), np.nan)
    if {"image_width", "image_height"} <= set(names):
        for axis, name in enumerate(("image_width", "image_height")):
            sizes[:, axis] = manifest.table.column(name).cast("float64").to_numpy()
    ids = objects.values("box_ids")
    return BoxFacts(
        objects=objects,
        numbers=np.array([number_of[name] for name in objects.classes], np.int64),
        starts=np.concatenate([[0], np.cumsum(counts)]),
        sizes=sizes,
        ids=None if ids is None else list(map(str, ids)),
    )
