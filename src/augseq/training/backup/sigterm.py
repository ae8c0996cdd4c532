"""SIGTERM during `fit`: the program ends after the run has been saved."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import keras

from augseq.training.epoch_tracking.keras_calls import find_fit


class SigtermWatch:
    """Records that the program must end, until a callback has saved the run.

    Args:
        callback: The callback; outside its `fit`, the signal has its usual effect.

    Attributes:
        has_come: Whether the program must end. The handler runs in the training thread.
    """

    def __init__(self, callback: keras.callbacks.Callback) -> None:
        self._callback = callback
        self.has_come = False
        self._former: Any = None

    def begin(self) -> None:
        """Replace the handler of the program."""
        # Only the main thread can set handlers in Python.
        if threading.current_thread() is not threading.main_thread():
            return
        former = signal.getsignal(signal.SIGTERM)
        # Keras does not notify callbacks when `fit` fails, so a handler may be left from one.
        while isinstance(owner := getattr(former, "__self__", None), SigtermWatch):
            if owner is not self and find_fit(owner._callback, sys._getframe()) is not None:
                break
            former = owner._former
        # None means a handler not set from Python, which cannot be restored.
        self._former = former or signal.SIG_DFL
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if frame is not None and find_fit(self._callback, frame) is not None:
            self.has_come = True
        else:
            self.hand_on()

    def end(self) -> None:
        """Restore the handler of the program."""
        if self._former is not None:
            signal.signal(signal.SIGTERM, self._former)
            self._former = None

    def hand_on(self) -> None:
        """Send the signal again, to the handler of the program."""
        self.end()
        self.has_come = False
        os.kill(os.getpid(), signal.SIGTERM)
