"""The program that measures how long an accelerator waits, run without one."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.gpu_report import CONSTANT, find_waits, table, write
from PIL import Image

from benchmarks import data, gpu_feed
from tests.benchmarks.test_data import TINY
from tests.benchmarks.test_run import run_python

# As on a machine without psutil and network, with no variables for backend and albumentations.
ASKS_FOR_HELP = """
import os, runpy, sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        raise RuntimeError("this goes to the network")

sys.addaudithook(refuse)
sys.modules["psutil"] = None
os.environ.pop("NO_ALBUMENTATIONS_UPDATE", None)
sys.argv = ["benchmarks/gpu_feed.py", "--help"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("Keras:", "keras" in sys.modules)
    import albumentations
"""

# In a separate process, since the loader's workers are forked.
TAKES_BATCHES = """
import json, multiprocessing, sys
from itertools import count, islice
from pathlib import Path

import augseq
from benchmarks import gpu_feed
from benchmarks.work import Job

multiprocessing.set_start_method("forkserver")
job = Job(folder=Path(sys.argv[1]), image_size=(16, 16), batch_size=20, workers=2)
found = {}
for name, make in gpu_feed.make_feeds(job, augseq.ImageCache(folder=sys.argv[2])).items():
    feed = make()
    assert make() is feed
    batches = map(feed.__getitem__, count()) if "augseq" in name else feed
    taken = [(images.shape, str(labels.dtype)) for images, labels in islice(batches, 7)]
    found[name] = [taken, gpu_feed.measure_alone(gpu_feed.ON_CPU, feed, 0)]
print(json.dumps(found))
"""


def test_help_needs_neither_backend_nor_psutil_nor_network() -> None:
    printed = run_python("-c", ASKS_FOR_HELP, KERAS_BACKEND="")
    assert "--max-s" in printed
    assert "Keras: False" in printed


@pytest.mark.long
def test_every_feed_gives_full_batches_where_sizes_do_not_divide(tmp_path: Path) -> None:
    data.generate(tmp_path / "images", TINY, num_images=50)
    printed = run_python("-c", TAKES_BATCHES, str(tmp_path / "images"), str(tmp_path / "cache"))
    found = json.loads(printed.splitlines()[-1])
    assert list(found) == [
        "augseq, threads",
        "augseq, processes",
        "torch DataLoader, albumentations",
        "augseq, processes, cached",
        "augseq, no workers",
    ]
    for taken, images_per_s in found.values():
        assert taken == [[[20, 16, 16, 3], "int32"]] * 7
        assert images_per_s > 0
    assert "the cache holds 50 of 50 images" in printed


def test_fewer_images_than_a_batch_has_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    options = gpu_feed.make_parser().parse_args(["--num-images", "200", "--batch-size", "201"])
    with pytest.raises(SystemExit):
        gpu_feed.choose_sizes(options, "an accelerator")
    assert "--num-images must be at least --batch-size, 201" in capsys.readouterr().err


def test_default_sizes_depend_on_the_device() -> None:
    options = gpu_feed.make_parser().parse_args(["--num-rounds", "7"])
    assert gpu_feed.choose_sizes(options, None).num_images == 64
    sizes = gpu_feed.choose_sizes(options, "an accelerator")
    assert (sizes.num_images, sizes.batch_size, sizes.num_rounds) == (20_480, 256, 7)


def test_the_backend_is_the_one_asked_for_or_the_first_that_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    assert gpu_feed.choose_backend() == "openvino"
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setattr(gpu_feed, "BACKENDS", ("no_such_backend", "torch", "jax"))
    assert gpu_feed.choose_backend() == "torch"
    monkeypatch.setattr(gpu_feed, "BACKENDS", ("no_such_backend",))
    with pytest.raises(SystemExit, match=r"None of Keras' backends is installed: no_such_backend"):
        gpu_feed.choose_backend()


def _batches(taken: list[int]) -> Iterator[Any]:
    while True:
        taken.append(len(taken))
        yield np.zeros((4, 2, 2, 3), np.uint8), np.zeros(4, np.int32)


def test_the_first_batches_are_not_timed() -> None:
    taken: list[int] = []
    rate = gpu_feed.measure_alone(gpu_feed.ON_CPU, _batches(taken), end=0)
    # Two batches of the first epoch, and one that is timed.
    assert len(taken) == 3
    assert rate > 0


def _measures(log: list[tuple[str, str]]) -> dict[str, gpu_feed.Measure]:
    """Return fake measures: images per second are the number of letters of the feed's name."""

    def measure(kind: str, feed: str, end: float) -> float:
        log.append((kind, feed))
        if feed == "broken":
            raise RuntimeError("the shared memory is full")
        return float(len(feed))

    return {kind: partial(measure, kind) for kind in ("training", "alone")}


def _feeds(*names: str) -> dict[str, gpu_feed.Make]:
    return {name: partial(str, name) for name in names}


LATER = 1e12


def test_a_failure_is_recorded_and_the_other_feeds_continue() -> None:
    log: list[tuple[str, str]] = []
    feeds = _feeds(CONSTANT, "broken", "good")
    *_, found = gpu_feed.measure_all(feeds, _measures(log), num_rounds=2, end=LATER)
    assert found["failed"] == {"broken": "RuntimeError: the shared memory is full"}
    assert found["training"] == {CONSTANT: [19.0, 19.0], "good": [4.0, 4.0]}
    assert found["alone"] == {"good": [4.0]}
    assert found["waits"] == {"good": pytest.approx(15 / 19)}
    assert log.count(("training", "broken")) == 1


def test_a_feed_that_cannot_be_made_fails_alone() -> None:
    feeds = {"absent": partial(open, "no such file"), **_feeds("good")}
    *_, found = gpu_feed.measure_all(feeds, _measures([]), num_rounds=1, end=LATER)
    assert "No such file" in found["failed"]["absent"]
    assert found["training"] == {"good": [4.0]}


def test_results_come_after_each_measurement_the_constant_batch_first() -> None:
    rounds = gpu_feed.measure_all(_feeds(CONSTANT, "good"), _measures([]), num_rounds=1, end=LATER)
    assert next(rounds)["training"] == {CONSTANT: [19.0]}
    assert next(rounds)["training"] == {CONSTANT: [19.0], "good": [4.0]}
    assert next(rounds)["alone"] == {"good": [4.0]}
    assert next(rounds, None) is None


def test_a_measurement_that_cannot_finish_in_time_is_not_started(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def slow(feed: str, end: float) -> float:
        while time.perf_counter() < start + 0.05:
            pass
        return 1.0

    start = time.perf_counter()
    measures: dict[str, gpu_feed.Measure] = {"training": slow, "alone": slow}
    found = list(gpu_feed.measure_all(_feeds(CONSTANT), measures, num_rounds=9, end=start + 0.08))
    assert found[-1]["training"] == {CONSTANT: [1.0]}
    assert f"no time is left for training: {CONSTANT}" in capsys.readouterr().out


def test_waiting_is_the_share_by_which_a_feed_is_slower_in_the_same_round() -> None:
    training = {CONSTANT: [100.0, 200.0, 400.0], "feed": [50.0, 180.0], "new": [75.0]}
    assert find_waits(training) == {"feed": pytest.approx(0.3), "new": pytest.approx(0.25)}
    assert find_waits({"feed": [50.0]}) == {}


RESULTS: dict[str, Any] = {
    "device": "a device",
    "backend": "jax",
    "sizes": {"precision": "float32", "batch_size": 8},
    "workers": 2,
    "training": {CONSTANT: [100.0, 102.0], "feed": [80.4]},
    "alone": {"feed": [500.0]},
    "waits": {"feed": 0.196},
    "failed": {"other": "RuntimeError: full"},
}


def test_the_table_has_all_figures_and_failures() -> None:
    assert table(RESULTS).splitlines() == [
        "a device, Keras on jax, float32, 2 workers, batches of 8",
        "",
        "| feed | images/s in training | alone | accelerator waits |",
        "|---|---:|---:|---:|",
        f"| {CONSTANT} | 101 |  |  |",
        "| feed | 80 | 500 | 19.6% |",
        "",
        "other failed: RuntimeError: full",
    ]


@pytest.mark.parametrize("part", [{}, {"alone": {}, "waits": {}}, {"training": {"feed": [1.0]}}])
def test_json_and_plot_are_written_for_partial_results_too(
    tmp_path: Path, part: dict[str, Any]
) -> None:
    write({**RESULTS, **part}, tmp_path / "new")
    assert json.loads((tmp_path / "new" / "gpu_feed.json").read_text()) == {**RESULTS, **part}
    with Image.open(tmp_path / "new" / "gpu_feed.png") as plot:
        assert plot.width > 500
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_without_any_figure_there_is_no_plot(tmp_path: Path) -> None:
    write({**RESULTS, "training": {}}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["gpu_feed.json"]


def test_training_continues_until_its_time_is_over() -> None:
    import keras
    from benchmarks.gpu_training import Constant, EpochClock, measure_training

    sizes = gpu_feed.ON_CPU
    inputs = keras.Input((sizes.image_side, sizes.image_side, 3), dtype="uint8")
    scores = keras.layers.Dense(data.NUM_CLASSES)(keras.layers.GlobalAveragePooling2D()(inputs))
    model = keras.Model(inputs, scores)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=False)
    assert measure_training(model, sizes, Constant(sizes), end=LATER) > 0
    clock = EpochClock(timed_s=LATER, end=0)
    options = {"steps_per_epoch": 2, "epochs": 9, "shuffle": False, "verbose": 0}
    model.fit(Constant(sizes), callbacks=[clock], **options)
    # The first epoch is never timed, so there must be a second one.
    assert len(clock.ends) == 2


@pytest.mark.long
def test_the_program_measures_every_feed(tmp_path: Path) -> None:
    run_python("benchmarks/gpu_feed.py", "--into", str(tmp_path), TMPDIR=str(tmp_path))
    found = json.loads((tmp_path / "gpu_feed.json").read_text())
    assert found["failed"] == {}
    assert len(found["training"]) == 5
    assert set(found["alone"]) == set(found["waits"]) == set(found["training"]) - {CONSTANT}
