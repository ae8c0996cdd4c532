"""The table of all records: immutable Arrow columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, MissingExtraError, install_command
from augseq.manifest import display
from augseq.manifest.classes import (
    balanced_weights,
    check_classes,
    label_array,
    selected_classes,
)
from augseq.manifest.partition import (
    Basis,
    divide,
    divide_by_hash,
    divide_evenly,
    make_groups,
)
from augseq.manifest.paths import check_paths
from augseq.manifest.record import Record
from augseq.manifest.schema import (
    CORE_SCHEMA,
    ROWS_AT_ONCE,
    check_identities,
    fitting_excluded,
    hash_records,
    own_column,
    read_records,
    standard_table,
    with_values,
)
from augseq.manifest.selection import named_positions, one_position, selected_positions
from augseq.manifest.split import Split, named_shares, part_names, positions_by_value
from augseq.remote.options import RemoteOptions
from augseq.remote.url import check_no_secret
from augseq.terminal_text import counts_text, shortened
from augseq.validation import check_whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Manifest:
    """Which images exist, in a fixed order, with their labels.

    Made by `index_folder`, `index_table` and their like. It behaves as an immutable sequence of
    `Record`; a slice, `select` and `split` give new manifests that share its columns.

    Attributes:
        root: Folder that all paths are relative to, or the address of a remote one.
        class_names: Names by label: label 0 is called `class_names[0]`. Empty without labels.
        table: Arrow columns `index` (int64), `path` (string), `target` (int32, null without
            labels), perhaps `probe` (what reading the files found out, see `Probe`), and columns
            of your own. Columns and not Python objects, since a million strings would be copied
            page by page into every forked worker.
        excluded: Records that are known but not served: the same columns, and `reason`. They
            keep their index, so that a file that is repaired gets its random stream back.
        follow_links: Whether files may be symbolic links that lead out of `root`.
        remote: How to reach a remote root. It is kept in memory alone, and no file has it.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> images[0].target
        0
        >>> len(images.select([0, 5, 7]))
        3
    """

    root: str
    class_names: tuple[str, ...]
    table: pa.Table
    excluded: pa.Table = None
    follow_links: bool = False
    remote: RemoteOptions = field(default_factory=RemoteOptions)

    def __post_init__(self) -> None:
        check_no_secret(self.root)
        object.__setattr__(self, "class_names", tuple(self.class_names))
        object.__setattr__(self, "table", standard_table(self.table))
        object.__setattr__(self, "excluded", fitting_excluded(self.excluded, self.table))
        check_identities(self.table, self.excluded)
        check_paths(self.table.column("path"), self.excluded.column("path"))
        check_classes(self.class_names, self.table.column("target"))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, position: int) -> Record: ...
    @overload
    def __getitem__(self, position: slice) -> "Manifest": ...
    def __getitem__(self, position: int | slice) -> "Record | Manifest":
        """Return the record at a position, or a manifest of the records in a slice.

        Raises:
            IndexError: The position is outside the manifest.
            ArgumentError: It is neither an integer nor a slice.
        """
        if isinstance(position, slice):
            return self.select(np.arange(len(self))[position])
        return read_records(self.table, [one_position(position, len(self))])[0]

    def __iter__(self) -> Iterator[Record]:
        for start in range(0, len(self), ROWS_AT_ONCE):
            yield from read_records(self.table.slice(start, ROWS_AT_ONCE))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Manifest):
            return NotImplemented
        return (
            self.root == other.root
            and self.class_names == other.class_names
            and bool(self.table.equals(other.table))
            and bool(self.excluded.equals(other.excluded))
            and self.follow_links == other.follow_links
        )

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __repr__(self) -> str:
        labels = f"{len(self.class_names)} classes" if self.class_names else "no labels"
        excluded = f", {self.excluded.num_rows} excluded" if self.excluded.num_rows else ""
        root = shortened(repr(self.root), 40)
        return f"Manifest({len(self)} images, {labels}{excluded}, root={root})"

    def __str__(self) -> str:
        labels = self.table.column("target").drop_null().to_numpy()
        counts = np.bincount(labels, minlength=len(self.class_names)).tolist()
        return counts_text(repr(self), dict(zip(self.class_names, counts, strict=False)))

    def _repr_html_(self) -> str:
        return display.manifest_html(self)

    def show(self, *, class_name: str | None = None, num_images: int = 12) -> "Figure":
        """Draw some images as they are in their files, with their labels.

        An image that cannot be read is drawn as a box with the reason.

        Args:
            class_name: Only images of this class, with the names of the files. None shows all
                classes in turn.
            num_images: At most so many, spread from the first to the last.

        Returns:
            A matplotlib figure, to be restyled or saved; Jupyter shows it.

        Raises:
            ArgumentError: There is no such class, or no image.
        """
        return display.draw_manifest(self, class_name=class_name, num_images=num_images)

    @property
    def targets(self) -> npt.NDArray[np.int32]:
        """Labels by position, shape (number of records,), int32.

        Raises:
            LabelError: A record has no label.
        """
        return label_array(self.table.column("target"))

    def class_counts(self) -> dict[str, int]:
        """Return the number of records of each class, zero for an empty one.

        Raises:
            LabelError: A record has no label.
        """
        return dict(zip(self.class_names, self._label_counts().tolist(), strict=True))

    def class_weight(self) -> dict[int, float]:
        """Return `class_weight` for `fit`: each class then weighs the same in the loss.

        Returns:
            Label to weight, `records / (classes * records of the class)`, so that the mean
            weight of a record is 1. Classes without records are excluded.

        Raises:
            LabelError: A record has no label.

        Source:
            King and Zeng (2001), "Logistic Regression in Rare Events Data".
        """
        return balanced_weights(self._label_counts())

    def records(self, positions: Sequence[int] | Sequence[bool] | npt.NDArray[Any]) -> list[Record]:
        """Return the records at several positions, in the order of the positions.

        Args:
            positions: Or a mask, as for `select`; but a position may come several times.

        Raises:
            IndexError: A position is outside the manifest.
            ArgumentError: They are neither integers nor a mask.
        """
        which = np.asarray(positions)
        found = named_positions("positions", which, len(self), outside=IndexError)
        return read_records(self.table, found)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return the values of the column `name` by position, shape (len(self),).

        Text comes as Python strings in an array of objects, a gap in it as None. Gaps turn whole
        numbers into floats, with NaN where they are.

        Raises:
            ArgumentError: There is no such column.
        """
        values: npt.NDArray[Any] = self._column(name).to_numpy()
        return values

    def with_column(self, name: str, values: Any) -> "Manifest":
        """Return a manifest with a column of your own more, or with other values in it.

        Args:
            name: Not one of the manifest's own columns.
            values: Text, numbers, booleans or times, one for each record, in their order.

        Raises:
            ArgumentError: There are more or fewer values than records, or they do not fit.
        """
        if len(values) != len(self):
            raise ArgumentError(
                f"There must be a value for each of {len(self)} records. Received: {len(values)}"
            )
        column = own_column(name, values)
        gaps = pa.nulls(self.excluded.num_rows, column.type)
        return replace(
            self,
            table=with_values(self.table, name, column),
            excluded=with_values(self.excluded, name, gaps),
        )

    def record_of(self, index: int) -> Record:
        """Return the record that has an index, wherever it stands.

        Raises:
            ArgumentError: No record has it.
        """
        check_whole("index", index, least=0)
        position = pc.index(self.table.column("index"), pa.scalar(index, pa.int64())).as_py()
        if position < 0:
            first = self.table.column("index").slice(0, 3).to_pylist()
            raise ArgumentError(
                f"No record of this manifest has index {index}; the first have {first}. An index "
                "stays with its record through split and select; manifest[position].index is that "
                "of the record at a position."
            )
        return self.records([int(position)])[0]

    def select(
        self,
        which: Sequence[int] | Sequence[bool] | npt.NDArray[Any] | None = None,
        *,
        class_names: Sequence[str] | None = None,
    ) -> "Manifest":
        """Return a manifest of some records or classes; each record keeps its index.

        Those that are excluded of this manifest are no part of it.

        Args:
            which: Positions, shape (n,), each at most once and in the order wanted; or a mask,
                bool, shape (len(self),). All class names then stay, also of empty classes.
            class_names: Classes of this manifest instead, such as ["cat", "dog"]. They are all
                the class names of the result, in this order, so that a model gets no output for
                the others. Records without a label are not selected.

        Raises:
            ArgumentError: A position is outside the manifest or comes twice, a class is not in
                the manifest, or not exactly one of `which` and `class_names` is given.

        Example:
            >>> import augseq
            >>> images = augseq.index_folder("sample_images", progress=False)
            >>> images.select(class_names=["shell", "leaf"]).class_names
            ('shell', 'leaf')
        """
        if (which is None) == (class_names is None):
            raise ArgumentError(
                "`select` needs either `which` or `class_names`. Received: "
                + ("neither" if which is None else "both")
            )
        if class_names is not None:
            names, table = selected_classes(self.table, self.class_names, class_names)
            return replace(self, class_names=names, table=table, excluded=None)
        positions = selected_positions(np.asarray(which), len(self))
        return replace(self, table=self.table.take(pa.array(positions)), excluded=None)

    def split(
        self,
        *,
        seed: int = 0,
        stratify: bool = True,
        group: str | Sequence[Any] | npt.NDArray[Any] | None = None,
        stable: bool = False,
        **fractions: float,
    ) -> Split["Manifest"]:
        """Split into named parts: `train, val = images.split(val=0.2)`.

        The parts are disjoint and together complete, keep the order of the records, and each
        holds at least one record of every class that has enough. A file's place in its class
        comes from a hash of seed and path, so when files join or leave few others move.

        Args:
            seed: At least 0; another seed gives another split.
            stratify: Whether each part gets its share of every class.
            group: A column, or a value for each record, in their order: records of equal value,
                such as photos of one patient, go to the same part. Groups are placed one by one,
                large ones first, where sizes and classes of the parts come out nearest.
            stable: Whether no file ever moves when others come or go: the hash of its path, or
                of its group, decides alone. Sizes and classes are then right on average only.
            **fractions: Size of each named part, above 0 and below 1. `train` comes first: what
                is left over; or give its size too, and all must add up to 1.

        Returns:
            The parts, to be unpacked in their order or asked for by name:
            `images.split(val=0.1, test=0.2).test`.

        Raises:
            ArgumentError: A fraction is out of range, they do not add up, there are fewer groups
                than parts, or a record has no group.
            LabelError: `stratify` is on and a record has no label.
        """
        names, shares = named_shares(fractions)
        basis = self._basis(seed, group, stratify=stratify and not stable)
        part_of = divide_by_hash(basis, shares) if stable else divide(basis, shares)
        return Split(names, [self.select(part_of == part) for part in range(len(names))])

    def k_fold(
        self,
        num_folds: int,
        *,
        seed: int = 0,
        stratify: bool = True,
        group: str | Sequence[Any] | npt.NDArray[Any] | None = None,
    ) -> Iterator[Split["Manifest"]]:
        """Iterate over folds: `for train, val in images.k_fold(5)`.

        Each record is in the `val` of one fold and in the `train` of all others. Folds have the
        same size, to one record, in whole and in each class; with groups as nearly as these let.

        Args:
            num_folds: At least 2.
            seed: At least 0; another seed gives other folds.
            stratify: Whether each fold gets its share of every class.
            group: As for `split`.

        Returns:
            For each fold its parts, called `train` and `val`.

        Raises:
            ArgumentError: There are more folds than records or groups, or a record has no group.
            LabelError: `stratify` is on and a record has no label.
        """
        check_whole("num_folds", num_folds, least=2)
        fold_of = divide_evenly(self._basis(seed, group, stratify=stratify), num_folds)
        return (self._fold(fold_of == fold) for fold in range(num_folds))

    def split_by(self, column: str, *, order: Sequence[str] | None = None) -> Split["Manifest"]:
        """Split by the values of a column: `train, val, test = images.split_by("split")`.

        Args:
            column: Text, whose values become the names of the parts, or numbers, as text.
            order: All values, in the order wanted; one that no record has makes an empty part.
                If None: train, val, test and their longer names first, all others sorted.

        Raises:
            ArgumentError: There is no such column, a record has no value in it, or one that
                `order` does not name.
        """
        positions = positions_by_value(column, self._column(column), order)
        return Split(list(positions), [self.select(part) for part in positions.values()])

    def with_split(self, parts: Split["Manifest"], name: str = "split") -> "Manifest":
        """Return a manifest with a column that says which part each record is in.

        `write_manifest` keeps it; `split_by` makes the parts again.

        Args:
            parts: What `split` of this manifest gave, or one fold of `k_fold`.
            name: Of the column; an old one of this name is replaced.

        Raises:
            ArgumentError: The parts do not hold each record of this manifest once.
        """
        indices = [part.table.column("index").to_numpy() for part in parts]
        own_indices = self.table.column("index").to_numpy()
        return self.with_column(name, part_names(own_indices, parts.names, indices))

    def fingerprint(self) -> str:
        """Return 32 hexadecimal digits that name the data: records, labels, class names.

        Not counted: where the data is, how the columns are stored, what was probed, and columns
        of your own.
        """
        return hash_records(self.table, self.class_names)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a pandas frame with columns index, path, target and class_name.

        Raises:
            MissingExtraError: pandas is not installed.
            ArgumentError: A column of your own is called class_name.
        """
        if "class_name" in self.table.column_names:
            raise ArgumentError(
                "The frame gets a column 'class_name', so none of your own may have that name. "
                f"Received: {self.table.column_names}. Write it into another with `with_column`."
            )
        try:
            frame = self.table.to_pandas()
        except ImportError as error:
            raise MissingExtraError(
                f"`to_pandas` needs pandas, which is not installed: {install_command('pandas')}"
            ) from error
        names = dict(enumerate(self.class_names))
        labelled: pd.DataFrame = frame.assign(class_name=frame["target"].map(names))
        return labelled

    def _column(self, name: str) -> pa.ChunkedArray:
        if name not in self.table.column_names:
            raise ArgumentError(
                f"There is no column {name!r}. There are: {self.table.column_names}"
            )
        return self.table.column(name)

    def _label_counts(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.targets, minlength=len(self.class_names))

    def _basis(self, seed: int, group: Any, *, stratify: bool) -> Basis:
        values = self._column(group) if isinstance(group, str) else group
        return Basis(
            paths=self.table.column("path"),
            strata=self.targets if stratify and self.class_names else np.zeros(len(self), np.int32),
            groups=None if values is None else make_groups(values, len(self)),
            seed=check_whole("seed", seed, least=0),
        )

    def _fold(self, is_val: npt.NDArray[np.bool_]) -> Split["Manifest"]:
        return Split(["train", "val"], [self.select(~is_val), self.select(is_val)])


def check_manifest(value: object) -> None:
    """Raise `ArgumentError` where a value is no manifest."""
    if not isinstance(value, Manifest):
        raise ArgumentError(
            "The first argument must be a Manifest, such as augseq.index_folder(folder) "
            f"gives. Received: {type(value).__name__}"
        )


def make_manifest(
    root: str,
    class_names: Sequence[str],
    *,
    paths: Sequence[str] | pa.StringArray,
    targets: Sequence[int] | npt.NDArray[np.integer] | None,
) -> Manifest:
    """Number paths from 0 and make them a manifest; `targets` None means no labels."""
    labels = pa.nulls(len(paths), pa.int32()) if targets is None else pa.array(targets, pa.int32())
    columns = {"index": np.arange(len(paths)), "path": paths, "target": labels}
    table = pa.table(columns, schema=CORE_SCHEMA)
    return Manifest(root=root, class_names=tuple(class_names), table=table)
