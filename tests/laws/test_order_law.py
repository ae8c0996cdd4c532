"""Exactly once, in the order that (seed, epoch) fixes, whoever asks for what and when."""

import subprocess
import sys
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augseq.sampling.order import Schedule, epoch_order

numbers = st.integers(1, 400)
seeds = st.integers(0, 2**64 - 1)
epochs = st.integers(0, 1000)


def schedule(num_records: int, batch_size: int, *, seed: int, shuffle: bool = True) -> Schedule:
    return Schedule(
        num_records=num_records,
        batch_size=batch_size,
        shuffle=shuffle,
        drop_remainder=False,
        seed=seed,
    )


def seen(plan: Schedule, epoch: int) -> list[int]:
    """The positions of an epoch in the order in which a model sees them."""
    batches = [plan.positions(epoch, batch) for batch in range(plan.num_batches)]
    return [position for batch in batches for position in batch.tolist()]


@given(numbers, numbers, seeds, epochs, st.booleans())
def test_an_epoch_shows_each_record_exactly_once(
    num_records: int, batch_size: int, seed: int, epoch: int, shuffle: bool
) -> None:
    plan = schedule(num_records, batch_size, seed=seed, shuffle=shuffle)
    assert sorted(seen(plan, epoch)) == list(range(num_records))


@given(numbers, numbers, numbers, seeds, epochs)
def test_the_batch_size_does_not_change_the_order(
    num_records: int, one: int, other: int, seed: int, epoch: int
) -> None:
    plans = [schedule(num_records, size, seed=seed) for size in (one, other)]
    assert seen(plans[0], epoch) == seen(plans[1], epoch)


@given(numbers, st.integers(1, 50), seeds, st.randoms(use_true_random=False))
def test_batches_may_be_asked_for_in_any_order_and_again(
    num_records: int, batch_size: int, seed: int, random: Random
) -> None:
    plan = schedule(num_records, batch_size, seed=seed)
    asked = [(epoch, batch) for epoch in range(2) for batch in range(plan.num_batches)] * 2
    random.shuffle(asked)
    expected = {epoch: seen(plan, epoch) for epoch in range(2)}
    for epoch, batch in asked:
        start = batch * batch_size
        assert plan.positions(epoch, batch).tolist() == expected[epoch][start : start + batch_size]


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
        "from augseq.sampling.order import epoch_order\n"
        "print(epoch_order(np.arange(100), 100, seed=7, epoch=3).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == str(seen(schedule(100, 16, seed=7), 3))
