"""Where a run stands in its epochs."""

from augseq.errors import ArgumentError
from augseq.sampling.schedule import Progress, Schedule, Step
from augseq.training.epochs import EpochTracker
from augseq.training.loop_passes import LoopPasses
from augseq.training.pass_counter import batch_number


class Position:
    """The epoch of a sequence, what a resume left of it, and what Keras has asked for.

    Attributes:
        schedule: Which batches each epoch has; another one after a resume.
        is_endless: Whether the step after an epoch's last is the next epoch's first.
        epochs: Follows Keras from pass to pass.
        loops: Follows loops in Python code.

    Args:
        schedule: Which batches each epoch has.
        epoch_matters: Whether one epoch differs from another.
        is_endless: Whether the sequence is repeated.
    """

    def __init__(self, schedule: Schedule, *, epoch_matters: bool, is_endless: bool) -> None:
        self.schedule = schedule
        self.is_endless = is_endless
        self.epochs = EpochTracker(
            schedule.num_batches, epoch_matters=epoch_matters, endless=is_endless
        )
        # A loop over a repeated sequence that begins anew sees no more than its first batches.
        self.loops = LoopPasses(self.epochs, is_quiet=not epoch_matters and not is_endless)

    @property
    def epoch(self) -> int:
        """The epoch that batch 0 belongs to."""
        if self.is_endless:
            return self.schedule.step_at(self.epochs.first_step).epoch
        return self.epochs.epoch

    @property
    def num_batches(self) -> int | None:
        """Batches that the present epoch has, or still has after a resume; None without end."""
        return None if self.is_endless else self.schedule.num_batches_of(self.epochs.epoch)

    def number(self, index: int) -> int:
        """Return which batch of the present epoch an index means, from 0.

        Raises:
            IndexError: There is no such batch.
        """
        return batch_number(index, self.num_batches)

    def step(self, index: int) -> Step:
        """Return the step of batch `index` of the present epoch.

        Raises:
            IndexError: There is no such batch.
        """
        number = self.number(index)
        if self.is_endless:
            return self.schedule.step_at(self.epochs.first_step + number)
        return Step(self.epochs.epoch, number)

    def progress(self, num_batches: int) -> Progress:
        """Return how far a run has come after some batches, counted from batch 0."""
        step = Step(self.epoch, num_batches)
        if self.is_endless:
            step = self.schedule.step_at(self.epochs.first_step + num_batches)
        return self.schedule.progress_before(step)

    def follow_keras(self, epoch: int, *, steps: int | None, goes_on: bool) -> None:
        """Take the epoch from `EpochSync`, just before Keras begins it.

        Args:
            epoch: Keras' epoch.
            steps: Steps in each of Keras' epochs.
            goes_on: Whether Keras goes on with a pass of an earlier epoch.
        """
        first_step = epoch * (steps or self.schedule.num_batches)
        self.epochs.follow(epoch, first_step, goes_on=goes_on)

    @property
    def was_asked(self) -> bool:
        """Whether any batch was asked for since the epoch was last set."""
        return self.epochs.was_asked or self.epochs.unknown.was_asked_elsewhere

    def require_order(self) -> None:
        """Make sure that Keras asks for the batches of the present pass as 0, 1, 2.

        Raises:
            ArgumentError: It shuffled them.
        """
        if not self.epochs.is_in_order:
            raise ArgumentError(
                "Which batches were trained is known only if Keras asks for them in their order: "
                "pass shuffle=False to fit; the sequence shuffles by itself."
            )

    def require_end(self) -> None:
        """Make sure that epochs end.

        Raises:
            ArgumentError: The sequence is repeated.
        """
        if self.is_endless:
            raise ArgumentError(
                "A repeated sequence has no state to save: its position is the global step."
            )
