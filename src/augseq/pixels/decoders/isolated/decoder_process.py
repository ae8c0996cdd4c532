"""Run decoders that can crash in a child process, where a crash is only an error.

One flipped bit in a HEIC file can kill the process that decodes it with SIGSEGV, which no `try`
catches. So the bytes of such files go to a small child process, which returns pixels or an error.
This works the same in the main program, its threads, worker processes and their forks: each
process starts a decoder process for the first such file, and another for each thread that decodes
at the same time. They end with the process that started them, however it ends.

This is only for formats with `may_crash`, and for TIFF files that need an extra. `docs/formats.md`
has the cost for a 12-megapixel HEIC file.
"""

import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import spawn
from typing import Any, TypeVar

from augseq.errors import DecodeError, WorkerError
from augseq.pixels.decoders.isolated.decoder_messages import receive, send
from augseq.pixels.options import MAX_PIXELS, DecodeOptions
from augseq.runtime.at_exit import Turn, at_exit
from augseq.terminal_text import ending

Result = TypeVar("Result")

# Ten times what the slowest decoder takes for MAX_PIXELS on a busy core, and well below
# `batch_timeout_s`, so that the error names the file.
LIMIT_S = 120.0

# The arguments are `sys.path` of this process; until it is set, only built-in modules are loaded.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:];"
    "from augseq.pixels.decoders.isolated.decoder_child import serve; serve()"
)
# A separate process group, so that Ctrl-C in a terminal reaches only this process.
_GROUP: int | None = 0
_FLAGS = 0
if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    _GROUP = None


def call_in_decoder_process(
    kind: str, function: Callable[[bytes, DecodeOptions], Result], data: bytes,
    options: DecodeOptions,
) -> Result:  # fmt: skip
    """Call a function in a decoder process, and return its result.

    Args:
        kind: Format of the file, for error messages.
        function: A module-level function, so that it pickles by name.
        data: The whole file.
        options: How to decode.

    Raises:
        DecodeError: The function raises it; or the decoder crashes or does not finish in time.
        WorkerError: No process can be started, or the program is ending.
        Exception: Whatever else the function raises.
    """
    limit_s = LIMIT_S * max(1.0, options.max_pixels / MAX_PIXELS)
    call = pickle.dumps((function, (data, options)))
    while True:
        process = _POOL.take(kind)
        try:
            start = time.monotonic()
            succeeded, answer = process.call((limit_s, call))
        except (OSError, EOFError):
            _POOL.drop(process)
            if time.monotonic() - start >= limit_s:
                raise DecodeError(f"decoding takes longer than {limit_s:g} s") from None
            if process.is_fresh:
                raise DecodeError(_crash(kind, process.exit_code)) from None
            # An earlier file may have left it in a bad state, so a new process is tried.
            continue
        except BaseException:
            # For example Ctrl-C: the pending answer would be read as that of the next call.
            _POOL.drop(process)
            raise
        process.is_fresh = False
        _POOL.give_back(process)
        if not succeeded:
            raise answer
        result: Result = answer
        return result


def _crash(kind: str, exit_code: int | None) -> str:
    memory = " (the system may have run out of memory)" if exit_code == -9 else ""
    return f"the {kind} decoder crashes on it: its process {ending(exit_code)}{memory}"


class _DecoderProcess:
    """A child process and the pipes to it, for one thread at a time.

    Attributes:
        is_fresh: Whether it has not answered a call yet.
    """

    def __init__(self) -> None:
        paths = [path for path in sys.path if isinstance(path, str)]
        self.is_fresh = True
        self._is_ready = False
        # Programs that embed Python tell `multiprocessing` where its executable is.
        python: Any = spawn.get_executable()
        self._process = subprocess.Popen(
            [python, "-P", "-c", _PROGRAM, *paths],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=_GROUP,
            creationflags=_FLAGS,
        )
        calls, answers, errors = self._process.stdin, self._process.stdout, self._process.stderr
        assert calls is not None and answers is not None and errors is not None  # noqa: PT018
        self._calls, self._answers, self._errors = calls, answers, errors

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    def call(self, message: object) -> Any:
        """Send a call and return its answer.

        Raises:
            EOFError, OSError: The process died.
            WorkerError: It cannot start.
        """
        if not self._is_ready:
            self._await_start()
        send(self._calls.fileno(), message)
        return receive(self._answers.fileno())

    def _await_start(self) -> None:
        # Read to the end, which comes as soon as it serves calls.
        errors = self._errors.read().decode(errors="replace").strip()
        try:
            receive(self._answers.fileno())
        except EOFError:
            self._process.wait()
            words = errors or f"it {ending(self.exit_code)}"
            raise WorkerError(f"A decoder process cannot start: {words}") from None
        self._is_ready = True

    def end(self) -> None:
        """Kill the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._close()

    def forget(self) -> None:
        """Close the pipes of a process that belongs to the parent process."""
        self._close()
        # Otherwise there would be a warning that it is still running.
        self._process.returncode = 0

    def _close(self) -> None:
        for pipe in (self._calls, self._answers, self._errors):
            pipe.close()


class _Pool:
    """The decoder processes of this process."""

    def __init__(self) -> None:
        # Also held while this process forks: a fork must not inherit pipes that are not listed.
        self.lock = threading.Lock()
        self._all: list[_DecoderProcess] = []
        self._idle: list[_DecoderProcess] = []
        self._is_closed = False

    def take(self, kind: str) -> _DecoderProcess:
        """Return an idle process, or a new one."""
        with self.lock:
            if self._idle:
                return self._idle.pop()
            if self._is_closed:
                raise WorkerError("The program is ending.")
            try:
                process = _DecoderProcess()
            except OSError as error:
                raise WorkerError(f"Cannot start a process to decode {kind}: {error}.") from error
            self._all.append(process)
            return process

    def give_back(self, process: _DecoderProcess) -> None:
        """Keep a process for the next call."""
        with self.lock:
            self._idle.append(process)

    def drop(self, process: _DecoderProcess) -> None:
        """End a process."""
        process.end()
        with self.lock:
            self._all.remove(process)

    def close(self) -> None:
        """End all processes, and start no more."""
        with self.lock:
            self._is_closed = True
            self._idle.clear()
            for process in self._all:
                process.end()

    def forget(self) -> None:
        """Drop all processes: they belong to the parent process."""
        for process in self._all:
            process.forget()
        self.__init__()  # type: ignore[misc]


_POOL = _Pool()
at_exit(Turn.PROCESSES)(_POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _POOL.lock.acquire(),
        after_in_parent=lambda: _POOL.lock.release(),
        after_in_child=lambda: _POOL.forget(),
    )
