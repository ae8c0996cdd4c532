"""How often each record comes in an epoch, and over many, held against plain counting."""

import pickle
from fractions import Fraction
from math import ceil, floor, gcd
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import augseq
from augseq.sampling.by_quota import ByQuota
from augseq.sampling.by_weight import ByWeight
from augseq.sampling.order import EachOnce, Frequency, Order, Turns
from augseq.sampling.repeated import Repeated

Counts = npt.NDArray[np.int64]

seeds = st.integers(0, 2**64 - 1)
epochs = st.integers(0, 2**64 - 1)
# Number of records and quota of each group.
groups = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20)), min_size=1, max_size=6).filter(
    lambda found: any(quota for _, quota in found)
)
weights = st.lists(
    st.floats(0, 100, allow_subnormal=False).map(lambda w: round(w, 3)), min_size=1, max_size=12
).filter(any)


def by_quota(found: list[tuple[int, int]], *, evenly: bool = False) -> ByQuota:
    """Return an order of groups whose records are scattered over the manifest."""
    numbers = np.repeat(np.arange(len(found)), [size for size, _ in found])
    numbers = np.random.default_rng(5).permutation(numbers)
    quotas = np.array([quota for _, quota in found])
    return ByQuota(groups=numbers, quotas=quotas, frequency=Frequency(), evenly=evenly)


def by_weight(values: list[float], length: int) -> ByWeight:
    return ByWeight(weights=np.array(values), length=length, frequency=Frequency(text="weights"))


def epoch_of(order: Order, *, seed: int = 7, epoch: int = 0) -> Turns:
    return order.turns(np.arange(order.length), seed=seed, epoch=epoch)


def counts(order: Order, num_records: int, epoch: int, seed: int = 7) -> Counts:
    return np.bincount(epoch_of(order, seed=seed, epoch=epoch).positions, minlength=num_records)


@given(groups, seeds, epochs, st.booleans())
def test_each_group_fills_its_quota_in_every_epoch(
    found: list[tuple[int, int]], seed: int, epoch: int, evenly: bool
) -> None:
    order = by_quota(found, evenly=evenly)
    seen = counts(order, len(order.groups), epoch, seed)
    by_group = np.bincount(order.groups, weights=seen, minlength=len(found))
    assert by_group.tolist() == [quota for _, quota in found]
    for group, (size, quota) in enumerate(found):
        of_group = seen[order.groups == group]
        assert of_group.min() >= floor(quota / size)
        assert of_group.max() <= ceil(quota / size)


