"""Which epoch a sequence is in, told by a callback or found out by itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from augseq.sampling.randomness import check_epoch
from augseq.training.keras_calls import find_call
from augseq.training.unknown_passes import UnknownPasses


class EpochTracker:
    """Follows Keras from pass to pass over the data.

    Keras tells a data set only that *an* epoch begins: also before each evaluation, once more
    on JAX and torch when it builds a model, and, with `steps_per_epoch`, in the middle of a
    pass. So hooks cannot be counted. But a pass that begins, and nothing else, asks for the
    number of batches between that hook and its first batch. Where `EpochSync` announced the
    epoch of a pass, that is it; else each pass is an epoch of its own. What is evaluated in the
    middle of an announced pass, with the same sequence, leaves that as it was.

    Where Keras trains on another object that takes its batches from the sequence, no hook comes.
    Then only `EpochSync` moves the epoch, and `unknown` says so where it is missing.

    Loops in Python code (see `LoopPasses`) move the epoch as passes of `fit` do. A pass of `fit`
    after a loop is an epoch of its own too; `evaluate` and `predict` see that of the loop, and a
    loop after them sees theirs, so that predictions and labels belong together.

    Args:
        num_batches: Batches in an epoch.
        epoch_matters: Whether one epoch differs from another.
        endless: Whether the sequence is repeated.

    Attributes:
        first_step: The step of batch 0, counted through all epochs.
        was_asked: Whether any batch was asked for since the epoch was last set.
        is_told: Whether a callback said which epoch the present pass belongs to.
        is_in_order: Whether the batches of the present pass were asked for as 0, 1, 2.
        is_watched: Whether a callback waits for a pass that no hook of Keras has begun.
        generation: Counts how often the epoch was set or moved on.
        unknown: What was taken without a hook of Keras.
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
        self._wants_epoch_sync = epoch_matters and not endless
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
        self._was_looped = self._was_trained = self._is_fed_by_loop = False

    @property
    def epoch(self) -> int:
        """The present epoch; within `at`, another one."""
        other: int | None = getattr(self._others, "epoch", None)
        return self._epoch if other is None else other

    @contextmanager
    def at(self, epoch: int) -> Iterator[None]:
        """Let this thread see another epoch, for a loop that began in it."""
        before = getattr(self._others, "epoch", None)
        self._others.epoch = epoch
        try:
            yield
        finally:
            self._others.epoch = before

    def wants_epoch_sync(self) -> bool:
        """Whether to advise `EpochSync` now: once, after a whole epoch went without it."""
        # A pass whose last batches TensorFlow read between two of Keras' epochs does not look
        # whole, but the next pass begins after it.
        is_over = len(self._given) >= self._num_batches or self._has_advanced
        # One batch that a model was built with is not an epoch, nor is an evaluation.
        is_other = self._call == "build" or find_call() in ("evaluate", "predict")
        if not self._wants_epoch_sync or not is_over or is_other:
            return False
        self._wants_epoch_sync = False
        return True

    def set(self, epoch: int, first_step: int | None = None) -> None:
        """Go to an epoch, whose batch 0 is the first step if no other is named."""
        self._epoch = check_epoch(epoch)
        self.first_step = epoch * self._num_batches if first_step is None else first_step
        self._aside = self._coming = None
        self._begin_epoch()
        self._begin_pass()
        self.unknown.is_announced = True
        self.was_asked = False
        # Keras does not say that a pass ended where an error ended it.
        self._in_pass = False

    def start_at(self, epoch: int, first_step: int, *, is_announced: bool = False) -> None:
        """Go to the epoch of the sequence that this one is made from."""
        self.set(epoch, first_step)
        self.unknown.is_announced = is_announced

    def begin_loop(self) -> None:
        """Note that a loop in Python code begins: it may begin a new epoch."""
        is_over = len(self._given) >= self._num_batches and not self._in_pass
        was_trained = self._was_trained or (self._call == "fit" and is_over)
        if not self._endless and (self._was_looped or was_trained):
            self._epoch += 1
            self.first_step = self._epoch * self._num_batches
            self._aside = None
            self._begin_epoch()
            self._begin_pass()

    def note_loop(self, epoch: int, *, is_over: bool) -> None:
        """Note that a loop gives a batch of an epoch, perhaps the last one."""
        # A callback that names trained batches cannot follow loops.
        self.is_in_order &= not self.is_watched
        self._is_fed_by_loop = True
        if is_over and epoch == self._epoch:
            self._was_looped = True
            self.unknown.end_loop()

    def expect(self, epoch: int, first_step: int) -> None:
        """Go on with a pass; or, where no hook comes and it begins anew, go to an epoch."""
        if self._announced:
            self._coming = (epoch, first_step)
        elif self._aside is not None:
            self._epoch, self._given, following, self.is_in_order = self._aside
            self._next = max(self._next, following)
            self._aside = None

    def follow(self, epoch: int, first_step: int, *, goes_on: bool) -> None:
        """Take the epoch of the pass that begins, unless one goes on."""
        if goes_on:
            self.expect(epoch, first_step)
        elif not self._is_fed_by_loop or epoch > self._epoch:
            # Loops count by themselves, and TensorFlow may have read on into the next one.
            self.set(epoch, first_step)
        self._announced = self._is_led = True
        self._wants_epoch_sync = False

    def count_length(self, num_batches: int) -> None:
        """Note that code outside of Keras' hooks asks how many batches there are."""
        self.unknown.count(num_batches, epoch=self._epoch, is_led=self._is_led)

    def begin_training(self) -> None:
        """Say that a callback will tell the epochs of a `fit`."""
        self._is_fed_by_loop = False

    def end_training(self) -> None:
        """Say that it tells them no more."""
        self._announced = self._is_led = False
        self._coming = None

    def end_epoch(self) -> None:
        """Say that all of the present epoch was trained."""
        self._was_trained = True

    def watch(self) -> None:
        """Follow a pass that is about to begin, also if no hook of Keras comes for it."""
        self.is_watched = True
        self._next = 0
        self.is_in_order = True

    def end_watch(self) -> None:
        """Follow it no more."""
        self.is_watched = False

    def begin(self) -> None:
        """Take Keras' word that an epoch, or the building of a model, begins."""
        self._call = find_call()
        if self._call in ("evaluate", "predict"):
            self._was_trained = False
        self.unknown.clear()
        is_evaluation = self.is_told and not self._announced
        if is_evaluation:
            self._aside = (self._epoch, set(self._given), self._next, self.is_in_order)
        # TensorFlow may still read what is left of the pass, in a thread of its own.
        self._may_advance = not self._announced and not (
            is_evaluation and self._next < self._num_batches
        )
        self.is_told = self._announced
        self._announced = self._pass_begins = self.is_watched = False
        self._hook_came = self._in_pass = True

    def end(self) -> None:
        """Take Keras' word that it ended."""
        self._in_pass = False

    def count(self) -> None:
        """Note that someone asks for the number of batches."""
        self._pass_begins = self._hook_came

    def ask(self, batch: int, num_batches: int | None) -> None:
        """Note that a batch is asked for; this may begin a new epoch.

        Args:
            batch: Its number.
            num_batches: Batches of the present epoch; None without end.
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
            # TensorFlow looks at two batches before it begins, and reads on between two of Keras'
            # epochs.
            self._next += batch == self._next
        if num_batches is not None:
            self.unknown.ask(batch, num_batches, epoch=self._epoch, is_led=self._is_led)

    def _ask_in_pass(self, batch: int) -> None:
        if self._pass_begins:
            # JAX and torch build a model with one batch of a pass that they then begin anew.
            was_given = len(self._given) > 1 or (self._num_batches == 1 and bool(self._given))
            was_looped = self._was_looped and self._call == "fit"
            if self._may_advance and (was_given or was_looped):
                self._epoch += 1
                self._has_advanced = True
                self._begin_epoch()
            self._begin_pass()
        self._hook_came = self._pass_begins = False
        self._take(batch)

    def _ask_without_hook(self, batch: int) -> None:
        if self._coming is not None:
            coming, self._coming = self._coming, None
            if batch < self._next if self._endless else batch in self._given:
                self.set(*coming)
                self.was_asked = True
        self._take(batch)

    def _take(self, batch: int) -> None:
        # One that comes twice is looked at beforehand, and then taken.
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
