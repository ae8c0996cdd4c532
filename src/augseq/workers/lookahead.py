"""Batches that are loaded before they are requested."""

import os
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError, Future
from itertools import islice

from augseq.loading.batch import Batch
from augseq.loading.load_samples import PROCESS_ENDS
from augseq.sampling.schedule import Schedule, Step
from augseq.workers.protocol import Workers

# Limits memory: by default, ten batches would be held, even of 1,000 large images each.
AHEAD_BYTES = 2**30
# With many workers each may hold a batch of this size, so that none waits.
_BYTES_PER_WORKER = 2**27


class Lookahead:
    """Keeps workers busy with the batches that will most likely be requested next.

    A prediction affects only when a batch is loaded, never its content: an unexpected order costs
    time, not correctness. Thread-safe.

    Args:
        workers: Workers that load the batches.
        schedule: The batches of each epoch.
        depth: Maximum number of batches to load ahead; fewer, but at least one, if they exceed
            `AHEAD_BYTES`, or 128 MiB per worker if that is more. 0 to load each batch when
            requested.
        endless: Whether the last step of an epoch is followed by the first of the next.
        beyond: How many batches of the next epoch can be loaded ahead, one per worker, so that
            none waits at the end of an epoch.
    """

    def __init__(
        self,
        workers: Workers,
        schedule: Schedule,
        *,
        depth: int,
        endless: bool,
        beyond: int = 0,
    ) -> None:
        self._workers = workers
        self._schedule = schedule
        self._depth = depth
        self._endless = endless
        self._beyond = beyond
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._own_lock = threading.Lock()
        self._ready: dict[Step, Future[Batch]] = {}
        self._coming: deque[Step] = deque()
        self._guess: Sequence[int] = ()
        self._in_pass = False
        self._last: Step | None = None

    @property
    def _lock(self) -> threading.Lock:
        if self._process != os.getpid():
            # A forked process has neither the loading threads nor the thread that holds the lock.
            self._start()
        return self._own_lock

    def begin_pass(self, guess: Sequence[int]) -> None:
        """Announce that a pass over an epoch begins or continues.

        Args:
            guess: Predicted order of the epoch's batches, if not 0, 1, 2.
        """
        with self._lock:
            self._guess = guess
            self._in_pass = True

    def end_pass(self) -> None:
        """Announce that no more batches will be requested for now."""
        with self._lock:
            self._in_pass = False

    def give_up(self) -> None:
        """Cancel all batches that were not requested."""
        with self._lock:
            for future in self._ready.values():
                future.cancel()
            self._ready.clear()

    def get(self, step: Step) -> Batch:
        """Return the batch of a step, and start loading the next ones.

        Raises:
            CancelledError: The program is exiting.
            Exception: Any exception of loading the batch.
        """
        if PROCESS_ENDS.is_set():
            # No worker would load it; TensorFlow can read ahead until the program exits.
            raise CancelledError("The program is exiting, so no more batches are loaded.")
        with self._lock:
            future = self._ready.pop(step, None)
            # Ahead of later steps, even if it was submitted after them.
            if future is None or future.cancel():
                future = self._workers.submit(step, urgent=True)
            self._refill(self._next_steps(step))
            self._last = step
        batch = future.result()
        self._fit_to_memory(batch.num_bytes)
        return batch

    def _fit_to_memory(self, num_bytes: int) -> None:
        max_bytes = max(AHEAD_BYTES, self._beyond * _BYTES_PER_WORKER)
        most = max(1, max_bytes // max(1, num_bytes))
        if most < self._depth:
            with self._lock:
                self._depth = most
                # Submitted before the size of a batch was known.
                for step in list(self._ready)[most:]:
                    self._ready.pop(step).cancel()

    def _next_steps(self, step: Step) -> Iterable[Step]:
        """Return the steps that will probably follow a step, most likely first."""
        if self._coming and self._coming[0] == step:
            self._coming.popleft()
            return self._coming
        if self._guess and self._guess[0] == step.batch:
            self._coming = deque(Step(step.epoch, batch) for batch in self._guess[1:])
            self._guess = ()
            return self._coming
        first = Step(step.epoch, 0)
        follows = self._last is not None and next(self._schedule.steps_after(self._last)) == step
        is_plain = follows and self._last == first
        if step in self._coming and not is_plain:
            # Not in the predicted order, but the rest will still be requested.
            self._coming.remove(step)
            return self._coming
        self._coming.clear()
        self._guess = ()
        begins = self._in_pass and (step == first or self._endless)
        if begins or follows:
            return self._following(step)
        if self._in_pass:
            rest = range(self._schedule.num_batches_of(step.epoch))
            self._coming.extend(Step(step.epoch, batch) for batch in rest if batch != step.batch)
        return self._coming

    def _following(self, step: Step) -> Iterable[Step]:
        num_left = self._schedule.num_batches_of(step.epoch) - 1 - step.batch
        most = self._depth if self._endless else num_left + self._beyond
        return islice(self._schedule.steps_after(step), most)

    def _refill(self, coming: Iterable[Step]) -> None:
        wanted: list[Step] = []
        for step in coming:
            if len(wanted) == self._depth:
                break
            wanted.append(step)
        # Batches of an abandoned pass must not take up the queue.
        for step in self._ready.keys() - set(wanted):
            self._ready.pop(step).cancel()
        for step in wanted:
            if step not in self._ready:
                self._ready[step] = self._workers.submit(step)
