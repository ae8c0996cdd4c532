"""Hash the contents of arrays."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from augseq.runtime.cores import num_cores

# Parts of an array are hashed in parallel: one thread reads 0.7 GB/s.
_CHUNK_BYTES = 2**24


def array_digest(array: Any) -> bytes:
    """Return a 16-byte hash of the dtype, shape and all values of an array.

    Args:
        array: A numpy array, which can be memory-mapped, or any object with `shape` and `dtype`
            that returns numpy arrays when sliced along its first axis.
    """
    shape = tuple(int(size) for size in array.shape)
    digest = hashlib.blake2b(f"{np.dtype(array.dtype).descr} {shape}".encode(), digest_size=16)
    if not shape:
        digest.update(np.asarray(array[()]).tobytes())
        return digest.digest()
    row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * np.dtype(array.dtype).itemsize
    rows = max(1, _CHUNK_BYTES // max(1, row_bytes))

    def part(start: int) -> bytes:
        values = np.ascontiguousarray(array[start : start + rows])
        return hashlib.blake2b(values.tobytes(), digest_size=16).digest()

    starts = range(0, shape[0], rows)
    if len(starts) == 1 or not isinstance(array, np.ndarray):
        # Other array types may not be thread-safe.
        parts = [part(start) for start in starts]
    else:
        with ThreadPoolExecutor(min(8, num_cores())) as pool:
            parts = list(pool.map(part, starts))
    for part_digest in parts:
        digest.update(part_digest)
    return digest.digest()


def array_text(array: Any) -> str:
    """Return the dtype, shape and abbreviated hash of an array."""
    return f"{np.dtype(array.dtype)} {tuple(array.shape)} #{array_digest(array).hex()[:16]}"
