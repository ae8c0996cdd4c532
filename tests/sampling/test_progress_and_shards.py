"""What a resume and shards do to the order of an epoch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import augseq
from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Progress, Schedule, Shard, Step

sizes = st.integers(1, 9)


def schedule(num_records: int = 23, **options: Any) -> Schedule:
    order = EachOnce(num_records, shuffle=options.pop("shuffle", True))
    defaults = {"batch_size": 4, "drop_remainder": False, "seed": 7}
    return Schedule(order=order, **{**defaults, **options})


def global_batch(plan: Schedule, epoch: int, batch: int) -> list[int]:
    """What all shards give together in one step."""
    shards = (replace(plan.shard, index=index) for index in range(plan.shard.count))
    return [
        k for one in shards for k in replace(plan, shard=one).positions(Step(epoch, batch)).tolist()
    ]


@given(
    num_records=st.integers(1, 60),
    changes=st.lists(st.tuples(sizes, st.integers(1, 4), st.integers(0, 5)), max_size=8),
    shuffle=st.booleans(),
)
def test_changing_batch_size_and_shards_across_resumes_does_not_change_the_stream(
    num_records: int, changes: list[tuple[int, int, int]], shuffle: bool
) -> None:
    whole = schedule(num_records, shuffle=shuffle)
    stream: dict[int, list[int]] = {}
    done = Progress()
    for batch_size, count, num_batches in [*changes, (1, 1, num_records)]:
        plan = replace(whole, batch_size=batch_size, shard=Shard(count=count), done=done)
        epoch = plan.done.epoch
        num_batches = min(num_batches, plan.num_batches_of(epoch))
        for batch in range(num_batches):
            room = num_records - len(stream.setdefault(epoch, []))
            stream[epoch] += global_batch(plan, epoch, batch)[:room]
        done = plan.progress_before(Step(epoch, num_batches))
    for epoch, given_ in stream.items():
        expected = whole_order(whole, epoch)
        assert given_ == expected[: len(given_)]
        # Every epoch but the one in which the run stopped was given whole.
        assert len(given_) == num_records or epoch == done.epoch


def whole_order(plan: Schedule, epoch: int) -> list[int]:
    return [
        k for batch in range(plan.num_batches) for k in plan.positions(Step(epoch, batch)).tolist()
    ]


@given(st.integers(1, 60), sizes, st.integers(1, 5), st.integers(0, 3))
def test_shards_are_disjoint_complete_and_equally_long(
    num_records: int, batch_size: int, count: int, epoch: int
) -> None:
    plan = schedule(num_records, batch_size=batch_size, shard=Shard(count=count))
    given_ = [k for b in range(plan.num_batches) for k in global_batch(plan, epoch, b)]
    assert sorted(given_[:num_records]) == list(range(num_records))
    # Padding repeats the beginning of the epoch's order.
    if count > 1:
        assert len(given_) == plan.num_batches * batch_size * count
        assert given_[num_records:] == (given_ * 100)[: len(given_) - num_records]


@given(st.integers(1, 60), sizes, st.integers(1, 5))
def test_weights_of_zero_leave_each_record_counted_once(
    num_records: int, batch_size: int, count: int
) -> None:
    shards = [Shard(index=k, count=count, padding="zero_weight") for k in range(count)]
    total = np.zeros(num_records)
    for shard in shards:
        plan = schedule(num_records, batch_size=batch_size, shard=shard)
        for batch in range(plan.num_batches):
            weights = plan.weights(Step(3, batch))
            assert weights is not None
            np.add.at(total, plan.positions(Step(3, batch)), weights)
    np.testing.assert_array_equal(total, 1)


def test_padding_by_wrapping_has_no_weights() -> None:
    assert schedule(shard=Shard(count=2)).weights(Step(0, 0)) is None


def test_drop_remainder_leaves_only_full_global_batches() -> None:
    plan = schedule(23, batch_size=4, drop_remainder=True, shard=Shard(count=2))
    assert plan.num_batches == 2
    assert len(set(global_batch(plan, 0, 0) + global_batch(plan, 0, 1))) == 16


def test_a_resume_shortens_only_the_current_epoch() -> None:
    plan = schedule(23, done=Progress(epoch=2, num_records=9))
    assert [plan.num_batches_of(epoch) for epoch in (1, 2, 3)] == [6, 4, 6]
    whole = schedule(23, batch_size=23)
    assert whole_order(replace(whole, batch_size=1), 2)[9:13] == plan.positions(Step(2, 0)).tolist()


def test_a_rest_too_small_for_a_batch_begins_the_next_epoch() -> None:
    plan = schedule(23, drop_remainder=True, done=Progress(epoch=2, num_records=20))
    assert plan.done == Progress(epoch=3)
    assert schedule(23, done=Progress(epoch=2, num_records=23)).done == Progress(epoch=3)


@pytest.mark.parametrize(
    "shard", [{"index": 2, "count": 2}, {"count": 0}, {"index": -1}, {"padding": "none"}]
)
def test_an_invalid_shard_raises_an_error(shard: dict[str, Any]) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=next(iter(shard))):
        Shard(**shard)


@given(st.integers(1, 60), sizes, st.integers(0, 3), st.sampled_from(["wrap", "zero_weight"]))
def test_a_single_shard_is_padded_on_request(
    num_records: int, batch_size: int, epoch: int, padding: Any
) -> None:
    plan = schedule(num_records, batch_size=batch_size, shard=Shard(padding=padding))
    given_ = [plan.positions(Step(epoch, batch)).tolist() for batch in range(plan.num_batches)]
    assert {len(batch) for batch in given_} == plan.batch_sizes(epoch) == {batch_size}
    stream = [position for batch in given_ for position in batch]
    assert sorted(stream[:num_records]) == list(range(num_records))
    assert stream[num_records:] == (stream[:num_records] * 10)[: len(stream) - num_records]
    num_padding = [plan.num_padding(Step(epoch, batch)) for batch in range(plan.num_batches)]
    assert num_padding == [0] * (plan.num_batches - 1) + [len(stream) - num_records]
    weights = [plan.weights(Step(epoch, batch)) for batch in range(plan.num_batches)]
    if padding == "wrap":
        assert weights == [None] * plan.num_batches
    else:
        expected = [1.0] * num_records + [0.0] * (len(stream) - num_records)
        assert np.concatenate(weights).tolist() == expected


@given(st.integers(1, 60), sizes, st.integers(0, 3))
def test_a_single_shard_is_not_padded_by_default(
    num_records: int, batch_size: int, epoch: int
) -> None:
    plan = schedule(num_records, batch_size=batch_size, shard=Shard())
    given_ = [plan.positions(Step(epoch, batch)).tolist() for batch in range(plan.num_batches)]
    assert sorted(position for batch in given_ for position in batch) == list(range(num_records))
    assert {len(batch) for batch in given_} == plan.batch_sizes(epoch)
