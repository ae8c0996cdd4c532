"""Run code in processes of its own, where it can hang, crash or choose a Keras backend."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

# Albumentations reads it when imported; without it, it asks the network for updates.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

# A script, which would import Keras into this process if doctests were looked for in it.
collect_ignore = ["probe.py"]

BACKENDS = ("tensorflow", "jax", "torch")
LIMIT_S = 110


@dataclass(frozen=True)
class Seen:
    """What one backend did."""

    backend: str
    observations: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.observations[name]


def is_installed(backend: str) -> bool:
    """Tell whether Keras can run on the backend here."""
    return all(importlib.util.find_spec(name) for name in ("keras", backend))


def start_probe(backend: str, output: IO[str], errors: IO[str]) -> subprocess.Popen[str]:
    """Start the probe; it writes to files, since its hung workers would keep a pipe open."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("probe.py"))],
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


@pytest.fixture(scope="session")
def probes(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[subprocess.Popen[str], Path]]]:
    """Start one probe per installed backend, side by side; end all that is left of them."""
    started = {}
    for backend in filter(is_installed, BACKENDS):
        folder = tmp_path_factory.mktemp(backend)
        with (folder / "out").open("w") as output, (folder / "errors").open("w") as errors:
            started[backend] = (start_probe(backend, output, errors), folder)
    yield started
    for process, _ in started.values():
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        finally:
            process.wait()


@pytest.fixture(scope="session", params=BACKENDS)
def seen(request: pytest.FixtureRequest, probes: dict[str, Any]) -> Seen:
    """What the probe observed on a backend."""
    if request.param not in probes:
        pytest.skip(f"needs keras and {request.param}")
    process, folder = probes[request.param]
    process.wait(LIMIT_S)
    output = (folder / "out").read_text()
    assert output, (folder / "errors").read_text()
    return Seen(request.param, json.loads(output))


RunPython = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run_python() -> RunPython:
    """Run lines of Python in a fresh interpreter; `env` adds variables, None removes one."""

    def run(
        code: str, *arguments: str, env: dict[str, str | None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, **(env or {})}
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={name: value for name, value in variables.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run
