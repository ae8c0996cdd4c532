"""Select records by position, by several positions, or by a mask."""

from typing import Any

import numpy as np
import pytest

import augseq
from augseq.manifest.manifest import make_manifest


def test_a_position_returns_a_record(animals: augseq.Manifest) -> None:
    assert animals[4] == augseq.Record(index=4, path="dog/1.jpg", target=1)
    assert animals[-1] == augseq.Record(index=5, path="dog/2.jpg", target=1)
    assert animals[np.int64(0)] == augseq.Record(index=0, path="cat/1.jpg", target=0)


@pytest.mark.parametrize("position", [6, -7, 10**12])
def test_a_position_out_of_range_is_an_error(animals: augseq.Manifest, position: int) -> None:
    with pytest.raises(IndexError, match=rf"out of range for 6 records\. Received: {position}$"):
        animals[position]


@pytest.mark.parametrize("position", ["x", 1.0, None, True, np.True_, [0, 1], np.ones(6, bool)])
def test_an_invalid_position_is_refused_with_the_fix(
    animals: augseq.Manifest, position: Any
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"(?s)an integer or a slice.*`select`"):
        animals[position]


def test_records_come_in_the_order_of_the_positions(animals: augseq.Manifest) -> None:
    assert animals.records([5, 0, 5]) == [animals[5], animals[0], animals[5]]
    assert animals.records(np.array([], np.int64)) == []


def test_a_record_position_out_of_range_is_an_error(animals: augseq.Manifest) -> None:
    with pytest.raises(IndexError, match=r"positions from 0 to 5\. Received: 0 to 6"):
        animals.records([0, 6])
    with pytest.raises(IndexError, match="-7 to 0"):
        animals.records([0, -7])


def test_records_accept_the_same_as_select_but_can_repeat(animals: augseq.Manifest) -> None:
    """A mask marks records, as in numpy, and is not a list of the positions 0 and 1."""
    mask = [False, True, False, False, True, False]
    for which in (mask, np.array(mask), [-2, 0], np.array([3, 2], np.uint64)):
        assert animals.records(which) == list(animals.select(which))
    assert animals.records([-1, 5, -1]) == [animals[5]] * 3


@pytest.mark.parametrize("which", [[True, False], [1.9], ["1"], [[0, 1]], 3])
def test_records_refuses_invalid_positions(animals: augseq.Manifest, which: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="`positions` must be positions"):
        animals.records(which)


def test_select_accepts_positions_in_any_order(animals: augseq.Manifest) -> None:
    assert list(animals.select([4, 0, -1])) == [animals[4], animals[0], animals[5]]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.uint64])
def test_select_accepts_positions_of_any_integer_type(dtype: type) -> None:
    manifest = make_manifest("/", (), paths=[f"{n:03}" for n in range(300)], targets=None)
    positions = np.array([100, 7], dtype)
    assert [record.index for record in manifest.select(positions)] == [100, 7]


@pytest.mark.parametrize("kind", [list, np.array])
def test_select_accepts_a_mask(animals: augseq.Manifest, kind: Any) -> None:
    chosen = animals.select(kind([False, True, False, False, True, False]))
    assert list(chosen) == [animals[1], animals[4]]


@pytest.mark.parametrize("which", [[], [False] * 6, np.zeros(0, bool)])
def test_select_can_be_empty(animals: augseq.Manifest, which: Any) -> None:
    assert list(animals.select(which)) == []


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ([0, 3, 0], "not repeat a position.*3 positions, 2 of them different"),
        ([5, -1], "not repeat a position"),
        ([0, 6], "positions from 0 to 5.*to 6"),
        ([-7], "positions from 0 to 5.*-7"),
        ([True, False], "a mask as long as the manifest.*dtype=bool"),
        ([0.0, 1.0], "positions .*dtype=float64"),
        ([[0, 1]], r"positions .*shape=\(1, 2\)"),
        (["cat/1.jpg"], "positions .*dtype=<U9"),
        (3, r"positions .*shape=\(\)"),
    ],
)
def test_select_refuses_invalid_positions(
    animals: augseq.Manifest, which: Any, message: str
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=message):
        animals.select(which)
