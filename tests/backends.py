"""Processes side by side, one for each backend of Keras: a process can have only one."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

BACKENDS = ("tensorflow", "jax", "torch")

Runs = dict[str, tuple[subprocess.Popen[str], Path]]


def is_installed(backend: str) -> bool:
    """Tell whether Keras can run on the backend here."""
    return all(importlib.util.find_spec(name) for name in ("keras", backend))


@contextmanager
def python_on_each_backend(
    arguments: Sequence[str], folders: pytest.TempPathFactory, *, cwd: Path | None = None
) -> Iterator[Runs]:
    """Start Python on all installed backends; end all that is left of the processes.

    Yields:
        By backend, the process and the folder where it writes its files `out` and `errors`:
        files, since hung children of the process would keep a pipe open.
    """
    started: Runs = {}
    for backend in filter(is_installed, BACKENDS):
        folder = folders.mktemp(backend)
        with (folder / "out").open("w") as output, (folder / "errors").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=cwd,
                env={
                    **os.environ,
                    "KERAS_BACKEND": backend,
                    "TF_CPP_MIN_LOG_LEVEL": "3",
                    "CUDA_VISIBLE_DEVICES": "-1",
                    "JAX_PLATFORMS": "cpu",
                },
                stdout=output,
                stderr=errors,
                start_new_session=True,
                text=True,
            )
        started[backend] = (process, folder)
    yield started
    for process, _ in started.values():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        finally:
            process.wait()
