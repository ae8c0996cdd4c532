"""Look-ahead: every answer is right, enough is computed ahead, and never too much."""

import gc
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Progress, Schedule, Step
from augseq.workers.lookahead import AHEAD_BYTES, Lookahead
from augseq.workers.protocol import Workers
from augseq.workers.serial import SerialWorkers
from augseq.workers.threads import ThreadWorkers

from .desk import Desk

pytestmark = pytest.mark.timeout(60)


class Loads:
    """A load function that counts, and answers with a text instead of a batch."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def __call__(self, step: int) -> Any:
        self.steps.append(step)
        return f"batch of step {step}"


@dataclass(frozen=True)
class Answer:
    """A stand-in for a batch."""

    value: Any
    num_bytes: int


class Numbered(Lookahead):
    """Accepts global step numbers, and returns the results of `load`."""

    def get(self, number: int) -> Any:  # type: ignore[override]
        answer: Any = super().get(self._schedule.step_at(number))
        return answer.value


def lookahead_at(
    workers: Desk | int,
    load: Callable[[int], Any],
    *,
    depth: int = 3,
    num_batches: int = 8,
    endless: bool = False,
    num_bytes: int = 1,
    done: Progress = Progress(),  # noqa: B008
    **options: Any,
) -> Numbered:
    """Look ahead with the workers of a test, or with a number of threads."""
    schedule = Schedule(
        order=EachOnce(num_batches, shuffle=False),
        batch_size=1,
        drop_remainder=False,
        seed=0,
        done=done,
    )

    def number_of(step: Step) -> int:
        return step.epoch * num_batches + step.batch

    def load_step(step: Step) -> Any:
        return Answer(load(number_of(step)), num_bytes)

    made: Workers
    if isinstance(workers, Desk):
        workers.load, workers.number_of = load_step, number_of
        made = workers
    else:
        made = ThreadWorkers(load_step, workers) if workers else SerialWorkers(load_step)
    return Numbered(made, schedule, depth=depth if workers else 0, endless=endless, **options)


def test_without_workers_each_batch_is_loaded_once_when_requested() -> None:
    load = Loads()
    lookahead = lookahead_at(0, load)
    lookahead.begin_pass([])
    assert [lookahead.get(k) for k in (0, 1, 5, 1)] == [f"batch of step {k}" for k in (0, 1, 5, 1)]
    assert load.steps == [0, 1, 5, 1]


def test_the_first_request_of_a_pass_submits_as_many_batches_as_allowed() -> None:
    desk = Desk()
    lookahead = lookahead_at(desk, Loads(), depth=5)
    lookahead.begin_pass([])
    lookahead.get(0)
    assert desk.submitted == [1, 2, 3, 4, 5]
    lookahead.get(1)
    assert desk.held == [2, 3, 4, 5, 6]


def test_threads_start_on_the_next_batches_while_the_first_is_trained_on() -> None:
    started, go_on = threading.Semaphore(0), threading.Event()

    def load(step: int) -> Any:
        if step:
            started.release()
            assert go_on.wait(30)
        return step

    lookahead = lookahead_at(3, load, depth=5)
    lookahead.begin_pass([])
    assert lookahead.get(0) == 0
    for _ in range(3):
        assert started.acquire(timeout=30), "a worker thread is idle"
    assert not started.acquire(blocking=False), "there are three threads, not more"
    go_on.set()
    assert [lookahead.get(k) for k in range(1, 8)] == list(range(1, 8))


def test_an_epoch_in_order_is_loaded_ahead_except_for_its_first_batch() -> None:
    desk, load = Desk(eager=True), Loads()
    lookahead = lookahead_at(desk, load)
    lookahead.begin_pass([])
    for step in range(8, 16):
        assert lookahead.get(step) == f"batch of step {step}"
    assert desk.submitted == list(range(9, 16))
    assert sorted(load.steps) == list(range(8, 16))


@pytest.mark.parametrize(("share", "ahead"), [(3, 3), (1, 1), (0.5, 1), (100, 5)])
def test_no_more_batches_are_loaded_ahead_than_fit_the_memory(share: float, ahead: int) -> None:
    desk = Desk()
    size = int(AHEAD_BYTES / share)
    lookahead = lookahead_at(desk, Loads(), depth=5, num_batches=20, num_bytes=size)
    lookahead.begin_pass([])
    lookahead.get(0)
    assert desk.held == list(range(1, ahead + 1))
    lookahead.get(1)
    assert desk.held == list(range(2, ahead + 2))


def test_a_pass_looks_no_further_than_its_epoch() -> None:
    desk = Desk()
    lookahead = lookahead_at(desk, Loads(), depth=20)
    lookahead.begin_pass([])
    lookahead.get(0)
    assert desk.submitted == list(range(1, 8))


def test_an_endless_sequence_looks_into_the_next_epoch() -> None:
    desk = Desk()
    lookahead = lookahead_at(desk, Loads(), depth=4, endless=True)
    lookahead.begin_pass([])
    lookahead.get(6)
    assert desk.submitted == [7, 8, 9, 10]
    for step in range(7, 30):
        assert lookahead.get(step) == f"batch of step {step}"
    assert desk.held == [30, 31, 32, 33]


def test_a_correct_prediction_of_a_permuted_order_loads_all_other_batches_ahead() -> None:
    desk, load = Desk(eager=True), Loads()
    lookahead = lookahead_at(desk, load)
    guess = random.Random(3).sample(range(8), 8)
    for epoch in range(3):
        lookahead.begin_pass(guess)
        for batch in guess:
            step = 8 * epoch + batch
            assert lookahead.get(step) == f"batch of step {step}"
    asked = [8 * epoch + batch for epoch in range(3) for batch in guess]
    assert desk.submitted == [step for place, step in enumerate(asked) if place % 8]
    assert sorted(load.steps) == list(range(24))


@pytest.mark.parametrize("seed", range(20))
def test_a_wrong_prediction_costs_no_more_than_the_predicted_batches(seed: int) -> None:
    desk, load = Desk(eager=True), Loads()
    lookahead = lookahead_at(desk, load, depth=3)
    order, guess = (random.Random(seed + k).sample(range(8), 8) for k in (0, 100))
    lookahead.begin_pass(guess)
    assert [lookahead.get(step) for step in order] == [f"batch of step {k}" for k in order]
    assert set(load.steps) == set(range(8))
    assert len(load.steps) <= 2 * 8


def test_a_prediction_that_begins_like_a_plain_pass_is_dropped_when_the_pass_continues() -> None:
    """`fit(shuffle=False)` looks like `fit(shuffle=True)` before the first request."""
    loads, desk = Loads(), Desk(eager=True)
    lookahead = lookahead_at(desk, loads)
    lookahead.begin_pass([0, 5, 3, 7, 1, 6, 4, 2])
    for batch in range(8):
        assert lookahead.get(batch) == f"batch of step {batch}"
        if batch >= 1:
            assert desk.held == list(range(batch + 1, min(batch + 4, 8)))
    # Of the guess, only what lay ahead when it was given up was made in vain.
    assert len(loads.steps) <= 8 + 2


def test_the_beginning_of_the_next_epoch_is_loaded_while_one_ends() -> None:
    loads, desk = Loads(), Desk(eager=True)
    lookahead = lookahead_at(desk, loads, beyond=2)
    for epoch in range(3):
        lookahead.begin_pass([])
        for batch in range(8):
            assert lookahead.get(8 * epoch + batch) == f"batch of step {8 * epoch + batch}"
        lookahead.end_pass()
        assert desk.held == [8 * epoch + 8, 8 * epoch + 9]
    assert sorted(loads.steps) == list(range(26))


def test_a_resumed_epoch_is_predicted_to_its_end() -> None:
    loads, desk = Loads(), Desk(eager=True)
    # Epoch 1 has three batches left.
    lookahead = lookahead_at(desk, loads, done=Progress(epoch=1, num_records=5))
    lookahead.begin_pass([])
    for step in (8, 9, 10):
        lookahead.get(step)
    assert sorted(loads.steps) == [8, 9, 10]


def test_a_permuted_pass_without_a_prediction_is_still_loaded_ahead() -> None:
    desk, load = Desk(eager=True), Loads()
    lookahead = lookahead_at(desk, load, num_batches=32)
    order = random.Random(1).sample(range(1, 32), 31)
    lookahead.begin_pass([])
    assert [lookahead.get(step) for step in order] == [f"batch of step {k}" for k in order]
    assert sorted(load.steps)[:3] == [0, 1, 2]
    assert max(Counter(load.steps).values()) == 1


def test_batches_of_an_abandoned_pass_are_cancelled() -> None:
    desk = Desk()
    lookahead = lookahead_at(desk, Loads())
    lookahead.begin_pass([])
    lookahead.get(0)
    lookahead.end_pass()
    lookahead.begin_pass([])
    lookahead.get(16)
    assert desk.held == [17, 18, 19]


def test_a_restarted_pass_returns_its_batches_again() -> None:
    """The TF backend reads batches 0 and 1 once more before each fit."""
    desk, load = Desk(eager=True), Loads()
    lookahead = lookahead_at(desk, load)
    lookahead.begin_pass([])
    asked = [0, 1, *range(8)]
    assert [lookahead.get(k) for k in asked] == [f"batch of step {k}" for k in asked]
    assert load.steps.count(0) == 2


def test_batches_that_were_not_requested_are_cancelled() -> None:
    desk = Desk()
    lookahead = lookahead_at(desk, Loads())
    lookahead.begin_pass([])
    lookahead.get(0)
    lookahead.give_up()
    assert desk.held == []
    assert lookahead.get(1) == "batch of step 1"


def test_a_single_indexed_batch_starts_no_lookahead() -> None:
    desk = Desk()
    lookahead = lookahead_at(desk, Loads())
    for step in (5, 0, 3, 3, 1, 7):
        assert lookahead.get(step) == f"batch of step {step}"
    assert desk.submitted == []


def test_an_index_loop_is_loaded_ahead_from_its_second_batch() -> None:
    desk = Desk()
    lookahead = lookahead_at(desk, Loads())
    lookahead.get(0)
    lookahead.get(1)
    assert desk.submitted == [2, 3, 4]


def test_a_batch_that_no_worker_has_started_is_urgent_when_requested() -> None:
    desk, load = Desk(), Loads()
    lookahead = lookahead_at(desk, load)
    lookahead.begin_pass([])
    assert [lookahead.get(k) for k in range(8)] == [f"batch of step {k}" for k in range(8)]
    assert load.steps == list(range(8))


def test_an_exception_is_raised_where_the_batch_is_requested_and_the_next_request_works() -> None:
    def load(step: int) -> Any:
        if step == 3:
            raise ValueError(f"step {step}")
        return step

    for desk in (Desk(), Desk(eager=True)):
        lookahead = lookahead_at(desk, load)
        lookahead.begin_pass([])
        assert [lookahead.get(k) for k in range(3)] == [0, 1, 2]
        for _ in range(2):
            with pytest.raises(ValueError, match="step 3"):
                lookahead.get(3)
        assert [lookahead.get(k) for k in (4, 5, 2)] == [4, 5, 2]


def test_an_exception_in_a_thread_is_raised_only_where_its_batch_is_requested() -> None:
    def load(step: int) -> Any:
        if step % 2:
            raise ValueError(f"step {step}")
        return step

    lookahead = lookahead_at(2, load)
    lookahead.begin_pass([])
    for step in range(8):
        if step % 2:
            with pytest.raises(ValueError, match=f"step {step}"):
                lookahead.get(step)
        else:
            assert lookahead.get(step) == step


ACTIONS = st.one_of(
    st.tuples(st.just("get"), st.integers(0, 11)),
    st.tuples(st.just("begin"), st.one_of(st.just([]), st.permutations(range(4)))),
    st.tuples(st.just("end"), st.none()),
    st.tuples(st.just("work"), st.none()),
)


@given(
    actions=st.lists(ACTIONS, max_size=40),
    depth=st.integers(1, 5),
    endless=st.booleans(),
    eager=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_results_are_right_and_the_depth_is_kept_for_any_sequence_of_calls(
    actions: list[tuple[str, Any]], depth: int, endless: bool, eager: bool
) -> None:
    desk = Desk(eager=eager)
    lookahead = lookahead_at(
        desk, lambda step: f"batch of step {step}", depth=depth, num_batches=4, endless=endless
    )
    for action, value in actions:
        if action == "get":
            assert lookahead.get(value) == f"batch of step {value}"
        elif action == "begin":
            lookahead.begin_pass(value)
        elif action == "end":
            lookahead.end_pass()
        else:
            desk.work()
        assert len(desk.held) <= depth
    assert all(step >= 0 for step in desk.submitted)
    assert endless or not desk.submitted or max(desk.submitted) < 12


@pytest.mark.parametrize("endless", [False, True])
@pytest.mark.parametrize("guessed", [False, True])
def test_many_threads_can_request_batches_at_the_same_time(guessed: bool, endless: bool) -> None:
    lookahead = lookahead_at(4, lambda step: ("step", step), num_batches=40, endless=endless)
    lookahead.begin_pass(random.Random(0).sample(range(40), 40) if guessed else [])

    def wrong_answers(seed: int) -> list[int]:
        steps = random.Random(seed).sample(range(40), 40) if seed % 2 else list(range(40))
        return [step for step in steps if lookahead.get(step) != ("step", step)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(wrong_answers, range(24))) == [[]] * 24


def test_no_more_batches_are_loaded_at_the_same_time_than_there_are_threads() -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def load(step: int) -> Any:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.001)
        with lock:
            running[0] -= 1
        return step

    lookahead = lookahead_at(3, load, depth=6, num_batches=60)
    lookahead.begin_pass([])
    assert [lookahead.get(k) for k in range(60)] == list(range(60))
    assert 2 <= most[0] <= 3


def test_the_threads_end_with_their_owner() -> None:
    before = set(threading.enumerate())
    lookahead = lookahead_at(3, lambda step: step)
    lookahead.begin_pass([])
    assert [lookahead.get(k) for k in range(8)] == list(range(8))
    threads = list(set(threading.enumerate()) - before)
    assert threads
    assert all(thread.name.startswith("augseq") for thread in threads)
    del lookahead
    gc.collect()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


FORK = """
import os, signal, threading
from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Schedule, Step
from augseq.workers.lazy import LazyWorkers
from augseq.workers.lookahead import Lookahead
from augseq.workers.threads import ThreadWorkers

