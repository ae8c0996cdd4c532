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
        repeats: How many times each record came before in the epoch, shape (n,), int64: 0 for the
            first time. A record's random draws depend on it.
    """

    positions: Positions
    repeats: Positions


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
    def text(self) -> str:
        """How often each record comes, for people; empty if each comes once."""

    @property
    def content(self) -> str:
        """The same as text that is compared when a run resumes; empty if each comes once."""

    @property
    def by_class(self) -> bool:
        """Whether each class comes equally often, however many records it has."""

    @property
    def times(self) -> int:
        """How many places in a row have the same record."""

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
            ArgumentError: The record does not come that often in this epoch.
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
    def text(self) -> str:
        """Empty: each record comes once."""
        return ""

    @property
    def content(self) -> str:
        """Empty: each record comes once."""
        return ""

    @property
    def by_class(self) -> bool:
        """False: a class comes as often as it has records."""
        return False

    @property
    def times(self) -> int:
        """1: each place has another record."""
        return 1

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
    """Return the error for a record that does not come that often in an epoch."""
    often = f"{repeat + 1} times " if repeat else ""
    return ArgumentError(
        f"The record at position {position} of the manifest does not come {often}in epoch {epoch}. "
        f"`repeat` counts from 0. Received: repeat={repeat}"
    )
