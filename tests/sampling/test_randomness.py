"""Generators that are functions of numbers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import augseq
from augseq.sampling.randomness import Stream, check_epoch, check_seed, lent_rng, record_rng

words = st.integers(0, 2**64 - 1)
streams = st.sampled_from(Stream)


def draws(seed: int, stream: Stream, epoch: int, index: int) -> list[int]:
    """The first four raw numbers, which are one block of Philox."""
    rng = record_rng(seed, stream, epoch=epoch, index=index)
    numbers: list[int] = rng.bit_generator.random_raw(4).tolist()
    return numbers


def test_the_streams_are_the_recorded_ones() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    assert Stream.ORDER == 1
    assert Stream.AUGMENT == 2
    assert Stream.TURNS == 3
    assert len({int(stream) for stream in Stream.__members__.values()}) == len(Stream.__members__)


def test_the_raw_draws_are_the_recorded_ones() -> None:
    """A change belongs in the changelog under "Changes pixels or order"."""
    assert draws(7, Stream.AUGMENT, 3, 17) == [
        0x59A6A47CA2AC35F3,
        0x8923900F5A0EAC3F,
        0x87AFCE05466A6D76,
        0x130CE910DC505470,
    ]


def test_the_draws_that_augmentations_take_are_the_recorded_ones() -> None:
    """A change belongs in the changelog under "Changes pixels or order".

    Numpy does not promise them, so a new numpy may be what changed.
    """
    rng = record_rng(7, Stream.AUGMENT, epoch=3, index=17)
    assert rng.random(3).tolist() == [0.35019901316506785, 0.5356988942604014, 0.5300263178709571]
    assert rng.integers(0, 100, 5).tolist() == [86, 7, 1, 49, 95]
    assert rng.normal(size=2).tolist() == [0.17707398410971573, -2.3781866119845745]
    assert rng.permutation(5).tolist() == [1, 3, 4, 2, 0]


@given(words, streams, words, words)
def test_every_number_has_a_separate_counter_word(
    seed: int, stream: Stream, epoch: int, index: int
) -> None:
    """Philox is one to one in its counter, so that different words never share draws."""
    state = record_rng(seed, stream, epoch=epoch, index=index).bit_generator.state["state"]
    assert state["key"].tolist() == [seed, 0]
    assert state["counter"].tolist() == [0, stream, epoch, index]


@pytest.mark.parametrize("first", [0, 1, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 2])
def test_neighbours_never_share_draws(first: int) -> None:
    pairs = [
        [draws(number, Stream.AUGMENT, 0, 0) for number in (first, first + 1)],
        [draws(0, Stream.AUGMENT, number, 0) for number in (first, first + 1)],
        [draws(0, Stream.AUGMENT, 0, number) for number in (first, first + 1)],
    ]
    assert all(one != other for one, other in pairs)


def test_seed_stream_epoch_and_index_are_not_interchangeable() -> None:
    first_draws = {
        tuple(draws(seed, stream, epoch, index))
        for seed in range(4)
        for stream in Stream
        for epoch in range(4)
        for index in range(4)
    }
    assert len(first_draws) == 4 * len(Stream) * 4 * 4


def test_draws_do_not_depend_on_what_was_drawn_before() -> None:
    alone = record_rng(7, Stream.AUGMENT, epoch=1, index=2).random(5)
    busy = record_rng(7, Stream.AUGMENT, epoch=1, index=1)
    busy.random(1000)
    rng = record_rng(7, Stream.AUGMENT, epoch=1, index=2)
    between = []
    for _ in range(5):
        busy.normal()
        between.append(rng.random())
    assert between == alone.tolist()


def test_global_generators_are_neither_read_nor_written() -> None:
    before = np.random.get_state(legacy=False)
    first = record_rng(7, Stream.AUGMENT, epoch=1, index=2).random()
    np.random.random()
    assert record_rng(7, Stream.AUGMENT, epoch=1, index=2).random() == first
    np.random.set_state(before)
    record_rng(7, Stream.AUGMENT, epoch=1, index=2).random()
    after = np.random.get_state(legacy=False)
    np.testing.assert_equal(after, before)


@pytest.mark.parametrize("word", ["seed", "epoch", "index"])
def test_draws_along_each_word_are_uniform_and_uncorrelated(word: str) -> None:
    num = 2000
    numbers = {"seed": 7, "epoch": 3, "index": 5}
    values = np.empty(num)
    for place in range(num):
        seed, epoch, index = {**numbers, word: place}.values()
        values[place] = record_rng(seed, Stream.AUGMENT, epoch=epoch, index=index).random()
    counts = np.histogram(values, bins=20, range=(0, 1))[0]
    chi_square = ((counts - num / 20) ** 2 / (num / 20)).sum()
    assert abs(chi_square - 19) < 4 * (2 * 19) ** 0.5
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 4 / num**0.5


@pytest.mark.parametrize("good", [0, 7, 2**64 - 1, np.int64(7), np.uint64(2**64 - 1), np.uint8(7)])
@pytest.mark.parametrize("check", [check_seed, check_epoch])
def test_words_come_back_as_python_integers(check: Any, good: Any) -> None:
    assert check(good) == int(good)
    assert type(check(good)) is int


@pytest.mark.parametrize("bad", [-1, 2**64, True, np.True_, 1.0, np.float64(1), "1", None, [1]])
@pytest.mark.parametrize(("check", "name"), [(check_seed, "seed"), (check_epoch, "epoch")])
def test_invalid_words_raise_an_error_with_the_name(check: Any, name: str, bad: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=f"`{name}` must be an integer.*{name}="):
        check(bad)


@given(words, streams, words, words)
def test_a_lent_generator_draws_what_a_new_one_does(
    seed: int, stream: Stream, epoch: int, index: int
) -> None:
    new = record_rng(seed, stream, epoch=epoch, index=index)
    with lent_rng(seed, stream, epoch=epoch, index=index) as lent:
        # An odd number of 32-bit draws leaves half a word behind for the next user.
        assert lent.integers(9, dtype=np.int32) == new.integers(9, dtype=np.int32)
        assert lent.random(5).tolist() == new.random(5).tolist()


def test_draws_of_repeats_are_independent_of_each_other_and_of_streams() -> None:
    first_draws = set()
    for stream in Stream:
        for repeat in (0, 1, 2, 3, 255, 2**32 - 1):
            for index in range(3):
                with lent_rng(7, stream, epoch=1, index=index, repeat=repeat) as rng:
                    first_draws.add(rng.random())
    assert len(first_draws) == len(Stream) * 6 * 3
    with lent_rng(7, Stream.AUGMENT, epoch=1, index=2, repeat=0) as rng:
        assert rng.random() == record_rng(7, Stream.AUGMENT, epoch=1, index=2).random()


def test_a_generator_is_not_lent_twice_at_the_same_time() -> None:
    with lent_rng(7, Stream.AUGMENT, epoch=0, index=0) as outer:
        first = outer.random()
        with lent_rng(7, Stream.AUGMENT, epoch=0, index=1) as inner:
            inner.random()
        second = outer.random()
    new = record_rng(7, Stream.AUGMENT, epoch=0, index=0)
    assert [first, second] == [new.random(), new.random()]
