"""The order of an epoch: a keyed bijection, evaluated position by position.

No list of a billion numbers is ever made: where place `k` of epoch `e` points is computed
from (seed, e, k) alone, so any batch of any epoch costs the same few microseconds.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.sampling.randomness import Stream, check_epoch, check_seed, record_rng
from augseq.types import Positions
from augseq.validation import check_choice, check_whole

# Luby and Rackoff need 4 rounds on large domains, but small data sets make tiny ones: over
# 20,000 epochs of 6 records, chi-square is off by 17 standard deviations with 10 rounds, by
# 1.9 with 12 and by 0.3 with 16. A batch of 64 costs 0.3 ms.
_ROUNDS = 16


Padding: TypeAlias = Literal["wrap", "zero_weight"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come, whatever the size of its batches.

    Attributes:
        epoch: The present epoch, from 0.
        num_records: Records of its order that were given already, over all shards.
    """

    epoch: int = 0
    num_records: int = 0

    def __post_init__(self) -> None:
        check_epoch(self.epoch)
        check_whole("num_records", self.num_records, least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of several processes that train together, each on its part of every global batch.

    Attributes:
        index: Which, from 0.
        count: How many there are.
        padding: How the last global batch of an epoch is filled up, so that all shards have the
            same batches: "wrap" takes records from the beginning of the epoch's order once more;
            "zero_weight" does too, with sample weights of zero, for exact metrics. None: "wrap"
            for several shards; a single one has a smaller last batch.
        is_given: Whether a person named index and count; else they must be what the processes
            that run say.
    """

    index: int = 0
    count: int = 1
    padding: Padding | None = None
    is_given: bool = False

    def __post_init__(self) -> None:
        check_whole("count", self.count, least=1)
        check_whole("index", self.index, least=0, most=self.count - 1)
        check_choice("padding", self.padding, (*get_args(Padding), None))

    @property
    def fills_batches(self) -> bool:
        """Whether the last batch of an epoch is as large as the others."""
        return self.count > 1 or self.padding is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Which positions make which batch, for every epoch.

    Attributes:
        num_records: Length of the manifest.
        batch_size: Records in a batch; the last one of an epoch may be smaller.
        shuffle: Whether each epoch has an order of its own.
        drop_remainder: Whether a last batch that is not full is dropped.
        seed: Fixes the orders of all epochs.
        done: What was given before a resume, and does not come again.
        shard: Whose part of each global batch to give.
    """

    num_records: int
    batch_size: int
    shuffle: bool
    drop_remainder: bool
    seed: int
    done: Progress = Progress()
    shard: Shard = Shard()

    def __post_init__(self) -> None:
        check_whole("batch_size", self.batch_size, least=1)
        check_seed(self.seed)
        if self.num_batches == 0:
            shards = f", {self.shard.count} shards" if self.shard.count > 1 else ""
            raise ArgumentError(
                f"There must be at least one batch. Received: {self.num_records} records, "
                f"batch_size={self.batch_size}, drop_remainder={self.drop_remainder}{shards}"
            )
        if not self.num_batches_of(self.done.epoch):
            # What is left of an epoch fills no batch: the next one begins.
            object.__setattr__(self, "done", Progress(epoch=self.done.epoch + 1))

    @property
    def num_batches(self) -> int:
        """Number of batches in a whole epoch."""
        return self._count_batches(self.num_records)

    def num_batches_of(self, epoch: int) -> int:
        """Return the number of batches that an epoch still has; at least 1."""
        return self._count_batches(max(0, self.num_records - self._num_done(epoch)))

    def whole_from(self, epoch: int) -> "Schedule":
        """Return the schedule of whole epochs only, from one on.

        Raises:
            ArgumentError: A resume has left a part of that epoch.
        """
        if self.done.epoch == epoch and self.done.num_records:
            raise ArgumentError(
                f"Only a part of epoch {epoch} is left after the resume, so it cannot be repeated: "
                f"train that first, and then call set_epoch({epoch + 1})."
            )
        return replace(self, done=Progress())

    def positions(self, epoch: int, batch: int) -> Positions:
        """Return the positions that make a batch, shape (batch size,), int64."""
        places = self._places(epoch, batch) % self.num_records
        if not self.shuffle:
            return places
        return epoch_order(places, self.num_records, seed=self.seed, epoch=epoch)

    def weights(self, epoch: int, batch: int) -> npt.NDArray[np.float32] | None:
        """Return the sample weights of a batch, 0 for padding and else 1, shape (batch size,).

        None where padding has no weights of its own.
        """
        if self.shard.padding != "zero_weight":
            return None
        return (~self._is_padding(epoch, batch)).astype(np.float32)

    def num_padding(self, epoch: int, batch: int) -> int:
        """Return how many records of a batch, the last ones, came in this epoch before."""
        return int(self._is_padding(epoch, batch).sum())

    def batch_sizes(self, epoch: int) -> set[int]:
        """Return the sizes that batches of an epoch have: two if the last one is smaller."""
        last = self.num_batches_of(epoch) - 1
        return {len(self._places(epoch, batch)) for batch in (0, last)}

    def progress(self, epoch: int, num_batches: int) -> Progress:
        """Return how far a run has come after some batches of an epoch."""
        given = self._num_done(epoch) + num_batches * self._global_size
        if num_batches >= self.num_batches_of(epoch):
            return Progress(epoch=epoch + 1)
        return Progress(epoch=epoch, num_records=given)

    @property
    def _global_size(self) -> int:
        return self.batch_size * self.shard.count

    def _count_batches(self, num_records: int) -> int:
        if self.drop_remainder:
            return num_records // self._global_size
        return math.ceil(num_records / self._global_size)

    def _num_done(self, epoch: int) -> int:
        return self.done.num_records if epoch == self.done.epoch else 0

    def _is_padding(self, epoch: int, batch: int) -> npt.NDArray[np.bool_]:
        return self._places(epoch, batch) >= self.num_records

    def _places(self, epoch: int, batch: int) -> Positions:
        """Return places in the order of an epoch; those past its end are padding."""
        first = (
            self._num_done(epoch) + batch * self._global_size + self.shard.index * self.batch_size
        )
        stop = first + self.batch_size
        if not self.shard.fills_batches:
            stop = min(stop, self.num_records)
        return np.arange(first, stop, dtype=np.int64)


def epoch_order(places: Positions, num_records: int, *, seed: int, epoch: int) -> Positions:
    """Return which positions come at some places of an epoch's order.

    Over all places from 0 to `num_records` less one, each position comes exactly once.

    Args:
        places: Shape (n,), int64, each from 0 to `num_records` less one.
        num_records: Length of the manifest, at most 2**62.
        seed: Fixes the order, together with `epoch`.
        epoch: From 0.

    Returns:
        Positions, shape (n,), int64; a new array.

    Source:
        Black and Rogaway (2002), "Ciphers with Arbitrary Finite Domains": a Feistel network
        on a grid of rows and columns, walked on until it lands inside the domain.
    """
    keys = record_rng(seed, Stream.ORDER, epoch=epoch, index=0).integers(
        0, 2**64, size=_ROUNDS, dtype=np.uint64
    )
    rows = math.isqrt(num_records - 1) + 1
    columns = -(-num_records // rows)
    # Turns of an odd number of cells are even permutations: on a grid odd both ways, half of
    # all orders could not occur.
    if rows % 2 and columns % 2:
        columns += 1
    found = _permute_grid(places.astype(np.uint64), rows, columns, keys)
    # The grid has fewer than `2 * rows` cells too many, so that nearly nothing walks a second time.
    while (outside := np.flatnonzero(found >= num_records)).size:
        found[outside] = _permute_grid(found[outside], rows, columns, keys)
    return found.astype(np.int64)


def _permute_grid(
    cells: npt.NDArray[np.uint64], rows: int, columns: int, keys: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """Map the cells of a grid one to one: turn each row by a hash of its column and back."""
    num_rows, num_columns = np.uint64(rows), np.uint64(columns)
    row, column = cells // num_columns, cells % num_columns
    for row_key, column_key in zip(keys[0::2], keys[1::2], strict=True):
        row = (row + _hash(column, row_key) % num_rows) % num_rows
        column = (column + _hash(row, column_key) % num_columns) % num_columns
    return row * num_columns + column


def _hash(words: npt.NDArray[np.uint64], key: np.uint64) -> npt.NDArray[np.uint64]:
    """Mix 64-bit words with a key (the finaliser of SplitMix64; Steele et al., 2014)."""
    mixed = words ^ key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
