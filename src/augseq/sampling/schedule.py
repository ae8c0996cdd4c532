"""Which records form which batch, and the progress of a run in that order."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.sampling.order import Order, Turns
from augseq.sampling.permutation import permutation_keys, permute
from augseq.sampling.randomness import Stream, check_epoch, check_seed
from augseq.types import Positions
from augseq.validation import check_choice, check_whole

Padding: TypeAlias = Literal["wrap", "zero_weight"]


class Step(NamedTuple):
    """One batch of one epoch.

    Attributes:
        epoch: From 0.
        batch: Index in the epoch, from 0; after a resume, in the rest of the epoch.
    """

    epoch: int
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a run, independent of its batch size, unless there are buckets.

    Attributes:
        epoch: The current epoch, from 0.
        num_records: Number of records of the epoch already used, over all shards. If batches are
            of one size each, every batch counts as full.
    """

    epoch: int = 0
    num_records: int = 0

    def __post_init__(self) -> None:
        check_epoch(self.epoch)
        check_whole("num_records", self.num_records, least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The part of every global batch for one of several processes that train together.

    Attributes:
        index: Index of the shard, from 0.
        count: Number of shards.
        padding: How to fill up the last global batch of an epoch, so that all shards have the
            same number of batches: "wrap" repeats records from the beginning of the epoch's
            order; "zero_weight" does too, with sample weights of zero, for exact metrics. None:
            "wrap" for several shards, and a smaller last batch for a single one.
        is_given: Whether the user passed index and count; otherwise they must match the running
            processes.
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


class _Span(NamedTuple):
    """Where a batch is in the order of an epoch.

    Attributes:
        first: First place of its part of the order.
        size: Number of places of the part.
        offsets: Its places, counted from `first`; those past the end of the part are padding.
    """

    first: int
    size: int
    offsets: Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Which positions form which batch, for every epoch.

    Attributes:
        order: Which record comes at each place of an epoch.
        batch_size: Number of records per batch; the last one of an epoch can be smaller.
        drop_remainder: Whether to drop the last batch if it is smaller than the others.
        seed: Random seed of the orders of all epochs.
        done: Progress before a resume; those records are not repeated.
        shard: Which part of each global batch to use.
    """

    order: Order
    batch_size: int
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
                f"There must be at least one batch. Received: {self.order.length} records, "
                f"batch_size={self.batch_size}, drop_remainder={self.drop_remainder}{shards}"
                + ". Pass a smaller batch_size, or drop_remainder=False."
                * self.drop_remainder
            )
        if not all(map(self._count_batches, filter(None, self.order.parts))):
            raise ArgumentError(
                "With drop_remainder=True, each bucket must fill a batch, or its images would "
                f"never be used. Received: buckets of {', '.join(map(str, self.order.parts))} "
                f"images, for batches of {self._global_size}. Pass fewer buckets, or "
                "drop_remainder=False."
            )
        if not self.num_batches_of(self.done.epoch):
            # The rest of the epoch does not fill a batch: start the next epoch.
            object.__setattr__(self, "done", Progress(epoch=self.done.epoch + 1))

    @property
    def num_batches(self) -> int:
        """Number of batches in a complete epoch."""
        return sum(map(self._count_batches, self.order.parts))

    def num_batches_of(self, epoch: int) -> int:
        """Return the number of batches left in an epoch; at least 1."""
        num_done = self._num_done(epoch)
        if self.has_parts:
            return max(0, self.num_batches - num_done // self._global_size)
        return self._count_batches(max(0, self.order.length - num_done))

    @property
    def has_parts(self) -> bool:
        """Whether each batch has records of one part of the order, such as those of one size."""
        return len(self.order.parts) > 1

    def whole_from(self, epoch: int) -> "Schedule":
        """Return a schedule of complete epochs only, starting at an epoch.

        Raises:
            ArgumentError: Only part of that epoch is left after a resume.
        """
        if self.done.epoch == epoch and self.done.num_records:
            raise ArgumentError(
                f"Only part of epoch {epoch} is left after the resume, so it cannot be repeated. "
                f"Train the rest first, then call set_epoch({epoch + 1})."
            )
        return replace(self, done=Progress())

    def step_at(self, number: int) -> Step:
        """Return the step of a global step number, counted from 0 over complete epochs."""
        return Step(*divmod(number, self.num_batches))

    def steps_after(self, step: Step) -> Iterator[Step]:
        """Yield the steps after a step, epoch after epoch, endlessly."""
        while True:
            is_last = step.batch + 1 >= self.num_batches_of(step.epoch)
            step = Step(step.epoch + 1, 0) if is_last else Step(step.epoch, step.batch + 1)
            yield step

    def places(self, step: Step) -> Positions:
        """Return the places of a batch in the epoch's order, shape (batch size,), int64."""
        span = self._span(step)
        return span.first + span.offsets % span.size

    def partners(self, places: Positions) -> Positions:
        """Return the place of the record that the one at each place is mixed with.

        Neighbours are partners: 0 and 1, 2 and 3, and so on; with repeated records, each copy of a
        record and the same copy of the next one. The last of an odd number is its own partner, also
        in each part of the order.

        Args:
            places: Places in an epoch's order, shape (n,), int64.

        Returns:
            Places, shape (n,), int64; the partner of a partner is the place itself.
        """
        times = self.order.frequency.times
        sizes = np.array(self.order.parts, np.int64)
        ends = np.cumsum(sizes)
        parts = np.searchsorted(ends, places, side="right")
        firsts, sizes = (ends - sizes)[parts], sizes[parts]
        offsets = places - firsts
        partners = (offsets // times ^ 1) * times + offsets % times
        return np.where(partners < sizes, firsts + partners, places)

    def turns(self, step: Step) -> Turns:
        """Return which records form a batch, and how many times each came before."""
        return self.turns_at(self.places(step), step.epoch)

    def turns_at(self, places: Positions, epoch: int) -> Turns:
        """Return which records come at some places of an epoch, and how many times before."""
        return self.order.turns(places, seed=self.seed, epoch=epoch)

    def positions(self, step: Step) -> Positions:
        """Return the positions of a batch, shape (batch size,), int64."""
        return self.turns(step).positions

    def weights(self, step: Step) -> npt.NDArray[np.float32] | None:
        """Return the sample weights of a batch, shape (batch size,): 0 for padding, 1 otherwise.

        None unless padding is "zero_weight".
        """
        if self.shard.padding != "zero_weight":
            return None
        return (~self._is_padding(step)).astype(np.float32)

    def num_padding(self, step: Step) -> int:
        """Return how many records at the end of a batch are padding."""
        return int(self._is_padding(step).sum())

    def batch_sizes(self, epoch: int) -> set[int]:
        """Return the batch sizes of an epoch: two if the last batch is smaller, or more."""
        if self.has_parts:
            if self.shard.fills_batches:
                return {self.batch_size}
            whole = {self.batch_size for part in self.order.parts if part >= self.batch_size}
            rest = {part % self.batch_size for part in self.order.parts} - {0}
            return whole if self.drop_remainder else whole | rest
        last = self.num_batches_of(epoch) - 1
        return {len(self._span(Step(epoch, batch)).offsets) for batch in (0, last)}

    def progress_before(self, step: Step) -> Progress:
        """Return the progress of a run before a step."""
        if step.batch >= self.num_batches_of(step.epoch):
            return Progress(epoch=step.epoch + 1)
        given = self._num_done(step.epoch) + step.batch * self._global_size
        return Progress(epoch=step.epoch, num_records=given)

    @property
    def _global_size(self) -> int:
        return self.batch_size * self.shard.count

    def _count_batches(self, num_records: int) -> int:
        if self.drop_remainder:
            return num_records // self._global_size
        return math.ceil(num_records / self._global_size)

    def _num_done(self, epoch: int) -> int:
        return self.done.num_records if epoch == self.done.epoch else 0

    def _is_padding(self, step: Step) -> npt.NDArray[np.bool_]:
        span = self._span(step)
        return span.offsets >= span.size

    def _span(self, step: Step) -> _Span:
        num_before = self._num_done(step.epoch) + step.batch * self._global_size
        first, size = 0, self.order.length
        if self.has_parts:
            first, size, number = self._batch_of_part(num_before // self._global_size, step.epoch)
            num_before = number * self._global_size
        start = num_before + self.shard.index * self.batch_size
        stop = start + self.batch_size
        if not self.shard.fills_batches:
            stop = min(stop, size)
        return _Span(first, size, np.arange(start, stop, dtype=np.int64))

    def _batch_of_part(self, batch: int, epoch: int) -> tuple[int, int, int]:
        """Return the first place and size of the part of a batch, and its number in that part.

        Args:
            batch: Index of the batch in the whole epoch.
            epoch: From 0.
        """
        counts = list(map(self._count_batches, self.order.parts))
        if self.order.shuffle:
            keys = permutation_keys(self.seed, Stream.ORDER, epoch=epoch, number=0)
            batch = int(permute(np.array([batch]), np.array([sum(counts)]), keys)[0])
        first = 0
        for size, count in zip(self.order.parts, counts, strict=True):
            if batch < count:
                return first, size, batch
            first, batch = first + size, batch - count
        raise IndexError(f"There is no batch {batch} after the last one of epoch {epoch}.")
