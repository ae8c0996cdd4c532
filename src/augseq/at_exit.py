"""What is done when the program ends: all of it, in one order, also if Ctrl-C comes again."""

import atexit
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import IntEnum, auto

Cleanup = Callable[[], None]


class Turn(IntEnum):
    """The order of cleanups, whichever module is imported first."""

    ITERATORS = auto()
    PROCESSES = auto()
    # They wait for the processes.
    THREADS = auto()
    # Threads and processes use them.
    FOLDERS = auto()


_CLEANUPS: list[tuple[Turn, Cleanup]] = []


def at_exit(turn: Turn) -> Callable[[Cleanup], Cleanup]:
    """Call a function when the program ends; a decorator."""

    def register(cleanup: Cleanup) -> Cleanup:
        _CLEANUPS.append((turn, cleanup))
        return cleanup

    return register


@atexit.register
def _clean_up() -> None:
    with _without_ctrl_c(), ExitStack() as stack:
        # The last one that is pushed is the first one that is called, and an error in one keeps
        # no other from being called.
        for _, cleanup in sorted(_CLEANUPS, key=lambda pair: pair[0], reverse=True):
            stack.callback(cleanup)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C: the program ends anyway, and a half of this would be left undone."""
    handler = signal.getsignal(signal.SIGINT)
    # Only the main thread can set one; and one that is not of Python could not be set again.
    if threading.current_thread() is not threading.main_thread() or handler is None:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
