"""Workers that start with the first batch, and are kept until those of the next plan start."""

import gc
import weakref
from typing import Any

from augseq.sampling.schedule import Step
from augseq.workers.lazy import LazyWorkers

from .desk import Desk


def desk() -> Desk:
    made = Desk()
    made.load, made.number_of = lambda step: step, lambda step: step.batch
    return made


def test_no_workers_are_created_before_the_first_batch() -> None:
    made: list[Any] = []

    def make() -> Desk:
        made.append(desk())
        return made[-1]

    workers = LazyWorkers(make)
    assert (made, workers.text) == ([], "")
    for number in (4, 5):
        assert workers.submit(Step(0, number), urgent=True).result() == Step(0, number)
    assert len(made) == 1
    assert workers.text == "a desk"


def test_the_workers_of_a_plan_are_kept_until_those_of_the_next_are_created() -> None:
    kept = desk()
    is_kept = weakref.ref(kept)
    workers = LazyWorkers(lambda found=kept: found)  # type: ignore[misc]
    workers.submit(Step(0, 0))
    following = LazyWorkers(desk, workers.retire())
    # Without any requested batch, the former workers are passed on.
    last = LazyWorkers(desk, following.retire())
    del kept, workers, following
    gc.collect()
    assert is_kept()
    last.submit(Step(0, 1))
    gc.collect()
    assert not is_kept()
