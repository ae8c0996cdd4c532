"""The order of an epoch: a keyed bijection, evaluated position by position.

The full permutation is never stored: place `k` of epoch `e` is computed from (seed, e, k) alone,
so every batch of every epoch costs the same few microseconds.
"""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.sampling.randomness import Stream, record_rng
from augseq.types import Positions

Words: TypeAlias = npt.NDArray[np.uint64]

# Luby and Rackoff need 4 rounds on large domains, but small data sets have tiny domains: over
# 20,000 epochs of 6 records, chi-square is off by 17 standard deviations with 10 rounds, by
# 1.9 with 12 and by 0.3 with 16. A batch of 64 costs 0.3 ms.
_ROUNDS = 16


def epoch_order(places: Positions, num_records: int, *, seed: int, epoch: int) -> Positions:
    """Return the positions at the given places of an epoch's order.

    Over all places from 0 to `num_records - 1`, each position occurs exactly once.

    Args:
        places: Shape (n,), int64, each from 0 to `num_records - 1`.
        num_records: Length of the manifest, at most 2**62.
        seed: Determines the order, together with `epoch`.
        epoch: From 0.

    Returns:
        Positions, shape (n,), int64; a new array.

    Source:
        Black and Rogaway (2002), "Ciphers with Arbitrary Finite Domains": a Feistel network
        on a grid of rows and columns, with cycle-walking into the domain.
    """
    keys = permutation_keys(seed, Stream.ORDER, epoch=epoch, number=0)
    return permute(places, np.array([num_records]), keys)


def epoch_place(position: int, num_records: int, *, seed: int, epoch: int) -> int:
    """Return the place of a position in an epoch's order: the inverse of `epoch_order`."""
    keys = permutation_keys(seed, Stream.ORDER, epoch=epoch, number=0)
    return int(permute(np.array([position]), np.array([num_records]), keys, inverse=True)[0])


def permutation_keys(seed: int, stream: Stream, *, epoch: int, number: int) -> Words:
    """Return the keys of a permutation, shape (16, 1), from four independent numbers."""
    rng = record_rng(seed, stream, epoch=epoch, index=number)
    return rng.integers(0, 2**64, size=(_ROUNDS, 1), dtype=np.uint64)


def permute(
    places: Positions, sizes: Positions, keys: Words, *, inverse: bool = False
) -> Positions:
    """Return where keyed permutations move numbers, each from 0 to the size minus 1.

    Args:
        places: Shape (n,), int64.
        sizes: Sizes of the permutations, int64, each at most 2**62; shape (n,), or (1,) for a
            single permutation.
        keys: Their keys, from `permutation_keys`; shape (16, n) or (16, 1).
        inverse: Whether to apply the inverses.

    Returns:
        Shape (n,), int64; a new array.
    """
    move = _unpermute_grid if inverse else _permute_grid
    ends = sizes.astype(np.uint64)
    grid = np.array([_grid_of(size) for size in sizes.tolist()], np.uint64).T
    is_single = len(sizes) == 1
    if is_single:
        # Numbers are faster than arrays of one number.
        grid, keys = grid[:, 0], keys[:, 0]
    found = move(places.astype(np.uint64), grid, keys)
    # The grid has fewer than `2 * rows` extra cells, so very few places need a second pass.
    while (outside := np.flatnonzero(found >= ends)).size:
        which: Any = ... if is_single else (slice(None), outside)
        found[outside] = move(found[outside], grid[which], keys[which])
    return found.astype(np.int64)


def _grid_of(size: int) -> tuple[int, int]:
    """Return rows and columns of the grid of a permutation."""
    rows = math.isqrt(size - 1) + 1
    columns = -(-size // rows)
    # Rotations of an odd number of cells are even permutations: on a grid with odd height and
    # width, half of all orders could not occur.
    return rows, columns + (rows % 2 and columns % 2)


def _permute_grid(cells: Words, grid: Words, keys: Words) -> Words:
    """Permute the cells of a grid: shift each column, then each row, by a keyed hash."""
    num_rows, num_columns = grid[0], grid[1]
    row, column = cells // num_columns, cells % num_columns
    for row_key, column_key in zip(keys[0::2], keys[1::2], strict=True):
        row = (row + hash_words(column, row_key) % num_rows) % num_rows
        column = (column + hash_words(row, column_key) % num_columns) % num_columns
    moved: Words = row * num_columns + column
    return moved


def _unpermute_grid(cells: Words, grid: Words, keys: Words) -> Words:
    """Shift the rows and columns back, in reverse order."""
    num_rows, num_columns = grid[0], grid[1]
    row, column = cells // num_columns, cells % num_columns
    for row_key, column_key in zip(keys[-2::-2], keys[::-2], strict=True):
        column = (column + num_columns - hash_words(row, column_key) % num_columns) % num_columns
        row = (row + num_rows - hash_words(column, row_key) % num_rows) % num_rows
    moved: Words = row * num_columns + column
    return moved


def hash_words(words: Words, key: Words) -> Words:
    """Mix 64-bit words with a key (the SplitMix64 finaliser; Steele et al., 2014).

    Args:
        words: Any shape.
        key: One word, or several that fit to the shape.
    """
    mixed = words ^ key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
