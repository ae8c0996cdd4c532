"""Which epoch a sequence is in, told by a callback or found out by itself."""

from augseq.sampling.randomness import check_epoch


class EpochTracker:
    """Follows Keras from epoch to epoch.

    Keras tells a data set only that *an* epoch begins, also before each evaluation and once
    more on JAX and torch when it builds a model. So hooks cannot be counted. Where
    `EpochSync` announced the epoch, that is it. Elsewhere a new epoch begins when, after the
    hook, a batch is asked for that this epoch has already given.

    Args:
        num_batches: Batches in an epoch.
    """

    def __init__(self, num_batches: int) -> None:
        self.epoch = 0
        self.was_announced = False
        self._num_batches = num_batches
        self._given: set[int] = set()
        self._in_pass = False
        self._announced = False
        self._watching = False

    @property
    def is_complete(self) -> bool:
        """Whether every batch of this epoch was given."""
        return len(self._given) == self._num_batches

    def set(self, epoch: int) -> None:
        """Go to an epoch."""
        self.epoch = check_epoch(epoch)
        self._given.clear()

    def announce(self) -> None:
        """Say that the pass that begins or goes on belongs to the present epoch."""
        self._announced = self.was_announced = True

    def begin(self) -> None:
        """Take Keras' word that an epoch, or the building of a model, begins."""
        self._watching = not self._announced
        self._announced = False
        self._in_pass = True

    def end(self) -> None:
        """Take Keras' word that it ended."""
        self._in_pass = False

    def ask(self, batch: int) -> None:
        """Note that a batch is asked for; this may begin a new epoch."""
        if not self._in_pass:
            return
        # JAX and torch build a model with one batch of an epoch that they then begin anew.
        was_begun = len(self._given) > 1 or self._num_batches == 1
        if self._watching and batch in self._given and was_begun:
            self.set(self.epoch + 1)
        self._watching = False
        self._given.add(batch)
