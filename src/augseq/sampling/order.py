"""The order of an epoch: which record comes at each place."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from augseq.errors import ArgumentError
from augseq.sampling.permutation import epoch_order, epoch_place
from augseq.types import Positions


class Turns(NamedTuple):
    """Which records come at some places of an epoch.

    Attributes:
        positions: Positions in the manifest, shape (n,), int64.
        repeats: How many times each record was used earlier in the epoch, shape (n,), int64: 0
            for the first time. A record's random draws depend on it.
    """

    positions: Positions
    repeats: Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """How often each record is used in an epoch.

    Attributes:
        text: For people; empty if each comes once.
        content: As text that is compared when a run resumes; empty if each comes once.
        by_class: Whether each class comes equally often, however many records it has.
        times: How many places in a row have the same record.
    """

    text: str = ""
    content: str = ""
    by_class: bool = False
    times: int = 1


class Order(Protocol):
    """Which record comes at each place of an epoch; a pure function of place, seed and epoch.

    Immutable and picklable. Each call takes the same time and memory, whatever the place.
    """

    @property
    def length(self) -> int:
        """Number of places of each epoch."""

    @property
    def shuffle(self) -> bool:
        """Whether the order differs from epoch to epoch."""

    @property
    def frequency(self) -> Frequency:
        """How often each record is used."""

    @property
    def parts(self) -> tuple[int, ...]:
        """Numbers of places in a row that batches do not mix with others; their sum is `length`."""

    def turns(self, places: Positions, *, seed: int, epoch: int) -> Turns:
        """Return which records come at the given places of an epoch.

        Args:
            places: Shape (n,), int64, each from 0 to `length - 1`.
            seed: Determines the order, together with `epoch`.
            epoch: From 0.
        """

    def place_of(self, position: int, repeat: int, *, seed: int, epoch: int) -> int:
        """Return the place at which a record comes: the inverse of `turns`.

        Args:
            position: Position in the manifest.
            repeat: How many times it came before in the epoch.
            seed: As in `turns`.
            epoch: As in `turns`.

        Raises:
            ArgumentError: The record is not used that often in this epoch.
        """


@dataclass(frozen=True, slots=True)
class EachOnce:
    """Each record once in each epoch.

    Attributes:
        length: Number of records.
        shuffle: Whether to shuffle them in each epoch; otherwise they follow the manifest.
    """

    length: int
    shuffle: bool

    @property
    def frequency(self) -> Frequency:
        """Once."""
        return Frequency()

    @property
    def parts(self) -> tuple[int, ...]:
        """All places: a batch can have any records."""
        return (self.length,)

    def turns(self, places: Positions, *, seed: int, epoch: int) -> Turns:
        """Return which records come at the given places of an epoch; see `Order`."""
        if self.shuffle:
            places = epoch_order(places, self.length, seed=seed, epoch=epoch)
        return Turns(places, np.zeros(len(places), np.int64))

    def place_of(self, position: int, repeat: int, *, seed: int, epoch: int) -> int:
        """Return the place at which a record comes; see `Order`."""
        if repeat:
            raise comes_too_rarely(position, repeat, epoch)
        if not self.shuffle:
            return position
        return epoch_place(position, self.length, seed=seed, epoch=epoch)


def comes_too_rarely(position: int, repeat: int, epoch: int) -> ArgumentError:
    """Return the error for a record that is not used that often in an epoch."""
    often = f"{repeat + 1} times " if repeat else ""
    return ArgumentError(
        f"The record at position {position} of the manifest does not appear {often}in epoch "
        f"{epoch}. `repeat` counts from 0. Received: repeat={repeat}"
    )
