"""Run the scenarios of each backend in one process."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends import Runs, python_on_backends

# In parallel with other tests, on two cores; the time limit of the test also detects a hang.
LIMIT_S = 800
_TESTS = Path(__file__).parents[1]


Outcomes = dict[str, dict[str, str | None]]


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    """Start the selected scenarios on their backends, side by side; end what is left of them."""
    arguments: dict[str, list[str]] = {}
    for item in request.session.items:
        # Other tests have a fixture of the same name.
        if getattr(item, "originalname", "") == "test_fit":
            selected = item.callspec.params
            scenarios = arguments.setdefault(selected["backend"], ["-m", "training.scenarios"])
            scenarios.append(selected["scenario"])
    with python_on_backends(arguments, tmp_path_factory, cwd=_TESTS) as started:
        yield started


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
