"""Whether batches are really computed ahead, and `fit` does not wait between epochs."""

import collections
import threading
import time
import weakref
from typing import Any

import keras
import numpy as np

from augseq.training.epoch_tracking.keras_calls import find_iterator

from .watch import array_sequence, fit, new_model, require_backend, require_equal, scenario

_THREADS: collections.Counter[str] = collections.Counter()
_LOCK = threading.Lock()


def note_thread(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take a moment, and note who did it."""
    with _LOCK:
        _THREADS[threading.current_thread().name] += 1
    rng.integers(256, size=40_000)
    threading.Event().wait(0.001)
    return image


@scenario
def most_batches_are_computed_by_worker_threads() -> None:
    for options in ({"shuffle": True}, {"shuffle": False, "steps_per_epoch": 20}):
        _THREADS.clear()
        sequence = array_sequence(60, augment=[note_thread], workers=2)
        fit(sequence, model=new_model(), epochs=2, **options)
        ours = sum(n for name, n in _THREADS.items() if name.startswith("augseq"))
        share = ours / _THREADS.total()
        where = f"{share:.2f} with {options}: {_THREADS}"
        require_equal(share >= 0.6, True, where)
        require_equal(sum(name.startswith("augseq") for name in _THREADS), 2, where)


class Destructions(keras.callbacks.Callback):
    """Notes which threads destroy the iterators that `fit` reads."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 0:
            weakref.finalize(find_iterator(), self.note)

    def note(self) -> None:
        self.threads.append(threading.current_thread().name)


@scenario
def iterators_of_tensorflow_are_destroyed_in_the_background() -> None:
    require_backend("tensorflow")
    seen = Destructions()
    fit(array_sequence(workers=2), model=new_model(), epochs=3, callbacks=[seen])
    deadline = time.monotonic() + 30
    while len(seen.threads) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    require_equal(seen.threads, 3 * ["augseq-iterator"])
