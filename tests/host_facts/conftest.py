"""Run code in processes of its own, where it can hang, crash or choose a Keras backend."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.backends import BACKENDS, Runs, python_on_backends

# Albumentations reads it when imported; without it, it asks the network for updates.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

LIMIT_S = 240


@dataclass(frozen=True)
class Seen:
    """What one backend did."""

    backend: str
    observations: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.observations[name]


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Start one probe per installed backend, side by side; end all that is left of them."""
    probe = str(Path(__file__).with_name("probe.py"))
    with python_on_backends(
        {backend: [probe] for backend in BACKENDS}, tmp_path_factory
    ) as started:
        yield started


@pytest.fixture(scope="session", params=BACKENDS)
def seen(request: pytest.FixtureRequest, probes: Runs) -> Seen:
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
