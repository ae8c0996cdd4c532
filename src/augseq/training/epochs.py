"""Which epoch a sequence is in, told by a callback or found out by itself."""

from augseq.sampling.randomness import check_epoch

ADVICE = (
    "Epochs are found out from what Keras asks for, which a resume does not restore. To train "
    "each epoch with its own order and augmentations in every case, pass "
    "callbacks=[augseq.EpochSync(sequence)] to fit."
)


class EpochTracker:
    """Follows Keras from pass to pass over the data.

    Keras tells a data set only that *an* epoch begins: also before each evaluation, once more
    on JAX and torch when it builds a model, and, with `steps_per_epoch`, in the middle of a
    pass. So hooks cannot be counted. But a pass that begins, and nothing else, asks for the
    number of batches between that hook and its first batch. Where `EpochSync` announced the
    epoch of a pass, that is it; else each pass is an epoch of its own. What is evaluated in the
    middle of an announced pass, with the same sequence, leaves that as it was.

    Args:
        num_batches: Batches in an epoch.
        epoch_matters: Whether one epoch differs from another.

    Attributes:
        epoch: The present epoch.
        was_asked: Whether any batch was asked for since the epoch was last set.
        is_told: Whether a callback said which epoch the present pass belongs to.
        is_in_order: Whether the batches of the present pass were asked for as 0, 1, 2.
    """

    def __init__(self, num_batches: int, *, epoch_matters: bool) -> None:
        self.epoch = 0
        self._wants_epoch_sync = epoch_matters
        self._num_batches = num_batches
        self._given: set[int] = set()
        self._next = 0
        self._aside: tuple[int, set[int], int, bool] | None = None
        self.was_asked = False
        self.is_told = False
        self.is_in_order = True
        self._in_pass = False
        self._announced = False
        self._may_advance = False
        self._has_advanced = False
        self._hook_came = False
        self._pass_begins = False

    def wants_epoch_sync(self) -> bool:
        """Whether to advise `EpochSync` now: once, after a whole epoch went without it."""
        # A pass whose last batches TensorFlow read between two of Keras' epochs does not look
        # whole, but the next pass begins after it.
        is_over = len(self._given) >= self._num_batches or self._has_advanced
        if not self._wants_epoch_sync or not is_over:
            return False
        self._wants_epoch_sync = False
        return True

    def set(self, epoch: int) -> None:
        """Go to an epoch."""
        self.epoch = check_epoch(epoch)
        self._aside = None
        self._begin_pass()
        self.was_asked = False
        # Keras does not say that a pass ended where an error ended it.
        self._in_pass = False

    def go_on(self) -> None:
        """Go back to the announced pass, if something else came in between."""
        if self._aside is not None:
            self.epoch, self._given, following, self.is_in_order = self._aside
            self._next = max(self._next, following)
            self._aside = None

    def announce(self) -> None:
        """Say that the pass that begins or goes on belongs to the present epoch."""
        self._announced = True
        self._wants_epoch_sync = False

    def begin(self) -> None:
        """Take Keras' word that an epoch, or the building of a model, begins."""
        is_evaluation = self.is_told and not self._announced
        if is_evaluation:
            self._aside = (self.epoch, set(self._given), self._next, self.is_in_order)
        # TensorFlow may still read what is left of the pass, in a thread of its own.
        self._may_advance = not self._announced and not (
            is_evaluation and self._next < self._num_batches
        )
        self.is_told = self._announced
        self._announced = self._pass_begins = False
        self._hook_came = self._in_pass = True

    def end(self) -> None:
        """Take Keras' word that it ended."""
        self._in_pass = False

    def count(self) -> None:
        """Note that someone asks for the number of batches."""
        self._pass_begins = self._hook_came

    def ask(self, batch: int) -> None:
        """Note that a batch is asked for; this may begin a new epoch."""
        self.was_asked = True
        if not self._in_pass:
            # TensorFlow looks at two batches before it begins, and reads on between two of Keras'
            # epochs.
            self._next += batch == self._next
            return
        if self._pass_begins:
            # JAX and torch build a model with one batch of a pass that they then begin anew.
            was_trained = len(self._given) > 1 or self._num_batches == 1
            if self._may_advance and self._given and was_trained:
                self.epoch += 1
                self._has_advanced = True
            self._begin_pass()
        self._hook_came = self._pass_begins = False
        # One that comes twice is looked at beforehand, and then taken.
        self.is_in_order &= batch <= self._next
        self._next = max(self._next, batch + 1)
        if len(self._given) < self._num_batches:
            self._given.add(batch)

    def _begin_pass(self) -> None:
        self._given.clear()
        self._next = 0
        self.is_in_order = True
