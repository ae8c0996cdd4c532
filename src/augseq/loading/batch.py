"""Images and encoded targets become one batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, LabelError
from augseq.loading.load_images import collate
from augseq.loading.sample import Pipeline, Sample, load_sample
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.sampling.schedule import Schedule
from augseq.terminal_text import array_text, shortened, table_text
from augseq.types import Images
from augseq.validation import check_choice

LabelMode: TypeAlias = Literal["int", "categorical", "binary"]

ImagesOf: TypeAlias = Callable[[Sequence[Record], int], Images]
"""Makes the images of some records in an epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a model sees in one step, and where it comes from.

    Attributes:
        images: Shape (batch, height, width, channels), float32 or uint8, usually 0 to 255.
        targets: First axis as in `images`; None for prediction.
        records: The records, in the order of the images.
        weights: Sample weights, shape (batch,), float32; None where all weigh the same.
    """

    images: Images
    targets: npt.NDArray[Any] | None
    records: list[Record]
    weights: npt.NDArray[np.float32] | None = None

    def __repr__(self) -> str:
        count = len(self.records)
        arrays = {"images": self.images, "targets": self.targets, "weights": self.weights}
        rows = {name: array_text(array) for name, array in arrays.items() if array is not None}
        if count:
            others = f" and {count - 1:,} more" * (count > 1)
            rows["records"] = f"{shortened(str(self.records[0]), 60)}{others}"
        return table_text(f"Batch of {count:,} image{'s' * (count != 1)}", rows)


class Targets(Protocol):
    """Encodes the targets of records."""

    def encode(self, records: Sequence[Record]) -> npt.NDArray[Any]:
        """Return the targets; the first axis is that of `records`."""
        ...

    def class_numbers(self, manifest: Manifest) -> npt.NDArray[np.integer[Any]] | None:
        """Return the class of each record, shape (num_records,); None where there are none."""
        ...

    @property
    def num_classes(self) -> int | None:
        """The number of classes; None where the targets are other numbers."""
        ...

    @property
    def is_one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTargets:
    """Labels, encoded as `keras.utils.image_dataset_from_directory` does.

    Attributes:
        label_mode: "int": int32, shape (batch,). "categorical": one-hot float32, shape
            (batch, num_classes). "binary": float32 0 or 1, shape (batch, 1).
        num_classes: Number of classes; 2 for "binary".
    """

    label_mode: LabelMode
    num_classes: int

    def __post_init__(self) -> None:
        if self.label_mode == "binary" and self.num_classes != 2:
            raise ArgumentError(
                f'label_mode="binary" needs 2 classes. Received: {self.num_classes} classes'
            )

    @property
    def is_one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        return self.label_mode == "categorical"

    def class_numbers(self, manifest: Manifest) -> npt.NDArray[np.integer[Any]]:
        """Return the class of each record, shape (num_records,)."""
        numbers: npt.NDArray[np.integer[Any]] = manifest.table.column("target").to_numpy()
        return numbers

    def encode(self, records: Sequence[Record]) -> npt.NDArray[Any]:
        """Return the encoded labels."""
        labels = np.array([record.target for record in records], dtype=np.int32)
        if self.label_mode == "categorical":
            one_hot = np.zeros((len(labels), self.num_classes), np.float32)
            one_hot[np.arange(len(labels)), labels] = 1
            return one_hot
        if self.label_mode == "binary":
            return labels[:, np.newaxis].astype(np.float32)
        return labels


@dataclass(frozen=True, slots=True)
class ArrayTargets:
    """Rows of one array, as they are; a record's index is its row.

    Attributes:
        rows: Shape (n, ...), any dtype.
    """

    rows: npt.NDArray[Any]

    @property
    def is_one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        return self.rows.ndim == 2 and self.rows.shape[1] > 1

    @property
    def num_classes(self) -> int | None:
        """The number of classes; None where the rows are other numbers."""
        numbers = self._numbers
        if numbers is None:
            return None
        return self.rows.shape[1] if self.is_one_hot else int(numbers.max()) + 1

    def class_numbers(self, manifest: Manifest) -> npt.NDArray[np.integer[Any]] | None:
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

    def encode(self, records: Sequence[Record]) -> npt.NDArray[Any]:
        """Copy the rows of the records."""
        return self.rows[[record.index for record in records]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """All that it takes to make any batch of any epoch; immutable and picklable.

    Attributes:
        manifest: Which images exist.
        schedule: Which come when.
        pipeline: How a record becomes pixels.
        targets: How targets are encoded; None for prediction.
    """

    manifest: Manifest
    schedule: Schedule
    pipeline: Pipeline
    targets: Targets | None

    def records(self, step: int) -> list[Record]:
        """Return the records of a step; steps are counted on through the epochs."""
        epoch, batch = divmod(step, self.schedule.num_batches)
        return self.manifest.records(self.schedule.positions(epoch, batch))

    def stop_of(self, step: int) -> int:
        """Return the step after the last one that the epoch of a step has."""
        epoch = step // self.schedule.num_batches
        return epoch * self.schedule.num_batches + self.schedule.num_batches_of(epoch)

    def load(self, step: int, images_of: ImagesOf | None = None) -> Batch:
        """Make the batch of a step; a function of the plan and the step alone.

        Args:
            step: Which.
            images_of: Does what `images` does, somewhere else; None to do it here.
        """
        epoch, batch = divmod(step, self.schedule.num_batches)
        records = self.records(step)
        images = (images_of or self.images)(records, epoch)
        targets = None if self.targets is None else self.targets.encode(records)
        weights = self.schedule.weights(epoch, batch)
        return Batch(images=images, targets=targets, records=records, weights=weights)

    def images(self, records: Sequence[Record], epoch: int) -> Images:
        """Make the images that some records have in an epoch."""
        return collate(records, self.pipeline, seed=self.schedule.seed, epoch=epoch)

    def sample(self, record: Record, epoch: int) -> Sample:
        """Make the image that a record has in an epoch."""
        return load_sample(record, self.pipeline, seed=self.schedule.seed, epoch=epoch)


def label_targets(manifest: Manifest, label_mode: LabelMode | None) -> LabelTargets | None:
    """Return how to encode a manifest's labels; None for `label_mode` None.

    Raises:
        ArgumentError: The mode is unknown or does not fit the number of classes.
        LabelError: The manifest has no labels.
    """
    if label_mode is None:
        return None
    check_choice("label_mode", label_mode, (*get_args(LabelMode), None))
    if not manifest.class_names or manifest.table.column("target").null_count:
        raise LabelError(
            f"label_mode={label_mode!r} needs a label for every record, but this manifest has "
            "none for some. Index with labels (index_folder: a sub-folder for each class, or "
            "labels=...; index_table: label_column), or pass label_mode=None to predict."
        )
    return LabelTargets(label_mode=label_mode, num_classes=len(manifest.class_names))


def array_targets(y: npt.NDArray[Any] | None, num_images: int) -> ArrayTargets | None:
    """Return how to give the rows of an array as targets; None for `y` None.

    Raises:
        ArgumentError: There is not one row of numbers for each image.
    """
    if y is None:
        return None
    # Several targets in a tuple or dict would be taken for rows.
    rows = np.asarray(None if isinstance(y, tuple | dict) else y)
    if rows.dtype.kind not in "biuf" or rows.shape[:1] != (num_images,):
        raise ArgumentError(
            f"`y` must be one array of numbers with a row for each of the {num_images} images. "
            f"Received: {type(y).__name__} of shape {rows.shape}, dtype {rows.dtype}"
        )
    return ArrayTargets(rows)
