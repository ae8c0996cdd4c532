"""Whether batches are really computed ahead."""

import collections
import threading

import numpy as np

from .watch import array_sequence, fit, new_model, require_equal, scenario

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
