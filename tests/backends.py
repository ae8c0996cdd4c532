"""Processes with a backend of Keras: each process can have only one."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

_TESTS = Path(__file__).parent
BACKENDS = ("tensorflow", "jax", "torch")

Run = tuple[subprocess.Popen[str], Path]
Runs = dict[str, Run]


def is_installed(backend: str) -> bool:
    """Tell whether Keras can run on the backend here."""
    return all(importlib.util.find_spec(name) for name in ("keras", backend))


def environment_of(backend: str) -> dict[str, str]:
    """Return this process's variables, but for a process that has the backend on a processor."""
    hidden = [] if backend == "tensorflow" else [str(_TESTS / "without_tensorflow")]
    return {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([*hidden, os.environ.get("PYTHONPATH", "")]),
    }


class Server:
    """A process that answers lines of JSON on its standard input with lines on its output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, question: Any) -> Any:
        """Write a line, and return the answer."""
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return self.answer()

    def answer(self) -> Any:
        """Return the next line."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def server(backend: str, module: str, *arguments: str) -> Iterator[Server]:
    """Start a module that serves lines of JSON on a backend."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=_TESTS.parent,
        env=environment_of(backend),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        # In the end it is closed, which ends the module.
        yield Server(process)


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
    """Start Python on those of some backends that are installed; in the end, end the processes.

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
    with (folder / "out").open("w") as output, (folder / "errors").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env=environment_of(backend),
            stdout=output,
            stderr=errors,
            start_new_session=True,
            text=True,
        )
    try:
        yield process, folder
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
