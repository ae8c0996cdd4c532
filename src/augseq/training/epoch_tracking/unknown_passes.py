"""Batches requested by index, by code that does not report when a pass begins."""

import multiprocessing.context
import sys
import weakref
from typing import Any, Protocol

from augseq.training.epoch_tracking.asked_batches import AskedBatches
from augseq.training.epoch_tracking.keras_calls import (
    FitEpochs,
    find_call_of_reader,
    find_epochs_of_reader,
    is_fitting_with,
)
from augseq.training.epoch_tracking.pass_advice import (
    FIT_EPOCH,
    OTHER_EPOCH,
    SECOND_PASS,
    WORKER_PROCESS,
    advise,
)


class Followed(Protocol):
    """A sequence whose epochs are set by a callback."""

    @property
    def epoch(self) -> int:
        """The current epoch."""
        ...


_followed: tuple[weakref.ReferenceType[Any], weakref.ReferenceType[Followed]] | None = None


def note_followed(callback: Any, sequence: Followed) -> None:
    """Record the callback and sequence of this epoch, to compare others with."""
    global _followed
    _followed = (weakref.ref(callback), weakref.ref(sequence))


def followed_epoch() -> int | None:
    """Return the epoch that a callback set in a running `fit`; None if there is none."""
    if _followed is None:
        return None
    callback, sequence = (reference() for reference in _followed)
    if callback is None or sequence is None or not is_fitting_with(callback):
        return None
    return sequence.epoch


class UnknownPasses:
    """Warns once if a second pass begins in an epoch that was not set explicitly.

    This happens with an index loop, a torch `DataLoader`, or a wrapper around the sequence that
    `fit` trains on.

    Args:
        num_batches: Number of batches per epoch; None if endless.
        epoch_matters: Whether epochs differ from each other.

    Attributes:
        is_announced: Whether the current epoch was set explicitly, not inferred.
        own_data: The `id` of the sequence, if `fit` has trained on it directly: TensorFlow also
            reads between the hooks that then tell where epochs begin and end.
    """

    def __init__(self, num_batches: int | None, *, epoch_matters: bool) -> None:
        self.is_announced = False
        self.own_data: int | None = None
        self._is_compared = False
        self._epoch_matters = epoch_matters
        self._asked = None if num_batches is None else AskedBatches(num_batches)

    def begin_epoch(self) -> None:
        """Record that the epoch changed."""
        self.is_announced = False
        self.clear()

    @property
    def was_asked_elsewhere(self) -> bool:
        """Whether a forked process requested a batch of the current epoch."""
        return self._asked is not None and self._asked.was_by_others

    def clear(self) -> None:
        """Forget the requested batches."""
        self._is_compared = False
        if self._asked is not None:
            self._asked.clear()

    def ask(self, batch: int, num_batches: int, *, epoch: int, is_led: bool) -> None:
        """Record a request for a batch.

        Args:
            batch: Index of the batch.
            num_batches: Number of batches in a pass.
            epoch: The current epoch.
            is_led: Whether `EpochSync` set the epoch, in a `fit` that may be over.
        """
        if self._asked is None:
            return
        # Evaluations, callbacks and inspections of the first batches do not train.
        if find_call_of_reader() not in (None, "fit"):
            return
        # A worker process sees only some batches of a pass, so one repeated batch is enough.
        is_copy = _is_torch_worker() and not self._asked.is_elsewhere
        begins = self._asked.begins_anew(batch, 0 if is_copy else num_batches)
        is_outdated = self._asked.is_elsewhere and self._asked.is_outdated
        if is_outdated or (is_copy and begins):
            self._advise(WORKER_PROCESS, epoch=epoch)
            return
        other = None if _followed is None else followed_epoch()
        if is_led and other is not None:
            return
        if other not in (None, epoch):
            self._advise(OTHER_EPOCH, epoch=epoch, other=other)
        else:
            self._check_epoch(epoch, begins=begins)

    def _check_epoch(self, epoch: int, *, begins: bool) -> None:
        epochs = None
        if not self._is_compared and self._asked is not None and not self._asked.is_elsewhere:
            # Once for each epoch: reading the stack of a thread takes time.
            self._is_compared = True
            epochs = find_epochs_of_reader()
        self.compare(epoch, epochs, begins=begins)

    def compare(self, epoch: int, epochs: FitEpochs | None, *, begins: bool) -> None:
        """Warn if the epoch of a wrapper around the sequence is not that of `fit`.

        Args:
            epoch: The current epoch of the sequence.
            epochs: Those of `fit`; None if unknown.
            begins: Whether another pass over the same epoch begins.
        """
        if begins:
            self._advise(SECOND_PASS, epoch=epoch)
        elif epochs is None or epochs.data == self.own_data or self.is_announced:
            return
        elif epochs.current != epoch:
            self._advise(FIT_EPOCH, epoch=epoch, other=epochs.current)

    def begin_loop(self, epoch: int) -> None:
        """Record that a loop begins; warn if it is in a worker process with an unknown epoch.

        A loop that feeds `fit`, such as one of a `tf.data.Dataset`, does not know `initial_epoch`.
        """
        if self._asked is None:
            return
        if not _is_torch_worker():
            epochs = find_epochs_of_reader()
            if epochs is not None and epoch < epochs.first and find_call_of_reader() == "fit":
                self.compare(epoch, epochs, begins=False)
            return
        is_unknown_copy = not self._asked.is_elsewhere and not self.is_announced
        if self._asked.was_looped or self._asked.is_outdated or is_unknown_copy:
            self._advise(WORKER_PROCESS, epoch=epoch)

    def end_loop(self) -> None:
        """Record that a loop completed an epoch."""
        if self._asked is not None:
            self._asked.end_loop()

    def count(self, num_batches: int, *, epoch: int, is_led: bool) -> None:
        """Record a request for the number of batches, as from a new `DataLoader` pass."""
        if self._asked is None or not self._asked.count(num_batches):
            return
        if not (is_led and followed_epoch() is not None):
            self._advise(SECOND_PASS, epoch=epoch)

    def send(self, *, epoch: int) -> None:
        """Record a copy of the sequence; a copy in a new process cannot follow the epochs."""
        is_for_process = multiprocessing.context.get_spawning_popen() is not None
        if self._asked is not None and is_for_process and self._asked.send():
            self._advise(SECOND_PASS, epoch=epoch)

    def _advise(self, text: str, **values: int | None) -> None:
        if self._epoch_matters and self._asked is not None and self._asked.advise():
            advise(text, **values)


def _is_torch_worker() -> bool:
    data: Any = sys.modules.get("torch.utils.data")
    return data is not None and data.get_worker_info() is not None
