"""Places of an epoch in which each group comes at even distances."""

from dataclasses import dataclass, field

import numpy as np

from augseq.sampling.permutation import Words, hash_words, permutation_keys, permute
from augseq.sampling.randomness import Stream
from augseq.types import Positions


@dataclass(frozen=True, slots=True, eq=False)
class EvenPlaces:
    """The places of groups with quotas, in blocks that all have the same number of each group.

    A block is as short as the quotas allow: of one place for each group if these are equal. It is
    shuffled by itself, and the places of each group are shuffled over all blocks.

    Attributes:
        quotas: Number of places of each group, shape (num_groups,), int64.
        period: Number of places of a block.
    """

    quotas: Positions
    period: int = field(init=False)
    _shares: Positions = field(init=False, repr=False)
    _ends: Positions = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shares = self.quotas // np.gcd.reduce(self.quotas)
        object.__setattr__(self, "_shares", shares)
        object.__setattr__(self, "_ends", np.cumsum(shares))
        object.__setattr__(self, "period", int(shares.sum()))

    def slots(self, places: Positions, *, seed: int, epoch: int) -> Positions:
        """Return numbers from 0 to the sum of the quotas, sorted by group, for places of an epoch.

        Args:
            places: Shape (n,), int64.
            seed: Determines the numbers, together with `epoch`.
            epoch: From 0.
        """
        blocks, offsets = np.divmod(places, self.period)
        offsets = permute(offsets, *self._of_blocks(blocks, seed, epoch))
        groups = np.searchsorted(self._ends, offsets, side="right")
        shares = self._shares[groups]
        turns = blocks * shares + offsets - (self._ends[groups] - shares)
        turns = permute(turns, *self._of_groups(groups, seed, epoch))
        return (np.cumsum(self.quotas) - self.quotas)[groups] + turns

    def place_of(self, slot: int, *, seed: int, epoch: int) -> int:
        """Return the place with a number: the inverse of `slots`."""
        ends = np.cumsum(self.quotas)
        groups = np.searchsorted(ends, [slot], side="right")
        share = self._shares[groups]
        turns = slot - ends[groups] + self.quotas[groups]
        turns = permute(turns, *self._of_groups(groups, seed, epoch), inverse=True)
        blocks, offsets = np.divmod(turns, share)
        offsets += self._ends[groups] - share
        offsets = permute(offsets, *self._of_blocks(blocks, seed, epoch), inverse=True)
        return int(blocks[0] * self.period + offsets[0])

    def _of_blocks(self, blocks: Positions, seed: int, epoch: int) -> tuple[Positions, Words]:
        """Return sizes and keys of the permutations of blocks."""
        keys = permutation_keys(seed, Stream.ORDER, epoch=epoch, number=0)
        return np.full(len(blocks), self.period), hash_words(blocks.astype(np.uint64), keys)

    def _of_groups(self, groups: Positions, seed: int, epoch: int) -> tuple[Positions, Words]:
        """Return sizes and keys of the permutations of groups."""
        present, which = np.unique(groups, return_inverse=True)
        keys = [
            permutation_keys(seed, Stream.ORDER, epoch=epoch, number=1 + group)
            for group in present.tolist()
        ]
        return self.quotas[groups], np.hstack(keys)[:, which]
