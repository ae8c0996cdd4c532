"""The table of all records: immutable Arrow columns."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.checks import check_whole
from augseq.errors import ArgumentError, LabelError
from augseq.manifest.columns import (
    CORE_SCHEMA,
    REASON_FIELD,
    RESERVED_NAMES,
    num_different,
    read_records,
    standard_table,
    with_values,
)
from augseq.manifest.display import Displayed
from augseq.manifest.record import Record
from augseq.manifest.split import Split, split_positions
from augseq.remote.address import check_no_secret
from augseq.remote.options import RemoteOptions
from augseq.types import Positions

if TYPE_CHECKING:
    import pandas as pd

# Rows hashed at a time, so that a fingerprint never holds a million Python strings.
_HASHED_ROWS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Manifest(Displayed):
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
        left_out: Records that are known but not served: the same columns, and `reason`. They
            keep their index, so that a file that is mended gets its random stream back.
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
    left_out: pa.Table = None
    remote: RemoteOptions = field(default_factory=RemoteOptions)

    def __post_init__(self) -> None:
        check_no_secret(self.root)
        object.__setattr__(self, "class_names", tuple(self.class_names))
        object.__setattr__(self, "table", standard_table(self.table))
        object.__setattr__(self, "left_out", _fitting(self.left_out, self.table))
        _check_identities(self.table, self.left_out)
        if len(set(self.class_names)) != len(self.class_names):
            raise ArgumentError(f"Class names must differ. Received: {self.class_names}")
        low, high = pc.min_max(self.table.column("target")).as_py().values()
        if high is not None and (low < 0 or high >= len(self.class_names)):
            raise ArgumentError(
                f"Labels must be from 0 to {len(self.class_names) - 1}, one for each class name. "
                f"Received: from {low} to {high}"
            )

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, position: int) -> Record: ...
    @overload
    def __getitem__(self, position: slice) -> "Manifest": ...
    def __getitem__(self, position: int | slice) -> "Record | Manifest":
        """Return the record at a position, or a manifest of the records in a slice."""
        if isinstance(position, slice):
            return self.select(np.arange(len(self))[position])
        return self.records([range(len(self))[position]])[0]

    def __iter__(self) -> Iterator[Record]:
        for start in range(0, len(self), _HASHED_ROWS):
            yield from read_records(self.table.slice(start, _HASHED_ROWS))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Manifest):
            return NotImplemented
        return (
            self.root == other.root
            and self.class_names == other.class_names
            and bool(self.table.equals(other.table))
            and bool(self.left_out.equals(other.left_out))
        )

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __repr__(self) -> str:
        labels = f"{len(self.class_names)} classes" if self.class_names else "no labels"
        left_out = f", {self.left_out.num_rows} left out" if self.left_out.num_rows else ""
        return f"Manifest({len(self)} images, {labels}{left_out}, root={self.root!r})"

    def records(self, positions: Sequence[int] | Positions) -> list[Record]:
        """Return the records at several positions, in the order of the positions."""
        return read_records(self.table, positions)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return the values of the column `name` by position, shape (len(self),).

        Text comes as Python strings in an array of objects, a gap in it as None. Gaps turn whole
        numbers into floats, with NaN where they are.

        Raises:
            ArgumentError: There is no such column.
        """
        if name not in self.table.column_names:
            raise ArgumentError(
                f"There is no column {name!r}. There are: {self.table.column_names}"
            )
        values: npt.NDArray[Any] = self.table.column(name).to_numpy()
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
        try:
            column = pa.array(values, from_pandas=True)
        except (pa.ArrowException, TypeError) as error:
            raise ArgumentError(
                f"The values for the column {name!r} do not fit: {error}"
            ) from error
        if name in RESERVED_NAMES:
            raise ArgumentError(f"The column {name!r} is the manifest's own; choose another.")
        gaps = pa.nulls(self.left_out.num_rows, column.type)
        return replace(
            self,
            table=with_values(self.table, name, column),
            left_out=with_values(self.left_out, name, gaps),
        )

    def record_of(self, index: int) -> Record:
        """Return the record that has an index, wherever it stands.

        Raises:
            ArgumentError: No record has it.
        """
        check_whole("index", index, least=0)
        position = pc.index(self.table.column("index"), pa.scalar(index, pa.int64())).as_py()
        if position < 0:
            raise ArgumentError(f"No record of this manifest has index {index}.")
        return self.records([int(position)])[0]

    @property
    def targets(self) -> npt.NDArray[np.int32]:
        """Labels by position, shape (len(self),), int32.

        Raises:
            LabelError: A record has no label.
        """
        column = self.table.column("target")
        if column.null_count:
            raise LabelError(
                f"{column.null_count} of {len(self)} records have no label. "
                'Index the folder with labels="inferred", or use label_mode=None.'
            )
        labels: npt.NDArray[np.int32] = column.to_numpy()
        return labels

    def select(self, which: Sequence[int] | Sequence[bool] | npt.NDArray[Any]) -> "Manifest":
        """Return a manifest of some records; each keeps its index.

        Those that are left out of this manifest are no part of it.

        Args:
            which: Positions, shape (n,), each at most once and in the order wanted; or a mask,
                bool, shape (len(self),).

        Raises:
            ArgumentError: A position is outside the manifest or comes twice.
        """
        positions = _positions(np.asarray(which), len(self))
        return replace(self, table=self.table.take(pa.array(positions)), left_out=None)

    def split(
        self, *, seed: int = 0, stratify: bool = True, **fractions: float
    ) -> Split["Manifest"]:
        """Split into named parts: `train, val = images.split(val=0.2)`.

        The parts are disjoint and together complete, keep the order of the records, and each
        holds at least one record of every class that has enough. A file's place in its class
        comes from a hash of seed and path, so when files join or leave few others move.

        Args:
            seed: Another seed gives another split.
            stratify: Whether each part gets its share of every class.
            **fractions: Size of each named part, above 0 and below 1. `train` comes first: what
                is left over; or give its size too, and all must add up to 1.

        Returns:
            The parts, to be unpacked in their order or asked for by name:
            `images.split(val=0.1, test=0.2).test`.

        Raises:
            ArgumentError: A fraction is out of range, or they do not add up.
            LabelError: `stratify` is on and a record has no label.
        """
        check_whole("seed", seed, least=0)
        names, shares = _named_shares(fractions)
        stratum = self.targets if stratify and self.class_names else np.zeros(len(self), np.int32)
        parts = split_positions(self.table.column("path"), stratum, shares, seed=seed)
        return Split(names, [self.select(part) for part in parts])

    def class_counts(self) -> dict[str, int]:
        """Return the number of records of each class, zero for an empty one.

        Raises:
            LabelError: A record has no label.
        """
        counts = np.bincount(self.targets, minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    def class_weight(self) -> dict[int, float]:
        """Return `class_weight` for `fit`: each class then weighs the same in the loss.

        Returns:
            Label to weight, `records / (classes * records of the class)`, so that the mean
            weight of a record is 1. Classes without records are left out.

        Raises:
            LabelError: A record has no label.

        Source:
            King and Zeng (2001), "Logistic Regression in Rare Events Data".
        """
        counts = np.bincount(self.targets, minlength=len(self.class_names))
        present = np.flatnonzero(counts)
        return {int(k): len(self) / (len(present) * int(counts[k])) for k in present}

    def fingerprint(self) -> str:
        """Return 32 hexadecimal digits that name the data: records, labels, class names.

        Where the data lies has no influence, and neither has how the columns are stored, what
        was probed, or what columns of your own say.
        """
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr(self.class_names).encode())
        core = self.table.select(CORE_SCHEMA.names)
        for rows in core.to_batches(max_chunksize=_HASHED_ROWS):
            lines = (f"{row}\n" for row in zip(*rows.to_pydict().values(), strict=True))
            digest.update("".join(lines).encode())
        return digest.hexdigest()

    def to_pandas(self) -> "pd.DataFrame":
        """Return a pandas frame with columns index, path, target and class_name.

        Raises:
            ImportError: pandas is not installed.
        """
        frame = self.table.to_pandas()
        names = dict(enumerate(self.class_names))
        labelled: pd.DataFrame = frame.assign(class_name=frame["target"].map(names))
        return labelled


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


