"""Checks of the columns that targets read; errors name the files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, LabelError
from augseq.terminal_text import first_few, listed
from augseq.validation import briefly, did_you_mean, is_ordered

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

_SHOWN = 3
_CORE = ("index", "path", "target", "probe", "window")


def column_names(option: str, columns: Any) -> tuple[str, ...]:
    """Return one or several names of columns as a tuple.

    Args:
        option: The option in messages, such as "Number".
        columns: A name, or a list of names.

    Raises:
        ArgumentError: They are not different names.
    """
    names = (columns,) if isinstance(columns, str) else columns
    names = tuple(names) if is_ordered(names) else ()
    is_text = all(isinstance(name, str) and name for name in names)
    if not names or not is_text or len(set(names)) != len(names):
        raise ArgumentError(
            f"{option} requires the name of a column, or a list of different names. "
            f"Received: {briefly(columns)}"
        )
    return names


def check_classes_option(option: str, classes: Any, *, name: str = "classes") -> None:
    """Raise `ArgumentError` unless these are different classes in a fixed order, or None."""
    if classes is None:
        return
    is_list = is_ordered(classes) and not isinstance(classes, dict)
    names = list(classes) if is_list else []
    plain = all(isinstance(value, str | int | np.integer) for value in names)
    if not names or not plain or len(set(names)) != len(names):
        raise ArgumentError(
            f"`{name}` of {option} must be a list of different names or integers, in the order "
            f"of the outputs. Received: {name}={briefly(classes)}"
        )


def check_no_missing(manifest: "Manifest", option: str, name: str, way_out: str) -> None:
    """Raise `LabelError` if a record has no value in a column of the user's own.

    Args:
        manifest: The records.
        option: The option in messages, such as "Number('age')".
        name: Name of the column.
        way_out: What to do.

    Raises:
        ArgumentError: There is no such column, or it is one of the manifest's.
    """
    column = manifest.arrow_column(name, option)
    if name in _CORE:
        raise ArgumentError(
            f"{option} reads a column of your own, but {name!r} belongs to the manifest. Copy it: "
            f"manifest.with_column({name + '_copy'!r}, manifest.column({name!r}))"
        )
    if column.null_count:
        is_missing = column.is_null().to_numpy()
        raise LabelError(
            f"{option} requires a value for every record, but {files_at(manifest, is_missing)} "
            f"{'has' if column.null_count == 1 else 'have'} none in the column {name!r}. {way_out}"
        )


def check_has_objects(manifest: "Manifest", option: str, name: str, way_out: str) -> None:
    """Raise an error if a manifest has no column of objects, or a record has no value in it.

    Args:
        manifest: The records.
        option: The option in messages, such as "Boxes".
        name: Name of the column, which the indexing functions choose.
        way_out: What to do.

    Raises:
        ArgumentError: There is no such column.
        LabelError: A record has no value.
    """
    if name not in manifest.table.column_names:
        raise ArgumentError(
            f"{option} requires annotations, in columns such as {name!r}. Received: a manifest "
            f"with the columns {manifest.table.column_names}. {way_out}"
        )
    check_no_missing(manifest, option, name, way_out)


def files_at(manifest: "Manifest", is_meant: npt.ArrayLike) -> str:
    """Return the files of the records in a mask: "'a.jpg', 'b.jpg' and 3 more"."""
    positions = np.flatnonzero(is_meant)
    shown = [repr(record.path) for record in manifest.records(positions[:_SHOWN], columns=())]
    shown += [""] * (len(positions) - len(shown))
    return first_few(shown, _SHOWN)


def unknown_classes(
    option: str, found: Sequence[Any], classes: Sequence[Any], files: str
) -> LabelError:
    """Return the error for values that are not among the classes.

    Args:
        option: The option in messages, such as "MultiLabel('tags')".
        found: The unknown values.
        classes: The classes.
        files: The files with the first of these values.
    """
    kind, kinds = type(found[0]).__name__, {type(name).__name__ for name in classes}
    hint = did_you_mean(str(found[0]), [name for name in classes if isinstance(name, str)])
    if kind not in kinds:
        hint = f" The values are of type {kind}, the classes of type {' and '.join(sorted(kinds))}."
    return LabelError(
        f"{option}: {listed(found)} {'is' if len(found) == 1 else 'are'} not in `classes`; "
        f"{found[0]!r} is a value of {files}.{hint} Add it to `classes`, or correct the column. "
        f"Received: classes={briefly(list(classes))}"
    )
