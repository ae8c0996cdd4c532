"""A pipeline for worker processes: pickled once, with large arrays in shared memory."""

import itertools
import mmap
import os
import pickle
import weakref
from collections.abc import Iterable
from io import BytesIO
from types import FunctionType
from typing import Any

import cloudpickle
import numpy as np
import numpy.typing as npt

from augseq.augment.albumentations_import import import_albumentations
from augseq.errors import SharedMemoryError
from augseq.storage.quota import size_text
from augseq.workers.shared_memory import aligned, make_shared_file

# Smaller arrays stay in the pickle, since separate pages would not pay off.
_LARGE_BYTES = 65_536

_NUMBERS = itertools.count()


class SentPickle:
    """A pipeline or function, pickled for the workers of a pool.

    Each kind of workers has a class of its own, which stores the large arrays.

    Args:
        pickled: The pickle, without the large arrays.
        is_by_value: Whether it contains code that is pickled by value.

    Attributes:
        number: Unique number within this process.
        pickled: As in the arguments.
        is_by_value: As in the arguments.
    """

    def __init__(self, pickled: bytes, *, is_by_value: bool) -> None:
        self.number = next(_NUMBERS)
        self.pickled = pickled
        self.is_by_value = is_by_value

    def is_of(self, content: Any) -> bool:
        """Return whether pickling again gives the same, except for values in large arrays."""
        return pack(content)[0] == self.pickled


class SharedPickle(SentPickle):
    """An object pickled for other processes.

    Its large arrays are stored in one shared file, which every process maps: 8 processes that
    use an array of 1 GB share one copy. A `numpy.memmap` is opened again by name. Functions and
    classes of a notebook or script, nested ones and lambdas are pickled by value, with the globals
    that they use, since other processes cannot import them.

    Args:
        content: What to pickle.
        max_bytes: Maximum size of its large arrays; None for no limit.

    Attributes:
        spans: Start and size in bytes of each large array in the file.
        descriptor: The file; None without large arrays.

    Raises:
        Exception: It cannot be pickled.
        SharedMemoryError: There is not enough space for the arrays, or they exceed `max_bytes`.
    """

    def __init__(self, content: Any, *, max_bytes: int | None = None) -> None:
        pickled, buffers, is_by_value = pack(content)
        super().__init__(pickled, is_by_value=is_by_value)
        ends = list(itertools.accumulate(aligned(buffer.nbytes) for buffer in buffers))
        if max_bytes is not None and ends and ends[-1] > max_bytes:
            raise SharedMemoryError(f"its arrays, {size_text(ends[-1])}, would be copied")
        starts = [0, *ends][: len(buffers)]
        self.spans = [(k, buffer.nbytes) for k, buffer in zip(starts, buffers, strict=True)]
        self.descriptor = make_shared_file(ends[-1]) if ends else None
        if self.descriptor is not None:
            weakref.finalize(self, os.close, self.descriptor).atexit = False
            _write(self.descriptor, buffers, starts)


def pack(content: Any) -> tuple[bytes, list[memoryview], bool]:
    """Return a pickle, its large arrays, and whether it contains code that is pickled by value."""
    buffers: list[memoryview] = []
    stream = BytesIO()
    packer = _Packer(stream, buffers)
    packer.dump(content)
    return stream.getvalue(), buffers, packer.is_by_value


def unpack(pickled: bytes, spans: list[tuple[int, int]], descriptor: int | None) -> Any:
    """Return what was pickled; its large arrays are views of the shared file.

    Args:
        pickled: As in `SharedPickle`.
        spans: As in `SharedPickle`.
        descriptor: The file, in this process; it is closed.
    """
    if descriptor is None:
        return load_pickle(pickled)
    # Copy on write: arrays are as writable as in the original process, and pages that are not
    # written to are shared by all processes.
    view = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
    os.close(descriptor)
    return load_pickle(pickled, [view[start : start + size] for start, size in spans])


def load_pickle(pickled: bytes, buffers: Iterable[Any] = ()) -> Any:
    """Return what `pack` pickled, in a process that has perhaps not imported albumentations.

    Args:
        pickled: The pickle.
        buffers: Its large arrays.
    """
    if b"albumentations" in pickled:
        import_albumentations()
    return pickle.loads(pickled, buffers=buffers)


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]
    """A pickler for processes that do not run the user's script."""

    def __init__(self, stream: BytesIO, buffers: list[memoryview]) -> None:
        super().__init__(stream, protocol=5, buffer_callback=self._put_aside)
        self._buffers = buffers
        self.is_by_value = False

    def _put_aside(self, buffer: pickle.PickleBuffer) -> bool:
        """Keep a large buffer out of the pickle; return True to keep a small one in it."""
        raw = buffer.raw()
        if raw.nbytes < _LARGE_BYTES:
            return True
        self._buffers.append(raw)
        return False

    def reducer_override(self, value: Any) -> Any:
        """Override the pickling of some functions, classes and arrays."""
        if not isinstance(value, np.ndarray):
            reduced = super().reducer_override(value)
            if reduced is not NotImplemented and isinstance(value, type | FunctionType):
                self.is_by_value = True
            return reduced
        by_name = _by_name(value)
        if by_name is None and type(value) is np.ndarray and _is_scattered(value):
            # Numpy would put the values of this view into the pickle, not the shared file.
            return np.array(value, order="C").__reduce_ex__(5)
        return by_name or NotImplemented


def _is_scattered(array: npt.NDArray[Any]) -> bool:
    return not array.flags.forc and not array.dtype.hasobject


def _by_name(array: npt.NDArray[Any]) -> tuple[Any, ...] | None:
    """Return how to reopen a memory-mapped array; None if its file may differ.

    Numpy would pickle the values, even 100 GB of them.
    """
    whole: Any = array
    while isinstance(whole, np.ndarray) and not isinstance(whole.base, mmap.mmap):
        whole = whole.base
    if not isinstance(whole, np.memmap) or whole.filename is None or whole.mode == "c":
        return None
    if min(array.strides, default=0) < 0:
        return None
    offset = whole.offset + array.ctypes.data - whole.ctypes.data
    path = os.fspath(whole.filename)
    return _open_again, (path, offset, array.shape, array.dtype, array.strides)


def _open_again(
    path: str,
    offset: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    strides: tuple[int, ...],
) -> npt.NDArray[Any]:
    """Map the part of a file that contains an array, read-only."""
    last = sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    size = last + dtype.itemsize if 0 not in shape else 0
    values = np.memmap(path, np.uint8, "r", offset, (max(1, size),))
    return np.ndarray(shape, dtype, values, strides=strides)


def _write(descriptor: int, buffers: list[memoryview], starts: list[int]) -> None:
    for start, buffer in zip(starts, buffers, strict=True):
        os.lseek(descriptor, start, os.SEEK_SET)
        with open(descriptor, "wb", closefd=False, buffering=0) as file:
            while buffer:
                buffer = buffer[file.write(buffer) :]
