"""Memory shared between processes: unnamed files that all of them map."""

import itertools
import mmap
import os
import sys
import tempfile
import weakref
from collections import deque
from collections.abc import Mapping
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from augseq.errors import SharedMemoryError
from augseq.loading.load_images import ALIGNMENT, ArrayLayout, PartKey
from augseq.progress_note import NUM_BYTES
from augseq.types import Array

# Environment variable with a folder for shared memory, in case the default is too small.
FOLDER_VARIABLE = "AUGSEQ_SHARED_DIR"


def make_shared_file(num_bytes: int) -> int:
    """Return the descriptor of a new file, in memory if the system supports that.

    The file never has a name, so that nothing is left behind however a process ends. Linux'
    `memfd_create` is not limited by the size of /dev/shm, which is 64 MB in many containers.

    Raises:
        SharedMemoryError: There is not enough space, or no such folder.
    """
    folder = os.environ.get(FOLDER_VARIABLE) or None
    in_memory = folder is None and hasattr(os, "memfd_create")
    descriptor = None
    try:
        descriptor = os.memfd_create("augseq", os.MFD_CLOEXEC) if in_memory else _open_file(folder)
        _reserve(descriptor, num_bytes)
    except OSError as error:
        if descriptor is not None:
            os.close(descriptor)
        place = "memory" if in_memory else folder or tempfile.tempdir or "the temporary folder"
        raise SharedMemoryError(
            f"Worker processes need {num_bytes:,} more bytes of shared memory in {place!r}, but: "
            f"{error.strerror}. Free some space there, set the environment variable "
            f"{FOLDER_VARIABLE} to another folder, or use a smaller `batch_size` or "
            '`max_queue_size`, dtype="uint8" or worker_kind="threads".'
        ) from error
    return descriptor


def _open_file(folder: str | None) -> int:
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.dup(file.fileno())


def _reserve(descriptor: int, num_bytes: int) -> None:
    # `ftruncate` does not allocate space; if it runs out, writing raises SIGBUS, which cannot be
    # caught. macOS and Windows have no alternative.
    reserve = getattr(os, "posix_fallocate", None)
    if reserve is None:
        os.ftruncate(descriptor, num_bytes)
    else:
        reserve(descriptor, 0, num_bytes)


def send_file(connection: Connection, descriptor: int, process_id: int) -> None:
    """Send an open file to the process at the other end."""
    if sys.platform == "win32":
        import msvcrt

        descriptor = msvcrt.get_osfhandle(descriptor)
    reduction.send_handle(connection, descriptor, process_id)


def receive_file(connection: Connection) -> int:
    """Return the descriptor of a file sent by `send_file`."""
    handle = reduction.recv_handle(connection)
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(handle, os.O_RDWR)
    return handle


def map_note(descriptor: int) -> memoryview:
    """Return the two numbers of a progress note in a shared file."""
    return memoryview(mmap.mmap(descriptor, NUM_BYTES)).cast("q")


_NUMBERS = itertools.count()


class Segment:
    """A shared file and its mapping in this process; both are released with this object.

    Attributes:
        number: Unique number within this process.
        num_bytes: Its size.
        descriptor: The file.
    """

    def __init__(self, num_bytes: int) -> None:
        self.number = next(_NUMBERS)
        self.num_bytes = num_bytes
        self.descriptor = make_shared_file(num_bytes)
        weakref.finalize(self, os.close, self.descriptor).atexit = False
        self._bytes = np.frombuffer(mmap.mmap(self.descriptor, num_bytes), np.uint8)

    @property
    def address(self) -> int:
        """Start address of the mapping in this process."""
        return int(self._bytes.ctypes.data)


class LiveNumbers:
    """The numbers of the objects that are still in use.

    Other processes keep their copies of these objects and discard the rest.
    """

    def __init__(self) -> None:
        # Without a lock: the garbage collector could run a finalizer in the thread that holds it,
        # which would deadlock. A single call of a set is atomic.
        self._numbers: set[int] = set()

    def add(self, item: Any) -> None:
        """Add the `number` of an object for as long as the object lives."""
        self._numbers.add(item.number)
        weakref.finalize(item, self._numbers.discard, item.number).atexit = False

    def now(self) -> set[int]:
        """Return a copy of the numbers."""
        return self._numbers.copy()


class _ArrayOwner:
    """The common owner of the arrays on a segment.

    Numpy keeps the object with `__array_interface__` as the base of the array and so of all its
    views. A reference to the array would not be enough: a view of a view refers directly to the
    last owner and skips the views in between.
    """

    def __init__(self, segment: Segment, num_bytes: int) -> None:
        self.__array_interface__ = {
            "version": 3,
            "data": (segment.address, False),
            "shape": (num_bytes,),
            "typestr": "|u1",
        }


class SegmentPool:
    """Unused segments, ready to be reused.

    A fresh page of memory costs more than writing to it: a batch of 19 MB takes 5 ms to map.

    Args:
        most: Maximum number of unused segments to keep.
    """

    def __init__(self, most: int) -> None:
        # Without a lock, see `LiveNumbers`; appending to a deque is atomic too.
        self._free: deque[Segment] = deque(maxlen=most)
        self._live = LiveNumbers()

    def take(self, num_bytes: int) -> Segment:
        """Return a segment of at least this size; smaller ones found first are discarded.

        Raises:
            SharedMemoryError: There is not enough space.
        """
        while self._free:
            try:
                segment = self._free.popleft()
            except IndexError:
                break
            if segment.num_bytes >= num_bytes:
                return segment
        segment = Segment(num_bytes)
        self._live.add(segment)
        return segment

    def numbers(self) -> set[int]:
        """Return the numbers of all segments that are in use or ready to be reused."""
        return self._live.now()

    def lend(
        self, segment: Segment, layouts: Mapping[PartKey, ArrayLayout]
    ) -> dict[PartKey, Array]:
        """Return arrays on a segment, which returns to the pool when their last view is gone."""
        owner = _ArrayOwner(segment, num_bytes_of(layouts))
        weakref.finalize(owner, self._free.append, segment).atexit = False
        return arrays_in(np.asarray(owner), layouts)


def num_bytes_of(layouts: Mapping[PartKey, ArrayLayout]) -> int:
    """Return the total size of consecutive, aligned arrays."""
    return sum(aligned(layout.num_bytes) for layout in layouts.values())


def arrays_in(
    memory: "mmap.mmap | Array", layouts: Mapping[PartKey, ArrayLayout]
) -> dict[PartKey, Array]:
    """Return consecutive arrays in a block of memory, in the order of `layouts`."""
    arrays, offset = {}, 0
    for key, layout in layouts.items():
        arrays[key] = np.ndarray(layout.shape, layout.dtype, memory, offset)
        offset += aligned(layout.num_bytes)
    return arrays


def aligned(num_bytes: int) -> int:
    """Return the size of an array plus the gap that aligns the next one."""
    return -(-num_bytes // ALIGNMENT) * ALIGNMENT
