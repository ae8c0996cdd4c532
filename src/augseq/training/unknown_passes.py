"""Batches that are taken by index, by code that does not tell when a pass begins."""

import multiprocessing.context
import sys
import weakref
from typing import Any, Protocol

from augseq.training.asked_batches import AskedBatches
from augseq.training.keras_calls import find_call_of_reader, is_fitting_with
from augseq.training.pass_advice import OTHER_EPOCH, SECOND_PASS, WORKER_PROCESS, advise


class Followed(Protocol):
    """A sequence that a callback tells its epochs."""

    @property
    def epoch(self) -> int:
        """The present epoch."""
        ...


_followed: tuple[weakref.ReferenceType[Any], weakref.ReferenceType[Followed]] | None = None


def note_followed(callback: Any, sequence: Followed) -> None:
    """Remember which callback told which sequence an epoch, so that others are compared with it."""
    global _followed
    _followed = (weakref.ref(callback), weakref.ref(sequence))


def followed_epoch() -> int | None:
    """Return the epoch that a callback told a sequence in a `fit` that runs now."""
    if _followed is None:
        return None
    callback, sequence = (one() for one in _followed)
    if callback is None or sequence is None or not is_fitting_with(callback):
        return None
    return sequence.epoch


class UnknownPasses:
    """Says, once, where a pass begins of which only the caller knows that it is another epoch.

    So it is with an index loop, a torch `DataLoader`, or an object around the sequence that
    `fit` trains on.

    Args:
        num_batches: Batches in an epoch; None without end.
        epoch_matters: Whether one epoch differs from another.

    Attributes:
        is_announced: Whether the present epoch was set, and not found out.
    """

    def __init__(self, num_batches: int | None, *, epoch_matters: bool) -> None:
        self.is_announced = False
        self._epoch_matters = epoch_matters
        self._asked = None if num_batches is None else AskedBatches(num_batches)

    def begin_epoch(self) -> None:
        """Note that the epoch is another one."""
        self.is_announced = False
        self.clear()

    @property
    def was_asked_elsewhere(self) -> bool:
        """Whether a forked process asked for a batch of the present epoch."""
        return self._asked is not None and self._asked.was_by_others

    def clear(self) -> None:
        """Forget what was asked for."""
        if self._asked is not None:
            self._asked.clear()

    def ask(self, batch: int, num_batches: int, *, epoch: int, is_led: bool) -> None:
        """Note that a batch is asked for.

        Args:
            batch: Its number.
            num_batches: Batches of a pass.
            epoch: The present epoch.
            is_led: Whether `EpochSync` told the epoch, in a `fit` that may be over.
        """
        if self._asked is None:
            return
        # Evaluations, callbacks, and looks at the first batches, do not train.
        if find_call_of_reader() not in (None, "fit"):
            return
        # A worker process sees a part of each pass: the same batch again is enough.
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
        elif begins:
            self._advise(SECOND_PASS, epoch=epoch)

    def begin_loop(self, epoch: int) -> None:
        """Note that a loop begins; in a worker process it may not know its epoch."""
        if self._asked is None or not _is_torch_worker():
            return
        is_unknown_copy = not self._asked.is_elsewhere and not self.is_announced
        if self._asked.was_looped or self._asked.is_outdated or is_unknown_copy:
            self._advise(WORKER_PROCESS, epoch=epoch)

    def end_loop(self) -> None:
        """Note that a loop gave a whole epoch."""
        if self._asked is not None:
            self._asked.end_loop()

    def count(self, num_batches: int, *, epoch: int, is_led: bool) -> None:
        """Note that the number of batches is asked for, as a `DataLoader` does when it begins."""
        if self._asked is None or not self._asked.count(num_batches):
            return
        if not (is_led and followed_epoch() is not None):
            self._advise(SECOND_PASS, epoch=epoch)

    def send(self, *, epoch: int) -> None:
        """Note that a copy is made; where it is for a new process, that one knows no epochs."""
        is_for_process = multiprocessing.context.get_spawning_popen() is not None
        if self._asked is not None and is_for_process and self._asked.send():
            self._advise(SECOND_PASS, epoch=epoch)

    def _advise(self, text: str, **values: int | None) -> None:
        if self._epoch_matters and self._asked is not None and self._asked.advise():
            advise(text, **values)


def _is_torch_worker() -> bool:
    data: Any = sys.modules.get("torch.utils.data")
    return data is not None and data.get_worker_info() is not None
