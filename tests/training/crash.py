"""A crash in the middle of `fit`, in the process that trains."""

from typing import Any

import keras


class CrashError(Exception):
    """What a run dies of."""


class CrashAfter(keras.callbacks.Callback):
    """Raises after a number of batches, counted across runs."""

    def __init__(self, num_batches: int) -> None:
        super().__init__()
        self.left = num_batches

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise CrashError
