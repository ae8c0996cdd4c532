"""Batches computed before they are asked for."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
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
        make_workers: Makes the workers when the first batch is asked for.
        schedule: Which batches each epoch has.
        depth: How many batches are kept ahead at most, in `AHEAD_BYTES` at most, but at least
            one; 0 to load each when asked for.
        endless: Whether the step after an epoch's last is the next epoch's first.
        beyond: How many batches of the next epoch are kept ahead too, so that no worker waits
            while an epoch ends.
        former: Workers of an earlier plan, which `retire` returned. They are held until those of
            this one are made, so that processes that both share go on.
    """

    def __init__(
        self,
        make_workers: Callable[[], Workers],
        schedule: Schedule,
        *,
        depth: int,
        endless: bool,
        beyond: int = 0,
        former: Workers | None = None,
    ) -> None:
        self._make_workers = make_workers
        self._schedule = schedule
        self._depth = depth
        self._endless = endless
        self._beyond = beyond
        self._former = former
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._workers: Workers | None = None
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

    @property
    def workers_text(self) -> str | None:
        """What computes the batches, in a few words; None before the first is asked for."""
        return None if self._workers is None else self._workers.text

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

    def retire(self) -> Workers | None:
        """Give up what was not asked for, and return the workers, if there are any."""
        with self._lock:
            for future in self._ready.values():
                future.cancel()
            self._ready.clear()
            return self._workers or self._former

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
            workers = self._workers = self._workers or self._make_workers()
            self._former = None
            future = self._ready.pop(step, None)
            self._refill(workers, self._next_steps(step))
            self._last = step
        # A batch that no worker has begun is made for the one who waits for it.
        batch = workers.load(step) if future is None or future.cancel() else future.result()
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

    def _refill(self, workers: Workers, coming: Iterable[Step]) -> None:
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
                self._ready[step] = workers.submit(step)
