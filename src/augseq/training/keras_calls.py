"""What Keras is doing at the moment, as the frames of the running threads tell.

Keras tells a data set that an epoch begins, but not whether to train, to evaluate or to predict.
Where a future Keras has other frames, the answers here are "nothing", and callers do what is right
for all three.
"""

import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

_METHODS = ("fit", "evaluate", "predict")
_CALLBACKS = "keras.src.callbacks.callback_list"


def find_call(*, in_main_thread: bool = False) -> str | None:
    """Return what Keras does in this thread: "fit", "evaluate", "predict", "callback" or None.

    The innermost one counts: "evaluate" within `fit`, "callback" for the code of a callback.

    Args:
        in_main_thread: Whether to look there too, if it is nothing in this thread: TensorFlow
            reads data in a thread of its own.
    """
    call = _call_of(sys._getframe())
    if call is None and in_main_thread:
        call = _call_of(sys._current_frames().get(threading.main_thread().ident or 0))
    return call


def _call_of(innermost: FrameType | None) -> str | None:
    for frame in _frames(innermost):
        if _module(frame) == _CALLBACKS:
            return "callback"
        if _is_keras(frame) and frame.f_code.co_name in _METHODS:
            return frame.f_code.co_name
    return None


def fit_arguments() -> dict[str, Any]:
    """Return the arguments `x` and `shuffle` of the `fit` in this thread; nothing without one."""
    for frame in _frames(sys._getframe()):
        if _is_keras(frame) and frame.f_code.co_name == "fit":
            return {name: frame.f_locals.get(name) for name in ("x", "shuffle")}
    return {}


def is_fitting_with(callback: Any) -> bool:
    """Tell whether any thread is inside a `fit` that calls a callback.

    Keras does not tell a callback that `fit` failed, so a callback does not know it.
    """
    for innermost in sys._current_frames().values():
        for frame in _frames(innermost):
            if _is_keras(frame) and frame.f_code.co_name == "fit":
                callbacks = frame.f_locals.get("callbacks")
                if any(one is callback for one in getattr(callbacks, "callbacks", ())):
                    return True
    return False


def _frames(innermost: FrameType | None) -> Iterator[FrameType]:
    while innermost is not None:
        yield innermost
        innermost = innermost.f_back


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _is_keras(frame: FrameType) -> bool:
    return _module(frame).startswith("keras.")
