"""SIGTERM ends a program that saves itself, whatever happened to it before."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.backends import is_installed, run_fork, server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a program, and returns its exit code, output and errors."""
    # JAX starts threads when it is loaded, which a fork does not have.
    backend = next((b for b in ("torch", "tensorflow") if is_installed(b)), None)
    if backend is None:
        pytest.skip("needs keras with tensorflow or torch")
    with server(backend, "tests.training.signalled") as programs:
        yield partial(run_fork, programs, tmp_path_factory.mktemp("files"))


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
