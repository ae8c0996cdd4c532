"""Groups of records, each with a fixed number of places in every epoch: its quota."""

import math
from dataclasses import dataclass, field

import numpy as np

from augseq.sampling.even_places import EvenPlaces
from augseq.sampling.order import Frequency, Turns, comes_too_rarely
from augseq.sampling.permutation import (
    Words,
    epoch_order,
    epoch_place,
    permutation_keys,
    permute,
)
from augseq.sampling.randomness import Stream
from augseq.types import Positions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByQuota:
    """Each group of records as often in each epoch as its quota says.

    The records of a group take turns. With n records and a quota of q:

    - In each epoch, a record comes q / n times, rounded down or up.
    - In each cycle of n / gcd(n, q) epochs, counted from epoch 0, each record comes exactly
      q / gcd(n, q) times.
    - Within a cycle, no record is ever more than one turn ahead of another.

    Each cycle has another order of turns, drawn from the seed, and each epoch shuffles the places
    of all groups together, or evenly.

    Attributes:
        groups: Group of each record, from 0, shape (num_records,), int64.
        quotas: Number of places of each group in an epoch, shape (num_groups,), int64; 0 for
            groups without records.
        frequency: The groups and quotas, as text.
        evenly: Whether every `period` places in a row have the same number of each group.
    """

    groups: Positions
    quotas: Positions
    frequency: Frequency
    evenly: bool = False
    _places: EvenPlaces | None = field(init=False, repr=False)
    _members: Positions = field(init=False, repr=False)
    _firsts: Positions = field(init=False, repr=False)
    _sizes: Positions = field(init=False, repr=False)
    _ends: Positions = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sizes = np.bincount(self.groups, minlength=len(self.quotas)).astype(np.int64)
        object.__setattr__(self, "_places", EvenPlaces(self.quotas) if self.evenly else None)
        object.__setattr__(self, "_members", np.argsort(self.groups, kind="stable"))
        object.__setattr__(self, "_firsts", np.cumsum(sizes) - sizes)
        object.__setattr__(self, "_sizes", sizes)
        object.__setattr__(self, "_ends", np.cumsum(self.quotas))

    @property
    def length(self) -> int:
        """Number of places of each epoch: the sum of the quotas."""
        return int(self._ends[-1])

    @property
    def period(self) -> int:
        """The number of places in a row with the same number of each group; 1 if not `evenly`."""
        return 1 if self._places is None else self._places.period

    @property
    def shuffle(self) -> bool:
        """True: the order differs from epoch to epoch."""
        return True

    @property
    def parts(self) -> tuple[int, ...]:
        """All places: a batch can have any records."""
        return (self.length,)

    def turns(self, places: Positions, *, seed: int, epoch: int) -> Turns:
        """Return which records come at the given places of an epoch; see `Order`."""
        if self._places is None:
            slots = epoch_order(places, self.length, seed=seed, epoch=epoch)
        else:
            slots = self._places.slots(places, seed=seed, epoch=epoch)
        groups = np.searchsorted(self._ends, slots, side="right")
        turns = slots - (self._ends - self.quotas)[groups]
        sizes = self._sizes[groups]
        present, which = np.unique(groups, return_inverse=True)
        cycles = [self._cycle(group, seed, epoch) for group in present.tolist()]
        shifts = np.array([shift for shift, _ in cycles], np.int64)
        keys = np.hstack([keys for _, keys in cycles])
        ranks = permute((shifts[which] + turns) % sizes, sizes, keys[:, which])
        return Turns(self._members[self._firsts[groups] + ranks], turns // sizes)

    def place_of(self, position: int, repeat: int, *, seed: int, epoch: int) -> int:
        """Return the place at which a record comes; see `Order`."""
        group = int(self.groups[position])
        size, quota = int(self._sizes[group]), int(self.quotas[group])
        first = int(self._firsts[group])
        rank = np.searchsorted(self._members[first : first + size], [position])
        shift, keys = self._cycle(group, seed, epoch)
        turn = int(permute(rank, np.array([size]), keys, inverse=True)[0] - shift) % size
        if turn + repeat * size >= quota:
            raise comes_too_rarely(position, repeat, epoch)
        slot = int(self._ends[group]) - quota + turn + repeat * size
        if self._places is not None:
            return self._places.place_of(slot, seed=seed, epoch=epoch)
        return epoch_place(slot, self.length, seed=seed, epoch=epoch)

    def _cycle(self, group: int, seed: int, epoch: int) -> tuple[int, Words]:
        """Return the turns of a group's cycle before an epoch, and the keys of their order."""
        size, quota = int(self._sizes[group]), int(self.quotas[group])
        cycle, num_epochs = divmod(epoch, size // math.gcd(size, quota))
        keys = permutation_keys(seed, Stream.TURNS, epoch=cycle, number=group)
        return num_epochs * quota % size, keys
