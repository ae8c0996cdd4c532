"""The order of an epoch, held against what numpy's permutations do.

Seeds are fixed, so that each statistic is one number for ever. The bounds are four standard
deviations of what a fair shuffle gives.
"""

import pickle
import tracemalloc
from dataclasses import FrozenInstanceError
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import augseq
from augseq.sampling.order import EachOnce
from augseq.sampling.permutation import epoch_order, epoch_place
from augseq.sampling.schedule import Schedule, Step

Orders = npt.NDArray[np.int64]

seeds = st.integers(0, 2**64 - 1)
epochs = st.integers(0, 2**64 - 1)


def whole_order(num_records: int, *, seed: int = 7, epoch: int = 0) -> Orders:
    return epoch_order(np.arange(num_records), num_records, seed=seed, epoch=epoch)


def orders(num_records: int, num_epochs: int) -> Orders:
    """The orders of many epochs, shape (epochs, records)."""
    return np.stack([whole_order(num_records, epoch=epoch) for epoch in range(num_epochs)])


def numpy_orders(num_records: int, num_epochs: int) -> Orders:
    """As many fair shuffles by numpy."""
    rng = np.random.default_rng(7)
    return rng.permuted(np.tile(np.arange(num_records), (num_epochs, 1)), axis=1)


def schedule(**options: Any) -> Schedule:
    order = EachOnce(options.pop("num_records", 10), shuffle=options.pop("shuffle", True))
    defaults = {"batch_size": 4, "drop_remainder": False, "seed": 7}
    return Schedule(order=order, **{**defaults, **options})


def assert_counts_are_fair(counts: npt.NDArray[Any], expected: Any, *, freedom: int) -> None:
    """Compare Pearson's chi-square with its mean and standard deviation."""
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - freedom) < 4 * (2 * freedom) ** 0.5


def test_the_order_of_an_epoch_is_the_recorded_one() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    assert whole_order(10, epoch=0).tolist() == [7, 2, 3, 4, 6, 9, 1, 8, 5, 0]
    assert whole_order(10, epoch=1).tolist() == [5, 2, 0, 6, 4, 9, 3, 1, 7, 8]
    places = np.arange(6)
    assert epoch_order(places, 1000, seed=7, epoch=0).tolist() == [598, 972, 346, 918, 422, 492]


def test_the_order_of_a_huge_manifest_is_the_recorded_one() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    places = np.array([0, 1, 10**12 - 1])
    assert epoch_order(places, 10**12, seed=2**64 - 1, epoch=5).tolist() == [
        318984078777,
        550866065342,
        10795345412,
    ]


@given(st.integers(1, 3000), seeds, epochs)
def test_every_position_comes_exactly_once(num_records: int, seed: int, epoch: int) -> None:
    order = whole_order(num_records, seed=seed, epoch=epoch)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(num_records))


@pytest.mark.parametrize("root", [1, 2, 3, 10, 31, 32, 100])
def test_every_position_comes_exactly_once_around_squares(root: int) -> None:
    for num_records in range(max(root**2 - 2, 1), root**2 + root + 3):
        order = whole_order(num_records)
        np.testing.assert_array_equal(np.sort(order), np.arange(num_records))


@given(st.integers(1, 500), seeds, epochs, st.data())
def test_any_places_give_the_same_as_the_full_order(
    num_records: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    places = np.array(data.draw(st.lists(st.integers(0, num_records - 1), max_size=20)), np.int64)
    found = epoch_order(places, num_records, seed=seed, epoch=epoch)
    whole = whole_order(num_records, seed=seed, epoch=epoch)
    np.testing.assert_array_equal(found, whole[places])


@given(st.integers(1, 2**62), seeds, epochs, st.data())
def test_the_place_of_a_position_is_where_it_comes(
    num_records: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, num_records - 1))
    position = int(epoch_order(np.array([place]), num_records, seed=seed, epoch=epoch)[0])
    assert epoch_place(position, num_records, seed=seed, epoch=epoch) == place


@pytest.mark.parametrize("num_records", [10**9, 2**40, 2**62])
def test_positions_of_a_huge_manifest_are_in_range_and_different(num_records: int) -> None:
    places = np.append(np.arange(2000), np.arange(num_records - 2000, num_records))
    order = epoch_order(places, num_records, seed=7, epoch=0)
    assert order.min() >= 0
    assert order.max() < num_records
    assert len(np.unique(order)) == len(places)


def test_a_batch_of_a_billion_records_takes_no_memory() -> None:
    billion = schedule(num_records=10**9, batch_size=256)
    billion.positions(Step(0, 0))
    tracemalloc.start()
    try:
        billion.positions(Step(3, 1_000_000))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 200_000


def test_the_places_are_not_written_to() -> None:
    places = np.arange(10)
    places.flags.writeable = False
    assert not np.shares_memory(epoch_order(places, 10, seed=7, epoch=0), places)


@pytest.mark.parametrize("num_records", [2, 3, 7])
def test_every_position_is_equally_likely_at_every_place(num_records: int) -> None:
    num_epochs = 1500
    counts = np.zeros((num_records, num_records))
    for order in orders(num_records, num_epochs):
        counts[np.arange(num_records), order] += 1
    expected = num_epochs / num_records
    assert_counts_are_fair(counts, expected, freedom=(num_records - 1) ** 2)


@pytest.mark.parametrize(("num_records", "num_epochs"), [(3, 1000), (4, 2000), (5, 4000)])
def test_all_orders_are_equally_likely(num_records: int, num_epochs: int) -> None:
    counts = dict.fromkeys(permutations(range(num_records)), 0)
    for order in orders(num_records, num_epochs).tolist():
        counts[tuple(order)] += 1
    expected = num_epochs / len(counts)
    assert_counts_are_fair(np.array([*counts.values()]), expected, freedom=len(counts) - 1)


