"""Which batches the model has trained on, told to whoever wants to write them down."""

from typing import Any, Self

import keras

from augseq.errors import ArgumentError
from augseq.training.callback_copy import copy_for_sequences
from augseq.training.keras_calls import find_fit
from augseq.training.pass_counter import PassCounter
from augseq.training.sequence import ImageSequence, check_sequence

_PASS_THE_SEQUENCE = (
    "Pass the sequence itself to fit, or an object whose batch i is made from batches[i]"
)


class TrainedBatches(keras.callbacks.Callback):  # type: ignore[misc]
    """Counts the batches of each pass over the data; a subclass says what to do with them.

    `fit` may train on another object, if batch i of it is made from batch i of the sequence and it
    has as many. A deep copy follows the same sequence, not a copy of it.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False`.

    Raises:
        ArgumentError: It is none.
    """

    def __init__(self, sequence: ImageSequence) -> None:
        super().__init__()
        check_sequence(sequence, self)
        self._sequence = sequence
        self._pass = PassCounter()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copy_for_sequences(self, memo, [self._sequence])

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin a new pass over the data.

        Raises:
            ArgumentError: Keras shuffles the batches.
        """
        self._pass.begin()
        fit = find_fit(self)
        # Data without a length are never shuffled, nor is a single batch.
        if fit is not None and fit.shuffle and isinstance(fit.data, keras.utils.PyDataset):
            num_batches = fit.data.num_batches
            if num_batches is not None and num_batches > 1:
                raise ArgumentError(
                    f"{type(self).__name__} names the batches that were trained, which it cannot "
                    "where Keras shuffles them: pass shuffle=False to fit. The sequence shuffles "
                    "its images by itself: ImageSequence(shuffle=True)."
                )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Go on with the pass, or begin the next one."""
        self._pass.begin_epoch()
        if not self._pass.num_trained:
            self._sequence.position.epochs.watch()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Hand on what was trained; several batches with `steps_per_execution`.

        Raises:
            ArgumentError: Keras asked for batches in an order of its own, or trains on another
                object, whose batches cannot be named.
        """
        if self._sequence.position.epochs.is_watched:
            self._require_same_batches()
        self._sequence.position.require_order()
        self._note(self._pass.count(batch, self._sequence.length), logs or {})

    def _require_same_batches(self) -> None:
        length, steps = self._sequence.length, self.params.get("steps")
        name = type(self).__name__
        if not self._sequence.position.was_asked:
            raise ArgumentError(
                f"`fit` trains on another object than the one that {name} was given, or on a copy "
                f"of it. {_PASS_THE_SEQUENCE}."
            )
        if length is not None and steps != length:
            raise ArgumentError(
                f"{name} can name the batches of an object that takes them from a sequence only "
                f"if both have as many. Received: {steps} steps in an epoch, and a sequence of "
                f"{length} batches. {_PASS_THE_SEQUENCE}, and no steps_per_epoch."
            )
        if not self._sequence.position.epochs.is_in_order:
            raise ArgumentError(
                f"{name} can name the batches of an object that takes them from a sequence only "
                "if it asks for batches[0], batches[1], batches[2] and so on, by index. "
                f"{_PASS_THE_SEQUENCE}, and pass shuffle=False to fit."
            )

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Follow the sequence no more."""
        self._sequence.position.epochs.end_watch()

    def _note(self, trained: range, logs: dict[str, Any]) -> None:
        """Take the numbers, within the pass, of batches that one step, or several, have trained."""
        raise NotImplementedError
