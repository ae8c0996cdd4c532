"""A program that trains ends when it is interrupted, wherever that finds it.

`pytest -m long tests/training/test_interrupts.py` interrupts a thousand programs; a few of them are
interrupted with every change.
"""

import itertools
import os
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends import BACKENDS, is_installed, server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

CODES = {
    "SIGINT": -signal.SIGINT,
    "SIGINT SIGINT": -signal.SIGINT,
    "SIGTERM": -signal.SIGTERM,
    "exit": 3,
    "error": 1,
}
CASES = [
    dict(zip(("data", "moment", "ending", "to_group", "has_backup", "is_busy"), case, strict=True))
    for case in itertools.product(
        ("threads", "processes", "auto", "serial"),
        ("start", "batch", "between", "validation"),
        CODES,
        *[(False, True)] * 3,
    )
]
PROGRAM = "tests.training.interrupted"


def require_good_end(trial: dict[str, Any], end: dict[str, Any]) -> None:
    codes = {CODES[trial["ending"]]}
    if trial["ending"].startswith("SIGINT"):
        # Other code can turn a KeyboardInterrupt into a different error, as TensorFlow does in
        # `call` of a layer; Python ignores one in a finalizer.
        codes |= {1} if "Error" in end["errors"] else {0} if "ignored" in end["errors"] else set()
        # On torch, Python returns 1 after `fit`, as it does without augseq.
        codes |= {1} if end["errors"].rstrip().endswith("KeyboardInterrupt") else set()
        # Workers must not report it; one that is still starting can print EOFError when the
        # main process is gone.
        assert "spawn_main" not in end["errors"] or "EOFError" in end["errors"], (trial, end)
    assert end["code"] in codes or end["trained"], (trial, end)
    assert end["code"] is not None, trial
    assert end["left"] == [], trial


def param(backend: str, *values: Any) -> Any:
    name = "-".join([backend, *map(str, values)])
    has_backend = pytest.mark.skipif(not is_installed(backend), reason=f"needs keras and {backend}")
    return pytest.param(backend, *values, marks=has_backend, id=name)


# Each of those of TensorFlow hung in one of three runs, when it was destroyed too late.
SHORT = {
    "tensorflow": [
        {"data": "serial", "moment": "validation", "ending": "SIGINT", "has_backup": True},
        {"data": "threads", "moment": "batch", "ending": "exit", "holds_the_lock": True},
        {"data": "processes", "moment": "start", "ending": "SIGINT SIGINT"},
        {"data": "auto", "moment": "batch", "ending": "SIGINT"},
        {"data": "auto", "moment": "validation", "ending": "SIGTERM"},
    ],
    "jax": [{"data": "processes", "moment": "batch", "ending": "SIGINT", "has_backup": True}],
    "torch": [{"data": "threads", "moment": "between", "ending": "SIGINT", "to_group": False}],
}


# The others end as any program does; they take 40 s of a processor.
@pytest.mark.parametrize(
    "backend",
    [
        pytest.param(backend, marks=[] if backend == "tensorflow" else pytest.mark.long)
        for backend in BACKENDS
        if is_installed(backend)
    ],
)
def test_an_interrupted_program_ends(backend: str, tmp_path: Path) -> None:
    with server(backend, PROGRAM, str(tmp_path)) as programs:
        for trial in SHORT[backend]:
            require_good_end(trial, programs.ask(trial))


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize(("backend", "times"), [param(b, 334) for b in BACKENDS])
def test_a_thousand_interrupted_programs_end(backend: str, times: int, tmp_path: Path) -> None:
    rng = random.Random(times)
    seconds, undisturbed = [], []
    with server(backend, PROGRAM, str(tmp_path)) as programs:
        for number in range(times):
            trial = {
                **rng.choice(CASES),
                "sample_s": rng.choice([0.0, 0.01, 0.03, 0.1]),
                "holds_the_lock": rng.random() < 0.3,
                "seed": number,
            }
            end = programs.ask(trial)
            require_good_end(trial, end)
            seconds.append(end["seconds"])
            if number % 10 == 0:
                undisturbed.append(programs.ask({**trial, "ending": "none"})["seconds"])
    # To free all that a backend has made takes Python seconds at the end of any program.
    print(f"median {np.median(seconds):.1f} s, most {max(seconds):.1f} s")
    print(f"undisturbed: median {np.median(undisturbed):.1f} s, most {max(undisturbed):.1f} s")
    assert max(seconds) < 2 + max(undisturbed)