@pytest.mark.parametrize("num_records", [6, 7, 8, 9, 10, 25])
def test_half_of_the_orders_are_odd(num_records: int) -> None:
    """A permutation is odd where its matrix has the determinant -1."""
    num_epochs = 400
    odd = np.linalg.det(np.eye(num_records)[orders(num_records, num_epochs)]) < 0
    assert abs(odd.mean() - 0.5) < 4 * 0.5 / num_epochs**0.5


def test_neighbours_are_as_far_apart_as_in_fair_shuffles() -> None:
    num_records, num_epochs, num_bins = 1000, 100, 20
    ours, fair = (
        np.histogram(
            np.abs(np.diff(made(num_records, num_epochs), axis=1)), num_bins, (1, num_records)
        )[0]
        for made in (orders, numpy_orders)
    )
    chi_square = ((ours - fair) ** 2 / (ours + fair)).sum()
    assert abs(chi_square - (num_bins - 1)) < 4 * (2 * (num_bins - 1)) ** 0.5


def test_neighbours_stay_neighbours_as_rarely_as_in_fair_shuffles() -> None:
    """Two of a fair shuffle's places hold neighbours, with a variance of about two."""
    num_records, num_epochs = 500, 300
    steps = np.abs(np.diff(orders(num_records, num_epochs), axis=1))
    expected = num_epochs * 2 * (num_records - 1) / num_records
    assert abs((steps == 1).sum() - expected) < 4 * expected**0.5


@pytest.mark.parametrize("distance", [1, 2, 31, 32, 64])
def test_places_do_not_predict_later_places(distance: int) -> None:
    """Distances of a row of the grid, which is 32 wide here, are the tempting ones."""
    num_records, num_epochs = 1000, 60
    found = orders(num_records, num_epochs)
    serial = np.corrcoef(found[:, :-distance].ravel(), found[:, distance:].ravel())[0, 1]
    assert abs(serial) < 4 / (num_records * num_epochs) ** 0.5


def test_epochs_and_seeds_are_uncorrelated() -> None:
    """Each order holds ranks, so that Pearson's correlation is Spearman's."""
    num_records = 2000
    found = [
        whole_order(num_records, seed=seed, epoch=epoch)
        for seed in (0, 1, 2, 7, 2**32, 2**64 - 1)
        for epoch in (0, 1, 2, 3, 7, 2**32)
    ]
    correlations = np.corrcoef(found)[np.triu_indices(len(found), k=1)]
    assert np.abs(correlations).max() < 4.5 / num_records**0.5
    assert abs((correlations**2).sum() * num_records / len(correlations) - 1) < 0.25


def test_an_order_is_uncorrelated_with_the_folder() -> None:
    num_records, num_epochs = 1000, 100
    places = np.arange(num_records)
    found = [np.corrcoef(places, order)[0, 1] for order in orders(num_records, num_epochs)]
    assert abs(np.mean(found)) < 4 / (num_records * num_epochs) ** 0.5
    assert np.abs(found).max() < 4.5 / num_records**0.5


def test_batches_cut_the_order_into_pieces() -> None:
    order = whole_order(10, epoch=3).tolist()
    batches = [schedule().positions(Step(3, batch)).tolist() for batch in range(3)]
    assert batches == [order[:4], order[4:8], order[8:]]


def test_a_schedule_without_shuffling_follows_positions() -> None:
    plain = schedule(shuffle=False)
    for epoch in (0, 5):
        batches = [plain.positions(Step(epoch, batch)).tolist() for batch in range(3)]
        assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize(
    ("num_records", "batch_size", "kept", "dropped"),
    [(10, 4, 3, 2), (12, 4, 3, 3), (3, 4, 1, None), (1, 1, 1, 1), (4, np.int64(4), 1, 1)],
)
def test_the_number_of_batches_counts_a_remainder_unless_dropped(
    num_records: int, batch_size: int, kept: int, dropped: int | None
) -> None:
    options = {"num_records": num_records, "batch_size": batch_size}
    assert schedule(**options).num_batches == kept
    if dropped is not None:
        assert schedule(**options, drop_remainder=True).num_batches == dropped


def test_a_dropped_remainder_changes_no_other_batch() -> None:
    kept, dropped = schedule(), schedule(drop_remainder=True)
    for batch in range(dropped.num_batches):
        positions = dropped.positions(Step(2, batch))
        assert len(positions) == 4
        np.testing.assert_array_equal(positions, kept.positions(Step(2, batch)))


def test_the_dropped_remainder_differs_between_epochs() -> None:
    dropping = schedule(drop_remainder=True)
    seen = {
        frozenset(
            np.concatenate([dropping.positions(Step(epoch, batch)) for batch in (0, 1)]).tolist()
        )
        for epoch in range(10)
    }
    assert len(seen) > 5


@pytest.mark.parametrize("wrong", [0, -4, 4.0, "4", None, True])
def test_an_invalid_batch_size_is_shown_in_the_error(wrong: Any) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=f"`batch_size` must be.*batch_size={wrong!r}"
    ):
        schedule(batch_size=wrong)


@pytest.mark.parametrize(
    "options", [{"num_records": 0}, {"num_records": 3, "drop_remainder": True}]
)
def test_a_schedule_without_a_batch_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=f"at least one batch.*{options['num_records']}"
    ):
        schedule(**options)


def test_a_schedule_cannot_be_changed_and_survives_pickling() -> None:
    plan = schedule()
    with pytest.raises(FrozenInstanceError):
        plan.seed = 8  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan
    np.testing.assert_array_equal(again.positions(Step(1, 1)), plan.positions(Step(1, 1)))
