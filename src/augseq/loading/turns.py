"""Which samples a batch consists of, and with which others they are mixed."""

from collections.abc import Sequence
from typing import NamedTuple

from augseq.manifest.record import Record


class Turn(NamedTuple):
    """A record, and how many times it came before in the epoch."""

    record: Record
    repeat: int


class RecordTurns(NamedTuple):
    """The turns of a batch, in its order.

    Attributes:
        own: The records of the batch.
        partners: The record that each is mixed with, or itself; None if nothing is mixed.
    """

    own: Sequence[Turn]
    partners: Sequence[Turn] | None = None

    @property
    def records(self) -> list[Record]:
        """The records of the batch."""
        return [turn.record for turn in self.own]

    @property
    def repeats(self) -> list[int]:
        """How many times each was used earlier in the epoch."""
        return [turn.repeat for turn in self.own]

    def turn_of(self, index: int) -> Turn | None:
        """Return a turn, or that of a partner, of the record with an index; None without one."""
        turns = [*self.own, *(self.partners or ())]
        return next((turn for turn in turns if turn.record.index == index), None)
