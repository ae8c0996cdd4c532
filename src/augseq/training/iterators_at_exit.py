"""Iterators of TensorFlow that are still alive when the interpreter ends, after Ctrl-C say."""

import ctypes
import gc
import sys
from typing import Any


def leave_iterators_to_the_system() -> None:
    """Keep the interpreter from destroying iterators of TensorFlow while it ends.

    After Ctrl-C or an error, the traceback holds the iterator that `fit` was reading. CPython
    frees it when no other thread may run Python any more; TensorFlow, to destroy it, waits for
    the thread that reads ahead, and this for a batch, which Python has to give. So the program
    printed its traceback and never ended. With one reference more, nothing is destroyed; the
    end of the process frees it all.
    """
    try:
        tensorflow: Any = sys.modules["tensorflow"]
        bases = (tensorflow.data.Iterator, tensorflow.distribute.DistributedIterator)
    except (KeyError, AttributeError):
        # Not loaded, or not as a whole: there is no iterator.
        return
    objects = gc.get_objects()
    # Of each class once: to ask that of half a million objects takes 0.3 s, this 0.05 s.
    kinds = {kind for kind in set(map(type, objects)) if issubclass(kind, bases)}
    for item in objects:
        if type(item) in kinds:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))
