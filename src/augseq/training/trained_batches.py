"""Which batches the model has trained on, told to whoever wants to write them down."""

from typing import Any

import keras

from augseq.errors import ArgumentError
from augseq.training.passes import PassCounter
from augseq.training.planned_sequence import PlannedSequence


class TrainedBatches(keras.callbacks.Callback):  # type: ignore[misc]
    """Counts the batches of each pass over the data; a subclass says what to do with them.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False`.

    Raises:
        ArgumentError: It is none.
    """

    def __init__(self, sequence: PlannedSequence) -> None:
        super().__init__()
        if not isinstance(sequence, PlannedSequence):
            raise ArgumentError(
                f"{type(self).__name__} takes an ImageSequence. Received: {type(sequence).__name__}"
            )
        self._sequence = sequence
        self._pass = PassCounter()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin a new pass over the data."""
        self._pass.begin()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Go on with the pass, or begin the next one."""
        self._pass.begin_epoch()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Hand on what was trained; several batches with `steps_per_execution`.

        Raises:
            ArgumentError: Keras asked for batches in an order of its own.
        """
        self._sequence.require_order()
        self._note(self._pass.count(batch, self._sequence.length), logs or {})

    def _note(self, trained: range, logs: dict[str, Any]) -> None:
        """Take the numbers, within the pass, of batches that one step, or several, have trained."""
        raise NotImplementedError
