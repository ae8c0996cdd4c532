"""What tells the values of one array from those of another."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

# Parts of an array are hashed side by side: one thread reads 0.7 GB/s.
_CHUNK_BYTES = 2**24


def array_digest(array: Any) -> bytes:
    """Return a hash of dtype, shape and all values, 16 bytes long.

    Args:
        array: A numpy array, memory-mapped ones included, or anything that has `shape` and
            `dtype` and gives numpy arrays when sliced along its first axis.
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
        # What is no array of numpy may not be safe to read in several threads.
        parts = [part(start) for start in starts]
    else:
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            parts = list(pool.map(part, starts))
    for found in parts:
        digest.update(found)
    return digest.digest()


def array_text(array: Any) -> str:
    """Describe an array in a few words, with the beginning of its hash."""
    return f"{np.dtype(array.dtype)} {tuple(array.shape)} #{array_digest(array).hex()[:16]}"
