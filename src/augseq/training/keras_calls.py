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


def find_call() -> str | None:
    """Return what Keras does in this thread; None for nothing.

    The innermost one counts: "evaluate" or "predict" also within `fit`, "callback" for the code of
    a callback, "build" for `fit` before it trains, when it looks at the first batches, and "fit".
    """
    return _call_of(sys._getframe())


def find_call_of_reader() -> str | None:
    """Return the same for code that reads batches, perhaps in a thread of TensorFlow.

    What the main thread does then tells what for. Callbacks that it calls meanwhile do not count.
    """
    main = sys._current_frames().get(threading.main_thread().ident or 0)
    return find_call() or _call_of(main, with_callbacks=False)


def _call_of(innermost: FrameType | None, *, with_callbacks: bool = True) -> str | None:
    for frame in _frames(innermost):
        if with_callbacks and _module(frame) == _CALLBACKS:
            return "callback"
        if _is_keras(frame) and frame.f_code.co_name in _METHODS:
            name = frame.f_code.co_name
            return "build" if name == "fit" and not _callbacks_of(frame) else name
    return None


def _callbacks_of(frame: FrameType) -> list[Any]:
    """Return the callbacks that a `fit` calls; none before it has put them into a list."""
    callbacks: list[Any] = getattr(frame.f_locals.get("callbacks"), "callbacks", [])
    return callbacks


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
    return any(
        one is callback
        for innermost in sys._current_frames().values()
        for frame in _frames(innermost)
        if _is_keras(frame) and frame.f_code.co_name == "fit"
        for one in _callbacks_of(frame)
    )


def _frames(innermost: FrameType | None) -> Iterator[FrameType]:
    while innermost is not None:
        yield innermost
        innermost = innermost.f_back


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _is_keras(frame: FrameType) -> bool:
    return _module(frame).startswith("keras.")
