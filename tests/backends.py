"""Processes side by side, one for each backend of Keras: a process can have only one."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

BACKENDS = ("tensorflow", "jax", "torch")

Run = tuple[subprocess.Popen[str], Path]
Runs = dict[str, Run]


def is_installed(backend: str) -> bool:
    """Tell whether Keras can run on the backend here."""
    return all(importlib.util.find_spec(name) for name in ("keras", backend))


def environment_of(backend: str) -> dict[str, str]:
    """Return this process's variables, but for a process that has the backend on a processor."""
    return {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
    }


@contextmanager
def python_on_each_backend(
    arguments: Sequence[str], folders: pytest.TempPathFactory, *, cwd: Path | None = None
) -> Iterator[Runs]:
    """Start Python on all installed backends; end all that is left of the processes.

    Yields:
        By backend, the process and the folder where it writes its files `out` and `errors`:
        files, since hung children of the process would keep a pipe open.
    """
    with ExitStack() as stack:
        yield {
            backend: stack.enter_context(_running(backend, arguments, folders, cwd))
            for backend in filter(is_installed, BACKENDS)
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
