"""Loops over a sequence in Python code: `for images, labels in batches`."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from augseq.training.epoch_tracking.epochs import EpochTracker
from augseq.training.epoch_tracking.keras_calls import find_call, find_call_of_reader
from augseq.training.epoch_tracking.pass_advice import SAME_BATCHES, SAME_STEPS, advise


class LoopPasses:
    """Assigns each loop to the epoch that it begins in.

    A loop begins the next epoch if a loop or `fit` has completed the current one. Simultaneous
    loops, as in `zip(batches, batches)`, share an epoch, and so do a loop in the code of a
    callback and the `fit` that calls it.

    A loop that ends early does not advance the epoch: `next(iter(batches))` only inspects. A
    second loop that ends early yields the same batches; this raises a warning once.

    Args:
        epochs: Tracks the epochs of the sequence.
        is_quiet: Whether to skip that warning, since all epochs are the same.
    """

    def __init__(self, epochs: EpochTracker, *, is_quiet: bool) -> None:
        self._epochs = epochs
        self._is_quiet = is_quiet
        self._generation = -1
        self._most_given = 0

    def begin(
        self, get: Callable[[int], Any], length_of: Callable[[], int | None]
    ) -> Iterator[Any]:
        """Return an iterator over the current epoch, or over the next one.

        Args:
            get: Loads a batch of epoch `EpochTracker.epoch`.
            length_of: Returns the number of batches; None if endless.
        """
        is_look = _only_inspects()
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
        """Record that a loop yields a batch."""
        self._epochs.note_loop(epoch, is_over=num_given == length)
        self._most_given = max(self._most_given, num_given)

    def end_early(self, epoch: int, *, is_endless: bool) -> None:
        """Warn once if a loop ended early and yielded the same batches as an earlier one."""
        if not self._is_quiet and not sys.is_finalizing():
            self._is_quiet = True
            advise(SAME_STEPS if is_endless else SAME_BATCHES, epoch=epoch)


class _Loop(Iterator[Any]):
    """Yields the batches of one loop; thread-safe.

    Args:
        get: Loads a batch of epoch `EpochTracker.epoch`.
        epochs: Tracks the epochs of the sequence.
        epoch: The epoch of the loop.
        length: Number of batches; None if endless.
        notes: Where to record yielded batches; None for a loop that only inspects.
        given_before: Most batches that an earlier loop over this epoch yielded.
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
        # A single batch is an inspection, unless the earlier loop also yielded just one.
        is_same = given > 0 and (before > 1 or before == given)
        if self._notes is not None and is_same and given != self._length:
            self._notes.end_early(self._epoch, is_endless=self._length is None)


def _only_inspects() -> bool:
    """Return whether the loop that begins is of a callback, or reads batches to build a model.

    On JAX and torch, Keras builds a model with a batch of a `tf.data.Dataset`, and then reads it
    from the start again. With `prefetch`, TensorFlow can have read all batches by then.
    """
    call = find_call()
    return call == "callback" or (call is None and find_call_of_reader() == "build")
