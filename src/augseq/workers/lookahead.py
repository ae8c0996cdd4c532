"""Batches computed before they are asked for."""

import os
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError, Future
from itertools import islice

from augseq.loading.batch import Batch
from augseq.loading.load_images import PROCESS_ENDS
from augseq.sampling.schedule import Schedule, Step
from augseq.workers.protocol import Workers

# Batches of 1,000 large images would otherwise fill the memory, ten at a time.
AHEAD_BYTES = 2**30


class Lookahead:
    """Keeps workers busy with the batches that will most likely be asked for next.

    A prediction decides only when a batch is loaded, never what is in it: an unexpected order
    costs time, not correctness. Any thread may ask.

    Args:
        workers: What loads the batches.
        schedule: Which batches each epoch has.
        depth: How many batches are kept ahead at most, in `AHEAD_BYTES` at most, but at least
            one; 0 to load each when asked for.
        endless: Whether the step after an epoch's last is the next epoch's first.
        beyond: How many batches of the next epoch are kept ahead too, so that no worker waits
            while an epoch ends.
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
            # A fork copies neither the threads that load nor the one that holds the lock.
            self._start()
        return self._own_lock

    def begin_pass(self, guess: Sequence[int]) -> None:
        """Say that a pass over an epoch begins or goes on.

        Args:
            guess: Batches of the epoch in the order in which they may come, if not 0, 1, 2.
        """
        with self._lock:
            self._guess = guess
            self._in_pass = True

    def end_pass(self) -> None:
        """Say that nothing more is asked for now."""
        with self._lock:
            self._in_pass = False

    def give_up(self) -> None:
        """Cancel every batch that was not asked for."""
        with self._lock:
            for future in self._ready.values():
                future.cancel()
            self._ready.clear()

    def get(self, step: Step) -> Batch:
        """Return the batch of a step, and set workers on those that come next.

        Raises:
            CancelledError: The program ends.
            Exception: Whatever making the batch raised.
        """
        if PROCESS_ENDS.is_set():
            # No worker would begin it; TensorFlow may read ahead until its very end.
            raise CancelledError("The program is ending, so no batch is made any more.")
        with self._lock:
            future = self._ready.pop(step, None)
            # Before those of later steps, also where it was ordered after them.
            if future is None or future.cancel():
                future = self._workers.submit(step, urgent=True)
            self._refill(self._next_steps(step))
            self._last = step
        batch = future.result()
        self._fit_to_memory(batch.num_bytes)
        return batch

    def _fit_to_memory(self, num_bytes: int) -> None:
        most = max(1, AHEAD_BYTES // max(1, num_bytes))
        if most < self._depth:
            with self._lock:
                self._depth = most
                # Ordered before it was known how large a batch is.
                for step in list(self._ready)[most:]:
                    self._ready.pop(step).cancel()

    def _next_steps(self, step: Step) -> Iterable[Step]:
        """Return what will come after a step, most likely first."""
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
            # Not in the foreseen order, but what remains will still be asked for.
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
        # What an abandoned pass left behind must not take the places of this one.
        for step in self._ready.keys() - set(wanted):
            self._ready.pop(step).cancel()
        for step in wanted:
            if step not in self._ready:
                self._ready[step] = self._workers.submit(step)
