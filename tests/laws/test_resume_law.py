"""Law 3 over crashes: a run that is killed and started again ends with the same weights.

`pytest -m long tests/laws/test_resume_law.py` kills a hundred runs of each backend.
"""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends import BACKENDS, environment_of, is_installed

ROOT = Path(__file__).parents[2]
# 4 epochs of 50 images in batches of 8.
NUM_BATCHES = 28

pytestmark = pytest.mark.timeout(600)


def start(folder: Path, backend: str, *arguments: Any) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.resumable", str(folder), *map(str, arguments)],
        cwd=ROOT,
        env=environment_of(backend),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, backend: str, *arguments: Any) -> tuple[int, str, str]:
    with start(folder, backend, *arguments) as process:
        output, errors = process.communicate()
    return process.returncode, output, errors


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
def whole(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp(f"whole-{backend}")
    code, output, errors = run(folder, backend)
    assert code == 0, errors
    assert len(output.splitlines()) == NUM_BATCHES
    return folder


def kill_and_resume(folder: Path, backend: str, rng: np.random.Generator, *options: Any) -> None:
    """Kill a run once or twice after some batch, or a moment after, and let it end."""
    for _ in range(int(rng.integers(1, 3))):
        after = int(rng.integers(1, NUM_BATCHES))
        with start(folder, backend, *options) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line == f"batch {after}\n":
                    break
            # At once or a moment later; one that was about to end may have ended by then.
            with suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0, 0.02) if rng.random() < 0.5 else 0)
            process.kill()
    code, _, errors = run(folder, backend, *options)
    assert code == 0, errors


def test_a_killed_run_ends_like_a_whole_one(backend: str, whole: Path, tmp_path: Path) -> None:
    kill_and_resume(tmp_path / "run", backend, np.random.default_rng(1), "--every", 2)
    require_same_end(tmp_path / "run", whole)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(100))
def test_a_hundred_killed_runs_end_like_a_whole_one(
    backend: str, whole: Path, tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(100 + seed)
    every = int(rng.integers(1, 5))
    workers = ("--workers", int(rng.integers(0, 4)))
    kill_and_resume(tmp_path / "run", backend, rng, "--every", every, *workers)
    require_same_end(tmp_path / "run", whole)


def test_sigterm_saves_and_then_ends_the_program(backend: str, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = ("--every", 0, "--kill-after", 10, "--signal", int(signal.SIGTERM))
    code, output, errors = run(folder, backend, *options)
    assert code == -signal.SIGTERM, errors
    assert len(output.splitlines()) == 10
    code, output, errors = run(folder, backend)
    assert code == 0, errors
    # It came at the end of a batch, so one more was trained before it was looked at.
    assert len(output.splitlines()) == NUM_BATCHES - 11
    require_same_end(folder, whole)


def test_another_seed_is_refused_with_the_difference(tmp_path: Path) -> None:
    run(tmp_path / "run", BACKENDS[0], "--kill-after", 3)
    backups = sorted((tmp_path / "run" / "backups").iterdir())
    code, _, errors = run(tmp_path / "run", BACKENDS[0], "--seed", 8)
    assert code == 1
    assert "seed: 7 then, 8 now" in errors
    assert sorted((tmp_path / "run" / "backups").iterdir()) == backups
