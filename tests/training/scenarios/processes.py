"""Training on batches that worker processes make."""

import functools
import multiprocessing
from typing import Any

import keras

from .watch import (
    array_sequence,
    fit,
    noted,
    require_backend,
    require_epochs,
    require_equal,
    scenario,
)


class KillWorkers(keras.callbacks.Callback):
    """Kills every worker process after the second batch of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.killed: set[int | None] = set()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 1:
            for process in multiprocessing.active_children():
                if process.name == "augseq worker":
                    process.kill()
                    self.killed.add(process.pid)


@scenario
def each_epoch_is_trained_once_from_worker_processes() -> None:
    require_backend("tensorflow")
    make = functools.partial(array_sequence, num_images=24)
    for shuffle in (False, True):
        with noted() as texts:
            trained = fit(make(workers=2, worker_kind="processes"), epochs=3, shuffle=shuffle)
        require_equal(texts, [], "warnings")
        require_epochs(trained, range(3), shuffled=shuffle, make=make)


@scenario
def workers_that_are_killed_in_every_epoch_change_nothing_that_is_trained() -> None:
    require_backend("torch")
    make = functools.partial(array_sequence, num_images=24)
    killer = KillWorkers()
    sequence = make(workers=2, worker_kind="processes", max_queue_size=2)
    validation = make(workers=2, worker_kind="processes", augment=None)
    trained = fit(sequence, epochs=3, shuffle=False, callbacks=[killer], validation_data=validation)
    require_equal(len(killer.killed) >= 3, True, f"killed {killer.killed}")
    require_epochs(trained, range(3), shuffled=False, make=make)
