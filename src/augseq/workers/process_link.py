"""Start a worker process and communicate with it."""

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

from augseq.loading.load_samples import PROCESS_ENDS
from augseq.progress_note import NO_RECORD, NUM_BYTES
from augseq.terminal_text import ending
from augseq.workers.shared_memory import make_shared_file, map_note, send_file
from augseq.workers.time_limit import Patience

# How long to wait for a killed process to end; in an uninterruptible read it takes longer.
_KILL_S = 2.0


class WorkerDiedError(Exception):
    """A worker process died while handling a request."""


class WorkerHungError(Exception):
    """A worker process exceeded the time limit of a request.

    Attributes:
        note: What it was working on, see `progress_note`; None if it does not say.
    """

    def __init__(self, note: Sequence[int] | None) -> None:
        super().__init__("it takes longer than `batch_timeout_s`")
        self.note = note


class Link:
    """A running process and the pipe to it.

    Args:
        process: The process.
        connection: This end of the pipe.
        note: What the process is working on, see `progress_note`.
    """

    def __init__(self, process: BaseProcess, connection: Connection, note: memoryview) -> None:
        self._process = process
        self._connection = connection
        self._note = note

    @property
    def process_id(self) -> int:
        """The process id."""
        return self._process.pid or 0

    @property
    def is_alive(self) -> bool:
        """Whether the process is still running."""
        return self._process.is_alive()

    def send(self, message: object, file: int | None = None) -> None:
        """Send a message, followed by an open file if one is given.

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
        # On macOS, a RuntimeError if the process does not acknowledge the file.
        except (OSError, RuntimeError) as error:
            raise self._death() from error

    def receive(self, patience: Patience) -> Any:
        """Wait for a message and return it.

        Raises:
            WorkerDiedError: The process died.
            WorkerHungError: The time limit is exceeded.
        """
        # Also wait for the end of the process: a process forked in the meantime can hold the other
        # end of the pipe open.
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
        """Kill the process; threads that wait for it get a `WorkerDiedError`."""
        self._process.kill()

    def await_end(self) -> None:
        """Wait up to 2 s until the process has ended."""
        self._process.join(_KILL_S)

    def close(self) -> None:
        """Kill the process and close the pipe."""
        self.interrupt()
        self.await_end()
        self._connection.close()

    def _death(self) -> WorkerDiedError:
        self.await_end()
        return WorkerDiedError(ending(self._process.exitcode))


def launch(serve: Callable[[Connection], None], start_method: str) -> Link:
    """Start a process.

    Args:
        serve: Function to run in it, with its end of the pipe as argument.
        start_method: "spawn", "forkserver" or "fork".

    Raises:
        CancelledError: This process is exiting.
        OSError: The system cannot start it.
        WorkerDiedError: The process died immediately.
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


# Starting a process temporarily replaces `__main__`, see below.
_START = threading.Lock()


def _reset_lock() -> None:
    global _START
    _START = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_lock)


class _MainWithoutFile(ModuleType):
    """The content of `__main__`, but for this thread without a file that could run again.

    Other threads may start processes of the program at the same time, which do need the file.
    """

    def __init__(self, main: ModuleType) -> None:
        super().__init__("__main__")
        own = object.__getattribute__(self, "__dict__")
        own.update(_main=main, _thread=threading.get_ident())

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "__dict__")
        if threading.get_ident() == own["_thread"]:
            if name == "__file__":
                raise AttributeError(name)
            if name == "__spec__":
                return None
        return getattr(own["_main"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "__dict__")["_main"], name, value)


@contextmanager
def _without_main_file() -> Iterator[None]:
    """Keep `multiprocessing` from running the user's script again in each new process.

    The script would load Keras and a backend there, which takes seconds and 300 MB, or, without
    `if __name__ == "__main__"`, start training. No pipeline needs it: see `SharedPickle`.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = _MainWithoutFile(main)
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Block Ctrl-C in a starting process until it ignores the signal: see `serve`.

    During its imports, Ctrl-C would print a traceback and end it as if its pipeline had failed.
    """
    if sys.platform == "win32":
        yield
        return
    # Started here, because it unblocks the signal when it starts its own process.
    resource_tracker.ensure_running()
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
