"""Cleanup when the program exits, in a fixed order, even if Ctrl-C is repeated."""

import atexit
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import IntEnum, auto

Cleanup = Callable[[], None]


class Turn(IntEnum):
    """The order of cleanups, independent of the order of imports."""

    ITERATORS = auto()
    PROCESSES = auto()
    # After the processes, since threads wait for them.
    THREADS = auto()
    # Last, since threads and processes use them.
    FOLDERS = auto()


_CLEANUPS: list[tuple[Turn, Cleanup]] = []


def at_exit(turn: Turn) -> Callable[[Cleanup], Cleanup]:
    """Decorate a function to be called when the program exits."""

    def register(cleanup: Cleanup) -> Cleanup:
        _CLEANUPS.append((turn, cleanup))
        return cleanup

    return register


@atexit.register
def _clean_up() -> None:
    with _without_ctrl_c(), ExitStack() as stack:
        # An ExitStack calls in reverse order, and continues after an error.
        for _, cleanup in sorted(_CLEANUPS, key=lambda pair: pair[0], reverse=True):
            stack.callback(cleanup)


def clean_up_first() -> None:
    """Let the cleanups come before those of a library that was imported in the meantime."""
    atexit.unregister(_clean_up)
    atexit.register(_clean_up)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C: the program exits anyway, and the cleanup must not stop half-way."""
    handler = signal.getsignal(signal.SIGINT)
    # Only the main thread can set a handler, and one not set from Python cannot be restored.
    if threading.current_thread() is not threading.main_thread() or handler is None:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
