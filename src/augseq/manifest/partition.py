"""Assign records to the parts of a split: by class, by group, or by hash alone."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError
from augseq.manifest.balance import Labels, PartNumbers, divide_labels, place_in_turn
from augseq.manifest.schema import ROWS_AT_ONCE, decoded

Strata: TypeAlias = npt.NDArray[np.int64] | Labels
"""The class of each record, shape (n,), or any number of labels for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The inputs that determine a split.

    Attributes:
        paths: Path of each record, hashed with the seed if there are no groups.
        strata: Classes or labels; each part gets its share of each of them.
        groups: Group of each record, from `make_groups`; None for no groups.
        seed: At least 0.
    """

    paths: pa.ChunkedArray
    strata: Strata
    groups: pa.DictionaryArray | None
    seed: int


def divide(basis: Basis, shares: Sequence[float]) -> PartNumbers:
    """Divide records into shares that add up to 1, stratified, or by group.

    Raises:
        ArgumentError: There are fewer groups than parts.
    """
    if basis.groups is not None:
        return _divide_groups(basis, basis.groups, shares)
    if isinstance(basis.strata, Labels):
        sizes = allocate(len(basis.paths), shares)
        return divide_labels(_hash_order(basis), basis.strata, sizes)
    return _divide_strata(basis, basis.strata, lambda _, size: allocate(size, shares))


def divide_evenly(basis: Basis, num_parts: int) -> PartNumbers:
    """Divide into parts that differ by at most one record: overall, and per class.

    With several labels per record, the number of records of each label is as even as possible.

    Raises:
        ArgumentError: There are fewer records, or fewer groups, than parts.
    """
    if basis.groups is not None:
        return _divide_groups(basis, basis.groups, [1 / num_parts] * num_parts)
    if len(basis.paths) < num_parts:
        raise ArgumentError(
            f"There must be at least one record per part. Received: {len(basis.paths)} records, "
            f"{num_parts} parts"
        )
    parts = np.arange(num_parts)

    def sizes(start: int, size: int) -> list[int]:
        # Remainders start where the previous class ended; otherwise part 0 would get all of them.
        gets_extra = (parts - start) % num_parts < size % num_parts
        return [size // num_parts + int(extra) for extra in gets_extra]

    if isinstance(basis.strata, Labels):
        return divide_labels(_hash_order(basis), basis.strata, sizes(0, len(basis.paths)))
    return _divide_strata(basis, basis.strata, sizes)


def divide_by_hash(basis: Basis, shares: Sequence[float]) -> PartNumbers:
    """Assign each record by the hash of its path or group alone."""
    if basis.groups is None:
        hashes = _hashes(basis.paths, basis.seed)
    else:
        hashes = _hashes(basis.groups.dictionary, basis.seed)[basis.groups.indices.to_numpy()]
    ends = np.cumsum(shares)[:-1]
    return np.searchsorted(ends, hashes / 2.0**64, side="right")


def make_groups(values: Any, num_records: int) -> pa.DictionaryArray:
    """Convert values to groups: values with the same text are one group.

    Raises:
        ArgumentError: There is not one value for each record, or they do not fit a column.
    """
    try:
        if not isinstance(values, pa.ChunkedArray):
            values = pa.array(values, from_pandas=True)
        # Encoded again below, to drop categories without records.
        column = decoded(values).combine_chunks()
        groups = pc.dictionary_encode(column)
        texts = groups.dictionary.cast(pa.string()) if _is_plain(column.type) else groups.dictionary
        groups = pa.DictionaryArray.from_arrays(groups.indices, texts.cast(pa.binary()))
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ArgumentError(
            f"`group` must be a column name, or one value per record: {error}"
        ) from error
    num_missing = pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0
    if len(groups) != num_records or num_missing:
        raise ArgumentError(
            f"`group` must have a value for each of {num_records} records. "
            f"Received: {len(groups)} values, {num_missing} of them missing"
        )
    return groups


def allocate(size: int, shares: Sequence[float]) -> list[int]:
    """Divide `size` records by largest remainder, at least one per part if possible.

    >>> allocate(10, [0.75, 0.25])
    [8, 2]
    >>> allocate(3, [0.9, 0.05, 0.05])
    [1, 1, 1]
    """
    # Rounding errors must not lose a record in a share such as 0.2 of 5.
    exact = [size * share + 1e-9 for share in shares]
    sizes = [int(amount) for amount in exact]
    by_remainder = sorted(range(len(shares)), key=lambda part: sizes[part] - exact[part])
    for part in by_remainder[: size - sum(sizes)]:
        sizes[part] += 1
    if size >= len(shares):
        for part in [part for part, count in enumerate(sizes) if count == 0]:
            sizes[sizes.index(max(sizes))] -= 1
            sizes[part] += 1
    return sizes


def _hash_order(basis: Basis) -> npt.NDArray[np.int64]:
    return np.argsort(_hashes(basis.paths, basis.seed), kind="stable")


def _divide_strata(
    basis: Basis, strata: npt.NDArray[np.int64], sizes_of: Callable[[int, int], Sequence[int]]
) -> PartNumbers:
    """Divide each stratum, in the order of hashes, by `sizes_of(start, size)`."""
    part_of = np.zeros(len(basis.paths), np.int64)
    by_hash = _hash_order(basis)
    # A stable sort by stratum keeps the hashed order inside each stratum.
    shuffled = by_hash[np.argsort(strata[by_hash], kind="stable")]
    start = 0
    for size in np.unique(strata, return_counts=True)[1].tolist():
        sizes = sizes_of(start, size)
        part_of[shuffled[start : start + size]] = np.repeat(np.arange(len(sizes)), sizes)
        start += size
    return part_of


def _divide_groups(
    basis: Basis, groups: pa.DictionaryArray, shares: Sequence[float]
) -> PartNumbers:
    """Assign groups, large ones first, to the part with the lowest cost.

    Source:
        Graham (1969), "Bounds on Multiprocessing Timing Anomalies": largest first. If all groups
        have the same size, part sizes are those of Webster's method of apportionment.
    """
    group_of = groups.indices.to_numpy()
    num_groups = len(groups.dictionary)
    if num_groups < len(shares):
        raise ArgumentError(
            f"There must be at least one group per part. Received: {num_groups} groups, "
            f"{len(shares)} parts"
        )
    sizes = np.bincount(group_of, minlength=num_groups)
    # Sizes are rounded to powers of two, so that the seed orders groups of similar size.
    order = np.lexsort([_hashes(groups.dictionary, basis.seed), -np.frexp(sizes)[1]])
    rank_of = np.empty(num_groups, np.int64)
    rank_of[order] = np.arange(num_groups)
    ranks = rank_of[group_of]
    labels = basis.strata
    is_class = not isinstance(labels, Labels)
    if not isinstance(labels, Labels):
        labels = Labels(np.arange(len(ranks)), np.unique(labels, return_inverse=True)[1])
    totals = np.append(labels.counts(), len(ranks))
    part_of_group = place_in_turn(
        ranks,
        ranks[labels.rows],
        labels.codes,
        excesses=[-share * totals for share in shares],
        shares=shares,
        # Rare ones of several labels would count for nothing beside those of half the records.
        weights=np.ones(len(totals)) if is_class else 1 / np.maximum(totals, 1),
    )
    parts: PartNumbers = _without_empty(part_of_group, len(shares))[ranks]
    return parts


def _without_empty(part_of: PartNumbers, num_parts: int) -> PartNumbers:
    """Move the smallest group of a part with several groups to each empty part."""
    counts = np.bincount(part_of, minlength=num_parts)
    for part in np.flatnonzero(counts == 0):
        smallest = np.flatnonzero(counts[part_of] > 1)[-1]
        counts[part_of[smallest]] -= 1
        counts[part] += 1
        part_of[smallest] = part
    return part_of


def _is_plain(kind: pa.DataType) -> bool:
    return not (pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _hashes(texts: pa.ChunkedArray | pa.Array, seed: int) -> npt.NDArray[np.uint64]:
    keyed = hashlib.blake2b(f"{seed}\0".encode(), digest_size=8)
    digests = bytearray()
    # In batches: all paths of a million records as Python objects would take 100 MB.
    for start in range(0, len(texts), ROWS_AT_ONCE):
        for text in texts[start : start + ROWS_AT_ONCE].cast(pa.binary()).to_pylist():
            digest = keyed.copy()
            digest.update(text)
            digests += digest.digest()
    return np.frombuffer(digests, "<u8")
