"""The benchmark's runner, and every contender, on a few tiny images."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.contenders import CONTENDERS, REFERENCE
from PIL import Image

from benchmarks import data, report
from tests.benchmarks.test_data import TINY

ROOT = Path(__file__).parents[2]
NUM_IMAGES = 48


def _run(*command: str, **variables: str) -> str:
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


@pytest.fixture(scope="module")
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which each image has a class, and so a label, of its own."""
    folder = tmp_path_factory.mktemp("images")
    data.generate(folder, TINY, NUM_IMAGES, num_classes=NUM_IMAGES)
    return folder


@pytest.fixture(scope="module")
def seen(tiny_images: Path) -> dict[str, Any]:
    """What each contender gave in two epochs of batches of 20."""
    lines = _run("-m", "tests.benchmarks.probe", str(tiny_images), *CONTENDERS).splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return {one["contender"]: one for one in found}


@pytest.mark.parametrize("name", CONTENDERS)
def test_a_contender_gives_shuffled_batches_of_the_wanted_kind(
    seen: dict[str, Any], name: str
) -> None:
    found = seen[name]
    if "skipped" in found:
        pytest.skip(found["skipped"])
    last = 8 if found["once_per_epoch"] else 20
    for epoch in found["epochs"]:
        assert epoch["shapes"] == [[20, 32, 40, 3], [20, 32, 40, 3], [last, 32, 40, 3]]
        assert epoch["dtypes"] == ["uint8"]
        assert min(epoch["spread"]) > 50
        assert set(epoch["labels"]) <= set(range(NUM_IMAGES))
    first, second = (epoch["labels"] for epoch in found["epochs"])
    assert first != sorted(first)
    assert first != second


@pytest.mark.parametrize("name", CONTENDERS)
def test_a_contender_that_promises_it_gives_each_image_once_in_an_epoch(
    seen: dict[str, Any], name: str
) -> None:
    if not seen[name].get("once_per_epoch"):
        pytest.skip("its stream has no epochs" if "epochs" in seen[name] else "missing library")
    for epoch in seen[name]["epochs"]:
        assert sorted(epoch["labels"]) == list(range(NUM_IMAGES))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JSON file of a short run, on a machine that lacks Grain."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "grain.py").write_text("raise ModuleNotFoundError('no grain', name='grain')")
    names = ["augseq_threads", "plain_pydataset", "grain_loader"]
    _run(
        *["benchmarks/run.py", "--num-images", str(NUM_IMAGES), "--rounds", "1", "--passes", "1"],
        *["--output", str(folder / "results.json"), "--only", *names],
        TMPDIR=str(folder),
        PYTHONPATH=str(folder),
    )
    return folder / "results.json"


def test_the_runner_writes_the_documented_fields(output: Path) -> None:
    results = json.loads(output.read_text())
    assert set(results) == {
        *["machine", "versions", "options", "data", "real_data", "reference", "runs", "summary"]
    }
    assert {"date", "cpu", "num_cores", "load_at_start"} <= set(results["machine"])
    assert results["data"]["num_images"] == NUM_IMAGES
    assert results["versions"]["augseq"]
    by_name = {one["contender"]: one for one in results["summary"]}
    assert list(by_name) == [REFERENCE, "augseq_threads", "plain_pydataset", "grain_loader"]
    assert by_name["grain_loader"]["skipped"] == "no grain"
    assert by_name[REFERENCE]["speed_ratio"] == by_name[REFERENCE]["cpu_ratio"] == [1, 1, 1]
    for name in ("augseq_threads", "plain_pydataset"):
        assert all(by_name[name][field] > 0 for field in ("images_per_s", "memory_mb"))
        assert len(by_name[name]["speed_ratio"]) == len(by_name[name]["cpu_ratio"]) == 3
    images = {run["contender"]: run.get("num_images") for run in results["runs"]}
    assert images["augseq_threads"] == images["plain_pydataset"] == NUM_IMAGES
    # An endless stream of full batches.
    assert images[REFERENCE] == 64


def test_the_runner_writes_a_table_and_a_plot(output: Path) -> None:
    table = output.with_suffix(".md").read_text()
    assert all(f"| {name} |" in table for name in (REFERENCE, "augseq_threads", "grain_loader"))
    with Image.open(output.with_suffix(".png")) as plot:
        assert plot.width > 500


def _made_up_run(round_: int, contender: str, wall_s: float, cpu_s: float) -> dict[str, Any]:
    return {
        "round": round_,
        "contender": contender,
        "num_images": 100,
        "wall_s": wall_s,
        "between_s": 0.0,
        "cpu_s": cpu_s,
        "memory_mb": 1.0,
    }


def test_ratios_are_taken_within_a_round() -> None:
    # In the second round, everything took ten times as long.
    runs = [
        _made_up_run(0, "tf_data", 1.0, 2.0),
        _made_up_run(0, "other", 2.0, 3.0),
        _made_up_run(1, "tf_data", 10.0, 20.0),
        _made_up_run(1, "other", 20.0, 30.0),
    ]
    _, other = report.summarize(runs, "tf_data")
    assert other["speed_ratio"] == [0.5, 0.5, 0.5]
    assert other["cpu_ratio"] == [1.5, 1.5, 1.5]
    assert other["images_per_s"] == pytest.approx((50 + 5) / 2)


def test_without_a_reference_there_are_figures_but_no_ratios() -> None:
    runs = [
        {"round": 0, "contender": "tf_data", "skipped": "no tensorflow"},
        _made_up_run(0, "other", 2.0, 3.0),
    ]
    missing, other = report.summarize(runs, "tf_data")
    assert missing == {"contender": "tf_data", "skipped": "no tensorflow"}
    assert other["speed_ratio"] is None
    assert "skipped: no tensorflow" in report.text_table([missing, other])


def test_a_contender_that_fails_later_is_reported_as_failed() -> None:
    runs = [
        _made_up_run(0, "tf_data", 1.0, 2.0),
        {"round": 1, "contender": "tf_data", "failed": "exit code 1\nboom"},
    ]
    (summary,) = report.summarize(runs, "tf_data")
    assert summary == {"contender": "tf_data", "failed": "exit code 1\nboom"}
    assert "failed: exit code 1" in report.text_table([summary])
