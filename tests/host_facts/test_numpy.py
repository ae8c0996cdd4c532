"""What numpy's random streams promise."""

import numpy as np
import pytest

WORD = 2**64


def philox4x64(counter: list[int], key: list[int]) -> list[int]:
    """Return the block of Philox-4x64-10 for a counter.

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
    """
    a, b, c, d = counter
    k, m = key
    for _ in range(10):
        left, right = 0xD2E7470EE14C6C93 * a, 0xCA5A826395121157 * c
        a, b, c, d = right // WORD ^ b ^ k, right % WORD, left // WORD ^ d ^ m, left % WORD
        k, m = (k + 0x9E3779B97F4A7C15) % WORD, (m + 0xBB67AE8584CAA73B) % WORD
    return [a, b, c, d]


def test_trailing_zeros_of_a_seed_list_do_not_count() -> None:
    """`SeedSequence([5])` and `SeedSequence([5, 0])` are one stream."""
    streams = [np.random.SeedSequence(s).generate_state(8) for s in (5, [5], [5, 0], [5, 0, 0, 0])]
    for stream in streams:
        np.testing.assert_array_equal(stream, streams[0])


def test_a_zero_counts_in_a_seed_list_that_is_longer_than_four() -> None:
    """The pool has four words; so the rule about zeros cannot be relied on either."""
    four, five = (np.random.SeedSequence([5] + [0] * n).generate_state(8) for n in (3, 4))
    assert (four != five).any()


def test_philox_gives_the_published_values() -> None:
    """The known answer of the authors' Random123 for the counter 0 and the key 0.

    Numpy counts up before it computes a block, so the counter starts at the number before 0.
    """
    philox = np.random.Philox(key=0, counter=2**256 - 1)
    assert philox.random_raw(4).tolist() == [
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    ]


@pytest.mark.parametrize("counter", [[0, 0, 0, 0], [0, 3, 5, 7], [WORD - 2, 1, WORD - 1, 9]])
def test_philox_equals_the_papers_algorithm_with_the_counter_one_ahead(counter: list[int]) -> None:
    """The first word of the counter goes up by one per four numbers."""
    key = [11, 13]
    philox = np.random.Philox(key=np.array(key, np.uint64), counter=np.array(counter, np.uint64))
    ahead = [counter[0] + 1, *counter[1:]]
    assert philox.random_raw(4).tolist() == philox4x64(ahead, key)


def test_a_philox_whose_state_is_set_draws_like_a_new_one() -> None:
    """Numbers left over from an earlier use do not leak, neither 64-bit nor 32-bit ones."""
    new = np.random.Philox(key=3, counter=[0, 1, 2, 4])
    used = np.random.Philox(key=8)
    generator = np.random.Generator(used)
    generator.random(5)
    generator.integers(0, 9, dtype=np.uint32)
    assert used.state["has_uint32"]
    used.state = new.state
    expected = np.random.Generator(new)
    for _ in range(3):
        assert generator.integers(0, 99, dtype=np.uint32) == expected.integers(
            0, 99, dtype=np.uint32
        )
        assert generator.random() == expected.random()


def test_philox_equals_itself_after_a_reset_only_with_the_buffer_reset_too() -> None:
    """Setting back key and counter alone would go on with the numbers of the old block."""
    philox = np.random.Philox(key=3)
    start = philox.state
    first = philox.random_raw()
    moved = philox.state
    philox.state = {**moved, "state": start["state"]}
    assert philox.random_raw() != first
    philox.state = start
    assert philox.random_raw() == first


def test_the_raw_stream_of_pcg64_has_not_moved() -> None:
    """Numpy promises that for bit generators, and not for the methods of `Generator`."""
    raw = np.random.PCG64(np.random.SeedSequence(0)).random_raw(2).tolist()
    assert raw == [11749869230777074271, 4976686463289251617]
