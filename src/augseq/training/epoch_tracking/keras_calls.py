"""What Keras is currently doing, read from the stack frames of the running threads.

Keras notifies a data set that an epoch begins, but not whether it trains, evaluates or predicts.
If a future Keras has different frames, the functions here find nothing, and callers do what is
right in all three cases.
"""

import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple

_METHODS = ("fit", "evaluate", "predict")
_CALLBACKS = "keras.src.callbacks.callback_list"
# For a finalizer too, which can run at any point.
_ONE_AT_A_TIME = threading.RLock()


class KerasMethod(NamedTuple):
    """A method of a Keras model that is running.

    Attributes:
        name: "fit", "evaluate" or "predict".
        model: The model.
        data: The argument `x` of the method.
        class_weight: The argument `class_weight` of `fit`; None for other methods.
    """

    name: str
    model: Any
    data: Any
    class_weight: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCall:
    """A call of Keras' own `fit` that has not returned yet.

    Attributes:
        data: The argument `x`.
        shuffle: The argument `shuffle`.
        initial_epoch: The argument `initial_epoch`.
        class_weight: The argument `class_weight`.
        callbacks: Keras' own list of callbacks, which can be extended.
    """

    data: Any
    shuffle: Any
    initial_epoch: int
    class_weight: Any
    callbacks: list[Any]


def find_method() -> KerasMethod | None:
    """Return the innermost Keras model method in this thread; None if there is none."""
    for frame in _frames(sys._getframe(1)):
        if _is_keras(frame) and frame.f_code.co_name in _METHODS:
            here = _locals_of(frame)
            own = (here.get("self"), here.get("x"), here.get("class_weight"))
            return KerasMethod(frame.f_code.co_name, *own)
    return None


def is_inferring_shapes() -> bool:
    """Return whether Keras asks for a batch only to infer the shapes of all, for TensorFlow.

    Source:
        `get_tf_dataset` of `keras.src.trainers.data_adapters.py_dataset_adapter`, Keras 3.15.
    """
    return any(
        _is_keras(frame) and frame.f_code.co_name == "get_tf_dataset"
        for frame in _frames(sys._getframe(1))
    )


def find_iterator() -> Any:
    """Return the TensorFlow iterator that Keras reads in this thread; None if there is none.

    Source:
        `fit`, `evaluate` and `predict` of `keras.src.backend.tensorflow.trainer`, Keras 3.15: the
        names of their local variables.
    """
    for frame in _frames(sys._getframe(1)):
        if _is_keras(frame) and frame.f_code.co_name in _METHODS:
            return _locals_of(frame).get("iterator")
    return None


def find_fit(callback: Any, frame: FrameType | None = None) -> FitCall | None:
    """Return the running call of `fit` that has a callback; None in a custom loop.

    Args:
        callback: A callback of the call.
        frame: Innermost frame to search; None for the caller's.

    Source:
        `fit` of `keras.src.backend.*.trainer`, Keras 3.15: the names of its local variables.
    """
    for fit in _fits(frame or sys._getframe()):
        # Not `in`, which would call `__eq__` of other callbacks.
        if any(other is callback for other in _callbacks_of(fit)):
            here = _locals_of(fit)
            return FitCall(
                data=here.get("x"),
                shuffle=here.get("shuffle"),
                initial_epoch=here.get("initial_epoch", 0),
                class_weight=here.get("class_weight"),
                callbacks=_callbacks_of(fit),
            )
    return None


class FitEpochs(NamedTuple):
    """The epochs of a running `fit`.

    Attributes:
        first: Its first epoch: `initial_epoch`, or the one that `BackupAndRestore` restored.
        current: The epoch that it trains.
        data: The `id` of its argument `x`.
    """

    first: int
    current: int
    data: int


def find_epochs() -> FitEpochs | None:
    """Return the epochs of the innermost `fit` of this thread that trains; None if unknown.

    Source:
        `fit` of `keras.src.backend.*.trainer`, Keras 3.15: the names of its local variables.
    """
    return _epochs_of(sys._getframe())


def find_epochs_of_reader() -> FitEpochs | None:
    """Return the same for code that reads batches, which can run in a TensorFlow thread."""
    main = threading.main_thread().ident or 0
    return find_epochs() or _epochs_of(sys._current_frames().get(main))


def _epochs_of(innermost: FrameType | None) -> FitEpochs | None:
    for fit in _fits(innermost):
        here = _locals_of(fit)
        first, current = here.get("initial_epoch"), here.get("epoch")
        if isinstance(first, int) and isinstance(current, int) and _callbacks_of(fit):
            return FitEpochs(first, current, id(here.get("x")))
        return None
    return None


def find_call() -> str | None:
    """Return what Keras is doing in this thread; None if nothing.

    The innermost call counts: "evaluate" or "predict", even within `fit`; "callback" in the code
    of a callback; "build" in `fit` before it trains, when it inspects the first batches; "fit".
    """
    return _call_of(sys._getframe())


def find_call_of_reader() -> str | None:
    """Return the same for code that reads batches, which can run in a TensorFlow thread.

    In that case, what the main thread is doing counts, except for the callbacks it calls.
    """
    main = threading.main_thread().ident or 0
    # Not stored in a local variable: if it is this frame, the cycle would keep all callers alive.
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
    """Return the callbacks of a `fit`; empty before it has created its list of them."""
    callbacks: list[Any] = getattr(_locals_of(frame).get("callbacks"), "callbacks", [])
    return callbacks


def _locals_of(frame: FrameType) -> Mapping[str, Any]:
    """Return the local variables of a running function, and keep none of them alive."""
    if sys.version_info >= (3, 13):
        return frame.f_locals
    # Before Python 3.13, a frame has one dict for all who ask, and keeps what was found last: the
    # iterator of an earlier epoch would be destroyed here, and `fit` would wait for it.
    with _ONE_AT_A_TIME:
        found = frame.f_locals
        values = dict(found)
        # If a debugger traces the frame, it writes the dict back into the variables.
        if frame.f_trace is None:
            found.clear()
    return values


def is_fitting_with(callback: Any) -> bool:
    """Return whether any thread is inside a `fit` with this callback.

    The callback itself cannot know, since Keras does not notify callbacks when `fit` fails.
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
