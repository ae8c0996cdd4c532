"""Named parts of a manifest: their shares, and the column that stores them."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError
from augseq.terminal_text import WIDTH, first_few, first_lines, listed, num_columns
from augseq.types import Positions

_NUM_SHOWN = 5

SplitKind: TypeAlias = Literal["train", "val", "test"]
# Usual names of parts, in the order in which they are unpacked.
_KIND_OF: dict[str, SplitKind] = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
_USUAL_ORDER = tuple(_KIND_OF)

Part = TypeVar("Part")


class Split(tuple[Part, ...], Generic[Part]):
    """Named parts: unpack them in order, or access one by name.

    Example:
        >>> parts = Split(["train", "val"], ["most", "rest"])
        >>> train, val = parts
        >>> parts.val
        'rest'
    """

    names: tuple[str, ...]

    def __new__(cls, names: Sequence[str], parts: Sequence[Part]) -> "Split[Part]":
        """Create a split of parts, with their names in the same order."""
        split = super().__new__(cls, parts)
        split.names = tuple(names)
        return split

    def __getattr__(self, name: str) -> Part:
        if name == "names" or name not in self.names:
            raise AttributeError(f"no part is named {name!r}")
        return self[self.names.index(name)]

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.names, tuple(self)))

    def __repr__(self) -> str:
        parts = [f"{name}: {part!r}" for name, part in zip(self.names, self, strict=True)]
        line = ", ".join(parts)
        return line if num_columns(line) <= WIDTH else first_lines("\n".join(parts))


def split_kind(name: str) -> SplitKind | None:
    """Return the kind of split that a name such as "valid" means; None if none."""
    return _KIND_OF.get(name.casefold())


def named_shares(fractions: dict[str, float]) -> tuple[list[str], list[float]]:
    """Return the names and shares of all parts, `train` first; shares add up to 1.

    Raises:
        ArgumentError: A fraction is out of range, or their sum is wrong.
    """
    numbers = all(isinstance(share, Real) for share in fractions.values())
    _check_names(list(fractions))
    if not fractions or not numbers or not all(0 < share < 1 for share in fractions.values()):
        raise ArgumentError(
            "`split` requires named fractions above 0 and below 1, such as split(val=0.2). "
            f"Received: {fractions}"
        )
    total = sum(fractions.values())
    if "train" in fractions and abs(total - 1) > 1e-9:
        raise ArgumentError(f"Parts that include `train` must add up to 1. Received: {fractions}")
    if "train" not in fractions and total >= 1:
        raise ArgumentError(f"Parts must leave something for `train`. Received: {fractions}")
    shares = {"train": fractions.get("train", 1 - total)} | fractions
    return list(shares), list(shares.values())


def positions_by_value(
    name: str, column: pa.ChunkedArray, order: Sequence[str] | None
) -> dict[str, Positions]:
    """Return the ascending positions of each value of a column, by the value as text.

    Args:
        name: Name of the column.
        column: One value per record.
        order: All values, in the desired order; None for the usual order.

    Raises:
        ArgumentError: A record has no value, or one that is not in `order`.
    """
    if column.null_count:
        rows = np.flatnonzero(column.is_null().to_numpy())
        raise ArgumentError(
            f"Every record must have a value in the column {name!r}. "
            f"Received: no value in {len(rows)} of {len(column)} records, at positions "
            f"{first_few(map(str, rows), _NUM_SHOWN)}"
        )
    try:
        encoded = pc.dictionary_encode(column.cast(pa.string()).combine_chunks())
    except pa.ArrowException as error:
        raise ArgumentError(f"The column {name!r} must be text or numbers: {error}") from error
    values, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    by_code = np.argsort(codes, kind="stable")
    pieces = np.split(by_code, np.cumsum(np.bincount(codes, minlength=len(values)))[:-1])
    positions = dict(zip(values, pieces, strict=True)) if values else {}
    names = sorted(positions, key=_usual_place) if order is None else list(order)
    _check_names(names)
    if set(positions) - set(names) or len(set(names)) != len(names):
        raise ArgumentError(
            f"`order` must list each value of the column {name!r} once. "
            f"Received: order={names}; the values are "
            f"{listed(sorted(positions, key=_usual_place), _NUM_SHOWN)}"
        )
    return {name: positions.get(name, np.zeros(0, np.int64)) for name in names}


def part_names(
    indices: npt.NDArray[np.int64],
    names: Sequence[str],
    parts: Sequence[npt.NDArray[np.int64]],
) -> pa.Array:
    """Return the name of the part of each record.

    Args:
        indices: Index of each record, shape (n,).
        names: Names of the parts.
        parts: Indices of the records in each part.

    Raises:
        ArgumentError: The parts do not contain each record exactly once.
    """
    found = np.concatenate([np.zeros(0, np.int64), *parts])
    order = np.argsort(found)
    if not np.array_equal(found[order], np.sort(indices)):
        raise ArgumentError(
            "The parts must contain each record of the manifest exactly once, so use a split of "
            f"this manifest. Received: {len(found)} records in parts, {len(indices)} in the "
            "manifest"
        )
    numbers = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    part_of = numbers[order[np.searchsorted(found, indices, sorter=order)]]
    return pa.array(names, pa.string()).take(pa.array(part_of))


def _usual_place(name: str) -> tuple[int, str]:
    known = name.lower() in _USUAL_ORDER
    return (_USUAL_ORDER.index(name.lower()) if known else len(_USUAL_ORDER)), name


def _check_names(names: Sequence[str]) -> None:
    reserved = {"count", "index", "names"}.intersection(names)
    if reserved:
        raise ArgumentError(f"A part cannot be named {', '.join(map(repr, sorted(reserved)))}.")
