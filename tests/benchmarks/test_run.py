"""The benchmark's runner, and every contender, on a few tiny images."""

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from benchmarks.contenders import augseq_sequence, augseq_waiting
from benchmarks.indexing import INDEXERS
from benchmarks.tables import all_tables
from benchmarks.work import Job, UnavailableError
from PIL import Image

from benchmarks import boxes, data, report, run
from tests.backends import run_warm
from tests.benchmarks.probe import distinct_rows
from tests.benchmarks.test_data import TINY

ROOT = Path(__file__).parents[2]
NUM_IMAGES = 48


def run_python(*command: str, **variables: str) -> str:
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


@pytest.fixture(scope="module")
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which each image has its own class, and so its own label."""
    folder = tmp_path_factory.mktemp("images")
    data.generate(folder, TINY, NUM_IMAGES, num_classes=NUM_IMAGES)
    return folder


# The others differ from uint8 in the last step, and take as long.
ROWS = [
    pytest.param(
        dtype,
        name,
        marks=[pytest.mark.long] if dtype == "float32" and not name.startswith("augseq") else [],
    )
    for dtype in ("uint8", "float32")
    for name in distinct_rows(dtype)
]


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, tiny_images: Path) -> dict[tuple[str, str], Any]:
    """Two epochs of each selected contender and dtype, in batches of 20."""
    selected = [
        item.callspec.params
        for item in request.session.items
        if item.path == request.node.path and "seen" in getattr(item, "fixturenames", ())
    ]
    wanted = [(params.get("dtype", "uint8"), params["name"]) for params in selected]
    command = ("-m", "tests.benchmarks.probe", tiny_images, json.dumps(wanted))
    done = run_warm("tensorflow", *command, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {(one["name"], one["dtype"]): one for one in found}


def _found(seen: dict[tuple[str, str], Any], name: str, dtype: str) -> dict[str, Any]:
    found: dict[str, Any] = seen[name, dtype]
    if "skipped" in found:
        pytest.skip(found["skipped"])
    return found


@pytest.mark.parametrize(("dtype", "name"), ROWS)
def test_a_contender_gives_shuffled_batches_of_the_wanted_kind(
    seen: dict[tuple[str, str], Any], name: str, dtype: str
) -> None:
    found = _found(seen, name, dtype)
    last = 8 if found["once_per_epoch"] else 20
    for epoch in found["epochs"]:
        assert epoch["shapes"] == [[20, 32, 40, 3], [20, 32, 40, 3], [last, 32, 40, 3]]
        assert epoch["dtypes"] == [dtype]
        assert set(epoch["labels"]) <= set(range(NUM_IMAGES))
        if dtype == "uint8":
            assert max(epoch["highest"]) > 200
        else:
            # Black and white, normalised by the mean and standard deviation of ImageNet.
            assert -2.2 < min(epoch["lowest"]) < -1
            assert 1 < max(epoch["highest"]) < 2.7
    first, second = (epoch["labels"] for epoch in found["epochs"])
    assert first != sorted(first)
    assert first != second


@pytest.mark.parametrize("name", distinct_rows("uint8"))
def test_a_contender_that_promises_it_gives_each_image_once_in_an_epoch(
    seen: dict[tuple[str, str], Any], name: str
) -> None:
    found = _found(seen, name, "uint8")
    if not found["once_per_epoch"]:
        pytest.skip("its stream has no epochs")
    for epoch in found["epochs"]:
        assert sorted(epoch["labels"]) == list(range(NUM_IMAGES))


def test_an_option_that_augseq_lacks_is_a_reason_to_skip(tiny_images: Path) -> None:
    with pytest.raises(UnavailableError, match="has no option 'telepathy'"):
        augseq_sequence.make_sequence(Job(folder=tiny_images), telepathy=True)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JSON file of a short run of several kinds of tables, on a machine without Grain."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "grain.py").write_text("raise ModuleNotFoundError('no grain', name='grain')")
    run_python(
        *["benchmarks/run.py", "--num-images", str(NUM_IMAGES), "--rounds", "1", "--passes", "2"],
        *["--tables", "fit-jax", "index", "memory-epochs"],
        *["--only", "augseq_sequence", "grain_loader", "augseq", "scandir"],
        *["--output", str(folder / "results.json")],
        TMPDIR=str(folder),
        PYTHONPATH=os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
    )
    return folder / "results.json"


@pytest.fixture(scope="module")
def tables(output: Path) -> dict[str, Any]:
    """Tables by name, each with its summary by contender."""
    found = json.loads(output.read_text())["tables"]
    return {
        table["name"]: {**table, "summary": {one["contender"]: one for one in table["summary"]}}
        for table in found
    }


@pytest.mark.long
def test_the_runner_writes_the_documented_fields(output: Path) -> None:
    results = json.loads(output.read_text())
    assert set(results) == {"machine", "versions", "options", "tables"}
    assert {"date", "cpu", "num_cores", "load_at_start"} <= set(results["machine"])
    assert results["versions"]["augseq"]
    names = [table["name"] for table in results["tables"]]
    assert names == ["fit-jax", "index", "memory-epochs"]
    for table in results["tables"]:
        fields = ["kind", "title", "data", "real_data", "reference", "runs", "summary"]
        assert {*fields, "num_rounds", "num_passes", "batch_size", "dtype"} <= set(table)


@pytest.mark.long
def test_a_contender_with_a_missing_library_is_skipped_with_the_reason(
    tables: dict[str, Any], output: Path
) -> None:
    assert tables["fit-jax"]["summary"]["Grain, OpenCV"]["skipped"] == "no grain"
    text = output.with_suffix(".md").read_text()
    assert "Not measured: Grain, OpenCV (skipped: no grain)." in text


@pytest.mark.long
def test_speed_is_measured_in_passes_and_inside_fit(tables: dict[str, Any]) -> None:
    table = tables["fit-jax"]
    assert table["data"]["num_images"] == NUM_IMAGES
    outside, inside = table["summary"]["augseq, no fit"], table["summary"]["augseq"]
    assert outside["speed_ratio"] == outside["cpu_ratio"] == [1, 1, 1]
    for one in (outside, inside):
        assert one["num_images"] == 2 * NUM_IMAGES
        assert all(one[field] > 0 for field in ("images_per_s", "cpu_ms_per_image", "memory_mb"))
    # The row represents users without TensorFlow.
    assert not any(run.get("tensorflow_loaded") for run in table["runs"])


@pytest.mark.long
def test_all_files_are_indexed(tables: dict[str, Any]) -> None:
    summary = tables["index"]["summary"]
    assert set(summary) == {"Keras' own index", "augseq.index_folder", "os.scandir, names only"}
    for one in summary.values():
        assert one["num_images"] == 2 * NUM_IMAGES
        assert len(one["speed_ratio"]) == 3


@pytest.mark.long
def test_memory_and_its_growth_are_measured(tables: dict[str, Any]) -> None:
    one = tables["memory-epochs"]["summary"]["augseq"]
    assert 0 < one["main_mb"] < one["total_mb"] + 100
    assert abs(one["growth_mb"]) < one["total_mb"]


@pytest.mark.long
def test_the_runner_writes_tables_and_plots(output: Path, tables: dict[str, Any]) -> None:
    text = output.with_suffix(".md").read_text()
    assert all(f"**{table['title']}**" in text for table in tables.values())
    assert run_python("benchmarks/report.py", str(output)) == text
    for name in ("benchmark_fit", "benchmark_index"):
        with Image.open(output.with_name(f"{name}.png")) as plot:
            assert plot.width > 500


def test_every_table_names_its_rows_once_and_its_module() -> None:
    modules = {path.stem for path in (ROOT / "benchmarks" / "contenders").glob("*.py")}
    for table in all_tables(2):
        labels = [row.label for row in table.rows]
        assert len(set(labels)) == len(labels)
        known = set(INDEXERS) if table.kind == "index" else modules
        assert {row.contender for row in table.rows} <= known


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


def _made_up_table(summary: list[dict[str, Any]]) -> dict[str, Any]:
    names = {"name": "small-jpeg", "title": "A table", "kind": "passes", "reference": "tf_data"}
    numbers = {"num_rounds": 1, "num_passes": 1, "batch_size": 64, "dtype": "uint8"}
    return {**names, **numbers, "summary": summary}


def test_ratios_are_taken_within_a_round() -> None:
    # The second round took ten times as long for both.
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


def test_a_run_with_no_measurable_cpu_time_has_no_cpu_ratio() -> None:
    runs = [_made_up_run(0, "tf_data", 1.0, 0.0), _made_up_run(0, "other", 2.0, 3.0)]
    _, other = report.summarize(runs, "tf_data")
    assert other["cpu_ratio"] is None
    assert other["speed_ratio"] == [0.5, 0.5, 0.5]


def test_without_a_reference_there_are_figures_but_no_ratios() -> None:
    runs = [
        {"round": 0, "contender": "tf_data", "skipped": "no tensorflow"},
        _made_up_run(0, "other", 2.0, 3.0),
    ]
    missing, other = report.summarize(runs, "tf_data")
    assert missing == {"contender": "tf_data", "skipped": "no tensorflow"}
    assert other["speed_ratio"] is None
    text = report.markdown_table(_made_up_table([missing, other]))
    assert "| other | 50 | - | - |" in text
    assert "tf_data (skipped: no tensorflow)" in text


def test_the_overview_has_a_column_for_each_table_of_the_same_reference() -> None:
    one = {"contender": "tf_data", "speed_ratio": [1, 1, 1]}
    other = {"contender": "other", "speed_ratio": [1.1, 1.25, 1.3]}
    tables = [
        _made_up_table([one, other]),
        {**_made_up_table([one, {"contender": "other", "skipped": "no"}]), "name": "png"},
        {**_made_up_table([other]), "name": "cached", "reference": "other"},
        {**_made_up_table([other]), "name": "fit-jax", "kind": "fit"},
    ]
    assert report.overview({"tables": tables}).splitlines() == [
        "|  | small-jpeg | png |",
        "|---|---:|---:|",
        "| tf_data | 1.00 | 1.00 |",
        "| other | 1.25 | - |",
    ]


def test_a_contender_that_fails_later_is_reported_as_failed() -> None:
    runs = [
        _made_up_run(0, "tf_data", 1.0, 2.0),
        {"round": 1, "contender": "tf_data", "failed": "exit code 1\nboom"},
    ]
    (summary,) = report.summarize(runs, "tf_data")
    assert summary == {"contender": "tf_data", "failed": "exit code 1\nboom"}
    assert "(failed: exit code 1)" in report.markdown_table(_made_up_table([summary]))


@pytest.mark.parametrize("worker_kind", ["threads", "processes"])
def test_the_decoder_that_waits_gives_epochs_of_distinct_records(
    tiny_images: Path, worker_kind: str
) -> None:
    job = Job(folder=tiny_images, image_size=(8, 8), batch_size=2)
    epochs = augseq_waiting.epochs(job, wait_ms=0.1, workers=2, worker_kind=worker_kind)
    for epoch in islice(epochs, 2):
        labels = [label for _, labels in epoch for label in labels.tolist()]
        assert sorted(labels) == list(range(2 * augseq_waiting.NUM_BATCHES))


def test_a_folder_without_images_in_its_sub_folders_is_refused_before_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data.generate(tmp_path / "photos", TINY, 2, num_classes=2)
    monkeypatch.setattr(sys, "argv", ["run.py", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit):
        run.parse_arguments()
    assert f"no images in the sub-folders of {str(tmp_path)!r}" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["run.py", "--folder", str(tmp_path / "photos")])
    assert run.parse_arguments().folder == tmp_path / "photos"


def test_the_cost_of_boxes_is_printed_as_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["boxes.py", "--rounds", "2", "--num-boxes", "2"])
    monkeypatch.setattr(boxes, "NUM_IMAGES", 4)
    boxes.main()
    title, _, *table = capsys.readouterr().out.splitlines()
    assert title.startswith("CPU time that 2 boxes add to an image of 300 x 400 pixels")
    assert [row.count(" ms (") for row in table] == [0, 0, 2, 2, 2]
