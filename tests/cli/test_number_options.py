"""Numbers at the shell: invalid ones are refused clearly and immediately."""

import inspect
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import augseq
from augseq.pixels.options import DecodeOptions
from tests.cli.test_main import Run, folder, run  # noqa: F401


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("index x --max-pixels 2e8", "at least 1. Received: '2e8'. Write 200000000."),
        ("check x --max-file-bytes 1e9", "Received: '1e9'. Write 1000000000."),
        ("show x --images 3.0", "Received: '3.0'. Write 3."),
        ("index x --max-pixels 1.5", "an integer of at least 1. Received: '1.5'."),
        ("index x --max-pixels many", "an integer of at least 1. Received: 'many'."),
        ("bench x --images 0", "at least 1. Received: '0'."),
        ("fit x --epochs -1e3", "at least 1. Received: '-1e3'."),
        ("fit x --epochs inf", "at least 1. Received: 'inf'."),
        ("fit x --seed 7.5", "an integer. Received: '7.5'."),
        ("check x --num-bits 65", "from 0 to 64. Received: '65'."),
        (
            "check x --correlation 1,5",
            "finite number of at least 0 and at most 1. Received: '1,5'.",
        ),
        ("split x -o m.parquet --val half", "a finite number. Received: 'half'."),
        ("fit x --learning-rate -0.1", "a finite number above 0. Received: '-0.1'."),
        ("fit x --learning-rate 0", "a finite number above 0. Received: '0'."),
        ("fit x --learning-rate nan", "a finite number above 0. Received: 'nan'."),
        ("check x --imbalance inf", "a finite number of at least 1. Received: 'inf'."),
    ],
)
def test_an_invalid_number_reports_the_rule(run: Run, command: str, message: str) -> None:  # noqa: F811
    outcome = run(*command.split())
    assert outcome.code == 2
    # Without the border around it.
    words = " ".join(outcome.err.replace("│", " ").split())
    assert "must be a" in words
    assert message in words
    assert "Input should be" not in words


RUN = ["epochs", "batch_size", "learning_rate", "val", "seed", "workers"]
DECODING = ["max_pixels", "max_file_bytes"]
CHECK = ["tiny_px", "huge_pixels", "aspect_ratio", "imbalance", "num_bits", "correlation"]


@pytest.mark.parametrize(
    ("command", "options", "name"),
    [
        *[("fit", augseq.RunOptions, name) for name in [*RUN, *DECODING]],
        *[("check", augseq.CheckOptions, name) for name in CHECK],
        *[("bench", DecodeOptions, name) for name in DECODING],
    ],
)
def test_the_shell_refuses_the_numbers_that_python_refuses_in_the_same_words(
    run: Run,  # noqa: F811
    command: str,
    options: Callable[..., object],
    name: str,
) -> None:
    is_float = "float" in str(inspect.signature(options).parameters[name].annotation)
    for value in ["0", "1.5", "nan", "inf"] if is_float else ["-1", "0", "65", "9" * 400]:
        outcome = run(command, "nowhere", f"--{name.replace('_', '-')}={value}")
        words = " ".join(outcome.err.replace("│", " ").split())
        try:
            options(**{name: float(value) if is_float else int(value)})
        except augseq.errors.ArgumentError as error:
            rule = str(error).partition(" must be ")[2].partition(" Received: ")[0]
            assert f" must be {rule} Received: " in words
            assert "nowhere" not in words
        else:
            assert "There is no folder 'nowhere'" in words


def test_an_integer_can_have_separators(run: Run, folder: Path) -> None:  # noqa: F811
    assert run("index", folder, "--max-pixels", "1_000_000").code == 0


@pytest.mark.parametrize(
    "options",
    [
        "--image-size 5000000",
        "--image-size 0",
        "--image-size big",
        "--augment nothing",
        "--batch-size 0",
        "--seed -1",
        "--val 1",
    ],
)
def test_fit_refuses_an_invalid_option_before_it_indexes(
    run: Run,  # noqa: F811
    options: str,
) -> None:
    # Otherwise it would report the missing folder.
    outcome = run("fit", "nowhere", *shlex.split(options))
    assert outcome.code == 1
    assert "nowhere" not in outcome.err
    assert "Received: " in outcome.err


@pytest.mark.parametrize("command", ["show", "bench", "check"])
def test_other_commands_refuse_an_invalid_option_first(run: Run, command: str) -> None:  # noqa: F811
    outcome = run(command, "nowhere", "--image-size", "5000000")
    assert (outcome.code, "nowhere" in outcome.err) == (1, False)


def test_the_package_runs_as_a_module(folder: Path) -> None:  # noqa: F811
    command = [sys.executable, "-m", "augseq", "index", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.stdout.startswith("20 images in 2 classes")
