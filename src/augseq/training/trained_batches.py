"""Which batches the model has trained on, told to whoever wants to write them down."""

from typing import Any

import keras

from augseq.training.planned_sequence import PlannedSequence


class TrainedBatches(keras.callbacks.Callback):  # type: ignore[misc]
    """Counts the batches of an epoch; a subclass says what to do with them.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False`.
    """

    def __init__(self, sequence: PlannedSequence) -> None:
        super().__init__()
        self._sequence = sequence
        self._num_batches = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Count the batches of this epoch."""
        self._num_batches = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Hand on what was trained; several batches with `steps_per_execution`.

        Raises:
            ArgumentError: Keras asked for batches in an order of its own.
        """
        self._sequence.require_order()
        trained = range(self._num_batches, batch + 1)
        self._num_batches = batch + 1
        self._note(trained, logs or {})

    def _note(self, trained: range, logs: dict[str, Any]) -> None:
        """Take the numbers of batches that one step, or several, have trained."""
        raise NotImplementedError
