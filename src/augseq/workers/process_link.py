"""Start a process, and talk to it while it lives."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from augseq.loading.load_images import PROCESS_ENDS
from augseq.progress_note import NO_RECORD, NUM_BYTES
from augseq.terminal_text import ending
from augseq.workers.shared_memory import make_shared_file, map_note, send_file
from augseq.workers.time_limit import Patience

# What a process that was killed may take to be gone; one in an uninterruptible read takes longer.
_KILL_S = 2.0


class WorkerDiedError(Exception):
    """A worker process ended in the middle of an order."""


class WorkerHungError(Exception):
    """A worker process takes longer over an order than it may.

    Attributes:
        note: Where it is, see `whereabouts`.
    """

    def __init__(self, note: Sequence[int]) -> None:
        super().__init__("it takes longer than `batch_timeout_s`")
        self.note = note


class Link:
    """A process that runs, and the pipe to it.

    Args:
        process: The process.
        connection: This end of the pipe.
        note: Where the process is, as it says itself; see `whereabouts`.
    """

    def __init__(self, process: BaseProcess, connection: Connection, note: memoryview) -> None:
        self._process = process
        self._connection = connection
        self._note = note

    @property
    def process_id(self) -> int:
        """What the system calls the process."""
        return self._process.pid or 0

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.is_alive()

    def send(self, message: object, file: int | None = None) -> None:
        """Send a message and, after it, an open file.

        Raises:
            WorkerDiedError: The process died.
        """
        try:
            self._connection.send(message)
        except OSError as error:
            raise self._death() from error
        if file is not None:
            self.send_file(file)

    def send_file(self, file: int) -> None:
        """Send an open file.

        Raises:
            WorkerDiedError: The process died.
        """
        try:
            send_file(self._connection, file, self.process_id)
        # macOS says RuntimeError where nobody is left to confirm that the file came.
        except (OSError, RuntimeError) as error:
            raise self._death() from error

    def receive(self, patience: Patience) -> Any:
        """Wait for a message and return it.

        Raises:
            WorkerDiedError: The process died.
            WorkerHungError: No time is left.
        """
        # The end of the process is awaited too: another one that was forked meanwhile may
        # hold the other end of the pipe open.
        ends: list[Any] = [self._connection, self._process.sentinel]
        ready = patience.wait(lambda seconds: wait(ends, seconds))
        if not ready:
            raise WorkerHungError(self._note.tolist())
        if self._connection in ready:
            try:
                return self._connection.recv()
            except (EOFError, OSError) as error:
                raise self._death() from error
        raise self._death()

    def interrupt(self) -> None:
        """End the process, whatever it does; whoever waits for it learns that it died."""
        self._process.kill()

    def await_end(self) -> None:
        """Wait until the process has ended, but not for long."""
        self._process.join(_KILL_S)

    def close(self) -> None:
        """End the process and the pipe."""
        self.interrupt()
        self.await_end()
        self._connection.close()

    def _death(self) -> WorkerDiedError:
        self.await_end()
        return WorkerDiedError(ending(self._process.exitcode))


def launch(serve: Callable[[Connection], None], start_method: str) -> Link:
    """Start a process.

    Args:
        serve: What it runs, with its end of the pipe.
        start_method: "spawn", "forkserver" or "fork".

    Raises:
        CancelledError: This process is ending.
        OSError: The system refuses.
        WorkerDiedError: The process died at once.
    """
    if PROCESS_ENDS.is_set():
        raise CancelledError
    context: Any = multiprocessing.get_context(start_method)
    file = make_shared_file(NUM_BYTES)
    try:
        note = map_note(file)
        note[0] = NO_RECORD
        link = Link(*_start(context, serve), note)
        link.send_file(file)
    finally:
        os.close(file)
    return link


def _start(context: Any, serve: Callable[[Connection], None]) -> tuple[BaseProcess, Connection]:
    ours, theirs = context.Pipe()
    with theirs:
        process = context.Process(target=serve, args=(theirs,), name="augseq worker", daemon=True)
        with _START, _without_main_file(), _without_ctrl_c():
            process.start()
    return process, ours


# Starting a process changes what `__main__` is for a moment, see below.
_START = threading.Lock()


def _renew_lock() -> None:
    global _START
    _START = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class _MainWithoutFile(ModuleType):
    """All that `__main__` holds, but no file to run again."""

    def __init__(self, main: ModuleType) -> None:
        super().__init__("__main__")
        self._main = main

    def __getattr__(self, name: str) -> Any:
        if name == "__file__":
            raise AttributeError(name)
        return getattr(self._main, name)


@contextmanager
def _without_main_file() -> Iterator[None]:
    """Keep `multiprocessing` from running the user's script once more in each new process.

    The script would load Keras and a backend there, seconds and 300 MB, or, without the customary
    `if __name__ == "__main__"`, start to train. No pipeline needs it: see `SharedPickle`.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = _MainWithoutFile(main)
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Keep Ctrl-C from a process that starts, until it ignores it: see `serve`.

    Half way through its imports it would write a traceback, and die as if by its pipeline.
    """
    if sys.platform == "win32":
        yield
        return
    # It would let the signal through again, after a process of its own has started.
    resource_tracker.ensure_running()
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
