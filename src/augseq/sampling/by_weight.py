"""Records that come more or less often, by a weight of each."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from augseq.sampling.order import Frequency, Turns, comes_too_rarely
from augseq.sampling.permutation import epoch_order, epoch_place
from augseq.sampling.randomness import Stream, record_rng
from augseq.types import Positions

# The offsets of the epochs are multiples of 2**-16, so their pattern returns after 65,536 epochs.
_BITS = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByWeight:
    """Each record as often as its weight says, by systematic sampling.

    On a line, each record has a part as long as its share q of the places of an epoch, in the
    order of the manifest, and the places are evenly spaced points. Each epoch moves the points by
    another fraction of their distance: 0, 1/2, 1/4, 3/4, 1/8 and so on, from a start that depends
    on the seed.

    - In each epoch, a record comes q times, rounded down or up. So do all records between two of
      the manifest, such as those of a class, for the sum of their shares.
    - In epochs 0 to 2**k - 1, and in every later 2**k epochs, it comes 2**k * q times, rounded
      down or up.

    Attributes:
        weights: Weight of each record, at least 0, shape (num_records,), float64. The sum is
            greater than 0.
        length: Number of places of each epoch.
        frequency: The weights, as text.

    Source:
        Madow (1949), "On the Theory of Systematic Sampling, II"; the fractions are those of
        van der Corput (1935).
    """

    weights: npt.NDArray[np.float64]
    length: int
    frequency: Frequency
    _ends: Positions = field(init=False, repr=False)

    def __post_init__(self) -> None:
        total = self.length << _BITS
        sums = np.cumsum(self.weights)
        ends = np.minimum(np.rint(sums / sums[-1] * total), total).astype(np.int64)
        # Not only the last one: those after it have no weight.
        ends[sums == sums[-1]] = total
        object.__setattr__(self, "_ends", ends)

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
        slots = epoch_order(places, self.length, seed=seed, epoch=epoch)
        offset = _offset(seed, epoch)
        positions = np.searchsorted(self._ends, (slots << _BITS) + offset, side="right")
        begins = np.where(positions > 0, self._ends[positions - 1], 0)
        return Turns(positions, slots - _first_slot(begins, offset))

    def place_of(self, position: int, repeat: int, *, seed: int, epoch: int) -> int:
        """Return the place at which a record comes; see `Order`."""
        begin = self._ends[position - 1] if position else np.int64(0)
        offset = _offset(seed, epoch)
        first, stop = (int(_first_slot(k, offset)) for k in (begin, self._ends[position]))
        if first + repeat >= stop:
            raise comes_too_rarely(position, repeat, epoch)
        return epoch_place(first + repeat, self.length, seed=seed, epoch=epoch)


def _offset(seed: int, epoch: int) -> int:
    """Return by how much an epoch moves its points, from 0 to 2**16 - 1."""
    start = int(record_rng(seed, Stream.TURNS, epoch=0, index=0).integers(2**_BITS))
    # The bits of the epoch in reverse: any 2**k epochs in a row, counted from a multiple of it,
    # divide the distance of two points evenly.
    return int(f"{epoch % 2**_BITS:0{_BITS}b}"[::-1], 2) ^ start


def _first_slot(begin: Positions | np.int64, offset: int) -> Positions:
    """Return the first slot whose point is not before the beginning of a record."""
    slot: Positions = (begin - offset + 2**_BITS - 1) >> _BITS
    return slot
