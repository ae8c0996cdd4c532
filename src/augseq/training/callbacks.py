"""Keras callbacks that keep sequences in step with training."""

from typing import Any, Self

import keras

from augseq.errors import ArgumentError
from augseq.terminal_text import call_text
from augseq.training.callback_copy import copy_for_sequences
from augseq.training.epoch_tracking.pass_counter import PassCounter
from augseq.training.epoch_tracking.unknown_passes import note_followed
from augseq.training.sequence import ImageSequence, check_sequence


class EpochSync(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the epoch of sequences to Keras' epoch, so that a seed fixes the run.

    The first `fit` of a sequence trains these epochs by itself; a second one counts on, unless this
    callback sets its epochs too. It respects `initial_epoch` and the epoch that
    `BackupAndRestore` restored. If
    `steps_per_epoch` is less than the length, one pass over the data spans several Keras epochs;
    order and augmentations then change once per pass and are those of its first epoch.

    If `fit` trains on your own object that combines several sequences, such as images and masks,
    pass all of them to keep them in the same epoch.

    A deep copy, such as tuners make for each trial, updates the same sequences, not copies.

    Args:
        sequence: The sequence that `fit` trains on; can be a repeated one.
        *more: Other sequences used in the same `fit`.

    Raises:
        ArgumentError: An argument is not a sequence; when training begins, a repeated sequence
            has no `steps_per_epoch`; at the end of the first epoch, `fit` trained on a different
            object.

    Example:
        `model.fit(batches, epochs=10, callbacks=[augseq.EpochSync(batches)])`
    """

    def __init__(self, sequence: ImageSequence, *more: ImageSequence) -> None:
        super().__init__()
        for argument in (sequence, *more):
            check_sequence(argument, self, also=", or several: EpochSync(images, masks)")
        self._sequence = sequence
        self._pass = PassCounter()
        self._more = [(other, PassCounter()) for other in more]
        self._is_checked = False

    def __repr__(self) -> str:
        titles = (str(sequence).splitlines()[0] for sequence, _ in self._all)
        return call_text(type(self).__name__, *titles)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copy_for_sequences(self, memo, [sequence for sequence, _ in self._all])

    @property
    def _all(self) -> list[tuple[ImageSequence, PassCounter]]:
        return [(self._sequence, self._pass), *self._more]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start counting: each `fit` begins a new pass.

        Raises:
            ArgumentError: The sequence is repeated, and `fit` has no `steps_per_epoch`.
        """
        for sequence, counter in self._all:
            if self.params.get("steps") is None and sequence.length is None:
                raise ArgumentError(
                    "A repeated sequence never ends an epoch; pass steps_per_epoch to fit."
                )
            counter.begin()
            sequence.position.epochs.begin_training()
        self._is_checked = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the epoch of the sequences, unless a pass continues."""
        for sequence, counter in self._all:
            counter.begin_epoch()
            sequence.position.follow_keras(
                epoch, steps=self.params.get("steps"), goes_on=counter.num_trained > 0
            )
        note_followed(self, self._sequence)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count the trained batches."""
        for sequence, counter in self._all:
            counter.count(batch, sequence.length)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Check whether the pass is over.

        Raises:
            ArgumentError: `fit` trains on a different object.
        """
        for number, (sequence, counter) in enumerate(self._all, 1):
            if not self._is_checked and not sequence.position.was_asked:
                expected = f"sequence {number}" if self._more else "the sequence"
                raise ArgumentError(
                    f"`fit` does not train on {expected} that {type(self).__name__} received, but "
                    "on a different object or a copy. Pass the same object to both. For a "
                    "repeated sequence: endless = batches.repeat(), then "
                    "fit(endless, callbacks=[EpochSync(endless)], ...)."
                )
            if counter.is_over:
                sequence.finish_epoch()
                sequence.position.epochs.end_epoch()
        # TensorFlow can have read all batches of a later epoch before that begins.
        self._is_checked = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Stop updating the sequences."""
        for sequence, _ in self._all:
            sequence.position.epochs.end_training()
