"""When TensorFlow iterators are destroyed: in the background, and never by an exiting interpreter.

To destroy an iterator, TensorFlow waits for its threads.
"""

import ctypes
import gc
import sys
import threading
import time
import weakref
from typing import Any

from augseq.runtime.at_exit import Turn, at_exit
from augseq.training.epoch_tracking.keras_calls import find_iterator

_LONGEST_WAIT_S = 1.0
_HANDED_OVER: weakref.WeakSet[Any] = weakref.WeakSet()


def destroy_iterator_in_background() -> None:
    """Have another thread destroy the iterator of the epoch that Keras finishes in this thread.

    Keras uses a new iterator for each epoch, and TensorFlow takes up to as long as the epoch took
    to destroy the one before: measured with TensorFlow 2.21 and a plain `PyDataset`, half of the
    epochs of 0.7 s took 1.3 s, and a third of those of 3.3 s took 5.1 s. Its thread that tunes
    buffers sleeps, for twice as long each time, and does not notice that it should end.
    """
    iterator = find_iterator()
    # With `steps_per_epoch`, several epochs can use one iterator.
    if isinstance(iterator, _iterator_classes()) and iterator not in _HANDED_OVER:
        _HANDED_OVER.add(iterator)
        last = [iterator]
        del iterator
        threading.Thread(target=_destroy, args=(last,), name="augseq-iterator", daemon=True).start()


def _destroy(last: list[Any]) -> None:
    """Empty the list as soon as nothing else refers to its element."""
    wait_s = 0.02
    # Besides the list, only the argument of `getrefcount` refers to it.
    while sys.getrefcount(last[0]) > 2:
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
    last.clear()


@at_exit(Turn.ITERATORS)
def leave_iterators_to_the_system() -> None:
    """Keep the exiting interpreter from destroying TensorFlow iterators.

    After Ctrl-C or an error, the traceback holds the iterator that `fit` was reading. CPython
    frees it when other threads can no longer run Python. To destroy it, TensorFlow waits for its
    read-ahead thread, which waits for a batch from Python, so the program would print its
    traceback and never exit. With an extra reference, the iterator is never destroyed; its memory
    is freed with the process.
    """
    bases = _iterator_classes()
    objects = gc.get_objects()
    # Check each class once: checking half a million objects takes 0.3 s, this 0.05 s.
    kinds = {kind for kind in set(map(type, objects)) if issubclass(kind, bases)}
    for item in objects:
        if type(item) in kinds:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))


def _iterator_classes() -> tuple[type, ...]:
    try:
        tensorflow: Any = sys.modules["tensorflow"]
        return (tensorflow.data.Iterator, tensorflow.distribute.DistributedIterator)
    except (KeyError, AttributeError):
        # Not loaded, or only partly: there is no iterator.
        return ()
