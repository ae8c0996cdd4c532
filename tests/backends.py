"""Processes with a backend of Keras: each process can have only one."""

import atexit
import functools
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from augseq.storage.file_lock import lock

_TESTS = Path(__file__).parent
BACKENDS = ("tensorflow", "jax", "torch")
WITHOUT_KERAS = "workers alone"
"""In place of a backend, for programs that use workers but no Keras."""


def is_installed(backend: str) -> bool:
    """Tell whether Keras can run on the backend here."""
    return all(importlib.util.find_spec(name) for name in ("keras", backend))


def environment_of(backend: str) -> dict[str, str]:
    """Return this process's variables, but for a process that has the backend on a processor."""
    if backend == WITHOUT_KERAS:
        return dict(os.environ)
    hidden = [] if backend == "tensorflow" else [str(_TESTS / "without_tensorflow")]
    return {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([*hidden, os.environ.get("PYTHONPATH", "")]),
    }


class Program:
    """A program of `start_warm`, with the methods of `subprocess.Popen` that tests use.

    Attributes:
        pid: The number of its process.
        returncode: As in `subprocess`; None until `wait` or `poll` finds that it has ended.
    """

    def __init__(self, status: int) -> None:
        self._status = open(status)  # noqa: SIM115
        self.pid = int(self._status.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None if it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return the exit code."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)


_WARM: list[subprocess.Popen[bytes]] = []


@functools.cache
def _warm_python(backend: str) -> socket.socket:
    """Connect to a process that has imported a backend: one for all processes of this test run.

    It ends when the last of them has closed its connection.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))[:12]
    path = Path(tempfile.gettempdir(), f"augseq_{run}_{backend[:10]}")
    connection = socket.socket(socket.AF_UNIX)
    with Path(tempfile.gettempdir(), "augseq_tests.lock").open("w") as file:
        lock(file.fileno())
        try:
            connection.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            _start_warm_python(backend, path)
            connection.connect(str(path))
    # Processes forked meanwhile hold the socket open.
    atexit.register(connection.shutdown, socket.SHUT_RDWR)
    return connection


def _start_warm_python(backend: str, path: Path) -> None:
    modules = ["keras", "augseq.training.sequence"]
    if backend == WITHOUT_KERAS:
        modules = ["augseq.workers.make_workers", "tests.workers.plans", "tests.workers.transforms"]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        # Connections and requests wait until it has imported the backend.
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_python", str(listener.fileno()), *modules],
            cwd=_TESTS.parent,
            env=environment_of(backend),
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
        )
    # Not waited for: other processes may still use it.
    _WARM.append(process)


def start_warm(
    backend: str,
    *arguments: object,
    stdin: int,
    stdout: int,
    stderr: int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    is_new_session: bool = False,
) -> Program:
    """Start Python in a process that has imported Keras with a backend; see `warm_python`.

    Args:
        backend: The backend, or `WITHOUT_KERAS`.
        *arguments: As on the command line: -c and code, -m and a module, or a file; -W before.
        stdin: An open file, likewise `stdout` and `stderr`.
        cwd: Working directory, by default that of this process.
        env: Variables, by default `environment_of(backend)`.
        is_new_session: Whether the program begins a session.
    """
    request = {
        "arguments": list(map(str, arguments)),
        "cwd": str(cwd or Path.cwd()),
        "env": dict(environment_of(backend) if env is None else env),
        "is_new_session": is_new_session,
    }
    text, connection = json.dumps(request).encode(), _warm_python(backend)
    ours, theirs = os.pipe()
    socket.send_fds(connection, [len(text).to_bytes(4, "big")], [stdin, stdout, stderr, theirs])
    connection.sendall(text)
    os.close(theirs)
    return Program(ours)


def run_warm(
    backend: str, *arguments: object, timeout: float = 250, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program of `start_warm` to its end, as `subprocess.run` does."""
    with (
        open(os.devnull) as stdin,
        tempfile.TemporaryFile("w+") as stdout,
        tempfile.TemporaryFile("w+") as stderr,
    ):
        files = {"stdin": stdin.fileno(), "stdout": stdout.fileno(), "stderr": stderr.fileno()}
        program = start_warm(backend, *arguments, **files, **options)
        try:
            code = program.wait(timeout)
        finally:
            program.kill()
        for file in (stdout, stderr):
            file.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read(), stderr.read())


@dataclass
class Script:
    """A program that runs, and pipes of what it prints."""

    process: Program
    output: IO[str]
    errors: IO[str]


