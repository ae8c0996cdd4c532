"""What `fit` was called with, which Keras does not tell its callbacks."""

import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any

import keras


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


def find_fit(callback: keras.callbacks.Callback, frame: FrameType | None = None) -> FitCall | None:
    """Find the call of `fit` that runs with a callback; None where another loop does.

    Args:
        callback: One of those that `fit` got.
        frame: Where to look, from here outwards; None for the caller.

    Source:
        `fit` of `keras.src.backend.*.trainer`, Keras 3.15: the names of its local variables.
    """
    frame = frame or sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "fit":
            here = frame.f_locals
            together = getattr(here.get("callbacks"), "callbacks", None)
            # Not `in`, which would ask callbacks of others whether they are equal.
            if isinstance(together, list) and any(one is callback for one in together):
                return FitCall(
                    data=here.get("x"),
                    shuffle=here.get("shuffle"),
                    initial_epoch=here.get("initial_epoch", 0),
                    class_weight=here.get("class_weight"),
                    callbacks=together,
                )
        frame = frame.f_back
    return None
