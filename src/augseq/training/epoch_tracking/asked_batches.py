"""The batches requested by index in an epoch, in this and in forked processes."""

import mmap
import os

# Meaning of the first bytes of the shared memory; one byte per batch follows.
_GENERATION, _BY_OTHERS, _LOOPED, _ADVISED, _HEADER = 0, 1, 2, 3, 4


class AskedBatches:
    """Flags in memory shared with forked processes, such as torch data workers.

    A forked worker has a copy of the sequence, which cannot see what other workers read.

    Args:
        num_batches: Number of batches per epoch.
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
        """Whether a forked process requested a batch."""
        return bool(self._shared[_BY_OTHERS])

    def advise(self) -> bool:
        """Return True on the first call in any of the processes, False afterwards."""
        is_first = not self._shared[_ADVISED]
        self._shared[_ADVISED] = 1
        return is_first

    def clear(self) -> None:
        """Begin an epoch."""
        if self.is_elsewhere:
            # A copy whose epochs are set no longer follows the parent process.
            self._start()
            return
        if self._last is not None or self.was_by_others:
            self._shared[_HEADER : _HEADER + self._num_batches] = bytes(self._num_batches)
        self._shared[_BY_OTHERS] = self._shared[_LOOPED] = 0
        self._generation = self._shared[_GENERATION] = (self._generation + 1) % 256
        self._num_seen, self._last = 0, None
        self._num_sendings, self._was_counted = 0, False

    def begins_anew(self, batch: int, num_batches: int) -> bool:
        """Record a request for a batch; return whether it begins another pass.

        The same batch twice in a row, as when a wrapper gets images and labels from two calls,
        does not begin a pass, unless it is the only batch.

        Args:
            batch: Index of the batch.
            num_batches: Number of batches in a pass.
        """
        place, is_same = _HEADER + batch, batch == self._last and num_batches > 1
        begins = bool(self._shared[place]) and not is_same and self._is_whole(num_batches)
        self._shared[place] = 1
        self._last = batch
        if self.is_elsewhere:
            self._shared[_BY_OTHERS] = 1
        return begins

    def _is_whole(self, num_batches: int) -> bool:
        # Resumes where it stopped, so that all calls of an epoch check each batch only once.
        while self._num_seen < num_batches and self._shared[_HEADER + self._num_seen]:
            self._num_seen += 1
        return self._num_seen >= num_batches

    @property
    def was_looped(self) -> bool:
        """Whether a loop in another process completed a pass of this epoch."""
        return self.is_elsewhere and bool(self._shared[_LOOPED])

    def end_loop(self) -> None:
        """Record that a loop completed a pass."""
        self._shared[_LOOPED] = self.is_elsewhere

    def count(self, num_batches: int) -> bool:
        """Record a request for the length; return whether forked workers completed a pass.

        A torch `DataLoader` requests it when a pass begins.
        """
        self._was_counted = True
        return self.was_by_others and self._is_whole(num_batches)

    def send(self) -> bool:
        """Record that a new process gets a copy; return whether one did in an earlier pass."""
        is_further = self._was_counted and self._num_sendings > 0
        self._num_sendings += 1
        self._was_counted = False
        return is_further
