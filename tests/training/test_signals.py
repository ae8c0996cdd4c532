"""SIGTERM ends a program that saves itself, whatever happened to it before."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backends import environment_of, is_installed

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

ROOT = Path(__file__).parents[2]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs a program, and returns its exit code, output and errors."""
    # JAX starts threads when it is loaded, which a fork does not have.
    backend = next((b for b in ("torch", "tensorflow") if is_installed(b)), None)
    if backend is None:
        pytest.skip("needs keras with tensorflow or torch")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.training.signalled"],
        cwd=ROOT,
        env=environment_of(backend),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:

        def call(folder: Path, *arguments: str) -> tuple[int, str, str]:
            assert server.stdin is not None
            assert server.stdout is not None
            print(json.dumps([str(folder), *arguments]), file=server.stdin, flush=True)
            code, output, errors = json.loads(server.stdout.readline())
            return code, output, errors

        yield call
        assert server.stdin is not None
        server.stdin.close()


@pytest.mark.parametrize(
    ("way", "moment"),
    [("--fails", "batch"), ("--fails --fresh", "batch"), ("--fails", "afterwards")],
)
def test_a_failed_fit_does_not_intercept_sigterm(
    run: Run, tmp_path: Path, way: str, moment: str
) -> None:
    code, output, errors = run(tmp_path, *way.split(), "--moment", moment)
    assert (code, output) == (-signal.SIGTERM, ""), errors
    # The completed run left no backup; the terminated one resumes.
    assert (tmp_path / "backups").exists() == (moment == "batch")


@pytest.mark.parametrize(
    ("way", "moment"), [("--handled", "batch"), ("--handled --fails --fresh", "validation")]
)
def test_the_programs_own_handler_is_called_once(
    run: Run, tmp_path: Path, way: str, moment: str
) -> None:
    code, output, errors = run(tmp_path, *way.split(), "--moment", moment)
    assert code == 0, errors
    assert output.startswith("1 handled")


def test_sigterm_in_the_last_validation_ends_the_program_and_loses_nothing(
    run: Run, tmp_path: Path
) -> None:
    _, whole, _ = run(tmp_path / "whole", "--moment", "none")
    code, output, errors = run(tmp_path / "run", "--moment", "validation")
    assert (code, output) == (-signal.SIGTERM, ""), errors
    code, output, errors = run(tmp_path / "run", "--moment", "none")
    assert (code, output) == (0, whole), errors
    assert "0 handled" in whole
    assert not (tmp_path / "run" / "backups").exists()