@contextmanager
def running_warm(backend: str, *arguments: object, **options: Any) -> Iterator[Script]:
    """Start a program of `start_warm` with pipes for what it prints; end it in the end."""
    (output, stdout), (errors, stderr) = os.pipe(), os.pipe()
    files = {"stdin": 0, "stdout": stdout, "stderr": stderr}
    process = start_warm(backend, *arguments, **files, **options)
    os.close(stdout)
    os.close(stderr)
    with open(output) as printed, open(errors) as complaints:
        try:
            yield Script(process, printed, complaints)
        finally:
            process.kill()
            process.wait()


Run = tuple[Program, Path]
Runs = dict[str, Run]


class Server:
    """A process that answers lines of JSON on its standard input with lines on its output."""

    def __init__(self, questions: IO[str], answers: IO[str]) -> None:
        self._questions = questions
        self._answers = answers

    def ask(self, question: Any) -> Any:
        """Write a line, and return the answer."""
        print(json.dumps(question), file=self._questions, flush=True)
        return self.answer()

    def answer(self) -> Any:
        """Return the next line."""
        return json.loads(self._answers.readline())


@contextmanager
def server(backend: str, module: str, *arguments: str) -> Iterator[Server]:
    """Start a module that serves lines of JSON on a backend."""
    (stdin, questions), (answers, stdout) = os.pipe(), os.pipe()
    files = {"stdin": stdin, "stdout": stdout, "stderr": 2}
    program = start_warm(backend, "-m", module, *arguments, cwd=_TESTS.parent, **files)
    os.close(stdin)
    os.close(stdout)
    # In the end the questions are closed, which ends the module.
    with open(answers) as told, open(questions, "w") as asked:
        yield Server(asked, told)
    program.wait()


def run_fork(forks: Server, folder: Path, *arguments: object) -> tuple[int, str, str]:
    """Run a program of `training.forks`, and return its exit code, output and errors.

    Args:
        forks: A process in `serve_forks`.
        folder: For the files of output and errors.
        *arguments: Arguments of the program.
    """
    files = [folder / name for name in ("output", "errors")]
    forks.ask([list(map(str, arguments)), *map(str, files)])
    code: int = forks.answer()
    output, errors = [file.read_text() for file in files]
    return code, output, errors


@contextmanager
def python_on_backends(
    arguments: Mapping[str, Sequence[str]],
    folders: pytest.TempPathFactory,
    *,
    cwd: Path | None = None,
) -> Iterator[Runs]:
    """Start programs on those of some backends that are installed; in the end, end them.

    Args:
        arguments: Arguments of Python, by backend.
        folders: Makes a folder for each process.
        cwd: Working directory of all processes.

    Yields:
        By backend, the process and the folder where it writes its files `out` and `errors`:
        files, since hung children of the process would keep a pipe open.
    """
    with ExitStack() as stack:
        yield {
            backend: stack.enter_context(_running(backend, arguments[backend], folders, cwd))
            for backend in filter(is_installed, arguments)
        }


@contextmanager
def two_on_each_backend(
    package: str, folders: pytest.TempPathFactory, *, cwd: Path
) -> Iterator[dict[str, list[Run]]]:
    """Start module `with_BACKEND` twice on all installed backends, as two that join.

    Each is told its number, 0 or 1, and two addresses of this machine with free ports.
    """
    started: dict[str, list[Run]] = {}
    with ExitStack() as stack:
        for backend in filter(is_installed, BACKENDS):
            program, addresses = f"{package}.with_{backend}", _free_addresses()
            started[backend] = [
                stack.enter_context(
                    _running(backend, ["-m", program, str(number), addresses], folders, cwd)
                )
                for number in range(2)
            ]
        yield started


def _free_addresses() -> str:
    """Return two addresses that only this machine can reach."""
    with socket.socket() as one, socket.socket() as other:
        for end in (one, other):
            end.bind(("127.0.0.1", 0))
        return ",".join(f"127.0.0.1:{end.getsockname()[1]}" for end in (one, other))


@contextmanager
def _running(
    backend: str, arguments: Sequence[str], folders: pytest.TempPathFactory, cwd: Path | None
) -> Iterator[Run]:
    folder = folders.mktemp(backend)
    with (
        open(os.devnull) as nothing,
        (folder / "out").open("w") as output,
        (folder / "errors").open("w") as errors,
    ):
        process = start_warm(
            backend,
            *arguments,
            stdin=nothing.fileno(),
            stdout=output.fileno(),
            stderr=errors.fileno(),
            cwd=cwd,
            is_new_session=True,
        )
    try:
        yield process, folder
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