class Answer:
    num_bytes = 1

    def __init__(self, step):
        self.step = step

schedule = Schedule(order=EachOnce(8, shuffle=False), batch_size=1, drop_remainder=False, seed=0)
STEPS = [Step(0, batch) for batch in range(8)]

parent, started, go_on = os.getpid(), threading.Event(), threading.Event()

def load(step):
    if step.batch and os.getpid() == parent:
        started.set()
        go_on.wait(30)
    return Answer(step)

def rest():
    return [lookahead.get(step).step for step in STEPS[1:]]

workers = LazyWorkers(lambda: ThreadWorkers(load, 2))
lookahead = Lookahead(workers, schedule, depth=4, endless=False)
lookahead.begin_pass([])
assert lookahead.get(STEPS[0]).step == STEPS[0] and started.wait(30)
child = os.fork()
if not child:
    signal.alarm(2)
    os._exit(rest() != STEPS[1:])
status = os.waitpid(child, 0)[1]
go_on.set()
assert rest() == STEPS[1:]
raise SystemExit(status)
"""


FORK_WHILE_WORKERS_START = """
import os, signal, threading
from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Schedule, Step
from augseq.workers.lazy import LazyWorkers
from augseq.workers.lookahead import Lookahead
from augseq.workers.serial import SerialWorkers

