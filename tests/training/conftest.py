"""Run the scenarios once per backend, each in a process of its own."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# Modules of the subprocesses, which would import Keras if doctests were looked for in them.
collect_ignore = ["scenarios"]

BACKENDS = ("tensorflow", "jax", "torch")
LIMIT_S = 150
_TESTS = Path(__file__).parents[1]


def is_installed(backend: str) -> bool:
    """Tell whether Keras can run on the backend here."""
    return all(importlib.util.find_spec(name) for name in ("keras", backend))


Outcomes = dict[str, dict[str, str | None]]
Runs = dict[str, tuple[subprocess.Popen[str], Path]]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Start the scenarios on all installed backends, side by side; end what is left of them."""
    started: Runs = {}
    for backend in filter(is_installed, BACKENDS):
        folder = tmp_path_factory.mktemp(backend)
        with (folder / "out").open("w") as output, (folder / "errors").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "training.scenarios"],
                cwd=_TESTS,
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


@pytest.fixture(scope="session")
def outcomes(runs: Runs) -> Outcomes:
    """For each backend and scenario None, or the traceback of what did not hold."""
    found: Outcomes = {}
    deadline = time.monotonic() + LIMIT_S
    for backend, (process, folder) in runs.items():
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
        lines = (folder / "out").read_text().splitlines()
        rows = [json.loads(line) for line in lines if line.startswith("[")]
        found[backend] = {name: problem for name, problem, _ in rows}
        found[backend]["stderr"] = (folder / "errors").read_text()[-4000:]
    return found
