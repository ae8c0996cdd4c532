"""Keras callbacks that keep a sequence in step with training."""

from typing import Any

import keras

from augseq.errors import ArgumentError
from augseq.training.passes import PassCounter
from augseq.training.sequence import ImageSequence


class EpochSync(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells a sequence which epoch Keras trains, so that a seed fixes the whole run.

    It counts with `initial_epoch`, and with the epoch that `BackupAndRestore` restored. Where
    `steps_per_epoch` is less than the length, one pass over the data lasts several of Keras'
    epochs; order and augmentations then change with the pass, named after its first epoch.

    Args:
        sequence: The sequence that `fit` trains on; it may be a repeated one.

    Raises:
        ArgumentError: It is none; while training begins, a repeated one has no `steps_per_epoch`;
            at the end of the first epoch, `fit` has trained on another object.

    Example:
        `model.fit(batches, epochs=10, callbacks=[augseq.EpochSync(batches)])`
    """

    def __init__(self, sequence: ImageSequence) -> None:
        super().__init__()
        if not isinstance(sequence, ImageSequence):
            raise ArgumentError(
                f"{type(self).__name__} takes an ImageSequence. Received: {type(sequence).__name__}"
            )
        self._sequence = sequence
        self._pass = PassCounter()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start counting: each `fit` begins a new pass.

        Raises:
            ArgumentError: A repeated sequence is trained without `steps_per_epoch`.
        """
        if self.params.get("steps") is None:
            raise ArgumentError(
                "A repeated sequence never ends an epoch; pass steps_per_epoch to fit."
            )
        self._pass.begin()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Tell the sequence the epoch, unless a pass goes on."""
        self._pass.begin_epoch()
        self._sequence.follow_keras(
            epoch, steps=self.params.get("steps"), goes_on=self._pass.num_trained > 0
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count what was trained."""
        self._pass.count(batch, self._sequence.length)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """See whether the pass is over.

        Raises:
            ArgumentError: `fit` trains on another object.
        """
        if not self._sequence.was_asked:
            raise ArgumentError(
                "`fit` trains on another object than the one that EpochSync was given. For a "
                "repeated sequence: endless = batches.repeat(), and then "
                "fit(endless, callbacks=[EpochSync(endless)], ...)."
            )
        if self._pass.is_over:
            self._sequence.finish_epoch()
