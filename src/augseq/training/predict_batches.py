"""Predict batches, and keep the targets that they have."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from augseq.training.kinds.kind import Kind
from augseq.training.own_failure import own_failure
from augseq.training.sequence import ImageSequence


def predict_batches(
    kind: Kind, model: keras.Model, batches: ImageSequence, *, verbose: int = 0
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Return what a model returns for all images, and their targets; None without targets.

    Args:
        kind: What the model predicts, which decides what is kept.
        model: The model.
        batches: The images, in order.
        verbose: As in Keras' `predict`: 1 shows a progress bar.

    Raises:
        DecodeError: A file does not hold a usable image.
    """
    watched = _Watched(kind, batches)
    with own_failure(batches):
        outputs = np.asarray(kind.prediction_model(model).predict(watched, verbose=verbose))
    targets = [watched.targets[number] for number in sorted(watched.targets)]
    return outputs, np.concatenate(targets) if targets else None


class _Watched(keras.utils.PyDataset):  # type: ignore[misc]
    """The images of a sequence, whose targets it keeps."""

    def __init__(self, kind: Kind, batches: ImageSequence) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._kind = kind
        self._batches = batches
        self.targets: dict[int, npt.NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> Any:
        batch = self._batches[number]
        if not isinstance(batch, tuple):
            return batch
        # By number: Keras requests some batches twice.
        self.targets[number] = self._kind.compact(batch[1])
        return batch[0]
