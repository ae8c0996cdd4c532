"""The class of an image as its target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from augseq.augment.mixing import Mix
from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.column_checks import (
    check_classes_option,
    check_no_missing,
    column_names,
    files_at,
    unknown_classes,
)
from augseq.loading.targets.mirrored_classes import (
    ClassMirror,
    check_mirror_classes,
    class_mirror,
    mirror_text,
)
from augseq.loading.targets.target import ImageOptions, Target
from augseq.loading.targets.view import TargetView, shares_text
from augseq.manifest.record import Record
from augseq.terminal_text import options_text
from augseq.types import Array, Image
from augseq.validation import check_choice, make_plain

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

LabelMode: TypeAlias = Literal["int", "categorical", "binary"]


@dataclass(frozen=True, slots=True)
class Label:
    """The class of each image: the manifest's labels, or a column of your own.

    `targets=Label(label_mode=...)` is the same as `label_mode=...`; use it in a dict of several
    targets.

    Args:
        column: Name of a column of text, integers or booleans; None for the manifest's labels.
        classes: The classes of a column, in the order of their numbers. Name them before you
            split the manifest, so that training and validation have the same:
            `classes=images.unique("camera")`. None without a column: the manifest knows them.
        label_mode: "int": int32, shape (). "categorical": one-hot float32, shape (num_classes,).
            "binary": float32 0 or 1, shape (1,).
        mirror: Classes that change places when left and right change sides, as in a horizontal
            flip: a dict of pairs of names, such as {"left hand": "right hand"}. None: the class
            of an image stays the same.

    Raises:
        ArgumentError: An option is invalid.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False).select([0, 199])
        >>> images = images.with_column("camera", ["phone", "scanner"])
        >>> camera = augseq.Label("camera", classes=images.unique("camera"))
        >>> batches = augseq.ImageSequence(images, targets={"kind": augseq.Label(), "from": camera})
        >>> {name: labels.tolist() for name, labels in batches[0][1].items()}
        {'kind': [0, 4], 'from': [0, 1]}
    """

    column: str | None = None
    classes: Sequence[str | int] | None = None
    label_mode: LabelMode = "int"
    mirror: Mapping[str | int, str | int] | None = None

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        make_plain(self, "column", "classes", "label_mode")
        check_choice("label_mode", self.label_mode, get_args(LabelMode))
        check_classes_option("Label", self.classes)
        check_mirror_classes("Label", self.mirror, self.classes)
        if self.column is not None and len(column_names("Label", self.column)) > 1:
            raise ArgumentError(
                "Label requires one column. For a column of 0 and 1 for each class, use "
                f"augseq.MultiLabel, or augseq.Number for shares. Received: {self}"
            )
        if self.column is not None and self.classes is None:
            raise ArgumentError(
                "Label of a column requires `classes`, so that all parts of a split have the same. "
                f"Write classes=images.unique({self.column!r}), with the whole manifest as "
                f"`images`. Received: {self}"
            )
        if self.column is None and self.classes is not None:
            raise ArgumentError(
                "`classes` of Label requires a `column`: the manifest's own labels have its "
                f"`class_names`. Received: {self}"
            )

    def bind(self, manifest: "Manifest", images: ImageOptions) -> "LabelTarget | ColumnLabelTarget":
        """Return the labels of the records of a manifest; see `TargetOption`.

        Args:
            manifest: The records; all of them are checked.
            images: Not used.

        Raises:
            ArgumentError: The manifest does not have the columns.
            LabelError: A record has no value, or one that does not fit.
        """
        if self.column is None:
            target = label_target(manifest, self.label_mode)
            return replace(
                target, class_mirror=class_mirror("Label", self.mirror, manifest.class_names)
            )
        option, classes = f"Label({self.column!r})", list(self.classes or ())
        way_out = "Select the records that have one, or fill the gaps with manifest.with_column."
        check_no_missing(manifest, option, self.column, way_out)
        column = manifest.arrow_column(self.column, option)
        if str(column.type).startswith(("list", "float", "double")):
            raise ArgumentError(
                f"{option} requires a column of text, integers or booleans. Received: a column of "
                f"type {column.type}. For several labels per image, use augseq.MultiLabel; for "
                "numbers, augseq.Number."
            )
        unknown = [value for value in manifest.unique(self.column) if value not in classes]
        if unknown:
            has_it = np.array([value == unknown[0] for value in column.to_pylist()])
            raise unknown_classes(option, unknown, classes, files_at(manifest, has_it))
        labels = LabelTarget(
            label_mode=self.label_mode,
            num_classes=len(classes),
            class_mirror=class_mirror(option, self.mirror, classes),
        )
        return ColumnLabelTarget(column=self.column, classes=tuple(classes), labels=labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTarget(Target):
    """A label, encoded as `keras.utils.image_dataset_from_directory` does.

    Attributes:
        label_mode: "int": int32, shape (). "categorical": one-hot float32, shape (num_classes,).
            "binary": float32 0 or 1, shape (1,).
        num_classes: Number of classes; 2 for "binary".
        class_mirror: Which classes change places in a mirrored image; None if none do.
    """

    label_mode: LabelMode
    # With `field`, since `Target`'s property would be taken for the default.
    num_classes: int = field()
    # Not in the text that is compared when a run resumes, unless it is given.
    class_mirror: ClassMirror | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.label_mode == "binary" and self.num_classes != 2:
            raise ArgumentError(
                f'label_mode="binary" needs 2 classes. Received: {self.num_classes} classes'
            )

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the encoded label."""
        return self.encoded(record.target)

    def encoded(self, label: int | None) -> Array:
        """Return a label as the model is trained on it."""
        if self.label_mode == "int":
            return np.array(label, np.int32)
        if self.label_mode == "binary":
            return np.array([label], np.float32)
        one_hot = np.zeros(self.num_classes, np.float32)
        one_hot[label] = 1
        return one_hot

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return why integers cannot be mixed, or an empty text."""
        if self.label_mode != "int":
            return ""
        return (
            "A mixed image has a share of each of two classes, which one integer cannot say. Pass "
            f'{self.as_one_hot}, and compile with the loss "categorical_crossentropy".'
        )

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the share of each class."""
        return mix.numbers(own, other)

    def mirrored(self, value: Array) -> Array:
        """Return the label of the mirrored image."""
        assert self.class_mirror is not None
        if self.is_one_hot:
            return self.class_mirror.columns(value)
        return self.class_mirror.numbers(value)

    def columns_of(self, value: Array) -> dict[str, Any]:
        """Return the label as that of a manifest."""
        return {"target": self.label_of(value)}

    def view(self, value: Array) -> TargetView:
        """Return nothing, since the class is the title of its picture, unless it can change."""
        if self.class_mirror is None:
            return TargetView()
        return TargetView(text=shares_text(self.class_mirror.names, self.shares(value)))

    def label_of(self, value: Array) -> int:
        """Return the label that is encoded in a value."""
        return int(self.shares(value).argmax())

    def shares(self, value: Array) -> Array:
        """Return the share of each class in a value, shape (num_classes,)."""
        if self.is_one_hot:
            return value
        if self.label_mode == "binary":
            return np.array([1 - value.item(), value.item()])
        return np.asarray(np.arange(self.num_classes) == value.item(), np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        """() for "int", (1,) for "binary", (num_classes,) for "categorical"."""
        return {"int": (), "binary": (1,)}.get(self.label_mode, (self.num_classes,))

    @property
    def text(self) -> str:
        """The target in a few words."""
        return self.text_of(f"{self.num_classes} classes")

    def text_of(self, source: str) -> str:
        """Return the target in a few words, given what the labels are of."""
        dtype = "int32" if self.label_mode == "int" else "float32"
        return f"{self.label_mode} labels of {source}, {dtype} {self.shape}"

    @property
    def content(self) -> str:
        """What decides the values, beside the manifest."""
        return repr(self) + mirror_text(self.class_mirror)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLabelTarget(Target):
    """A class in a column, encoded like a label.

    Attributes:
        column: Name of the column.
        classes: Its values, by label.
        labels: How to encode a label.
    """

    column: str
    classes: tuple[str | int, ...]
    labels: LabelTarget
    _label_of: dict[str | int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        label_of = {name: label for label, name in enumerate(self.classes)}
        object.__setattr__(self, "_label_of", label_of)

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the encoded class."""
        return self.labels.encoded(self._label_of[record.columns[self.column]])

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return why integers cannot be mixed, or an empty text."""
        return self.labels.mixing_obstacle(blends=blends)

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the share of each class."""
        return mix.numbers(own, other)

    @property
    def class_mirror(self) -> ClassMirror | None:
        """Which classes change places in a mirrored image; None if none do."""
        return self.labels.class_mirror

    def mirrored(self, value: Array) -> Array:
        """Return the class of the mirrored image."""
        return self.labels.mirrored(value)

    def columns_of(self, value: Array) -> dict[str, Any]:
        """Return the class as that of a manifest."""
        return {self.column: self.classes[self.labels.label_of(value)]}

    def view(self, value: Array) -> TargetView:
        """Return the class."""
        text = shares_text(self.classes, self.labels.shares(value))
        return TargetView(title=self.column, text=text)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of a label."""
        return self.labels.shape

    @property
    def text(self) -> str:
        """The column, and the label in a few words."""
        return self.labels.text_of(f"{self.column!r}, {self.num_classes} classes")

    @property
    def content(self) -> str:
        """What decides the values, beside the column."""
        return repr(self) + mirror_text(self.class_mirror)

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @property
    def is_one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        return self.labels.is_one_hot

    @property
    def as_one_hot(self) -> str:
        """What a user writes to get one-hot rows."""
        return self.labels.as_one_hot

    @property
    def as_numbers(self) -> str:
        """What a user writes to get class numbers."""
        return self.labels.as_numbers

    def class_numbers(self, manifest: "Manifest") -> npt.NDArray[np.integer[Any]]:
        """Return the class of each record, shape (num_records,)."""
        values = manifest.arrow_column(self.column).to_pylist()
        return np.array([self._label_of[value] for value in values], np.int64)


def label_target(manifest: "Manifest", label_mode: LabelMode) -> LabelTarget:
    """Return how to encode the labels of a manifest.

    Raises:
        ArgumentError: The mode is unknown or does not fit the number of classes.
        LabelError: The manifest has no labels.
    """
    check_choice("label_mode", label_mode, (*get_args(LabelMode), None))
    if not manifest.class_names or manifest.table.column("target").null_count:
        if "box_classes" in manifest.table.column_names:
            raise LabelError(
                f"label_mode={label_mode!r} needs a label for every record, but this manifest has "
                "boxes. Pass targets=augseq.Boxes() to detect objects, "
                'targets=augseq.MultiLabel("box_classes", classes=manifest.box_class_names) to '
                "predict which classes are in an image, or label_mode=None to predict."
            )
        raise LabelError(
            f"label_mode={label_mode!r} needs a label for every record, but this manifest has "
            "none for some. Index with labels (index_folder: a sub-folder for each class, or "
            "labels=...; index_table: label_column); pass label_mode=None to predict, or "
            "targets=... to train on something else, such as augseq.Number."
        )
    return LabelTarget(label_mode=label_mode, num_classes=len(manifest.class_names))
