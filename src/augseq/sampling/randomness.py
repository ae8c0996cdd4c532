"""Random generators that are functions of numbers, never of what ran before.

Philox is counter-based: its key is the seed, and its counter words say which stream, epoch and
record are meant. Two different questions can never share draws, in whatever order they come.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np

from augseq.validation import check_whole

_LARGEST_WORD = 2**64 - 1


class Stream(IntEnum):
    """What a generator is used for; each use draws from numbers of its own.

    The values are part of what a seed means: never change or reuse one.
    """

    ORDER = 1
    AUGMENT = 2


def record_rng(seed: int, stream: Stream, *, epoch: int, index: int) -> np.random.Generator:
    """Return the generator of one record in one epoch.

    Args:
        seed: From 0 to 2**64 - 1.
        stream: What the draws are for.
        epoch: From 0.
        index: The record's identity.

    Source:
        Salmon et al. (2011), "Parallel Random Numbers: As Easy as 1, 2, 3".
    """
    # The lowest word counts the draws of this generator itself.
    # A list would pass through float64 where a word is 2**63 or more.
    counter = np.array([0, stream, epoch, index], np.uint64)
    return np.random.Generator(np.random.Philox(key=seed, counter=counter))


class _Lent(threading.local):
    """The generators of this thread that no sample is using."""

    def __init__(self) -> None:
        self.free: list[np.random.Generator] = []


_LENT = _Lent()


@contextmanager
def lent_rng(seed: int, stream: Stream, *, epoch: int, index: int) -> Iterator[np.random.Generator]:
    """Lend the generator of `record_rng` for as long as a `with` block lasts.

    A generator is set anew instead of made anew: 1 microsecond instead of 8.
    """
    rng = _LENT.free.pop() if _LENT.free else record_rng(0, Stream.AUGMENT, epoch=0, index=0)
    counter = np.array([0, stream, epoch, index], np.uint64)
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
