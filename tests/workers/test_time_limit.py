"""A batch that takes too long raises an error with its location, and delays no later batch."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import augseq
from augseq.loading.batch import Batch
from augseq.workers.make_workers import WorkerOptions, make_workers
from augseq.workers.process_pool import ProcessWorkers
from augseq.workers.protocol import Workers
from augseq.workers.time_limit import Patience
from tests.pixels.conftest import photo
from tests.remote.servers import FileHandler, serving

from . import transforms
from .plans import NUM_BATCHES, array_plan, at, bits, loaded, numbered_images, wait_until
from .test_process_ends import run

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals"),
]
# A worker process takes a second to start.
LIMIT_S = {"threads": 0.5, "processes": 4.0}
HUNG = (
    r"batch_timeout_s={limit:g} s, but batch 1 of epoch 0 was not\. In augmentation 2, 'Hang'\. "
    r"While loading 'x\[5\]' \(index 5\), epoch 0, seed 3\. "
    r"To replay: sequence\.sample\(epoch=0, index=5\)\. "
)


@pytest.fixture(autouse=True)
def no_thread_hangs_longer_than_its_test() -> Iterator[None]:
    transforms.GO_ON.clear()
    yield
    transforms.GO_ON.set()


def workers_for(kind: Any, augment: list[Any], limit_s: float | None = None) -> Workers:
    limit_s = LIMIT_S[kind] if limit_s is None else limit_s
    options = WorkerOptions(kind=kind, number=2, max_queue_size=3, batch_timeout_s=limit_s)
    return make_workers(options, array_plan(augment))


def seconds_of(call: Callable[[], Any]) -> float:
    start = time.monotonic()
    call()
    return time.monotonic() - start


@pytest.mark.parametrize("way", ["ahead", "asked for"])
def test_a_hanging_thread_is_reported_in_time_and_replaced(way: str) -> None:
    workers = workers_for("threads", [transforms.add_noise_but_first, transforms.Hang()])
    expected = array_plan([transforms.add_noise_but_first])
    before = threading.active_count()

    def make(step: int) -> Batch:
        return (
            workers.submit(at(step), urgent=True).result()
            if way == "asked for"
            else workers.submit(at(step)).result()
        )

    def fail() -> None:
        text = HUNG.format(limit=0.5) + "A thread cannot be killed.*processes"
        with pytest.raises(augseq.errors.BatchTimeoutError, match=text):
            make(1)

    for _ in range(2):
        assert 0.5 <= seconds_of(fail) < 20
    # The usual number of threads keeps working, besides the two that hang.
    for step in [0, *range(2, NUM_BATCHES)]:
        assert bits(make(step)) == bits(loaded(expected, step))
    assert threading.active_count() <= before + 2 + 2


def test_a_batch_is_loaded_even_if_every_thread_hangs_in_another() -> None:
    workers = workers_for("threads", [transforms.Hang(at=5), transforms.Hang(at=9)])
    for step in (1, 2):
        workers.submit(at(step))
    start = time.monotonic()
    batches = [workers.submit(at(step), urgent=True) for step in (4, 0)]
    for step, batch in zip((4, 0), batches, strict=True):
        assert bits(batch.result()) == bits(loaded(array_plan(), step))
    assert time.monotonic() - start < 20 * LIMIT_S["threads"]


@pytest.mark.parametrize("in_native_code", [False, True])
def test_a_hanging_process_is_reported_in_time_and_killed(in_native_code: bool) -> None:
    augment = [transforms.add_noise_but_first, transforms.Hang(in_native_code=in_native_code)]
    workers = workers_for("processes", augment)
    assert isinstance(workers, ProcessWorkers)
    tasks = [workers.submit(at(step)) for step in range(NUM_BATCHES)]
    tasks[0].result(30)
    assert wait_until(lambda: len(workers.process_ids) == 2)
    processes = {psutil.Process(process_id) for process_id in workers.process_ids}

    def fail() -> None:
        text = HUNG.format(limit=4) + r"The worker process was killed\."
        with pytest.raises(augseq.errors.BatchTimeoutError, match=text):
            tasks[1].result()

    assert seconds_of(fail) < 20
    assert sum(process.is_running() for process in processes) == 1
    for step in [0, *range(2, NUM_BATCHES)]:
        expected = array_plan([transforms.add_noise_but_first])
        assert bits(tasks[step].result(30)) == bits(loaded(expected, step))


@contextmanager
def server_silent_about(name: str, folder: Path) -> Iterator[str]:
    """Serve the files of a folder, but never answer requests for one of them."""
    is_over = threading.Event()

    class Silent(FileHandler):
        def do_GET(self) -> None:  # noqa: N802 (the server's name for it)
            if self.path == f"/{name}":
                is_over.wait()
            else:
                super().do_GET()

    with serving(Silent, folder) as port:
        yield f"http://127.0.0.1:{port}"
        is_over.set()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_a_file_that_hangs_while_it_is_read_is_named(kind: Any, tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    for index in range(6):
        photo(40, 50).save(root / f"{index}.png")
    images = augseq.index_folder(root, labels=None, progress=False)
    with server_silent_about("3.png", root) as address:
        batches = augseq.ImageSequence(
            replace(images, root=address, remote=augseq.RemoteOptions(num_tries=1)),
            label_mode=None,
            image_size=(8, 8),
            batch_size=2,
            workers=1,
            worker_kind=kind,
            # The first file waits for the library that asks for it.
            batch_timeout_s=5,
        )
        text = r"Outside the augmentations, while a file.*'3.png' \(index 3\), epoch 0, seed 0"
        with pytest.raises(TimeoutError, match=text):
            batches[1]
        assert isinstance(batches.failure, augseq.errors.BatchTimeoutError)
        assert batches[2].shape == batches[0].shape == (2, 8, 8, 3)


def test_a_transform_that_hangs_while_it_is_loaded_stays_on_threads() -> None:
    with pytest.warns(augseq.AugseqWarning, match=r"1 of `augment`, 'HangWhenLoaded'.*longer"):
        workers = workers_for("processes", [transforms.HangWhenLoaded()], limit_s=4)
    assert bits(workers.submit(at(0), urgent=True).result()) == bits(loaded(array_plan(), 0))


def test_a_process_that_hangs_while_it_starts_is_not_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What Python runs first, here in each new process; and more than a pipe holds for it.
    (tmp_path / "sitecustomize.py").write_text("import signal; signal.pause()", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    plan = array_plan([transforms.Raise(transforms.TextError(2_000_000 * "large"))])
    # A number that no other test has, whose processes it would share.
    workers = ProcessWorkers(plan, 5, limit_s=1)
    for step in (0, 3):
        with pytest.raises(augseq.errors.BatchTimeoutError, match="still loading the pipeline"):
            workers.submit(at(step), urgent=True).result()
    monkeypatch.undo()
    patient = ProcessWorkers(plan, 5, limit_s=30)
    assert bits(patient.submit(at(0), urgent=True).result()) == bits(loaded(plan, 0))


def test_a_program_exits_even_if_a_batch_hangs() -> None:
    output, errors = run(
        """
        options = WorkerOptions(kind="threads", number=2, max_queue_size=3, batch_timeout_s=0.3)
        workers = make_workers(options, array_plan([transforms.Hang()]))
        try:
            workers.submit(at(1), urgent=True).result()
        except TimeoutError as error:
            print(type(error).__name__)
        """
    )
    assert (output, errors) == (["BatchTimeoutError"], "")


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_batches_within_the_limit_and_without_a_limit_are_the_same(kind: Any) -> None:
    plan = array_plan([transforms.release_the_lock])
    for limit_s in (None, 60):
        options = WorkerOptions(kind=kind, number=2, max_queue_size=3, batch_timeout_s=limit_s)
        workers = make_workers(options, plan)
        tasks = [workers.submit(at(step)) for step in range(NUM_BATCHES)]
        assert bits(workers.submit(at(3), urgent=True).result()) == bits(loaded(plan, 3))
        assert [bits(task.result()) for task in tasks] == [bits(loaded(plan, k)) for k in range(10)]


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "5"])
def test_an_invalid_limit_raises_an_error(value: Any) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"`batch_timeout_s` must be .* above 0.*None"
    ):
        augseq.ImageSequence.from_arrays(numbered_images(), batch_timeout_s=value)


@pytest.mark.parametrize("value", [np.int64(600), np.float32(0.5)])
def test_a_limit_can_be_a_numpy_number(value: Any) -> None:
    batches = augseq.ImageSequence.from_arrays(numbered_images(), batch_timeout_s=value)
    assert batches._worker_options.batch_timeout_s == value


def test_copies_of_a_sequence_keep_its_limit() -> None:
    batches = augseq.ImageSequence.from_arrays(
        numbered_images(), batch_size=4, augment=[transforms.Hang()], batch_timeout_s=0.3
    )
    for twin in (batches, batches.repeat(), batches.shard(0, 1)):
        with pytest.raises(augseq.errors.BatchTimeoutError):
            twin[1]


@pytest.mark.parametrize(("stops_s", "turns"), [(0.0, 10), (3600.0, 10)])
def test_time_in_which_the_program_is_suspended_does_not_count(
    stops_s: float, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, waits = np.zeros(1), []
    monkeypatch.setattr("time.monotonic", lambda: float(clock[0]))

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        clock[0] += seconds + (stops_s if len(waits) == 4 else 0)
        return False

    assert not Patience(9.5).wait(wait)
    assert waits == [1.0] * 9 + [0.5]
    assert len(waits) == turns


def test_time_left_by_one_wait_remains_for_the_next() -> None:
    patience = Patience(0.4)
    assert patience.wait(lambda _: "found") == "found"
    assert not patience.wait(lambda seconds: threading.Event().wait(seconds))
    assert patience.wait(lambda seconds: seconds) == 0
