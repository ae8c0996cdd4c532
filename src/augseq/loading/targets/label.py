"""The class of an image as its target."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, LabelError
from augseq.manifest.record import Record
from augseq.types import Array
from augseq.validation import check_choice

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

LabelMode: TypeAlias = Literal["int", "categorical", "binary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTarget:
    """A label, encoded as `keras.utils.image_dataset_from_directory` does.

    Attributes:
        label_mode: "int": int32, shape (). "categorical": one-hot float32, shape (num_classes,).
            "binary": float32 0 or 1, shape (1,).
        num_classes: Number of classes; 2 for "binary".
    """

    label_mode: LabelMode
    num_classes: int

    def __post_init__(self) -> None:
        if self.label_mode == "binary" and self.num_classes != 2:
            raise ArgumentError(
                f'label_mode="binary" needs 2 classes. Received: {self.num_classes} classes'
            )

    def load(self, record: Record) -> Array:
        """Return the encoded label."""
        if self.label_mode == "int":
            return np.array(record.target, np.int32)
        if self.label_mode == "binary":
            return np.array([record.target], np.float32)
        one_hot = np.zeros(self.num_classes, np.float32)
        one_hot[record.target] = 1
        return one_hot

    @property
    def text(self) -> str:
        """The target in a few words."""
        return f"{self.label_mode} labels of {self.num_classes} classes"

    @property
    def content(self) -> str:
        """What decides the values, beside the manifest."""
        return repr(self)

    @property
    def is_one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        return self.label_mode == "categorical"

    @property
    def as_one_hot(self) -> str:
        """What a user writes to get one-hot rows."""
        return 'label_mode="categorical"'

    @property
    def as_numbers(self) -> str:
        """What a user writes to get class numbers."""
        return 'label_mode="int"'

    def class_numbers(self, manifest: "Manifest") -> npt.NDArray[np.integer[Any]]:
        """Return the class of each record, shape (num_records,)."""
        return manifest.targets


def label_target(manifest: "Manifest", label_mode: LabelMode) -> LabelTarget:
    """Return how to encode the labels of a manifest.

    Raises:
        ArgumentError: The mode is unknown or does not fit the number of classes.
        LabelError: The manifest has no labels.
    """
    check_choice("label_mode", label_mode, (*get_args(LabelMode), None))
    if not manifest.class_names or manifest.table.column("target").null_count:
        raise LabelError(
            f"label_mode={label_mode!r} needs a label for every record, but this manifest has "
            "none for some. Index with labels (index_folder: a sub-folder for each class, or "
            "labels=...; index_table: label_column), or pass label_mode=None to predict."
        )
    return LabelTarget(label_mode=label_mode, num_classes=len(manifest.class_names))
