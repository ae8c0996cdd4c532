"""What is done when the program ends, also if Ctrl-C is pressed again meanwhile."""

import atexit
import signal
import threading
from collections.abc import Callable

Cleanup = Callable[[], None]


def at_exit(cleanup: Cleanup) -> Cleanup:
    """Call a function when the program ends; a decorator.

    A second Ctrl-C does not cut it short: a `KeyboardInterrupt` in it would leave what it has
    not cleaned up yet, and the program ends anyway.
    """
    atexit.register(_call_undisturbed, cleanup)
    return cleanup


def _call_undisturbed(cleanup: Cleanup) -> None:
    handler = signal.getsignal(signal.SIGINT)
    # Only the main thread can set one; and one that is not of Python could not be set again.
    is_settable = threading.current_thread() is threading.main_thread() and handler is not None
    if is_settable:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        cleanup()
    finally:
        if is_settable:
            signal.signal(signal.SIGINT, handler)
