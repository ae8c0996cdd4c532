"""Workers that choose themselves: threads at first, processes for longer work, the same bits."""

import gc
import re
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from augseq.errors import BatchTimeoutError
from augseq.workers.auto import AutoWorkers
from augseq.workers.process_pool import ProcessWorkers

from . import transforms
from .plans import (
    NUM_BATCHES,
    array_plan,
    at,
    bits,
    loaded,
    no_more_open_files,
    numbered_images,
    wait_until,
)

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _two_cores_and_no_pool_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augseq.workers.auto.num_cores", lambda: 2)
    gc.collect()


@pytest.fixture
def _immediate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes start after the first batch."""
    monkeypatch.setattr("augseq.workers.auto._START_S", 0.0)


def load(workers: AutoWorkers, number: int, *, urgent: bool = True) -> Any:
    return bits(workers.submit(at(number), urgent=urgent).result(30))


def settle(workers: AutoWorkers) -> str:
    """Load batches until the choice is made, and return what it is."""
    for number in range(3):
        load(workers, number)
    assert wait_until(lambda: "starting" not in workers.text, 30)
    return workers.text


def test_a_short_loop_starts_no_process() -> None:
    plan = array_plan([transforms.hold_the_lock, transforms.add_noise])
    children = psutil.Process().children()
    workers = AutoWorkers(plan, 2)
    assert [load(workers, k) for k in range(9)] == [bits(loaded(plan, k)) for k in range(9)]
    assert workers.text == "threads: 2 (auto: processes start only for longer work)"
    assert set(psutil.Process().children()) <= set(children)


@pytest.mark.usefixtures("_immediate")
def test_longer_work_goes_on_in_processes_and_no_bit_changes() -> None:
    plan = array_plan([transforms.hold_the_lock, transforms.add_noise])
    expected = [bits(loaded(plan, step)) for step in range(NUM_BATCHES)]
    workers = AutoWorkers(plan, 2)
    num_batches, has_switched = 0, False
    # Threads load the batches that come before the processes are ready.
    while not has_switched:
        has_switched = workers.text.startswith("processes: 2 (auto: a sample takes ")
        ahead = [workers.submit(at(k)) for k in range(NUM_BATCHES)]
        assert [bits(batch.result(30)) for batch in ahead] == expected
        num_batches += NUM_BATCHES
        assert num_batches < 5000, workers.text
    assert num_batches > NUM_BATCHES
    process_ids = {child.pid for child in psutil.Process().children()}
    another = ProcessWorkers(plan, 2)
    assert len(another.process_ids) == 2
    assert set(another.process_ids) <= process_ids


@pytest.mark.usefixtures("_immediate")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("step", "why"),
    [
        (transforms.Locked(), "Element 2 of `augment`, 'Locked', cannot be loaded there"),
        (transforms.Unloadable(), "'Unloadable', cannot be loaded there: no such library here"),
        (transforms.Deadly(), "'Deadly', cannot be loaded there: .* exit code 3"),
        (transforms.LoadsBackend(), "It would load jax in each process"),
    ],
)
def test_a_pipeline_that_cannot_travel_stays_on_threads_without_a_warning(
    step: Any, why: str
) -> None:
    plan = array_plan([transforms.add_noise, step])
    workers = AutoWorkers(plan, 2)
    assert re.match(rf"threads: 2 \(auto: processes cannot be used: .*{why}", settle(workers))
    assert load(workers, 4) == bits(loaded(plan, 4))


@pytest.mark.usefixtures("_immediate")
def test_threads_are_used_where_the_system_starts_no_process() -> None:
    workers = AutoWorkers(array_plan([transforms.hold_the_lock]), 2)
    with no_more_open_files():
        assert "A worker process could not be started: " in settle(workers)


@pytest.mark.usefixtures("_immediate")
def test_threads_are_used_where_there_is_no_shared_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUGSEQ_SHARED_DIR", str(tmp_path / "none"))
    workers = AutoWorkers(array_plan([transforms.hold_the_lock]), 2)
    assert f"more bytes of shared memory in '{tmp_path / 'none'}'" in settle(workers)


@pytest.mark.usefixtures("_immediate")
def test_large_arrays_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augseq.workers.auto._MAX_COPIED_BYTES", 2**20)
    plan = array_plan([transforms.hold_the_lock], numbered_images(40, 100))
    assert "its arrays, 1.2 MB, would be copied" in settle(AutoWorkers(plan, 2))


@pytest.mark.usefixtures("_immediate")
def test_cheap_samples_stay_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augseq.workers.auto._LEAST_SAMPLE_S", 0.1)
    text = settle(AutoWorkers(array_plan([transforms.hold_the_lock]), 2))
    assert re.fullmatch(r"threads: 2 \(auto: a sample takes only [\d.]+ ms of CPU time\)", text)


@pytest.mark.usefixtures("_immediate")
def test_one_core_has_threads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augseq.workers.auto.num_cores", lambda: 1)
    text = settle(AutoWorkers(array_plan([transforms.hold_the_lock]), 1))
    assert text == "threads: 1 (auto: this program may use one core)"


def test_processes_of_another_sequence_are_shared_at_once() -> None:
    training = ProcessWorkers(array_plan([transforms.add_noise]), 2)
    training.start_all()
    plan = array_plan([transforms.hold_the_lock])
    validation = AutoWorkers(plan, 2)
    # As where a plan replaces another: the processes must last until it uses them.
    process_ids = training.process_ids
    del training
    assert settle(validation).startswith("processes: 2 ")
    assert ProcessWorkers(plan, 2).process_ids == process_ids
    assert [load(validation, k) for k in range(9)] == [bits(loaded(plan, k)) for k in range(9)]


@pytest.mark.parametrize("is_in_process", [False, True])
def test_a_batch_that_hangs_names_its_sample_in_a_thread_and_in_a_process(
    is_in_process: bool,
) -> None:
    transforms.GO_ON.clear()
    plan = array_plan([transforms.hold_the_lock, transforms.Hang(at=20)])
    # The limit of a process includes its start.
    workers = AutoWorkers(plan, 2, limit_s=5 if is_in_process else 0.5)
    another = ProcessWorkers(array_plan(), 2)
    if is_in_process:
        another.start_all()
        load(workers, 0)
        load(workers, 1)
        assert wait_until(lambda: workers.text.startswith("processes: 2"), 30)
    outcome = "The worker process was killed" if is_in_process else "A thread cannot be killed"
    with pytest.raises(BatchTimeoutError, match=rf"index=20\).*{outcome}"):
        workers.submit(at(5)).result()
    transforms.GO_ON.set()
    transforms.GO_ON.clear()
    assert load(workers, 6) == bits(loaded(plan, 6))


AMOUNT: Any = 1


def shift(image: Any, rng: Any) -> Any:
    transforms.hold_the_lock(image, rng)
    return image + AMOUNT if isinstance(AMOUNT, int) else image


def test_a_changed_global_is_used_at_once_and_one_that_cannot_be_sent_by_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shift, "__module__", "__main__")
    plan = array_plan([shift])
    running = ProcessWorkers(array_plan(), 2)
    running.start_all()
    workers = AutoWorkers(plan, 2)
    assert settle(workers).startswith("processes: 2 ")
    for amount in (1, 40, threading.Lock()):
        monkeypatch.setitem(globals(), "AMOUNT", amount)
        for number in (3, 4):
            assert load(workers, number) == bits(loaded(plan, number))
    assert workers.text.startswith("threads: 2 (auto: processes cannot be used: cannot pickle")


def test_more_than_four_threads_start_with_the_second_batch() -> None:
    # Sequences that other tests still hold have threads too.
    before = set(threading.enumerate())

    def num_threads() -> int:
        new = set(threading.enumerate()) - before
        return sum(thread.name.startswith("augseq-") for thread in new)

    workers = AutoWorkers(array_plan(), 7)
    load(workers, 0)
    assert num_threads() == 4
    load(workers, 1)
    assert num_threads() == 7
    del workers
    gc.collect()
    assert wait_until(lambda: num_threads() == 0)
