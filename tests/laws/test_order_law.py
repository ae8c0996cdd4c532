"""Exactly once, in the order that (seed, epoch) fixes, whoever asks for what and when."""

import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from augseq.sampling.order import EachOnce
from augseq.sampling.permutation import epoch_order
from augseq.sampling.schedule import Schedule, Step

numbers = st.integers(1, 40)
seeds = st.integers(0, 2**64 - 1)
epochs = st.integers(0, 1000)


def schedule(num_records: int, batch_size: int, *, seed: int, shuffle: bool = True) -> Schedule:
    return Schedule(
        order=EachOnce(num_records, shuffle=shuffle),
        batch_size=batch_size,
        drop_remainder=False,
        seed=seed,
    )


def seen(plan: Schedule, epoch: int) -> list[int]:
    """The positions of an epoch in the order in which a model sees them."""
    batches = [plan.positions(Step(epoch, batch)) for batch in range(plan.num_batches)]
    return [position for batch in batches for position in batch.tolist()]


@settings(deadline=None, max_examples=50)
@given(numbers, numbers, seeds, epochs, st.booleans())
def test_an_epoch_shows_each_record_exactly_once(
    num_records: int, batch_size: int, seed: int, epoch: int, shuffle: bool
) -> None:
    plan = schedule(num_records, batch_size, seed=seed, shuffle=shuffle)
    assert sorted(seen(plan, epoch)) == list(range(num_records))


@settings(deadline=None, max_examples=50)
@given(numbers, numbers, numbers, seeds, epochs)
def test_the_batch_size_does_not_change_the_order(
    num_records: int, one: int, other: int, seed: int, epoch: int
) -> None:
    plans = [schedule(num_records, size, seed=seed) for size in (one, other)]
    assert seen(plans[0], epoch) == seen(plans[1], epoch)


@settings(deadline=None, max_examples=50)
@given(numbers, numbers, seeds, st.data())
def test_batches_may_be_asked_for_in_any_order_and_again(
    num_records: int, batch_size: int, seed: int, data: st.DataObject
) -> None:
    plan = schedule(num_records, batch_size, seed=seed)
    expected = [seen(plan, epoch) for epoch in range(3)]
    batches = st.tuples(st.integers(0, 2), st.integers(0, plan.num_batches - 1))
    for epoch, batch in data.draw(st.lists(batches, max_size=8)):
        places = slice(batch * batch_size, (batch + 1) * batch_size)
        assert plan.positions(Step(epoch, batch)).tolist() == expected[epoch][places]


@settings(deadline=None, max_examples=50)
@given(numbers, st.integers(1, 8), seeds, epochs)
def test_any_number_of_hosts_shares_the_order_without_overlap(
    num_records: int, num_hosts: int, seed: int, epoch: int
) -> None:
    shared = np.empty(num_records, np.int64)
    for host in range(num_hosts):
        places = np.arange(host, num_records, num_hosts)
        shared[host::num_hosts] = epoch_order(places, num_records, seed=seed, epoch=epoch)
    assert shared.tolist() == seen(schedule(num_records, 32, seed=seed), epoch)


def test_another_process_finds_the_same_order() -> None:
    code = (
        "import numpy as np\n"
        "from augseq.sampling.permutation import epoch_order\n"
        "print(epoch_order(np.arange(100), 100, seed=7, epoch=3).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == str(seen(schedule(100, 16, seed=7), 3))
