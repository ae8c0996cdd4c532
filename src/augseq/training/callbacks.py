"""Keras callbacks that keep sequences in step with training."""

from typing import Any, Self

import keras

from augseq.errors import ArgumentError
from augseq.terminal_text import call_text
from augseq.training.callback_copy import copy_for_sequences
from augseq.training.pass_counter import PassCounter
from augseq.training.sequence import ImageSequence, check_sequence
from augseq.training.unknown_passes import note_followed


class EpochSync(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells sequences which epoch Keras trains, so that a seed fixes the whole run.

    It counts with `initial_epoch`, and with the epoch that `BackupAndRestore` restored. Where
    `steps_per_epoch` is less than the length, one pass over the data lasts several of Keras'
    epochs; order and augmentations then change with the pass, named after its first epoch.

    Where `fit` trains on an object of your own that takes batches from several sequences, such as
    images and masks, pass all of them, so that they are in the same epoch.

    A deep copy, such as tuners make for each trial, tells the same sequences, not copies of them.

    Args:
        sequence: The sequence that `fit` trains on; it may be a repeated one.
        *more: Further sequences that are used in the same `fit`.

    Raises:
        ArgumentError: It is none; while training begins, a repeated one has no `steps_per_epoch`;
            at the end of the first epoch, `fit` has trained on another object.

    Example:
        `model.fit(batches, epochs=10, callbacks=[augseq.EpochSync(batches)])`
    """

    def __init__(self, sequence: ImageSequence, *more: ImageSequence) -> None:
        super().__init__()
        for one in (sequence, *more):
            check_sequence(
                one, self, also=", or several one after the other: EpochSync(images, masks)"
            )
        self._sequence = sequence
        self._pass = PassCounter()
        self._more = [(one, PassCounter()) for one in more]

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
            ArgumentError: A repeated sequence is trained without `steps_per_epoch`.
        """
        for sequence, counter in self._all:
            if self.params.get("steps") is None and sequence.length is None:
                raise ArgumentError(
                    "A repeated sequence never ends an epoch; pass steps_per_epoch to fit."
                )
            counter.begin()
            sequence.position.epochs.begin_training()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Tell the sequences the epoch, unless a pass goes on."""
        for sequence, counter in self._all:
            counter.begin_epoch()
            sequence.position.follow_keras(
                epoch, steps=self.params.get("steps"), goes_on=counter.num_trained > 0
            )
        note_followed(self, self._sequence)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count what was trained."""
        for sequence, counter in self._all:
            counter.count(batch, sequence.length)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """See whether the pass is over.

        Raises:
            ArgumentError: `fit` trains on another object.
        """
        for number, (sequence, counter) in enumerate(self._all, 1):
            if not sequence.position.was_asked:
                which = f"sequence {number} of those" if self._more else "the one"
                raise ArgumentError(
                    f"`fit` trains on another object than {which} that {type(self).__name__} was "
                    "given, or on a copy of it. Pass the same object to both. For a repeated "
                    "sequence: endless = batches.repeat(), and then "
                    "fit(endless, callbacks=[EpochSync(endless)], ...)."
                )
            if counter.is_over:
                sequence.finish_epoch()
                sequence.position.epochs.end_epoch()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Stop telling epochs."""
        for sequence, _ in self._all:
            sequence.position.epochs.end_training()