class Answer:
    num_bytes = 1

    def __init__(self, step):
        self.step = step

schedule = Schedule(order=EachOnce(8, shuffle=False), batch_size=1, drop_remainder=False, seed=0)
STEPS = [Step(0, batch) for batch in range(8)]

parent, started, go_on = os.getpid(), threading.Event(), threading.Event()

def make_workers():
    if os.getpid() == parent:
        started.set()
        go_on.wait(30)
    return SerialWorkers(Answer)

lookahead = Lookahead(LazyWorkers(make_workers), schedule, depth=0, endless=False)
asker = threading.Thread(target=lookahead.get, args=(STEPS[0],))
asker.start()
assert started.wait(30)
child = os.fork()
if not child:
    signal.alarm(5)
    CALL
    os._exit(lookahead.get(STEPS[3]).step != STEPS[3])
status = os.waitpid(child, 0)[1]
go_on.set()
asker.join()
raise SystemExit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("call", ["begin_pass([])", "end_pass()", "give_up()"])
def test_a_child_forked_while_workers_start_does_not_deadlock(call: str) -> None:
    code = FORK_WHILE_WORKERS_START.replace("CALL", f"lookahead.{call}")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_can_load_batches() -> None:
    run = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=50)
    assert run.returncode == 0, run.stderr
