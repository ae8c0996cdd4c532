"""What `fit` must be like for a run to be resumed after a crash."""

import keras

from augseq.errors import ArgumentError
from augseq.training.epoch_tracking.keras_calls import FitCall
from augseq.training.sequence import ImageSequence


def check_can_resume(
    model: keras.Model, call: FitCall | None, sequence: ImageSequence, steps: int
) -> None:
    """Raise `ArgumentError` if a run could not be resumed after a crash.

    Args:
        model: The model that is trained.
        call: The call of `fit`; None in a custom loop.
        sequence: The sequence that `BackupAndResume` received.
        steps: Number of steps of a Keras epoch.
    """
    data = sequence if call is None else call.data
    if data is not sequence and not isinstance(data, ImageSequence):
        name = type(data).__name__
        raise ArgumentError(
            "BackupAndResume saves the position in the data, so `fit` must train on the "
            f"sequence itself, not on a wrapper. Received: fit(x={name}(...)). Pass the "
            "sequence of BackupAndResume to `fit`, or save complete epochs with "
            "keras.callbacks.BackupAndRestore and EpochSync."
        )
    if steps != sequence.num_batches:
        raise ArgumentError(
            "BackupAndResume requires each Keras epoch to be one pass over the data; remove "
            "steps_per_epoch and repeat()."
        )
    if data is not sequence:
        raise ArgumentError(
            "`fit` trains on a different ImageSequence than the one passed to BackupAndResume. "
            "Pass the same object to both: "
            "fit(batches, callbacks=[BackupAndResume(batches, ...)])."
        )
    if call is not None and call.shuffle and steps > 1:
        raise ArgumentError(
            "BackupAndResume can resume only if Keras requests the batches in order: pass "
            "shuffle=False to fit; ImageSequence(shuffle=True) shuffles the images. Received: "
            f"shuffle={call.shuffle!r}"
        )
    optimizers = [
        value for value in vars(model).values() if isinstance(value, keras.optimizers.Optimizer)
    ]
    if len({id(optimizer) for optimizer in optimizers}) != 1 or model.optimizer is None:
        raise ArgumentError(
            "BackupAndResume requires a model compiled with exactly one optimizer. "
            f"Received: a model with {len(optimizers)} optimizers. Save this model with "
            "keras.callbacks.BackupAndRestore, and pass EpochSync."
        )
