"""Several labels for an image: a column for each class, 1 where the image has it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

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

MissingTags: TypeAlias = Literal["error", "empty"]

_FLAGS = frozenset({0, 1, "0", "1"})


@dataclass(frozen=True, slots=True)
class MultiLabel:
    """Several labels for each image, as 0 and 1 for each class (multi-hot).

    The target of a record is float32, shape (num_classes,), so a batch is (batch, num_classes):
    what the loss "binary_crossentropy" expects.

    Args:
        columns: Name of a column of lists, or of separated text such as "day; indoor"; or the
            names of several columns of 0 and 1 (also True and False, or the text "0" and "1"),
            one for each class.
        classes: The classes, in the order of the outputs. Name them before you split the
            manifest, so that training and validation have the same:
            `classes=images.unique("tags", separator=";")`. None for several columns, whose names
            are the classes.
        separator: What separates the parts of a text. Spaces around parts are removed.
        missing: What a missing value means: "error", or "empty" for an image without any label.
            An empty list or blank text is always an image without any label.
        mirror: Classes that change places when left and right change sides, as in a horizontal
            flip: a dict of pairs of names, such as {"left hand": "right hand"}. None: the classes
            of an image stay the same.

    Raises:
        ArgumentError: An option is invalid.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", labels=None, progress=False)
        >>> images = images.select([0, 1]).with_column("tags", ["sea; day", "night"])
        >>> tags = augseq.MultiLabel(
        ...     "tags", classes=images.unique("tags", separator=";"), separator=";"
        ... )
        >>> augseq.ImageSequence(images, targets=tags)[0][1].tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """

    columns: str | Sequence[str]
    classes: Sequence[str | int] | None = None
    separator: str | None = None
    missing: MissingTags = "error"
    mirror: Mapping[str | int, str | int] | None = None

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        make_plain(self, "columns", "classes")
        names = column_names("MultiLabel", self.columns)
        check_classes_option("MultiLabel", self.classes)
        classes = names if len(names) > 1 else self.classes
        check_mirror_classes("MultiLabel", self.mirror, classes)
        check_choice("missing", self.missing, ("error", "empty"))
        if len(names) > 1 and (self.classes is not None or self.separator is not None):
            raise ArgumentError(
                "MultiLabel of several columns takes neither `classes` nor `separator`: each "
                f"column is a class. Received: {self}"
            )
        if len(names) == 1 and self.classes is None:
            separated = "" if self.separator is None else f", separator={self.separator!r}"
            raise ArgumentError(
                f"MultiLabel of one column requires `classes`, so that all parts of a split have "
                f"the same. Write classes=images.unique({names[0]!r}{separated}), with the whole "
                f"manifest as `images`. Received: {self}"
            )

    def bind(self, manifest: "Manifest", images: ImageOptions) -> "MultiLabelTarget":
        """Return the labels of the records of a manifest; see `TargetOption`.

        Args:
            manifest: The records; all of them are checked.
            images: Not used.

        Raises:
            ArgumentError: The manifest does not have the columns.
            LabelError: A record has no value, or one that does not fit.
        """
        names = column_names("MultiLabel", self.columns)
        for name in names:
            if self.missing == "error":
                way_out = 'Pass missing="empty" if these images have no label.'
                check_no_missing(manifest, f"MultiLabel({name!r})", name, way_out)
            if len(names) > 1:
                _check_flags(manifest, name)
        if len(names) == 1:
            self._check_tags(manifest, names[0])
        classes = names if self.classes is None else tuple(self.classes)
        return MultiLabelTarget(
            columns=names,
            classes=classes,
            separator=self.separator,
            class_mirror=class_mirror("MultiLabel", self.mirror, classes),
        )

    def _check_tags(self, manifest: "Manifest", name: str) -> None:
        option, classes = f"MultiLabel({name!r})", list(self.classes or ())
        kind = str(manifest.arrow_column(name, option).type)
        is_list = kind.startswith("list")
        if not is_list and self.separator is None and kind != "null":
            raise ArgumentError(
                f"{option} requires a column of lists, or of text with a `separator` such as "
                f'separator=";". Received: a column of type {kind}. For one class per image, use '
                "augseq.Label."
            )
        unknown = [v for v in manifest.unique(name, separator=self.separator) if v not in classes]
        if unknown:
            tags_of = [_tags(value, self.separator) for value in _values(manifest, name)]
            has_it = np.array([unknown[0] in tags for tags in tags_of])
            error = unknown_classes(option, unknown, classes, files_at(manifest, has_it))
            raise LabelError(f"{error}{_separator_hint(unknown[0], classes)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiLabelTarget(Target):
    """The labels of a record, as 0 and 1 for each class.

    Attributes:
        columns: One column of lists or separated text, or a column of 0 and 1 for each class.
        classes: The classes, in the order of the values.
        separator: What separates the parts of a text; None for lists.
        class_mirror: Which classes change places in a mirrored image; None if none do.
    """

    # Declared without `Target`'s property as the default.
    columns: tuple[str, ...] = ()
    classes: tuple[str | int, ...] = ()
    separator: str | None = None
    # Not in the text that is compared when a run resumes, unless it is given.
    class_mirror: ClassMirror | None = field(default=None, repr=False)

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return 0 or 1 for each class, float32, shape (num_classes,)."""
        if len(self.columns) > 1:
            flags = [record.columns[name] or 0 for name in self.columns]
            return np.array(flags, np.float32)
        tags = set(_tags(record.columns[self.columns[0]], self.separator))
        return np.array([name in tags for name in self.classes], np.float32)

    def mirrored(self, value: Array) -> Array:
        """Return the labels of the mirrored image."""
        assert self.class_mirror is not None
        return self.class_mirror.columns(value)

    def columns_of(self, value: Array) -> dict[str, Any]:
        """Return the labels as those of a manifest."""
        flags = value.astype(np.int64).tolist()
        if len(self.columns) > 1:
            return dict(zip(self.columns, flags, strict=True))
        tags = [name for name, flag in zip(self.classes, flags, strict=True) if flag]
        if self.separator is None:
            return {self.columns[0]: tags}
        return {self.columns[0]: self.separator.join(map(str, tags))}

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return an empty text: labels can be mixed."""
        return ""

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the average, weighted by the shares of the images."""
        return mix.numbers(own, other)

    def view(self, value: Array) -> TargetView:
        """Return the labels, separated by commas."""
        title = self.columns[0] if len(self.columns) == 1 else ""
        return TargetView(title=title, text=shares_text(self.classes, value) or "no label")

    @property
    def shape(self) -> tuple[int, ...]:
        """(num_classes,)."""
        return (len(self.classes),)

    @property
    def text(self) -> str:
        """The number of classes, dtype and shape."""
        return f"several labels of {len(self.classes)} classes, float32 {self.shape}"

    @property
    def content(self) -> str:
        """What decides the values, beside the columns."""
        return repr(self) + mirror_text(self.class_mirror)


