"""A row of an array as the target of an image."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from augseq.augment.mixing import Mix
from augseq.errors import ArgumentError
from augseq.loading.targets.target import Target
from augseq.loading.targets.view import TargetView, map_view, numbers_text, shares_text
from augseq.manifest.record import Record
from augseq.storage.array_content import array_text
from augseq.types import Array, Image
from augseq.validation import briefly, rectangular

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

_LEAST_SIDE_PX = 8


@dataclass(frozen=True)
class ArrayRowTarget(Target):
    """Rows of one array, as they are; a record's index is its row.

    Attributes:
        rows: Shape (n, ...), any dtype.
    """

    rows: npt.NDArray[Any]

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the row of a record; a view."""
        return np.asarray(self.rows[record.index])

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return why the rows cannot be mixed, or an empty text."""
        if len(self.shape) > 1:
            return (
                "Nothing says what the axes of its rows mean. Wrap the array: augseq.Mask(...), "
                "augseq.ValueMap(...), augseq.PairedImage(...) or augseq.Boxes(arrays=...)."
            )
        if self.rows.dtype.kind != "f":
            return (
                "A mixed image has shares of two targets, which integers cannot say. For classes, "
                f'pass {self.as_one_hot}, and compile with the loss "categorical_crossentropy"; '
                'for numbers, pass y.astype("float32").'
            )
        return ""

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the average, weighted by the shares of the images."""
        return mix.numbers(own, other)

    def view(self, value: Array) -> TargetView:
        """Return a class or numbers as text; what can be a map of the image as a map."""
        # Fewer rows or columns are rather points or boxes.
        if value.ndim in (2, 3) and min(value.shape[:2]) >= _LEAST_SIDE_PX:
            return map_view(value)
        if self.is_one_hot and self.num_classes is not None:
            return TargetView(text=shares_text(range(len(value)), value))
        return TargetView(text=numbers_text(value))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a row."""
        return self.rows.shape[1:]

    @property
    def text(self) -> str:
        """The target in a few words."""
        return f"rows of an array, {self.rows.dtype} {self.shape}"

    @property
    def content(self) -> str:
        """What decides the values: a hash of all of them."""
        return f"array of {array_text(self.rows)}"

    @property
    def is_one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        return self.rows.ndim == 2 and self.rows.shape[1] > 1

    # Computed once: every epoch and evaluation asks for it, and it looks at all rows.
    @cached_property
    def num_classes(self) -> int | None:
        """The number of classes; None where the rows are other numbers."""
        numbers = self._numbers
        if numbers is None:
            return None
        return self.rows.shape[1] if self.is_one_hot else int(numbers.max()) + 1

    @property
    def as_one_hot(self) -> str:
        """What a user writes to get one-hot rows."""
        return "keras.utils.to_categorical(y)"

    @property
    def as_numbers(self) -> str:
        """What a user writes to get class numbers."""
        return "y.argmax(axis=1)"

    def class_numbers(self, manifest: "Manifest") -> npt.NDArray[np.integer[Any]] | None:
        """Return the class of each record, shape (num_records,); None for other numbers."""
        return self._numbers

    @property
    def _numbers(self) -> npt.NDArray[np.integer[Any]] | None:
        if self.is_one_hot:
            is_class = bool(
                ((self.rows == 0) | (self.rows == 1)).all() and (self.rows.sum(1) == 1).all()
            )
            return self.rows.argmax(axis=1) if is_class else None
        is_class = self.rows.size == len(self.rows) and self.rows.dtype.kind in "biu"
        return self.rows.reshape(-1).astype(np.int64) if is_class else None


def array_row_target(y: Any, num_images: int, name: str = "y") -> ArrayRowTarget:
    """Return how to give the rows of an array as targets.

    Args:
        y: The array.
        num_images: How many rows it must have.
        name: Name of the argument in messages.

    Raises:
        ArgumentError: There is not one row of numbers for each image.
    """
    if hasattr(y, "bind"):
        raise ArgumentError(
            f"`{name}` must be an array of numbers, since {type(y).__name__} reads columns of a "
            f"manifest. Received: {briefly(y)}. Pass the numbers themselves, or a manifest to "
            "augseq.ImageSequence(...)."
        )
    # Several targets in a tuple or dict would be taken for rows.
    rows = rectangular(None if isinstance(y, tuple | dict) else y, name)
    if rows.dtype.kind not in "biuf" or rows.shape[:1] != (num_images,):
        several = " For several, pass a dict of arrays by name." if isinstance(y, tuple) else ""
        raise ArgumentError(
            f"`{name}` must be one array of numbers with a row for each of the {num_images} "
            f"images. Received: {type(y).__name__} of shape {rows.shape}, dtype {rows.dtype}."
            f"{several}"
        )
    return ArrayRowTarget(rows)
