"""Which record goes to which part: stratified, seeded, complete."""

import hashlib
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augseq.types import Positions

_HASHED_ROWS = 65_536

Part = TypeVar("Part")


class Split(tuple[Part, ...], Generic[Part]):
    """Named parts: unpack them in their order, or ask for one by its name.

    Example:
        >>> parts = Split(["train", "val"], ["most", "rest"])
        >>> train, val = parts
        >>> parts.val
        'rest'
    """

    names: tuple[str, ...]

    def __new__(cls, names: Sequence[str], parts: Sequence[Part]) -> "Split[Part]":
        """Put names beside parts, in the same order."""
        split = super().__new__(cls, parts)
        split.names = tuple(names)
        return split

    def __getattr__(self, name: str) -> Part:
        if name == "names" or name not in self.names:
            raise AttributeError(f"no part is called {name!r}")
        return self[self.names.index(name)]

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.names, tuple(self)))

    def __repr__(self) -> str:
        return ", ".join(f"{name}: {part}" for name, part in zip(self.names, self, strict=True))


def split_positions(
    paths: pa.ChunkedArray,
    strata: npt.NDArray[np.int32],
    shares: Sequence[float],
    *,
    seed: int,
) -> list[Positions]:
    """Return the positions of each part, ascending.

    Args:
        paths: Path of each record, as strings; its hash, with the seed, decides.
        strata: Group of each record, shape (len(paths),); each part gets its share of each.
        shares: Size of each part; they add up to 1.
        seed: Any integer.
    """
    part_of = np.zeros(len(paths), np.int64)
    by_hash = np.argsort(_hashes(paths, seed), kind="stable")
    # A stable sort by stratum keeps the hashed order inside each stratum.
    shuffled = by_hash[np.argsort(strata[by_hash], kind="stable")]
    start = 0
    for size in np.unique(strata, return_counts=True)[1].tolist():
        sizes = allocate(size, shares)
        part_of[shuffled[start : start + size]] = np.repeat(np.arange(len(shares)), sizes)
        start += size
    return [np.flatnonzero(part_of == part) for part in range(len(shares))]


def allocate(size: int, shares: Sequence[float]) -> list[int]:
    """Divide `size` records by largest remainder, at least one for each where they suffice.

    >>> allocate(10, [0.75, 0.25])
    [8, 2]
    >>> allocate(3, [0.9, 0.05, 0.05])
    [1, 1, 1]
    """
    # A share such as 0.2 of 5 must not lose a record to the last binary digit.
    exact = [size * share + 1e-9 for share in shares]
    sizes = [int(amount) for amount in exact]
    by_remainder = sorted(range(len(shares)), key=lambda part: sizes[part] - exact[part])
    for part in by_remainder[: size - sum(sizes)]:
        sizes[part] += 1
    if size >= len(shares):
        for part in [part for part, count in enumerate(sizes) if count == 0]:
            sizes[sizes.index(max(sizes))] -= 1
            sizes[part] += 1
    return sizes


def _hashes(paths: pa.ChunkedArray, seed: int) -> npt.NDArray[np.uint64]:
    keyed = hashlib.blake2b(f"{seed}\0".encode(), digest_size=8)
    digests = bytearray()
    # Piece by piece: all paths of a million records as Python objects would be 100 MB.
    for start in range(0, len(paths), _HASHED_ROWS):
        for path in paths[start : start + _HASHED_ROWS].cast(pa.binary()).to_pylist():
            digest = keyed.copy()
            digest.update(path)
            digests += digest.digest()
    return np.frombuffer(digests, "<u8")
