"""What Keras is doing at the moment, as the frames of the running threads tell.

Keras tells a data set that an epoch begins, but not whether to train, to evaluate or to predict.
Where a future Keras has other frames, the answers here are "nothing", and callers do what is right
for all three.
"""

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple

_METHODS = ("fit", "evaluate", "predict")
_CALLBACKS = "keras.src.callbacks.callback_list"


class KerasMethod(NamedTuple):
    """A method of a Keras model that is running.

    Attributes:
        name: "fit", "evaluate" or "predict".
        model: Whose method.
        data: What the method was given as `x`.
    """

    name: str
    model: Any
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCall:
    """A call of Keras' own `fit` that has not returned yet.

    Attributes:
        data: What it trains on.
        shuffle: Whether Keras shuffles.
        initial_epoch: As the caller gave it.
        class_weight: As the caller gave it.
        callbacks: Keras' own list of callbacks, which may grow.
    """

    data: Any
    shuffle: Any
    initial_epoch: int
    class_weight: Any
    callbacks: list[Any]


def find_method() -> KerasMethod | None:
    """Return the innermost method of a Keras model that runs in this thread; None without one."""
    for frame in _frames(sys._getframe(1)):
        if _is_keras(frame) and frame.f_code.co_name in _METHODS:
            here = frame.f_locals
            return KerasMethod(frame.f_code.co_name, here.get("self"), here.get("x"))
    return None


def find_fit(callback: Any, frame: FrameType | None = None) -> FitCall | None:
    """Find the call of `fit` that runs with a callback; None where another loop does.

    Args:
        callback: One of those that `fit` got.
        frame: Where to look, from here outwards; None for the caller.

    Source:
        `fit` of `keras.src.backend.*.trainer`, Keras 3.15: the names of its local variables.
    """
    for fit in _fits(frame or sys._getframe()):
        # Not `in`, which would ask callbacks of others whether they are equal.
        if any(one is callback for one in _callbacks_of(fit)):
            here = fit.f_locals
            return FitCall(
                data=here.get("x"),
                shuffle=here.get("shuffle"),
                initial_epoch=here.get("initial_epoch", 0),
                class_weight=here.get("class_weight"),
                callbacks=_callbacks_of(fit),
            )
    return None


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
    main = threading.main_thread().ident or 0
    # In no local variable: this frame may be the one, and would keep all callers from being freed.
    return find_call() or _call_of(sys._current_frames().get(main), with_callbacks=False)


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


def is_fitting_with(callback: Any) -> bool:
    """Tell whether any thread is inside a `fit` that calls a callback.

    Keras does not tell a callback that `fit` failed, so a callback does not know it.
    """
    return any(
        find_fit(callback, innermost) is not None for innermost in sys._current_frames().values()
    )


def _fits(innermost: FrameType | None) -> Iterator[FrameType]:
    for frame in _frames(innermost):
        if _is_keras(frame) and frame.f_code.co_name == "fit":
            yield frame


def _frames(innermost: FrameType | None) -> Iterator[FrameType]:
    while innermost is not None:
        yield innermost
        innermost = innermost.f_back


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _is_keras(frame: FrameType) -> bool:
    return _module(frame).startswith("keras.")
