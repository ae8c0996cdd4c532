"""Index a table with one row per image: its path, its class, and other columns."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, AugseqWarning, LabelError, ManifestError
from augseq.indexing.existing_folder import existing_folder
from augseq.indexing.labels import check_class_names, class_findings, name_classes
from augseq.indexing.table.image_paths import existing_paths, is_blank, is_text, manifest_paths
from augseq.indexing.table.number_labels import number_findings, whole_numbers
from augseq.indexing.table.read_table import read_source
from augseq.indexing.table.source_table import SourceTable
from augseq.indexing.unicode_forms import same_name
from augseq.manifest.manifest import Manifest
from augseq.manifest.schema import RESERVED_NAMES, check_paths_differ, standard_table
from augseq.remote.options import RemoteOptions
from augseq.remote.url import absolute_root
from augseq.terminal_text import listed
from augseq.types import PathLike
from augseq.validation import briefly, check_choice, did_you_mean, explains_names, is_ordered

MissingLabels: TypeAlias = Literal["error", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """How to read a table; documented as the arguments of `index_table`."""

    path_column: str = "path"
    label_column: str | None = "label"
    class_names: Sequence[str] | None = None
    columns: Sequence[str] | None = None
    missing_labels: MissingLabels = "error"
    check_files: bool = True
    delimiter: str | None = None
    path_suffix: str | None = None

    def __post_init__(self) -> None:
        check_class_names(self.class_names)
        check_choice("missing_labels", self.missing_labels, ("error", "keep"))
        self._check_columns()
        if self.path_column == self.label_column:
            raise ArgumentError(
                f"`path_column` and `label_column` must differ. Received: both {self.path_column!r}"
            )
        if self.class_names is not None and self.label_column is None:
            raise ArgumentError("`class_names` requires a `label_column`. Received: None")
        self._check_text_options()

    def _check_columns(self) -> None:
        columns = [] if self.columns is None else self.columns
        is_text = is_ordered(columns) and all(isinstance(name, str) for name in columns)
        if not is_text or len(set(columns)) != len(columns):
            raise ArgumentError(
                f"`columns` must be a list of different names. Received: columns={columns!r}"
            )
        if not isinstance(self.path_column, str):
            raise ArgumentError(
                "`path_column` must be the name of a column, as text. "
                f"Received: path_column={self.path_column!r}"
            )
        if is_ordered(self.label_column):
            raise ArgumentError(
                "`label_column` must be the name of one column: an image has one class. Combine "
                "one-hot columns into one: frame['label'] = frame[columns].idxmax(axis=1). "
                "For several labels per image, pass label_column=None, and train with "
                "targets=augseq.MultiLabel(columns). "
                f"Received: label_column={self.label_column!r}"
            )
        if not isinstance(self.label_column, str | None):
            raise ArgumentError(
                "`label_column` must be the name of a column, as text, or None. "
                f"Received: label_column={self.label_column!r}"
            )

    def _check_text_options(self) -> None:
        delimiter, suffix = self.delimiter, self.path_suffix
        if delimiter is not None and (
            not isinstance(delimiter, str)
            or len(delimiter) != 1
            or not delimiter.isascii()
            or delimiter in '"\r\n\0'
        ):
            raise ArgumentError(
                '`delimiter` (at the shell: --delimiter) must be one character, such as ";". '
                f"Received: delimiter={delimiter!r}"
            )
        if suffix is not None and (
            not isinstance(suffix, str) or not suffix.startswith(".") or "/" in suffix
        ):
            raise ArgumentError(
                "`path_suffix` (at the shell: --path-suffix) must be a file extension, such as "
                f'".jpg". Received: path_suffix={suffix!r}'
            )


@explains_names
def index_table(
    source: Any,
    *,
    root: PathLike | None = None,
    path_column: str = "path",
    label_column: str | None = "label",
    class_names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    missing_labels: MissingLabels = "error",
    check_files: bool = True,
    delimiter: str | None = None,
    path_suffix: str | None = None,
    remote: RemoteOptions | None = None,
) -> Manifest:
    r"""Index a table with one row per image: a file, a frame or an Arrow table.

    Records come in the order of the rows. Values are used as they are written: every cell of a CSV
    or TSV file is text, so "NA", "01" and "true" are ordinary class names. For other types, read
    the file with pandas or polars and pass the frame.

    Args:
        source: A UTF-8 file (.csv, .tsv, .jsonl or .parquet), a pandas frame, or any object with
            Arrow's `__arrow_c_stream__`, such as a polars frame.
        root: Folder that the paths are relative to, or the address of a remote one; the folder of
            the file if None. Absolute paths, and addresses (with escapes such as `%20`), become
            relative to it; `\` in a path without `/` counts as `/`.
        path_column: Column of the paths, which must be unique.
        label_column: Column of the classes: text, integers or booleans; None for no labels.
        class_names: Classes, in the order of the labels. Integer labels (never from CSV, where
            they are text) are then positions in this list. If None, the labels as text, sorted by
            value if all are integers, otherwise by code point.
        columns: Other columns to keep, such as numbers or lists of tags to train on; all if None.
            A column `index` becomes the records' index, which is the row number, from 0,
            otherwise.
        missing_labels: "error" refuses blank labels; "keep" turns them into unlabelled records. A
            blank that is in `class_names` is a class.
        check_files: Whether to check that each file exists; files are not opened. It must be False
            for a remote root, which can be a web server that does not list its folders.
        delimiter: Separator of the cells in a CSV or TSV file, such as ";"; a comma or a tab if
            None.
        path_suffix: Suffix to add to paths that lack it, such as ".jpg" for a table of ids.
        remote: Options for a remote root. The manifest holds them, but does not save them.

    Raises:
        ArgumentError: A column is missing or cannot be kept, or a path occurs twice or is outside
            the root.
        LabelError: Labels or paths are blank, or labels are not in `class_names`.
        ManifestError: The file is not a valid table, not in UTF-8, or has no rows.
        MissingFileError: The table, the root or an image does not exist.
        UnreadableError: Access to the table is denied.

    Warns:
        AugseqWarning: A class has no images, there is only one class, or the labels or the table
            look wrong.

    Example:
        >>> import augseq, pyarrow
        >>> rows = {"path": ["shell/shell_01.jpg", "leaf/leaf_01.jpg"], "label": [10, 9]}
        >>> images = augseq.index_table(pyarrow.table(rows), root="sample_images")
        >>> images.class_names
        ('9', '10')
    """
    options = TableOptions(
        path_column=path_column,
        label_column=label_column,
        class_names=class_names,
        columns=columns,
        missing_labels=missing_labels,
        check_files=check_files,
        delimiter=delimiter,
        path_suffix=path_suffix,
    )
    manifest, findings = manifest_of_table(source, root, options)
    manifest = replace(manifest, remote=remote or RemoteOptions())
    for finding in [*findings, *class_findings(manifest, "the table")]:
        warnings.warn(finding, AugseqWarning, stacklevel=3)  # `explains_names` is between.
    return manifest


def manifest_of_table(
    source: Any, root: PathLike | None, options: TableOptions
) -> tuple[Manifest, tuple[str, ...]]:
    """Do the same as `index_table`, but return the warnings."""
    table = read_source(source, lambda names: _chosen(names, options), options.delimiter)
    if not len(table.columns):
        raise ManifestError(f"A table must have one row per image, but {table.name} has none.")
    folder = _root(source, root, must_exist=options.check_files)
    paths = manifest_paths(table, options.path_column, folder, options.path_suffix)
    check_paths_differ(paths, table.name)
    findings = table.findings if options.columns is None else ()
    if options.label_column is None:
        names, targets = (), pa.nulls(len(paths), pa.int32())
    else:
        names, targets = _classes(table, options.label_column, options)
        if options.class_names is None:
            findings += tuple(number_findings(names, targets, options.label_column))
    if options.check_files:
        paths, differences = existing_paths(folder, paths, table)
        check_paths_differ(paths, table.name)
        findings += differences
    core = {"index": _identities(table), "path": paths, "target": targets}
    used = {"index", options.path_column, options.label_column}
    own = {name: table.columns[name] for name in table.columns.column_names if name not in used}
    try:
        columns = standard_table(pa.table(core | own))
    except ArgumentError as error:
        raise ArgumentError(
            f"{error}. Choose the columns to keep with `columns` (at the shell: --columns)."
        ) from error
    return Manifest(root=folder, class_names=names, table=columns), findings


def _root(source: Any, root: PathLike | None, *, must_exist: bool) -> str:
    if root is None:
        if not isinstance(source, str | os.PathLike):
            raise ArgumentError("A frame requires `root`: the folder its paths are relative to.")
        root = Path(source).absolute().parent
    return existing_folder(root) if must_exist else absolute_root(root)


def _chosen(names: Sequence[str], options: TableOptions) -> list[str]:
    """Return the columns to read: path, label, and those to keep."""
    needed = [name for name in (options.path_column, options.label_column) if name is not None]
    others = [name for name in names if name not in needed]
    if options.columns is not None:
        others = [name for name in options.columns if name not in needed]
    absent = [name for name in [*needed, *others] if name not in names]
    if absent:
        raise ArgumentError(
            f"The table has no column {absent[0]!r}, only {list(names)}. Name the columns of the "
            "paths and labels with `path_column` and `label_column` (at the shell: --path-column, "
            f"--label-column), or pass label_column=None (--no-labels).{_hint(absent[0], names)}"
        )
    reserved = {"", *RESERVED_NAMES} - {"index"}
    refused = [name for name in others if name in reserved]
    if refused:
        raise ArgumentError(
            f"A column cannot be kept under the name {refused[0]!r}: names must not be empty or "
            f"reserved ({', '.join(RESERVED_NAMES)}). Rename it, or choose the columns to keep "
            f"with `columns` (at the shell: --columns). Existing columns: {list(names)}"
        )
    return [*needed, *others]


def _hint(absent: str, names: Sequence[str]) -> str:
    if any("pixel" in name.lower() for name in names):
        return " If the columns contain pixels, pass them as an array: ImageSequence.from_arrays."
    if absent.strip() not in map(str.strip, names):
        return did_you_mean(absent, names)
    return (
        " Some names have spaces around them: remove the spaces, or read the file with "
        "pandas.read_csv(path, skipinitialspace=True) and pass the frame."
    )


def _classes(table: SourceTable, column: str, options: TableOptions) -> tuple[Any, Any]:
    """Return the class names, and a target for each row."""
    labels = table.columns.column(column).combine_chunks()
    kind = labels.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind) or is_text(kind):
        labels = labels.cast(pa.string())
        blank_is_class = options.class_names is not None and any(
            not name.strip() for name in options.class_names
        )
        missing = pc.is_null(labels) if blank_is_class else is_blank(labels)
        labels = pc.if_else(missing, None, labels)
    else:
        labels = whole_numbers(labels, column)
        missing = pc.is_null(labels)
    if options.missing_labels == "error" and pc.any(missing).as_py():
        raise LabelError(
            f"Every row must have a label; it is missing in {table.places(missing)}. Remove those "
            'rows; or pass missing_labels="keep" (at the shell: --missing-labels keep) for '
            "unlabelled records, or label_column=None (--no-labels)."
        )
    names, targets = name_classes(labels, options.class_names)
    unknown = np.asarray(pc.fill_null(pc.equal(targets, -1), False))
    if unknown.any():
        values = pc.unique(labels.filter(pa.array(unknown))).to_pylist()
        hint = same_name(str(values[0]), names) or _other_labels(labels, names)
        raise LabelError(
            f"Labels must be in `class_names`, but {listed(values)} in {table.places(unknown)} "
            f"{'is' if len(values) == 1 else 'are'} not. "
            f"Received: class_names={briefly(list(names))}.{hint}"
        )
    return names, targets


def _other_labels(labels: pa.Array, names: Sequence[str]) -> str:
    """Return a hint about labels that are not in the names; or ""."""
    if pa.types.is_integer(labels.type):
        return (
            f" Integers are positions in `class_names`, from 0 to {len(names) - 1}. If they are "
            "names, convert them to text: frame[column].astype(str)."
        )
    values = pc.unique(labels.drop_null()).to_pylist()
    if set(values) <= set(map(str, range(len(names)))):
        return (
            " These labels are text, like all cells of a CSV file. If they are positions in "
            "`class_names`, read the file with pandas.read_csv, and pass the frame."
        )
    if set(names) & set(values):
        return (
            " To use only some classes, index without `class_names`, and then select them: "
            "manifest.select(class_names=[...]); at the shell, --class-names does this."
        )
    return ""


def _identities(table: SourceTable) -> Any:
    """Return the index of each record."""
    if "index" not in table.columns.column_names:
        return np.arange(len(table.columns))
    try:
        index = table.columns.column("index").cast(pa.int64())
        if index.null_count or pc.min(index).as_py() < 0 or len(index.unique()) < len(index):
            raise ValueError("missing, repeated or negative values")
    except (pa.ArrowException, ValueError) as error:
        raise ArgumentError(
            "The column 'index' must contain the index of each record: unique integers of at least "
            "0. Rename it, or exclude it with `columns` (at the shell: --columns). "
            f"Received: {error}"
        ) from error
    return index
