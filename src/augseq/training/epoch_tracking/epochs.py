"""The epoch of a sequence, set by a callback or inferred from what Keras requests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from augseq.sampling.randomness import check_epoch
from augseq.training.epoch_tracking.keras_calls import FitEpochs, find_call, find_epochs
from augseq.training.epoch_tracking.unknown_passes import UnknownPasses


class EpochTracker:
    """Follows Keras from pass to pass over the data.

    Keras tells a data set only that *an* epoch begins: also before each evaluation, a second time
    on JAX and torch when it builds a model, and, with `steps_per_epoch`, in the middle of a
    pass. So calls of the hook cannot be counted. But only at the start of a pass does Keras
    request the number of batches between the hook and the first batch. If `EpochSync` announced
    an epoch for the pass, that is the epoch; otherwise each pass is a new epoch, at least the
    `initial_epoch` of `fit`. These are the epochs of Keras in the first `fit` of a program, and in
    one that continues it; a second `fit` counts on, so that no augmentation comes twice. An
    evaluation in the middle of an announced pass, with the same sequence, does not change the
    epoch.

    If Keras trains on another object that gets its batches from the sequence, the hook is not
    called. Then only `EpochSync` changes the epoch, and `unknown` warns if it is missing.

    Loops in Python code (see `LoopPasses`) advance the epoch as passes of `fit` do. A pass of
    `fit` after a loop is a new epoch too. `evaluate` and `predict` use the epoch of the loop
    before them, and a loop after them uses theirs, so that predictions and labels match.

    Args:
        num_batches: Number of batches per epoch.
        epoch_matters: Whether epochs differ from each other.
        endless: Whether the sequence is repeated.

    Attributes:
        first_step: The step of batch 0, counted over all epochs.
        was_asked: Whether any batch was requested since the epoch was last set.
        is_told: Whether a callback set the epoch of the current pass.
        is_in_order: Whether the batches of the current pass were requested as 0, 1, 2.
        is_watched: Whether a callback waits for a pass that may begin without a hook of Keras.
        generation: Number of times that the epoch was set or advanced.
        unknown: Tracks batches requested without a hook of Keras.
    """

    def __init__(
        self,
        num_batches: int,
        *,
        epoch_matters: bool,
        endless: bool = False,
    ) -> None:
        self._epoch = 0
        self._others = threading.local()
        self.first_step = 0
        self.unknown = UnknownPasses(None if endless else num_batches, epoch_matters=epoch_matters)
        self._wants_epoch_sync = epoch_matters
        self._num_batches = num_batches
        self._endless = endless
        self._given: set[int] = set()
        self._next = 0
        self._aside: tuple[int, set[int], int, bool] | None = None
        self._coming: tuple[int, int] | None = None
        self.was_asked = False
        self.is_told = False
        self.is_in_order = True
        self.is_watched = False
        self.generation = 0
        self._in_pass = False
        self._announced = self._is_led = False
        self._may_advance = False
        self._has_advanced = False
        self._hook_came = False
        self._pass_begins = False
        self._call: str | None = None
        self._was_built = False
        self._epochs_of_fit: FitEpochs | None = None
        self._differs = self._may_differ = self._is_fit_of_wrapper = False
        self._was_looped = self._was_trained = self._is_fed_by_loop = False

    @property
    def epoch(self) -> int:
        """The current epoch; within `at`, that of this thread."""
        other: int | None = getattr(self._others, "epoch", None)
        return self._epoch if other is None else other

    @contextmanager
    def at(self, epoch: int) -> Iterator[None]:
        """Use another epoch in this thread, for a loop that began in it."""
        before = getattr(self._others, "epoch", None)
        self._others.epoch = epoch
        try:
            yield
        finally:
            self._others.epoch = before

    def wants_epoch_sync(self) -> bool:
        """Whether to recommend `EpochSync` now: once, after an epoch without it.

        Only if that epoch was not Keras' epoch, or if this is unknown after a complete epoch.
        """
        # If TensorFlow reads the last batches between two Keras epochs, the pass seems incomplete,
        # but the epoch has advanced.
        is_over = len(self._given) >= self._num_batches or self._has_advanced
        is_wrong = self._differs or (self._may_differ and is_over)
        if not self._wants_epoch_sync or not is_wrong:
            return False
        # The batch that a model is built with is not an epoch, nor is an evaluation.
        is_other = self._call == "build" or find_call() in ("evaluate", "predict")
        # Asked again, since TensorFlow's thread may have recommended it meanwhile.
        if is_other or not self._wants_epoch_sync:
            return False
        self._wants_epoch_sync = False
        return True

    def set(self, epoch: int, first_step: int | None = None) -> None:
        """Set the epoch; `first_step` is the step of its batch 0, None for the usual one."""
        self._epoch = check_epoch(epoch)
        self.first_step = epoch * self._num_batches if first_step is None else first_step
        self._aside = self._coming = None
        self._begin_epoch()
        self._begin_pass()
        self.unknown.is_announced = True
        self.was_asked = False
        # Keras does not call the hook if the pass ended with an error.
        self._in_pass = False

    def start_at(self, epoch: int, first_step: int, *, is_announced: bool = False) -> None:
        """Set the epoch to that of the sequence that this one is copied from."""
        self.set(epoch, first_step)
        self.unknown.is_announced = is_announced

    def begin_loop(self) -> None:
        """Record that a loop in Python code begins, which can begin a new epoch."""
        is_over = len(self._given) >= self._num_batches and not self._in_pass
        was_trained = self._was_trained or (self._call == "fit" and is_over)
        if not self._endless and (self._was_looped or was_trained):
            self._epoch += 1
            self.first_step = self._epoch * self._num_batches
            self._aside = None
            self._begin_epoch()
            self._begin_pass()

    def note_loop(self, epoch: int, *, is_over: bool) -> None:
        """Record that a loop yields a batch of an epoch; `is_over` if it is the last one."""
        # A callback that identifies trained batches cannot follow loops.
        self.is_in_order &= not self.is_watched
        self._is_fed_by_loop = True
        if is_over and epoch == self._epoch:
            self._was_looped = True
            self.unknown.end_loop()

    def expect(self, epoch: int, first_step: int) -> None:
        """Continue a pass; if it restarts without a hook of Keras, go to the given epoch."""
        if self._announced:
            self._coming = (epoch, first_step)
        elif self._aside is not None:
            self._epoch, self._given, following, self.is_in_order = self._aside
            self._next = max(self._next, following)
            self._aside = None

    def follow(self, epoch: int, first_step: int, *, goes_on: bool) -> None:
        """Set the epoch of the pass that begins, unless a pass continues."""
        if goes_on:
            self.expect(epoch, first_step)
        elif not self._is_fed_by_loop or epoch > self._epoch:
            # Loops count epochs themselves, and TensorFlow may have read ahead into the next one.
            self.set(epoch, first_step)
        self._announced = self._is_led = True
        self._differs = self._may_differ = False

    def count_length(self, num_batches: int) -> None:
        """Record that code outside Keras' hooks requests the number of batches."""
        self.unknown.count(num_batches, epoch=self._epoch, is_led=self._is_led)

    def begin_training(self) -> None:
        """Record that a callback will set the epochs of a `fit`."""
        self._is_fed_by_loop = False

    def end_training(self) -> None:
        """Record that the callback no longer sets them."""
        self._announced = self._is_led = False
        self._coming = None

    def end_epoch(self) -> None:
        """Record that the current epoch was trained completely."""
        self._was_trained = True

    def watch(self) -> None:
        """Follow a pass that is about to begin, even if it begins without a hook of Keras."""
        self.is_watched = True
        self._next = 0
        self.is_in_order = True

    def end_watch(self) -> None:
        """Stop following it."""
        self.is_watched = False

    def begin(self, *, is_through_wrapper: bool = False) -> None:
        """Handle Keras' start of an epoch or of a model build.

        Args:
            is_through_wrapper: Whether Keras trains on another object, which calls this hook.
        """
        self._was_built = self._call == "build"
        self._call, self._epochs_of_fit = find_call(), find_epochs()
        self._is_fit_of_wrapper = is_through_wrapper and self._call == "fit"
        if self._epochs_of_fit is not None and not is_through_wrapper:
            self.unknown.own_data = self._epochs_of_fit.data
        if self._call in ("evaluate", "predict"):
            self._was_trained = False
        self.unknown.clear()
        is_evaluation = self.is_told and not self._announced
        if is_evaluation:
            self._aside = (self._epoch, set(self._given), self._next, self.is_in_order)
        # TensorFlow may still read the rest of the pass in another thread.
        self._may_advance = not self._announced and not (
            is_evaluation and self._next < self._num_batches
        )
        self.is_told = self._announced
        self._announced = self._pass_begins = self.is_watched = False
        self._hook_came = self._in_pass = True

    def end(self) -> None:
        """Handle Keras' end of an epoch."""
        self._in_pass = False

    def count(self) -> None:
        """Record a request for the number of batches."""
        self._pass_begins = self._hook_came

    def ask(self, batch: int, num_batches: int | None) -> None:
        """Record a request for a batch, which can begin a new epoch.

        Args:
            batch: Index of the batch.
            num_batches: Number of batches in the current epoch; None if endless.
        """
        self.was_asked = True
        if getattr(self._others, "epoch", None) is not None:
            return
        if self._in_pass:
            self._ask_in_pass(batch)
            return
        if self._announced or self.is_watched:
            self._ask_without_hook(batch)
        else:
            # TensorFlow reads two batches before it begins, and reads ahead between two Keras
            # epochs.
            self._next += batch == self._next
        if num_batches is not None:
            self.unknown.ask(batch, num_batches, epoch=self._epoch, is_led=self._is_led)

    def _ask_in_pass(self, batch: int) -> None:
        if self._pass_begins:
            # JAX and torch build a model with one batch of a pass, and then restart the pass.
            is_whole = self._num_batches == 1 and not self._was_built and bool(self._given)
            was_given = len(self._given) > 1 or is_whole
            was_looped = self._was_looped and self._call == "fit"
            if self._may_advance and (was_given or was_looped):
                self._epoch += 1
                self._has_advanced = True
                self._begin_epoch()
            if self._may_advance:
                self._compare_with_fit()
            self._begin_pass()
        elif self._hook_came and self._may_advance and self._is_fit_of_wrapper:
            # The wrapper does not read the number of batches, so passes cannot be told apart.
            begins = batch in self._given and len(self._given) >= self._num_batches
            self.unknown.compare(self._epoch, self._epochs_of_fit, begins=begins)
        self._hook_came = self._pass_begins = False
        self._take(batch)

    def _compare_with_fit(self) -> None:
        """Begin with the first epoch of `fit`, and note whether the epochs differ from Keras'."""
        epochs = self._epochs_of_fit
        if self._endless:
            is_later = self._call == "fit" and epochs is not None and epochs.first > 0
            self._differs |= is_later and self.first_step == 0
        elif self._call == "fit" and epochs is not None:
            if self._epoch < epochs.first:
                self._epoch = epochs.first
                self._begin_epoch()
            self._differs |= self._epoch != epochs.current
        elif self._call in ("fit", None):
            self._may_differ = True

    def _ask_without_hook(self, batch: int) -> None:
        if self._coming is not None:
            coming, self._coming = self._coming, None
            if batch < self._next if self._endless else batch in self._given:
                self.set(*coming)
                self.was_asked = True
        self._take(batch)

    def _take(self, batch: int) -> None:
        # A batch requested twice was first only inspected, and is then used.
        self.is_in_order &= batch <= self._next
        self._next = max(self._next, batch + 1)
        if len(self._given) < self._num_batches:
            self._given.add(batch)

    def _begin_epoch(self) -> None:
        self._was_looped = self._was_trained = False
        self.generation += 1
        self.unknown.begin_epoch()

    def _begin_pass(self) -> None:
        self._given.clear()
        self._next = 0
        self.is_in_order = True
