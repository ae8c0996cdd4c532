"""Which workers a sequence gets, and how it describes them."""

import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from augseq.errors import ArgumentError, AugseqWarning, SharedMemoryError, WorkerError
from augseq.loading.plan import BatchPlan
from augseq.workers.auto import AutoWorkers
from augseq.workers.make_workers import WorkerOptions, make_workers
from augseq.workers.process_pool import ProcessWorkers
from augseq.workers.protocol import Workers
from augseq.workers.serial import SerialWorkers
from augseq.workers.threads import ThreadWorkers

from . import transforms
from .plans import (
    NUM_BATCHES,
    array_plan,
    at,
    bits,
    loaded,
    no_more_open_files,
    numbered_images,
)

pytestmark = pytest.mark.timeout(60)


def workers_for(plan: BatchPlan, kind: Any, number: int = 2) -> Workers:
    return make_workers(WorkerOptions(kind=kind, number=number, max_queue_size=3), plan)


@pytest.mark.parametrize(
    ("kind", "number", "expected"),
    [
        ("threads", 2, ThreadWorkers),
        ("processes", 2, ProcessWorkers),
        ("serial", 2, SerialWorkers),
        ("threads", 0, SerialWorkers),
        ("processes", 0, SerialWorkers),
        ("auto", 2, AutoWorkers),
        ("auto", 0, SerialWorkers),
    ],
)
def test_each_kind_creates_its_workers_and_all_give_the_same_bits(
    kind: str, number: int, expected: type
) -> None:
    plan = array_plan([transforms.add_noise])
    workers = workers_for(plan, kind, number)
    assert type(workers) is expected
    for step in range(NUM_BATCHES):
        assert bits(workers.submit(at(step)).result(30)) == bits(loaded(plan, step))
        assert bits(workers.submit(at(step), urgent=True).result()) == bits(loaded(plan, step))


def test_by_default_there_is_a_worker_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augseq.workers.make_workers.num_cores", lambda: 6)
    options = WorkerOptions(kind="threads", number=None, max_queue_size=None)
    assert (options.num_workers, options.depth) == (6, 12)
    assert options.text("") == "threads: 6, up to 12 batches ahead"
    # Sent to a machine with fewer cores.
    sent = pickle.dumps(options)
    monkeypatch.setattr("augseq.workers.make_workers.num_cores", lambda: 3)
    assert pickle.loads(sent).num_workers == 3
    assert pickle.loads(sent).depth == 10


def test_an_unknown_kind_raises_an_error() -> None:
    with pytest.raises(ArgumentError, match="`worker_kind` must be one of 'auto', 'processes'"):
        WorkerOptions(kind="thread", number=1, max_queue_size=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (transforms.Locked(), "'Locked', cannot be loaded there: cannot pickle '_thread.lock'"),
        (transforms.Unloadable(), "'Unloadable', cannot be loaded there: no such library here"),
        (transforms.Deadly(), "'Deadly', cannot be loaded there: .* exit code 3"),
    ],
)
def test_an_augmentation_that_a_process_cannot_load_is_named_and_threads_are_used(
    step: Any, why: str
) -> None:
    plan = array_plan([transforms.add_noise, step])
    with pytest.warns(AugseqWarning, match=f"Element 2 of `augment`, {why}.*Threads are used"):
        workers = workers_for(plan, "processes")
    assert type(workers) is ThreadWorkers
    assert bits(workers.submit(at(1), urgent=True).result()) == bits(loaded(plan, 1))


def test_a_source_that_a_process_cannot_load_is_named_too() -> None:
    plan = array_plan()
    object.__setattr__(plan.pipeline, "source", threading.Lock())
    with pytest.warns(
        AugseqWarning, match="This one cannot be loaded there: cannot pickle '_thread.lock'"
    ):
        assert type(workers_for(plan, "processes")) is ThreadWorkers


@pytest.mark.parametrize("size", [8, 300])
def test_a_missing_folder_for_shared_memory_is_named_instead_of_an_augmentation(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUGSEQ_SHARED_DIR", str(tmp_path / "none"))
    plan = array_plan([transforms.hold_the_lock], numbered_images(40, size))
    with pytest.raises(SharedMemoryError, match=r"No such file.*AUGSEQ_SHARED_DIR") as caught:
        workers_for(plan, "processes")
    assert repr(str(tmp_path / "none")) in str(caught.value)


def test_a_process_that_cannot_start_raises_an_error_that_blames_no_augmentation() -> None:
    plan = array_plan([transforms.hold_the_lock])
    refused = pytest.raises(WorkerError, match=r"Too many open files.*worker_kind=\"threads\"")
    with no_more_open_files(), refused:
        workers_for(plan, "processes")
    assert type(workers_for(plan, "processes")) is ProcessWorkers
