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
        batches = self._look(get, epoch, length)
        return batches if is_look else self._note(batches, epoch, length, self._most_given)

    def _look(self, get: Callable[[int], Any], epoch: int, length: int | None) -> Iterator[Any]:
        for number in count() if length is None else range(length):
            with self._epochs.at(epoch):
                batch = get(number)
            yield batch

    def _note(
        self, batches: Iterator[Any], epoch: int, length: int | None, given_before: int
    ) -> Iterator[Any]:
        for num_given, batch in enumerate(batches, 1):
            self._epochs.note_loop(epoch, is_over=num_given == length)
            self._most_given = max(self._most_given, num_given)
            try:
                yield batch
            except GeneratorExit:
                # One batch is a look, unless the loop before gave no more either.
                if num_given != length and (given_before > 1 or given_before == num_given):
                    self._advise(epoch, is_endless=length is None)
                raise

    def _advise(self, epoch: int, *, is_endless: bool) -> None:
        if not self._is_quiet and not sys.is_finalizing():
            self._is_quiet = True
            advise(SAME_STEPS if is_endless else SAME_BATCHES, epoch=epoch)