def _fitting(left_out: pa.Table | None, table: pa.Table) -> pa.Table:
    """Return the table of those left out in the form of its neighbour."""
    if left_out is None:
        reasons = pa.array([], REASON_FIELD.type)
        left_out = table.slice(0, 0).append_column(REASON_FIELD, reasons)
    left_out = standard_table(left_out, has_reasons=True)
    if left_out.drop_columns([REASON_FIELD.name]).schema != table.schema:
        raise ArgumentError(
            "`left_out` must have the columns of `table`, and `reason`. "
            f"Received: {left_out.column_names} beside {table.column_names}"
        )
    return left_out


def _check_identities(*tables: pa.Table) -> None:
    index = np.concatenate([table.column("index").to_numpy() for table in tables])
    if len(index) and (index.min() < 0 or num_different(index) != len(index)):
        raise ArgumentError("The indices of records must be different and at least 0.")


def _positions(which: npt.NDArray[Any], length: int) -> Positions:
    if which.dtype == bool and which.shape == (length,):
        return np.flatnonzero(which)
    if which.size == 0:
        return np.zeros(0, np.int64)
    if which.ndim != 1 or which.dtype.kind not in "iu":
        raise ArgumentError(
            "`which` must be positions (integers, one axis) or a mask as long as the manifest. "
            f"Received: dtype={which.dtype}, shape={which.shape}"
        )
    if which.min() < -length or which.max() >= length:
        raise ArgumentError(
            f"`which` must hold positions from 0 to {length - 1}. "
            f"Received: from {which.min()} to {which.max()}"
        )
    positions = which.astype(np.int64)
    positions[positions < 0] += length
    num_distinct = num_different(positions)
    if num_distinct != len(positions):
        raise ArgumentError(
            "`which` must name each position at most once, since two records of one index would "
            f"get equal random draws. Received: {len(positions)} positions, "
            f"{num_distinct} of them different"
        )
    return positions


def _named_shares(fractions: dict[str, float]) -> tuple[list[str], list[float]]:
    numbers = all(isinstance(share, Real) for share in fractions.values())
    taken = {"count", "index", "names"}.intersection(fractions)
    if taken:
        raise ArgumentError(f"A part cannot be called {', '.join(map(repr, sorted(taken)))}.")
    if not fractions or not numbers or not all(0 < share < 1 for share in fractions.values()):
        raise ArgumentError(
            "`split` needs named fractions above 0 and below 1, such as split(val=0.2). "
            f"Received: {fractions}"
        )
    total = sum(fractions.values())
    if "train" in fractions and abs(total - 1) > 1e-9:
        raise ArgumentError(f"Parts that name `train` must add up to 1. Received: {fractions}")
    if "train" not in fractions and total >= 1:
        raise ArgumentError(f"Parts must leave something for `train`. Received: {fractions}")
    shares = {"train": fractions.get("train", 1 - total)} | fractions
    return list(shares), list(shares.values())
