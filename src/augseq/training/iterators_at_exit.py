"""TensorFlow iterators still alive when the interpreter exits, as after Ctrl-C."""

import ctypes
import gc
import sys
from typing import Any


def leave_iterators_to_the_system() -> None:
    """Keep the exiting interpreter from destroying TensorFlow iterators.

    After Ctrl-C or an error, the traceback holds the iterator that `fit` was reading. CPython
    frees it when other threads can no longer run Python. To destroy it, TensorFlow waits for its
    read-ahead thread, which waits for a batch from Python, so the program would print its
    traceback and never exit. With an extra reference, the iterator is never destroyed; its memory
    is freed with the process.
    """
    try:
        tensorflow: Any = sys.modules["tensorflow"]
        bases = (tensorflow.data.Iterator, tensorflow.distribute.DistributedIterator)
    except (KeyError, AttributeError):
        # Not loaded, or only partly: there is no iterator.
        return
    objects = gc.get_objects()
    # Check each class once: checking half a million objects takes 0.3 s, this 0.05 s.
    kinds = {kind for kind in set(map(type, objects)) if issubclass(kind, bases)}
    for item in objects:
        if type(item) in kinds:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))
