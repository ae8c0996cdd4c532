"""Batches computed before they are asked for."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

from augseq.batch import Batch
from augseq.workers.workers import Workers


class Lookahead:
    """Keeps workers busy with the batches that will most likely be asked for next.

    What is foreseen decides only when a batch is computed, never what is in it: an order that
    nobody foresaw costs time, not correctness. Any thread may ask.

    Args:
        load: Makes the batch of a step; a pure function.
        make_workers: Gives those who compute; None to compute each batch when asked for.
        depth: How many batches are kept ahead at most.
        num_batches: Steps in an epoch.
        endless: Whether the step after an epoch's last is the next epoch's first.
    """

    def __init__(
        self,
        load: Callable[[int], Batch],
        make_workers: Callable[[], Workers] | None,
        *,
        depth: int,
        num_batches: int,
        endless: bool,
    ) -> None:
        self._load = load
        self._make_workers = make_workers
        self._depth = depth if make_workers else 0
        self._num_batches = num_batches
        self._endless = endless
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._workers = self._make_workers() if self._make_workers else None
        self._lock = threading.Lock()
        self._ready: dict[int, Future[Batch]] = {}
        self._coming: deque[int] = deque()
        self._guess: Sequence[int] = ()
        self._in_pass = False
        self._last: int | None = None

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

    def get(self, step: int) -> Batch:
        """Return the batch of a step, and set workers on those that come next."""
        if self._process != os.getpid():
            # A fork copies neither the threads that compute nor whoever holds the lock.
            self._start()
        with self._lock:
            future = self._ready.pop(step, None)
            self._refill(self._next_steps(step))
            self._last = step
        # A batch that no worker has begun is made by the one who waits for it.
        if future is None or future.cancel():
            return self._load(step)
        return future.result()

    def _next_steps(self, step: int) -> Iterable[int]:
        """Return what will come after a step, most likely first."""
        if self._coming and self._coming[0] == step:
            self._coming.popleft()
            return self._coming
        first = step - step % self._num_batches
        if self._guess and first + self._guess[0] == step:
            self._coming = deque(first + batch for batch in self._guess[1:])
            self._guess = ()
            return self._coming
        if step in self._coming:
            # Not in the foreseen order, but what remains will still be asked for.
            self._coming.remove(step)
            return self._coming
        self._coming.clear()
        self._guess = ()
        begins = self._in_pass and (step == first or self._endless)
        if begins or self._last == step - 1:
            return self._following(step)
        if self._in_pass:
            self._coming.extend(s for s in range(first, first + self._num_batches) if s != step)
        return self._coming

    def _following(self, step: int) -> range:
        stop = step + 1 + self._depth
        if not self._endless:
            stop = min(stop, step - step % self._num_batches + self._num_batches)
        return range(step + 1, stop)

    def _refill(self, coming: Iterable[int]) -> None:
        wanted: list[int] = []
        for step in coming:
            if len(wanted) == self._depth:
                break
            wanted.append(step)
        # What an abandoned pass left behind must not take the places of this one.
        for step in self._ready.keys() - set(wanted):
            self._ready.pop(step).cancel()
        for step in wanted:
            if self._workers is not None and step not in self._ready:
                self._ready[step] = self._workers.submit(self._load, step)