def _separator_hint(unknown: Any, classes: list[Any]) -> str:
    """Return how to separate a text that consists of classes."""
    for separator in ",;|/ " if isinstance(unknown, str) else "":
        parts = [part.strip() for part in unknown.split(separator)]
        if len(parts) > 1 and all(part in classes for part in parts):
            return f" To separate it, pass separator={separator!r}."
    return ""


def _tags(value: Any, separator: str | None) -> Iterable[Any]:
    if value is None:
        return ()
    if separator is None:
        tags: Iterable[Any] = value
        return tags
    return (part.strip() for part in value.split(separator))


def _values(manifest: "Manifest", name: str) -> list[Any]:
    values: list[Any] = manifest.arrow_column(name, "MultiLabel").to_pylist()
    return values


def _check_flags(manifest: "Manifest", name: str) -> None:
    option = f"MultiLabel({name!r})"
    kind = str(manifest.arrow_column(name, option).type)
    if kind.startswith("list"):
        raise ArgumentError(
            f"MultiLabel of several columns requires a column of 0 and 1 for each class, but "
            f"{name!r} contains lists. Pass this column alone."
        )
    wrong = [value for value in manifest.unique(name) if value not in _FLAGS]
    if wrong:
        has_it = np.array([value == wrong[0] for value in _values(manifest, name)])
        raise LabelError(
            f"{option} must be 0 or 1 for each record. Received: {wrong[0]!r} for "
            f"{files_at(manifest, has_it)}. For shares of classes, use augseq.Number."
        )
