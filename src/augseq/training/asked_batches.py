"""Which batches of an epoch were asked for by index, in this process and in forked ones."""

import mmap
import os

# What the first bytes of the shared memory hold; after them comes a mark for each batch.
_GENERATION, _BY_OTHERS, _LOOPED, _ADVISED, _HEADER = 0, 1, 2, 3, 4


class AskedBatches:
    """Marks in memory that forked processes share, such as the workers of a torch `DataLoader`.

    A forked worker has a copy of the sequence, which is not told what other workers read.

    Args:
        num_batches: Batches in an epoch.
    """

    def __init__(self, num_batches: int) -> None:
        self._num_batches = num_batches
        self._start()

    def _start(self) -> None:
        self._shared = mmap.mmap(-1, _HEADER + self._num_batches)
        self._home = os.getpid()
        self._generation = 0
        self._num_seen = 0
        self._last: int | None = None
        self._num_sendings = 0
        self._was_counted = False

    @property
    def is_elsewhere(self) -> bool:
        """Whether this is a forked process."""
        return os.getpid() != self._home

    @property
    def is_outdated(self) -> bool:
        """Whether another process began an epoch since this one was forked."""
        return self._shared[_GENERATION] != self._generation

    @property
    def was_by_others(self) -> bool:
        """Whether a forked process asked for a batch."""
        return bool(self._shared[_BY_OTHERS])

    def advise(self) -> bool:
        """Return whether nothing was said yet in any of the processes; from now on it was."""
        is_first = not self._shared[_ADVISED]
        self._shared[_ADVISED] = 1
        return is_first

    def clear(self) -> None:
        """Begin an epoch."""
        if self.is_elsewhere:
            # A copy that is told its epochs follows nothing but that.
            self._start()
            return
        if self._last is not None or self.was_by_others:
            self._shared[_HEADER : _HEADER + self._num_batches] = bytes(self._num_batches)
        self._shared[_BY_OTHERS] = self._shared[_LOOPED] = 0
        self._generation = self._shared[_GENERATION] = (self._generation + 1) % 256
        self._num_seen, self._last = 0, None
        self._num_sendings, self._was_counted = 0, False

    def begins_anew(self, batch: int, num_batches: int) -> bool:
        """Note that a batch is asked for; return whether this begins a further pass.

        A batch that is asked for twice in a row, as where a wrapper takes images and labels from
        two calls, begins none, unless it is the only one.

        Args:
            batch: Which.
            num_batches: Batches of a pass.
        """
        place, is_same = _HEADER + batch, batch == self._last and num_batches > 1
        begins = bool(self._shared[place]) and not is_same and self._is_whole(num_batches)
        self._shared[place] = 1
        self._last = batch
        if self.is_elsewhere:
            self._shared[_BY_OTHERS] = 1
        return begins

    def _is_whole(self, num_batches: int) -> bool:
        # Goes on where it stopped before, so that all calls of an epoch look at a batch once.
        while self._num_seen < num_batches and self._shared[_HEADER + self._num_seen]:
            self._num_seen += 1
        return self._num_seen >= num_batches

    @property
    def was_looped(self) -> bool:
        """Whether a loop in another process took a whole pass of this epoch."""
        return self.is_elsewhere and bool(self._shared[_LOOPED])

    def end_loop(self) -> None:
        """Note that a loop took a whole pass."""
        self._shared[_LOOPED] = self.is_elsewhere

    def count(self, num_batches: int) -> bool:
        """Note that the length is asked for; return whether forked workers gave a whole pass.

        A torch `DataLoader` asks for it when a pass begins.
        """
        self._was_counted = True
        return self.was_by_others and self._is_whole(num_batches)

    def send(self) -> bool:
        """Note that a copy goes to a new process; return whether one went in an earlier pass."""
        is_further = self._was_counted and self._num_sendings > 0
        self._num_sendings += 1
        self._was_counted = False
        return is_further
