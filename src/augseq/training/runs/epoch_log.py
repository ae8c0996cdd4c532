"""A callback that keeps the best model of a run, records its epochs, and can stop it early."""

import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import keras

from augseq.training.run_files import BACKUPS, MODEL
from augseq.training.runs.run_folder import write_history

Epochs: TypeAlias = list[dict[str, float]]
"""Loss and metrics of each epoch, by name."""

# Keras chooses the format by the extension.
_UNFINISHED = f"unfinished-{MODEL}"


class EpochLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the model of the best epoch and the history of a run after each epoch.

    Everything depends on the history only, which `BackupAndResume` restores. So a resumed run
    keeps and stops at the same epochs as an uninterrupted one.

    Args:
        folder: The run folder.
        num_epochs: Number of epochs of the whole run.
        score: Name of the metric that decides which epoch is the best; None for the loss.
        earlier: Epochs of an earlier `fit` of the run.
        early_stopping: Stop after this number of epochs that are not better. None: never.
        verbose: Whether to print a line for each epoch.
    """

    def __init__(
        self,
        folder: Path,
        *,
        num_epochs: int,
        score: str | None,
        earlier: Sequence[Mapping[str, float]] = (),
        early_stopping: int | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__()
        self._folder = folder
        self._num_epochs = num_epochs
        self._score = score
        self._earlier = list(map(dict, earlier))
        self._early_stopping = early_stopping
        self._verbose = verbose
        self._epochs: Epochs | None = None
        self._start_s = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take over the epochs of a resumed run."""
        if self._epochs is None:
            self._epochs = [*self._earlier, *epochs_of(self.model.history.history)]
        self._start_s = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the epoch, and save the model if it is the best one."""
        assert self._epochs is not None
        self._epochs.append({name: float(value) for name, value in (logs or {}).items()})
        best = best_epoch(self._epochs, self._score)
        is_best = best == len(self._epochs) - 1
        if is_best:
            self._save()
        write_history(self._epochs, self._folder)
        if self._verbose:
            print(self._line(is_best), flush=True)
        first = len(self._earlier)
        since = len(self._epochs) - 1 - max(best, first)
        if self._early_stopping is not None and since >= self._early_stopping:
            self.model.stop_training = True

    def _save(self) -> None:
        # Renamed, so that a killed process leaves a complete model.
        unfinished = self._folder / BACKUPS / _UNFINISHED
        self.model.save(unfinished)
        os.replace(unfinished, self._folder / MODEL)

    def _line(self, is_best: bool) -> str:
        assert self._epochs is not None
        digits = len(str(self._num_epochs))
        values = "  ".join(
            f"{name} {value:.1%}" if name.endswith("accuracy") else f"{name} {value:.4f}"
            for name, value in self._epochs[-1].items()
        )
        number = f"epoch {len(self._epochs):{digits}} of {self._num_epochs}"
        seconds = time.perf_counter() - self._start_s
        return f"{number}  {values}  {seconds:.1f} s{'  best so far' if is_best else ''}"


def epochs_of(history: Mapping[str, Sequence[float]]) -> Epochs:
    """Return Keras' history as one dict per epoch."""
    number = max(map(len, history.values()), default=0)
    return [
        {name: float(values[epoch]) for name, values in history.items() if epoch < len(values)}
        for epoch in range(number)
    ]


def best_epoch(epochs: Sequence[Mapping[str, float]], score: str | None) -> int:
    """Return the position of the first of the best epochs.

    That is the one with the highest score on the held-out images and, of equal ones, which few
    images make likely, the one with the lowest loss on them.

    Args:
        epochs: Loss and metrics of each epoch.
        score: Name of a metric, the higher the better; None for the loss only.
    """
    return max(range(len(epochs)), key=lambda epoch: (_rank(epochs[epoch], score), -epoch))


def _rank(values: Mapping[str, float], score: str | None) -> tuple[float, float]:
    """Return what to maximize; a loss that is not a number is the worst."""
    found = values.get(f"val_{score}", 0.0)
    loss = values.get("val_loss", math.inf)
    return found, -math.inf if math.isnan(loss) else -loss
