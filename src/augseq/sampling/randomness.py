"""Random generators that depend only on seed, stream, epoch and record.

Philox is counter-based: its key is the seed, and its counter words are stream, epoch and record.
Different records, epochs or streams never share draws, in whatever order they are used.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np

from augseq.validation import check_whole

_LARGEST_WORD = 2**64 - 1


class Stream(IntEnum):
    """What a generator is used for; different uses have independent draws.

    The values determine the results of a seed: never change or reuse one.
    """

    ORDER = 1
    AUGMENT = 2
    TURNS = 3
    MIX = 4


def record_rng(seed: int, stream: Stream, *, epoch: int, index: int) -> np.random.Generator:
    """Return the generator of one record in one epoch.

    Args:
        seed: From 0 to 2**64 - 1.
        stream: What the draws are used for.
        epoch: From 0.
        index: Index of the record.

    Source:
        Salmon et al. (2011), "Parallel Random Numbers: As Easy as 1, 2, 3".
    """
    # The lowest word counts the draws of the generator.
    # Without the dtype, words of 2**63 or more would be converted through float64.
    counter = np.array([0, stream, epoch, index], np.uint64)
    return np.random.Generator(np.random.Philox(key=seed, counter=counter))


class _Lent(threading.local):
    """The unused generators of this thread."""

    def __init__(self) -> None:
        self.free: list[np.random.Generator] = []


_LENT = _Lent()


@contextmanager
def lent_rng(
    seed: int,
    stream: Stream,
    *,
    epoch: int,
    index: int,
    repeat: int = 0,
    number: int = 0,
    attempt: int = 0,
) -> Iterator[np.random.Generator]:
    """Provide the generator of `record_rng` within a `with` block.

    Resets an existing generator instead of creating one: 1 microsecond instead of 8.

    Args:
        seed: As in `record_rng`.
        stream: As in `record_rng`.
        epoch: As in `record_rng`.
        index: As in `record_rng`.
        repeat: Less than 2**32. How many times the record was used earlier in the epoch: its draws
            are independent each time.
        number: Less than 2**15. Other numbers are for further images of the record: their draws
            are `number` times 2**50 draws ahead, which no image ever uses.
        attempt: Less than 2**8. Other numbers are for further attempts with the same image: their
            draws are `attempt` times 2**42 draws ahead.
    """
    rng = _LENT.free.pop() if _LENT.free else record_rng(0, Stream.AUGMENT, epoch=0, index=0)
    # Streams are small numbers; the first time leaves their word as it is.
    words = (number << 48 | attempt << 40, stream | repeat << 32, epoch, index)
    counter = np.array(words, np.uint64)
    rng.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": counter, "key": np.array([seed, 0], np.uint64)},
        # An empty buffer: the next draw computes new words.
        "buffer": counter,
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }
    try:
        yield rng
    finally:
        _LENT.free.append(rng)


def check_seed(seed: int) -> int:
    """Return the seed as an int, or raise `ArgumentError`."""
    return check_whole("seed", seed, least=0, most=_LARGEST_WORD)


def check_epoch(epoch: int) -> int:
    """Return the epoch as an int, or raise `ArgumentError`."""
    return check_whole("epoch", epoch, least=0, most=_LARGEST_WORD)
