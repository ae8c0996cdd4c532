"""Programs that train more than once and get a SIGTERM: forks of `serve_forks`."""

import argparse
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import augseq

from .crash import CrashAfter, CrashError
from .forks import serve_forks

HANDLED: list[int] = []


def terminate(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


class TerminateIn(keras.callbacks.Callback):
    """Asks the process to end in the first batch, or in the last validation."""

    def __init__(self, moment: str) -> None:
        super().__init__()
        self.moment = moment
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.moment == "batch" and batch == 0 and self.epoch == 0:
            terminate()

    def on_test_begin(self, logs: Any = None) -> None:
        if self.moment == "validation" and self.epoch == 1:
            terminate()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--moment", choices=["none", "batch", "validation", "afterwards"])
    parser.add_argument("--fails", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--handled", action="store_true")
    options = parser.parse_args(arguments)

    if options.handled:
        signal.signal(signal.SIGTERM, lambda number, _: HANDLED.append(number))
    x = np.random.default_rng(3).random((10, 4, 4, 3)).astype(np.float32)
    batches = augseq.ImageSequence.from_arrays(x, np.arange(10), batch_size=4)
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    model.compile("adam", "mse", jit_compile=False)

    def make_backup() -> augseq.BackupAndResume:
        return augseq.BackupAndResume(batches, options.folder / "backups")

    def fit(*callbacks: keras.callbacks.Callback) -> None:
        how = {"epochs": 2, "shuffle": False, "verbose": 0, "validation_data": (x, x[:, 0, 0, 0])}
        model.fit(batches, callbacks=list(callbacks), **how)

    backup = make_backup()
    if options.fails:
        with contextlib.suppress(CrashError):
            fit(backup, CrashAfter(2))
    if options.fresh:
        backup = make_backup()
    fit(backup, TerminateIn(options.moment))
    if options.moment == "afterwards":
        terminate()
    print(f"{len(HANDLED)} handled; loss {model.evaluate(batches, verbose=0):.9f}")


if __name__ == "__main__":
    serve_forks(main)
