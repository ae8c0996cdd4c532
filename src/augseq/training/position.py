"""The position of a run: its epoch and batch."""

from augseq.errors import ArgumentError
from augseq.sampling.schedule import Progress, Schedule, Step
from augseq.training.epoch_tracking.epochs import EpochTracker
from augseq.training.epoch_tracking.loop_passes import LoopPasses
from augseq.training.epoch_tracking.pass_counter import batch_number


class Position:
    """The epoch of a sequence, its remaining batches, and what Keras requested.

    Attributes:
        schedule: The batches of each epoch; replaced after a resume.
        is_endless: Whether the last step of an epoch is followed by the first of the next.
        epochs: Follows Keras from pass to pass.
        loops: Follows loops in Python code.

    Args:
        schedule: The batches of each epoch.
        epoch_matters: Whether epochs differ from each other.
        is_endless: Whether the sequence is repeated.
    """

    def __init__(self, schedule: Schedule, *, epoch_matters: bool, is_endless: bool) -> None:
        self.schedule = schedule
        self.is_endless = is_endless
        self.epochs = EpochTracker(
            schedule.num_batches, epoch_matters=epoch_matters, endless=is_endless
        )
        # A new loop over a repeated sequence starts again at its first batches.
        self.loops = LoopPasses(self.epochs, is_quiet=not epoch_matters and not is_endless)

    @property
    def epoch(self) -> int:
        """The epoch that batch 0 belongs to."""
        if self.is_endless:
            return self.schedule.step_at(self.epochs.first_step).epoch
        return self.epochs.epoch

    @property
    def num_batches(self) -> int | None:
        """Number of batches in the current epoch, or left after a resume; None if endless."""
        return None if self.is_endless else self.schedule.num_batches_of(self.epochs.epoch)

    def number(self, index: int) -> int:
        """Return the index of a batch of the current epoch as a non-negative int.

        Raises:
            IndexError: There is no such batch.
        """
        left, whole = self.num_batches, self.schedule.num_batches
        if left is not None and index in range(left, whole):
            # Keras reads the number of batches before it begins, and then requests so many.
            raise IndexError(
                f"Only {left} of the {whole} batches of epoch {self.epoch} are left after "
                f"load_state_dict. Received: {index}. If this is in `fit`, pass "
                "callbacks=[augseq.EpochSync(batches)] and shuffle=False to train the rest first; "
                f"or begin the next epoch: batches.set_epoch({self.epoch + 1})."
            )
        return batch_number(index, left)

    def step(self, index: int) -> Step:
        """Return the step of batch `index` of the current epoch.

        Raises:
            IndexError: There is no such batch.
        """
        number = self.number(index)
        if self.is_endless:
            return self.schedule.step_at(self.epochs.first_step + number)
        return Step(self.epochs.epoch, number)

    def progress(self, num_batches: int) -> Progress:
        """Return the progress of a run after this number of batches, counted from batch 0."""
        step = Step(self.epoch, num_batches)
        if self.is_endless:
            step = self.schedule.step_at(self.epochs.first_step + num_batches)
        return self.schedule.progress_before(step)

    def follow_keras(self, epoch: int, *, steps: int | None, goes_on: bool) -> None:
        """Set the epoch that Keras is about to begin; called by `EpochSync`.

        Args:
            epoch: Keras' epoch.
            steps: Number of steps per Keras epoch.
            goes_on: Whether Keras continues a pass of an earlier epoch.
        """
        first_step = epoch * (steps or self.schedule.num_batches)
        self.epochs.follow(epoch, first_step, goes_on=goes_on)

    @property
    def was_asked(self) -> bool:
        """Whether any batch was requested since the epoch was last set."""
        return self.epochs.was_asked or self.epochs.unknown.was_asked_elsewhere

    def require_order(self) -> None:
        """Check that Keras requests the batches of the current pass as 0, 1, 2.

        Raises:
            ArgumentError: Keras shuffled them.
        """
        if not self.epochs.is_in_order:
            raise ArgumentError(
                "Keras must request the batches in order, so that it is known which ones were "
                "trained: pass shuffle=False to fit; ImageSequence(shuffle=True) shuffles the "
                "images."
            )

    def require_end(self) -> None:
        """Check that the sequence is not repeated.

        Raises:
            ArgumentError: The sequence is repeated.
        """
        if self.is_endless:
            raise ArgumentError(
                "A repeated sequence has no state to save: its position is the global step."
            )
