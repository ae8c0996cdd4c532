"""Place records, or groups of them, in parts one by one, so that all labels stay balanced."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

PartNumbers: TypeAlias = npt.NDArray[np.int64]
"""The part number of each record, from 0, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Any number of labels for each record.

    Attributes:
        rows: The record of each label, ascending, shape (m,).
        codes: Number of each label, from 0, ascending and different in each record, shape (m,).
    """

    rows: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]

    @property
    def num_codes(self) -> int:
        """One more than the largest code."""
        return int(self.codes.max(initial=-1)) + 1

    def counts(self, is_counted: npt.NDArray[np.bool_] | slice = slice(None)) -> Any:
        """Return the number of labels of each code, shape (num_codes,), of some or all labels."""
        return np.bincount(self.codes[is_counted], minlength=self.num_codes)


def divide_labels(
    order: npt.NDArray[np.int64], labels: Labels, sizes: Sequence[int]
) -> PartNumbers:
    """Divide single records into parts of exact sizes, each with its share of every label.

    Of the records with equal labels, each part gets its share, rounded down. The few others are
    placed one by one, those with the rarest labels first, each where the chi-squared statistic of
    the counts of its labels rises least.

    Args:
        order: All records, in the order in which equal ones are placed.
        labels: The labels of each record.
        sizes: Number of records in each part.

    Source:
        Sechidis, Tsoumakas, Vlahavas (2011), "On the Stratification of Multi-Label Data": rarest
        labels first. Unlike theirs, the sizes of the parts are exact.
    """
    shares = [size / max(len(order), 1) for size in sizes]
    part_of = _whole_shares(order, labels, shares)
    is_placed = part_of < len(sizes)
    totals = labels.counts()
    # The last column counts records.
    excesses = [
        np.append(
            labels.counts(part_of[labels.rows] == part) - share * totals,
            np.sum(part_of == part) - size,
        )
        for part, (share, size) in enumerate(zip(shares, sizes, strict=True))
    ]
    rarest = np.full(len(order), len(order) + 1)
    np.minimum.at(rarest, labels.rows, totals[labels.codes])
    rest = order[~is_placed[order]]
    rest = rest[np.argsort(rarest[rest], kind="stable")]
    rank_of = np.full(len(order), -1)
    rank_of[rest] = np.arange(len(rest))
    is_left = rank_of[labels.rows] >= 0
    part_of[rest] = place_in_turn(
        np.arange(len(rest)),
        rank_of[labels.rows[is_left]],
        labels.codes[is_left],
        excesses=excesses,
        shares=shares,
        weights=1 / np.maximum(np.append(totals, len(order)), 1),
        room=[-int(excess[-1]) for excess in excesses],
    )
    return part_of


def place_in_turn(
    items: npt.NDArray[np.int64],
    label_items: npt.NDArray[np.int64],
    label_codes: npt.NDArray[np.int64],
    *,
    excesses: Sequence[npt.NDArray[np.float64]],
    shares: Sequence[float],
    weights: npt.NDArray[np.float64],
    room: Sequence[float] | None = None,
) -> PartNumbers:
    """Return the part of each item, such as a group of records, in the order of their numbers.

    Each goes to the part with the lowest cost: the sum of squares, over the labels and over the
    records, of what a part has too many or too few of, divided by its share.

    Args:
        items: The item of each record, from 0.
        label_items: The item of each label.
        label_codes: The code of each label.
        excesses: For each part, of each code and then of the records, how many it has too many.
        shares: Share of each part.
        weights: Weight of the squares, of each code and then of the records.
        room: How many more records each part takes; None for no limit.
    """
    whole = len(weights) - 1
    cells, counts = np.unique(
        # One more column contains everything, to balance the total sizes of parts.
        np.concatenate([label_items * (whole + 1) + label_codes, items * (whole + 1) + whole]),
        return_counts=True,
    )
    ends = np.flatnonzero(cells % (whole + 1) == whole) + 1
    columns, amounts = (cells % (whole + 1)).tolist(), counts.tolist()
    weight_of, held = weights.tolist(), [excess.tolist() for excess in excesses]
    free = [inf] * len(shares) if room is None else list(room)
    part_of, start = [], 0
    # Plain Python: with so few numbers at a time, numpy took four times as long.
    for end in ends.tolist():
        cell = list(zip(columns[start:end], amounts[start:end], strict=True))
        size = amounts[end - 1]
        costs = [
            sum([n * (2 * excess[column] + n) * weight_of[column] for column, n in cell]) / share
            if size <= space
            else inf
            for excess, share, space in zip(held, shares, free, strict=True)
        ]
        part = costs.index(min(costs))
        for column, n in cell:
            held[part][column] += n
        free[part] -= size
        part_of.append(part)
        start = end
    return np.array(part_of, np.int64)


def _whole_shares(
    order: npt.NDArray[np.int64], labels: Labels, shares: Sequence[float]
) -> PartNumbers:
    """Divide the records with equal labels, rounding down; the others get `len(shares)`."""
    _, kind_of, sizes = np.unique(
        _hashes(labels, len(order)), return_inverse=True, return_counts=True
    )
    shuffled = order[np.argsort(kind_of[order], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    place_in_kind = np.empty(len(order), np.int64)
    place_in_kind[shuffled] = np.arange(len(order)) - np.repeat(starts, sizes)
    # Rounding errors must not lose a record in a share such as 0.2 of 5.
    amounts = np.floor(np.outer(np.array(shares), sizes) + 1e-9).astype(np.int64)
    part_of = np.zeros(len(order), np.int64)
    for ends in np.cumsum(amounts, axis=0):
        part_of += place_in_kind >= ends[kind_of]
    return part_of


def _hashes(labels: Labels, num_records: int) -> npt.NDArray[np.uint64]:
    """Return a hash of the labels of each record; equal hashes only affect the balance."""
    words = np.random.Generator(np.random.Philox(key=0)).integers(
        2**64, size=labels.num_codes, dtype=np.uint64
    )
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(words[labels.codes], dtype=np.uint64)])
    ends = np.searchsorted(labels.rows, np.arange(num_records + 1))
    hashes: npt.NDArray[np.uint64] = np.diff(sums[ends])
    return hashes
