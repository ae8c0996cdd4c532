"""SIGTERM ends a program that saves itself, whatever happened to it before."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends import BACKENDS, environment_of, is_installed

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    backend = next(filter(is_installed, reversed(BACKENDS)), None)
    if backend is None:
        pytest.skip("needs keras and a backend")
    command = [sys.executable, "-m", "tests.training.signalled", str(folder), *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment_of(backend), capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("way", "moment"),
    [("--fails", "batch"), ("--fails --fresh", "batch"), ("--fails", "afterwards")],
)
def test_a_fit_that_failed_takes_no_sigterm_from_the_program(
    tmp_path: Path, way: str, moment: str
) -> None:
    code, output, errors = run(tmp_path, *way.split(), "--moment", moment)
    assert (code, output) == (-signal.SIGTERM, ""), errors
    # What had ended left no backup; what was ended goes on.
    assert (tmp_path / "backups").exists() == (moment == "batch")


@pytest.mark.parametrize(
    ("way", "moment"), [("--handled", "batch"), ("--handled --fails --fresh", "validation")]
)
def test_a_handler_of_the_programs_own_is_called_once(
    tmp_path: Path, way: str, moment: str
) -> None:
    code, output, errors = run(tmp_path, *way.split(), "--moment", moment)
    assert code == 0, errors
    assert output.startswith("1 handled")


def test_sigterm_in_the_last_validation_ends_the_program_and_loses_nothing(tmp_path: Path) -> None:
    _, whole, _ = run(tmp_path / "whole", "--moment", "none")
    code, output, errors = run(tmp_path / "run", "--moment", "validation")
    assert (code, output) == (-signal.SIGTERM, ""), errors
    code, output, errors = run(tmp_path / "run", "--moment", "none")
    assert (code, output) == (0, whole), errors
    assert "0 handled" in whole
    assert not (tmp_path / "run" / "backups").exists()
