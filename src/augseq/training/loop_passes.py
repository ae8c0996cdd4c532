"""Loops over a sequence in Python code: `for images, labels in batches`."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from augseq.training.epochs import EpochTracker
from augseq.training.keras_calls import find_call
from augseq.training.pass_advice import SAME_BATCHES, SAME_STEPS, advise


class LoopPasses:
    """Gives each loop the epoch that it began in.

    A loop begins the next epoch where a loop or `fit` has taken all of the present one. Loops side
    by side, as in `zip(batches, batches)`, are in one epoch, and so is a loop in the code of a
    callback with the `fit` that calls it.

    A loop that ends early says nothing about the next one: `next(iter(batches))` only looks. A
    second one that ends early has given the same batches, which is told once.

    Args:
        epochs: The epochs of the sequence.
        is_quiet: Whether it does not matter which batches come again.
    """

    def __init__(self, epochs: EpochTracker, *, is_quiet: bool) -> None:
        self._epochs = epochs
        self._is_quiet = is_quiet
        self._generation = -1
        self._most_given = 0

    def begin(
        self, get: Callable[[int], Any], length_of: Callable[[], int | None]
    ) -> Iterator[Any]:
        """Return an iterator over the present epoch, or over the next one.

        Args:
            get: Makes a batch of the epoch that `EpochTracker.epoch` names.
            length_of: Returns how many it has; None without end.
        """
        is_look = find_call() == "callback"
        if not is_look:
            self._epochs.begin_loop()
        if self._generation != self._epochs.generation:
            self._generation, self._most_given = self._epochs.generation, 0
        epoch = self._epochs.epoch
        self._epochs.unknown.begin_loop(epoch)
        with self._epochs.at(epoch):
            length = length_of()
        notes = None if is_look else self
        return _Loop(get, self._epochs, epoch, length, notes, self._most_given)

    def note(self, epoch: int, num_given: int, length: int | None) -> None:
        """Note that a loop gives a batch."""
        self._epochs.note_loop(epoch, is_over=num_given == length)
        self._most_given = max(self._most_given, num_given)

    def end_early(self, epoch: int, *, is_endless: bool) -> None:
        """Note that a loop ended early that gave the same batches as one before."""
        if not self._is_quiet and not sys.is_finalizing():
            self._is_quiet = True
            advise(SAME_STEPS if is_endless else SAME_BATCHES, epoch=epoch)


class _Loop(Iterator[Any]):
    """Gives the batches of one loop; several threads may take them.

    Args:
        get: Makes a batch of the epoch that `EpochTracker.epoch` names.
        epochs: The epochs of the sequence.
        epoch: That of the loop.
        length: How many batches it has; None without end.
        notes: Gets to know what is given; None for a loop that only looks.
        given_before: How many batches a loop has given before, in the same epoch.
    """

    def __init__(
        self,
        get: Callable[[int], Any],
        epochs: EpochTracker,
        epoch: int,
        length: int | None,
        notes: LoopPasses | None,
        given_before: int,
    ) -> None:
        self._get = get
        self._epochs = epochs
        self._epoch = epoch
        self._length = length
        self._notes = notes
        self._given_before = given_before
        self._numbers = count() if length is None else iter(range(length))
        self._num_given = 0

    def __next__(self) -> Any:
        number = next(self._numbers)
        try:
            with self._epochs.at(self._epoch):
                batch = self._get(number)
        except Exception:
            self._notes = None
            raise
        self._num_given = max(self._num_given, number + 1)
        if self._notes is not None:
            self._notes.note(self._epoch, self._num_given, self._length)
        return batch

    def __del__(self) -> None:
        given, before = self._num_given, self._given_before
        # One batch is a look, unless the loop before gave no more either.
        is_same = given > 0 and (before > 1 or before == given)
        if self._notes is not None and is_same and given != self._length:
            self._notes.end_early(self._epoch, is_endless=self._length is None)
