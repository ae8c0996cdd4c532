"""Law 3 over crashes: a run that is killed and started again ends with the same weights.

`pytest -m long tests/laws/test_resume_law.py` kills a hundred runs of each backend.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.backends import BACKENDS, Server, is_installed, run_fork, server

# 4 epochs of 50 images in batches of 8.
NUM_BATCHES = 28
PROGRAM = "tests.training.resumable"
Run = Callable[..., tuple[int, str, str]]

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]


def weights(folder: Path) -> dict[str, Any]:
    with np.load(folder / "weights.npz") as file:
        return {name: file[name] for name in file.files}


def require_same_end(folder: Path, whole: Path) -> None:
    for name, values in weights(whole).items():
        np.testing.assert_array_equal(weights(folder)[name], values)
    # The metrics of an epoch count what was trained of it before the crash too.
    last = "last_epoch.json"
    assert (folder / last).read_text() == (whole / last).read_text()
    assert not (folder / "backups").exists()


# In the usual run on TensorFlow alone: the others take two minutes of a processor, and the
# scenarios of `tests/training` crash and resume on all of them.
@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name == BACKENDS[0] else pytest.mark.long)
        for name in BACKENDS
    ],
)
def backend(request: pytest.FixtureRequest) -> str:
    if not is_installed(request.param):
        pytest.skip(f"needs keras and {request.param}")
    return str(request.param)


@pytest.fixture(scope="module")
def programs(backend: str) -> Iterator[Server]:
    """The process whose forks the other runs are."""
    with server(backend, PROGRAM) as forks:
        yield forks


@pytest.fixture(scope="module")
def whole(programs: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "run").mkdir()
    code, output, errors = run_fork(programs, folder, folder / "run")
    assert code == 0, errors
    assert len(output.splitlines()) == NUM_BATCHES
    return folder / "run"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a run writes."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def run(programs: Server, folder: Path) -> Run:
    """Runs the program to its end; returns its exit code, output and errors."""
    return partial(run_fork, programs, folder.parent, folder)


def kill(programs: Server, folder: Path, rng: np.random.Generator, *options: Any) -> None:
    """Kill a run after some batch, or a moment after."""
    after = int(rng.integers(1, NUM_BATCHES))
    output = folder.with_name(f"batches {after}")
    # A second kill can be after the same batch.
    output.unlink(missing_ok=True)
    os.mkfifo(output)
    arguments = [str(folder), *map(str, options)]
    process = programs.ask([arguments, str(output), str(folder.with_name("errors"))])
    with output.open() as lines:
        next((line for line in lines if line == f"batch {after}\n"), None)
        # At once or a moment later; one that was about to end may have ended by then.
        with suppress(psutil.NoSuchProcess):
            moment_s = rng.uniform(0, 0.02) if rng.random() < 0.5 else 0
            psutil.wait_procs([psutil.Process(process)], moment_s)
            psutil.Process(process).kill()
    programs.answer()


def kill_and_resume(
    programs: Server, folder: Path, rng: np.random.Generator, *options: Any
) -> None:
    """Kill a run once or twice, and let it end."""
    for _ in range(int(rng.integers(1, 3))):
        kill(programs, folder, rng, *options)
    code, _, errors = run_fork(programs, folder.parent, folder, *options)
    assert code == 0, errors


def test_a_killed_run_ends_like_a_whole_one(programs: Server, whole: Path, folder: Path) -> None:
    kill_and_resume(programs, folder, np.random.default_rng(1), "--every", 2)
    require_same_end(folder, whole)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(100))
def test_a_hundred_killed_runs_end_like_a_whole_one(
    programs: Server, whole: Path, folder: Path, seed: int
) -> None:
    rng = np.random.default_rng(100 + seed)
    every = int(rng.integers(1, 5))
    workers = ("--workers", int(rng.integers(0, 4)))
    kill_and_resume(programs, folder, rng, "--every", every, *workers)
    require_same_end(folder, whole)


def test_sigterm_saves_and_then_ends_the_program(run: Run, whole: Path, folder: Path) -> None:
    options = ("--every", 0, "--kill-after", 10, "--signal", int(signal.SIGTERM))
    code, output, errors = run(*options)
    assert code == -signal.SIGTERM, errors
    assert len(output.splitlines()) == 10
    code, output, errors = run()
    assert code == 0, errors
    # It came at the end of a batch, so one more was trained before it was looked at.
    assert len(output.splitlines()) == NUM_BATCHES - 11
    require_same_end(folder, whole)


def test_another_seed_is_refused_with_the_difference(run: Run, folder: Path) -> None:
    run("--kill-after", 3)
    backups = sorted((folder / "backups").iterdir())
    code, _, errors = run("--seed", 8)
    assert code == 1
    assert "seed: 7 then, 8 now" in errors
    assert sorted((folder / "backups").iterdir()) == backups
