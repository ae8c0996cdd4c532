"""Several places in a row for each place of another order."""

from dataclasses import dataclass, replace

from augseq.errors import ArgumentError
from augseq.sampling.order import Frequency, Order, Turns, comes_too_rarely
from augseq.types import Positions


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """Each record several times in a row, with other random draws each time.

    Attributes:
        order: The order without repeats.
        times: How many times each of its places comes.
    """

    order: Order
    times: int

    @property
    def length(self) -> int:
        """Number of places of each epoch."""
        return self.order.length * self.times

    @property
    def shuffle(self) -> bool:
        """Whether the order without repeats differs from epoch to epoch."""
        return self.order.shuffle

    @property
    def frequency(self) -> Frequency:
        """That of the order without repeats, several times."""
        once = self.order.frequency
        return replace(
            once,
            text=f"{once.text}, each {self.times} times in a row".removeprefix(", "),
            content=f"{once.content}, repeats={self.times}".removeprefix(", "),
            times=self.times,
        )

    @property
    def parts(self) -> tuple[int, ...]:
        """Those of the order without repeats."""
        return tuple(part * self.times for part in self.order.parts)

    def turns(self, places: Positions, *, seed: int, epoch: int) -> Turns:
        """Return which records come at the given places of an epoch; see `Order`."""
        positions, repeats = self.order.turns(places // self.times, seed=seed, epoch=epoch)
        return Turns(positions, repeats * self.times + places % self.times)

    def place_of(self, position: int, repeat: int, *, seed: int, epoch: int) -> int:
        """Return the place at which a record comes; see `Order`."""
        before, copy = divmod(repeat, self.times)
        try:
            place = self.order.place_of(position, before, seed=seed, epoch=epoch)
        except ArgumentError as error:
            raise comes_too_rarely(position, repeat, epoch) from error
        return place * self.times + copy
