"""Buckets of records, such as those of one size, of which each batch has records of only one."""

from dataclasses import dataclass, field

import numpy as np

from augseq.sampling.order import Frequency, Turns, comes_too_rarely
from augseq.sampling.permutation import permutation_keys, permute
from augseq.sampling.randomness import Stream
from augseq.storage.array_content import array_text
from augseq.types import Positions


@dataclass(frozen=True, slots=True, eq=False)
class InBuckets:
    """Each record once in each epoch, bucket by bucket.

    The batches of all buckets are shuffled by `Schedule`.

    Attributes:
        buckets: Bucket of each record, from 0, shape (num_records,), int64.
        shuffle: Whether to shuffle the records of each bucket in each epoch; otherwise they follow
            the manifest.
    """

    buckets: Positions
    shuffle: bool
    frequency: Frequency = field(init=False, repr=False)
    parts: tuple[int, ...] = field(init=False, repr=False)
    _members: Positions = field(init=False, repr=False)
    _ends: Positions = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sizes = np.bincount(self.buckets).astype(np.int64)
        # A run resumes only with the same bucket for each record.
        content = f"in buckets, {array_text(self.buckets)}"
        object.__setattr__(self, "frequency", Frequency(content=content))
        object.__setattr__(self, "parts", tuple(sizes.tolist()))
        object.__setattr__(self, "_members", np.argsort(self.buckets, kind="stable"))
        object.__setattr__(self, "_ends", np.cumsum(sizes))

    @property
    def length(self) -> int:
        """Number of places of each epoch: one for each record."""
        return len(self.buckets)

    def turns(self, places: Positions, *, seed: int, epoch: int) -> Turns:
        """Return which records come at the given places of an epoch; see `Order`."""
        buckets = np.searchsorted(self._ends, places, side="right")
        firsts = (self._ends - self.parts)[buckets]
        ranks = self._permuted(places - firsts, buckets, seed, epoch)
        return Turns(self._members[firsts + ranks], np.zeros(len(places), np.int64))

    def place_of(self, position: int, repeat: int, *, seed: int, epoch: int) -> int:
        """Return the place at which a record comes; see `Order`."""
        if repeat:
            raise comes_too_rarely(position, repeat, epoch)
        bucket = self.buckets[[position]]
        first = int(self._ends[bucket[0]]) - self.parts[bucket[0]]
        members = self._members[first : int(self._ends[bucket[0]])]
        rank = np.searchsorted(members, [position])
        rank = self._permuted(rank, bucket, seed, epoch, inverse=True)
        return int(first + rank[0])

    def _permuted(
        self, ranks: Positions, buckets: Positions, seed: int, epoch: int, *, inverse: bool = False
    ) -> Positions:
        """Permute numbers within their buckets."""
        if not self.shuffle:
            return ranks
        present, which = np.unique(buckets, return_inverse=True)
        keys = [
            permutation_keys(seed, Stream.ORDER, epoch=epoch, number=1 + bucket)
            for bucket in present.tolist()
        ]
        sizes = np.array(self.parts, np.int64)[buckets]
        return permute(ranks, sizes, np.hstack(keys)[:, which], inverse=inverse)