@given(st.integers(1, 12), st.integers(1, 30), seeds, st.integers(0, 3))
def test_over_a_cycle_each_record_of_a_group_has_equally_many_turns(
    size: int, quota: int, seed: int, cycle: int
) -> None:
    order = by_quota([(3, 4), (size, quota)])
    num_epochs, own = size // gcd(size, quota), order.groups == 1
    total = np.zeros(size, np.int64)
    for epoch in range(cycle * num_epochs, (cycle + 1) * num_epochs):
        total += counts(order, len(order.groups), epoch, seed)[own]
        assert total.max() - total.min() <= 1
    assert total.tolist() == [quota // gcd(size, quota)] * size


def test_which_records_have_the_extra_turn_differs_between_cycles_and_seeds() -> None:
    order = by_quota([(10, 5)])
    halves = [counts(order, 10, epoch) for epoch in range(40)]
    assert all(
        (one + other == 1).all() for one, other in zip(halves[::2], halves[1::2], strict=True)
    )
    # Of the 252 halves, 20 cycles seldom meet one twice.
    assert len({tuple(half) for half in halves[::2]}) > 15
    by_seed = {tuple(counts(order, 10, 0, seed)) for seed in range(20)}
    assert len(by_seed) > 15


@given(weights, st.integers(1, 40), seeds, epochs)
def test_each_record_comes_as_often_as_its_weight_says(
    values: list[float], length: int, seed: int, epoch: int
) -> None:
    seen = counts(by_weight(values, length), len(values), epoch, seed)
    assert seen.sum() == length
    total = sum(map(Fraction, values))
    # The fractions of places are rounded to 2**-16.
    rounding = Fraction(1, 2**15)
    for value, count in zip(values, seen.tolist(), strict=True):
        share = length * Fraction(value) / total
        assert floor(share - rounding) <= count <= ceil(share + rounding)
        assert count == 0 or value > 0


@given(weights, st.integers(1, 20), seeds, st.integers(0, 5), st.integers(0, 3))
def test_over_a_power_of_two_of_epochs_the_shares_are_exact(
    values: list[float], length: int, seed: int, power: int, block: int
) -> None:
    order, num_epochs = by_weight(values, length), 2**power
    first = block * num_epochs
    seen = sum(
        counts(order, len(values), epoch, seed) for epoch in range(first, first + num_epochs)
    )
    shares = np.diff(order._ends, prepend=0) / 2**16 * num_epochs
    assert (np.floor(shares) <= seen).all()
    assert (seen <= np.ceil(shares)).all()


def test_neighbours_in_the_manifest_share_their_places_like_one_record() -> None:
    """So a class, whose records are neighbours, has the share of all its weights."""
    values = np.random.default_rng(3).random(50)
    order = by_weight(values.tolist(), 40)
    for epoch in range(30):
        seen = counts(order, 50, epoch)
        for first, stop in ((0, 20), (20, 37), (37, 50)):
            share = 40 * values[first:stop].sum() / values.sum()
            assert abs(seen[first:stop].sum() - share) < 1


def orders() -> st.SearchStrategy[Order]:
    """Orders of every kind."""
    once: Any = st.builds(EachOnce, st.integers(1, 30), st.booleans())
    quotas = st.builds(by_quota, groups, evenly=st.booleans())
    kinds = once | quotas | st.builds(by_weight, weights, st.integers(1, 30))
    return kinds | st.builds(Repeated, kinds, st.integers(2, 4))


@given(orders(), seeds, epochs)
def test_no_record_has_the_same_repeat_twice_and_none_is_skipped(
    order: Order, seed: int, epoch: int
) -> None:
    positions, repeats = epoch_of(order, seed=seed, epoch=epoch)
    by_record: dict[int, list[int]] = {}
    for position, repeat in zip(positions.tolist(), repeats.tolist(), strict=True):
        by_record.setdefault(position, []).append(repeat)
    for found in by_record.values():
        assert sorted(found) == list(range(len(found)))


@given(orders(), seeds, epochs)
def test_the_place_of_a_turn_is_where_it_comes(order: Order, seed: int, epoch: int) -> None:
    positions, repeats = epoch_of(order, seed=seed, epoch=epoch)
    for place, turn in enumerate(zip(positions.tolist(), repeats.tolist(), strict=True)):
        assert order.place_of(*turn, seed=seed, epoch=epoch) == place


@given(orders(), seeds, epochs)
def test_a_turn_that_does_not_come_raises_an_error(order: Order, seed: int, epoch: int) -> None:
    positions = epoch_of(order, seed=seed, epoch=epoch).positions
    number = int((positions == positions[0]).sum())
    with pytest.raises(
        augseq.errors.ArgumentError, match=f"does not appear {number + 1} times in epoch {epoch}"
    ):
        order.place_of(int(positions[0]), number, seed=seed, epoch=epoch)


@given(orders(), seeds, epochs, st.data())
def test_any_places_have_the_turns_of_the_full_epoch(
    order: Order, seed: int, epoch: int, data: st.DataObject
) -> None:
    chosen = st.lists(st.integers(0, order.length - 1), min_size=1, max_size=10)
    places = np.array(data.draw(chosen), np.int64)
    whole = epoch_of(order, seed=seed, epoch=epoch)
    found = order.turns(places, seed=seed, epoch=epoch)
    assert found.positions.tolist() == whole.positions[places].tolist()
    assert found.repeats.tolist() == whole.repeats[places].tolist()


def test_copies_come_in_a_row() -> None:
    positions, repeats = epoch_of(Repeated(EachOnce(5, shuffle=True), 3))
    assert (positions.reshape(5, 3) == positions[::3, np.newaxis]).all()
    assert repeats.tolist() == [0, 1, 2] * 5


@given(groups, seeds, epochs)
def test_even_places_have_the_same_number_of_each_group_in_every_period(
    found: list[tuple[int, int]], seed: int, epoch: int
) -> None:
    order = by_quota(found, evenly=True)
    quotas = np.array([quota for _, quota in found])
    assert order.period == quotas.sum() // np.gcd.reduce(quotas)
    turns = epoch_of(order, seed=seed, epoch=epoch)
    for block in order.groups[turns.positions].reshape(-1, order.period):
        seen = np.bincount(block, minlength=len(found))
        assert (seen * (len(turns.positions) // order.period) == quotas).all()


def test_even_places_are_shuffled_within_and_over_their_periods() -> None:
    order = by_quota([(40, 40)] * 3, evenly=True)
    first = [epoch_of(order, epoch=epoch).positions for epoch in range(60)]
    groups_found = np.array([order.groups[found].reshape(40, 3) for found in first])
    # Each group is as often first, second and third.
    for group in range(3):
        seen = (groups_found == group).sum((0, 1))
        assert (abs(seen - 800) < 4 * 800**0.5).all()
    # Each record of a group comes in every period equally often.
    of_group = np.array([found[order.groups[found] == 0] for found in first])
    correlations = np.corrcoef(of_group)[np.triu_indices(60, k=1)]
    assert abs(correlations.mean()) < 4 / (40 * len(correlations)) ** 0.5


def test_groups_are_mixed_in_each_epoch() -> None:
    """In a fair shuffle, the number of neighbours of one group varies like this."""
    order = by_quota([(10, 500), (100, 500)])
    for epoch in range(5):
        found = order.groups[epoch_of(order, epoch=epoch).positions]
        assert abs((found[1:] == found[:-1]).sum() - 500) < 4 * 500**0.5


def test_the_turns_of_an_epoch_are_the_recorded_ones() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    quotas = epoch_of(by_quota([(4, 5), (2, 3)]), epoch=3)
    assert quotas.positions.tolist() == [4, 5, 2, 3, 1, 0, 1, 0]
    even = epoch_of(by_quota([(4, 6), (2, 3)], evenly=True), epoch=3)
    assert even.positions.tolist() == [3, 3, 1, 2, 2, 1, 4, 5, 0]
    shares = epoch_of(by_weight([1, 2, 0, 0.5], 8), epoch=3)
    assert shares.positions.tolist() == [1, 0, 1, 1, 3, 1, 1, 0]


@pytest.mark.parametrize("order", [by_quota([(3, 4), (5, 5)]), by_weight([1.0, 2.5], 9)])
def test_an_order_survives_pickling(order: Order) -> None:
    again = pickle.loads(pickle.dumps(order))
    for one, other in zip(epoch_of(again, epoch=4), epoch_of(order, epoch=4), strict=True):
        assert one.tolist() == other.tolist()
