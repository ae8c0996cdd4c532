"""Which workers a sequence gets, and how it describes them."""

import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from augseq.errors import ArgumentError, AugseqWarning, SharedMemoryError, WorkerError
from augseq.loading.plan import BatchPlan
from augseq.workers.auto import measure_gain
from augseq.workers.make_workers import WorkerOptions, make_workers
from augseq.workers.process_pool import ProcessWorkers
from augseq.workers.protocol import Workers
from augseq.workers.serial import SerialWorkers
from augseq.workers.threads import ThreadWorkers

from . import transforms
from .plans import NUM_BATCHES, array_plan, at, bits, loaded, numbered_images

pytestmark = pytest.mark.timeout(60)


SCHEDSTAT = Path("/proc/thread-self/schedstat")


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


def test_an_unknown_kind_raises_an_error() -> None:
    with pytest.raises(ArgumentError, match="`worker_kind` must be one of 'threads', 'processes'"):
        WorkerOptions(kind="thread", number=1, max_queue_size=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (lambda image, _: image, "'<lambda>', cannot be loaded there: .*pickle"),
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


@pytest.mark.parametrize("kind", ["processes", "auto"])
@pytest.mark.parametrize("size", [8, 300])
def test_a_missing_folder_for_shared_memory_is_named_instead_of_an_augmentation(
    kind: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setenv("AUGSEQ_SHARED_DIR", str(tmp_path / "none"))
    plan = array_plan([transforms.hold_the_lock], numbered_images(40, size))
    with pytest.raises(SharedMemoryError, match=r"No such file.*AUGSEQ_SHARED_DIR") as caught:
        workers_for(plan, kind)
    assert repr(str(tmp_path / "none")) in str(caught.value)


def test_a_process_that_cannot_start_raises_an_error_that_blames_no_augmentation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    plan = array_plan([transforms.hold_the_lock])
    with no_more_open_files():
        with pytest.raises(WorkerError, match=r"Too many open files.*worker_kind=\"threads\""):
            workers_for(plan, "processes")
        workers = workers_for(plan, "auto")
    assert type(workers) is ThreadWorkers
    assert "but processes cannot be used: A worker process could not be started" in workers.text
    assert type(workers_for(plan, "processes")) is ProcessWorkers


@contextmanager
def no_more_open_files() -> Iterator[None]:
    """Let the system refuse to open anything but the one file that comes before a pipe."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_two_threads_are_faster_only_without_the_lock() -> None:
    # Up to 1.1 is noise; waiting needs no processor, so the second holds on a busy machine.
    assert measure_gain(array_plan([transforms.hold_the_lock])) < 1.4
    assert measure_gain(array_plan([transforms.release_the_lock])) > 1.5


@pytest.mark.skipif(not SCHEDSTAT.exists(), reason="needs Linux to tell who waits for a processor")
def test_threads_that_hold_the_lock_are_not_faster_next_to_busy_programs_either() -> None:
    busy = [sys.executable, "-c", "while True: pass"]
    programs = [subprocess.Popen(busy) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        for _ in range(3):
            assert measure_gain(array_plan([transforms.hold_the_lock])) < 1.4
    finally:
        for program in programs:
            program.kill()
            program.wait()


def test_auto_chooses_processes_for_transforms_that_hold_the_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    plan = array_plan([transforms.add_noise, transforms.hold_the_lock])
    workers = workers_for(plan, "auto")
    assert workers.text.startswith("processes: 2 (auto: two threads are ")
    assert bits(workers.submit(at(3), urgent=True).result()) == bits(loaded(plan, 3))


@pytest.mark.parametrize(
    ("step", "cpus", "text"),
    [
        (transforms.release_the_lock, 2, r"threads: 2 \(auto: two threads are .* as fast as one"),
        (
            lambda image, rng: transforms.hold_the_lock(image, rng),
            2,
            "but processes cannot be used",
        ),
        (transforms.Raise(transforms.TextError("no"), at=0), 2, "a first sample failed"),
        (transforms.hold_the_lock, 1, "there is one processor"),
    ],
)
def test_auto_chooses_threads_otherwise_and_gives_the_reason_without_a_warning(
    step: Any, cpus: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cpus)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        workers = workers_for(array_plan([step]), "auto")
    assert type(workers) is ThreadWorkers
    assert re.search(text, workers.text)
