"""Numbers to predict, or to give to the model as features: one or several columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from augseq.augment.mixing import Mix
from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.column_checks import check_no_missing, column_names, files_at
from augseq.loading.targets.target import ImageOptions, Target
from augseq.loading.targets.view import TargetView, numbers_text
from augseq.manifest.record import Record
from augseq.terminal_text import listed, options_text
from augseq.types import Array, Image
from augseq.validation import briefly, make_plain

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

_MISSING = "Select the records that have one, or fill the gaps with manifest.with_column."


@dataclass(frozen=True, slots=True)
class Number:
    """Numbers of each record: values to predict, soft labels, or features.

    The target of a record is float32, shape (k,) for k columns, so a batch is (batch, k); one
    column gives (batch, 1), which is the shape that `keras.layers.Dense(1)` returns.

    Args:
        columns: Name of a column of numbers, or several names. A single column can also contain
            lists of k numbers. Booleans are 0 and 1; text, as in CSV files, must be a number.

    Raises:
        ArgumentError: These are not names of columns.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", labels=None, progress=False)
        >>> images = images.with_column("age", [float(k) for k in range(len(images))])
        >>> batches = augseq.ImageSequence(images, targets=augseq.Number("age"), batch_size=4)
        >>> batches[0][1].tolist()
        [[0.0], [1.0], [2.0], [3.0]]
    """

    columns: str | Sequence[str]

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        make_plain(self, "columns")
        column_names("Number", self.columns)

    def bind(self, manifest: "Manifest", images: ImageOptions) -> "NumberTarget":
        """Return the numbers of the records of a manifest; see `TargetOption`.

        Args:
            manifest: The records; all of them are checked.
            images: Not used.

        Raises:
            ArgumentError: The manifest does not have the columns.
            LabelError: A record has no value, or one that does not fit.
        """
        names = column_names("Number", self.columns)
        parts = [_numbers(manifest, f"Number({name!r})", name) for name in names]
        widths = [1 if part.ndim == 1 else part.shape[1] for part in parts]
        if len(names) > 1 and any(part.ndim == 2 for part in parts):
            raise ArgumentError(
                f"{self} must have either one column of lists, or several columns of numbers."
            )
        return NumberTarget(columns=names, num_values=sum(widths))


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberTarget(Target):
    """The numbers of a record, from its columns.

    Attributes:
        columns: Names of the columns.
        num_values: How many numbers they contain together.
    """

    # Declared without `Target`'s property as the default.
    columns: tuple[str, ...] = ()
    num_values: int = 1

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the numbers, float32, shape (num_values,)."""
        values = [record.columns[name] for name in self.columns]
        return np.array(values, np.float32).reshape(self.num_values)

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return an empty text: numbers can be mixed."""
        return ""

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the average, weighted by the shares of the images."""
        return mix.numbers(own, other)

    def view(self, value: Array) -> TargetView:
        """Return the numbers, with the names of their columns if there are several."""
        title = self.columns[0] if len(self.columns) == 1 else ""
        return TargetView(title=title, text=numbers_text(value, self.columns))

    @property
    def shape(self) -> tuple[int, ...]:
        """(num_values,)."""
        return (self.num_values,)

    @property
    def text(self) -> str:
        """The columns, dtype and shape."""
        return f"numbers of {listed(self.columns)}, float32 {self.shape}"

    @property
    def content(self) -> str:
        """What decides the values, beside the columns."""
        return repr(self)


def check_weights(manifest: "Manifest", column: Any) -> NumberTarget:
    """Return the sample weights in a column.

    Raises:
        ArgumentError: There is no such column.
        LabelError: A weight is missing, negative or not finite, or all are 0.
    """
    if not isinstance(column, str):
        raise ArgumentError(
            "`weights` must be the name of a column of numbers. "
            f"Received: weights={briefly(column)}. Add the numbers with "
            'manifest.with_column("weight", values).'
        )
    weight_column(manifest, f"weights={column!r}", column)
    return NumberTarget(columns=(column,))


def weight_column(manifest: "Manifest", option: str, column: str) -> npt.NDArray[np.float64]:
    """Return the weights in a column, shape (num_records,).

    Args:
        manifest: The records.
        option: The option in messages, such as "weights='share'".
        column: Name of the column.

    Raises:
        ArgumentError: There is no such column.
        LabelError: A weight is missing, negative or not finite, or all are 0.
    """
    weights = _numbers(manifest, option, column)
    if weights.ndim > 1:
        raise LabelError(f"{option} requires one number per record, but the column has lists.")
    negative: npt.NDArray[np.bool_] = np.less(weights, 0)
    if negative.any() or not weights.any():
        raise LabelError(
            f"{option} requires weights of at least 0, and not only 0. Received: "
            + (
                f"{weights[negative][0]:g} for {files_at(manifest, negative)}"
                if negative.any()
                else "only 0"
            )
        )
    return weights


def _numbers(manifest: "Manifest", option: str, name: str) -> npt.NDArray[np.float64]:
    """Return the numbers of a column, shape (num_records,) or, of lists, (num_records, k).

    Raises:
        ArgumentError: There is no such column, or it has no numbers.
        LabelError: A number is missing or not finite, a text is no number, or lists differ in
            length.
    """
    check_no_missing(manifest, option, name, _MISSING)
    values = manifest.column(name)
    if values.dtype.kind in "mM":
        raise ArgumentError(
            f"{option} requires numbers, but the column {name!r} contains times. Convert them, for "
            "example to years, with manifest.with_column."
        )
    if values.dtype == object and len(values) and not isinstance(values[0], str):
        values = _stacked(manifest, option, name, values)
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        raise _no_number(manifest, option, name, values) from None
    with np.errstate(over="ignore"):
        is_usable = np.isfinite(numbers.astype(np.float32))
    if not is_usable.all():
        is_bad = ~is_usable.reshape(len(values), -1).all(1)
        raise LabelError(
            f"{option} requires finite numbers that fit float32, but the column {name!r} has "
            f"{numbers[is_bad].flat[~is_usable[is_bad].ravel()][0]} for "
            f"{files_at(manifest, is_bad)}. {_MISSING}"
        )
    return numbers


def _stacked(
    manifest: "Manifest", option: str, name: str, lists: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    lengths = np.array([len(values) for values in lists])
    differs = lengths != lengths[0]
    if differs.any() or not lengths[0]:
        wrong = differs if differs.any() else ~differs
        raise LabelError(
            f"{option} requires lists of equal length, at least 1, but the column {name!r} has "
            f"{lengths[0]} numbers for {manifest[0].path!r} and {lengths[wrong][0]} for "
            f"{files_at(manifest, wrong)}."
        )
    return np.stack(list(lists))


def _no_number(
    manifest: "Manifest", option: str, name: str, values: npt.NDArray[Any]
) -> LabelError:
    is_wrong = np.array([not _is_number(value) for value in values])
    example = values[is_wrong][0] if is_wrong.any() else values[0]
    hint = ""
    if isinstance(example, str) and _is_number(example.replace(",", ".")):
        hint = " Write decimals with a point."
    return LabelError(
        f"{option} requires numbers, but the column {name!r} has {str(example)!r} for "
        f"{files_at(manifest, is_wrong)}.{hint} Correct the column. To train on classes, use "
        "augseq.Label or augseq.MultiLabel; to balance them, augseq.Balanced."
    )


def _is_number(value: Any) -> bool:
    try:
        np.asarray(value).astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True
