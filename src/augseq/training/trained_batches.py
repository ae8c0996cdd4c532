"""Base class of callbacks that record which batches a model was trained on."""

from typing import Any, Self

import keras

from augseq.errors import ArgumentError
from augseq.training.callback_copy import copy_for_sequences
from augseq.training.epoch_tracking.keras_calls import find_fit
from augseq.training.epoch_tracking.pass_counter import PassCounter
from augseq.training.sequence import ImageSequence, check_sequence

_PASS_THE_SEQUENCE = (
    "Pass the sequence itself to fit, or an object that creates its batch i from batches[i]"
)


class TrainedBatches(keras.callbacks.Callback):  # type: ignore[misc]
    """Counts the batches of each pass over the data; a subclass processes them.

    `fit` can train on another object if it creates its batch i from batch i of the sequence and
    has the same number of batches. A deep copy uses the same sequence, not a copy of it.

    Args:
        sequence: The sequence that `fit` trains on, with `shuffle=False`.

    Raises:
        ArgumentError: `sequence` is not an `ImageSequence`.
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
        # Keras never shuffles data without a length.
        if fit is not None and fit.shuffle and isinstance(fit.data, keras.utils.PyDataset):
            num_batches = fit.data.num_batches
            if num_batches is not None and num_batches > 1:
                raise ArgumentError(
                    f"{type(self).__name__} cannot identify the trained batches if Keras shuffles "
                    "them: pass shuffle=False to fit; ImageSequence(shuffle=True) shuffles the "
                    "images."
                )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Continue the pass, or begin the next one."""
        self._pass.begin_epoch()
        if not self._pass.num_trained:
            self._sequence.position.epochs.watch()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Process the trained batches: several, with `steps_per_execution`.

        Raises:
            ArgumentError: Keras requested the batches in a different order, or trains on another
                object, whose batches cannot be identified.
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
                f"`fit` does not train on the sequence that {name} received, but on a different "
                f"object or a copy. {_PASS_THE_SEQUENCE}."
            )
        if length is not None and steps != length:
            raise ArgumentError(
                f"{name} can follow an object that gets its batches from a sequence only if both "
                f"have the same number of batches. Received: {steps} steps per epoch, and a "
                f"sequence of {length} batches. {_PASS_THE_SEQUENCE}, and no steps_per_epoch."
            )
        if not self._sequence.position.epochs.is_in_order:
            raise ArgumentError(
                f"{name} can follow an object that gets its batches from a sequence only if it "
                "requests batches[0], batches[1], batches[2] and so on, by index. "
                f"{_PASS_THE_SEQUENCE}, and pass shuffle=False to fit."
            )

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Stop following the sequence."""
        self._sequence.position.epochs.end_watch()

    def _note(self, trained: range, logs: dict[str, Any]) -> None:
        """Process the indices, within the pass, of the batches just trained."""
        raise NotImplementedError
