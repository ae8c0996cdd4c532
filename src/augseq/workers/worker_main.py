"""The main function of a worker process.

It loads neither Keras nor a backend nor pyarrow: records come with each request. With CPython
3.11 on Linux it starts in 0.2 s and uses 20 MB of its own; if albumentations is needed, 0.7 s
and 55 MB (plus 47 MB of libraries that all workers share).
"""

import contextlib
import mmap
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection, wait

import numpy as np

from augseq.loading.load_images import array_layouts, fill_arrays
from augseq.loading.load_samples import load_samples
from augseq.loading.pipeline import Pipeline
from augseq.pixels.cache.memory_folder import leave_memory_folders
from augseq.progress_note import NO_RECORD, THIS_THREAD
from augseq.workers.messages import Done, Failed, Fetch, Learn, Make, NeedRoom, Room, failed
from augseq.workers.shared_memory import arrays_in, map_note, num_bytes_of, receive_file
from augseq.workers.shared_pickle import unpack

# Each of them takes seconds and hundreds of megabytes to load.
_BACKENDS = ("tensorflow", "jax", "torch")


def serve(connection: Connection) -> None:
    """Handle the requests of the main process until it closes the connection."""
    # Ctrl-C at a terminal goes to all foreground processes; only the main one should handle it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        # It was blocked while this process started; see `launch`.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare_libraries()
    worker = _Worker(connection)
    with contextlib.suppress(EOFError, OSError):
        file = receive_file(connection)
        THIS_THREAD.note = map_note(file)
        os.close(file)
        connection.send(Done())
        while True:
            connection.send(worker.answer(connection.recv()))
    with _LEAVING:
        leave_memory_folders(patience_s=_PATIENCE_S)


# Until the main process, which was killed, has released its locks.
_PATIENCE_S = 2.0
# Keeps each thread from ending the process while the other deletes a folder.
_LEAVING = threading.Lock()


def _end_with_parent() -> None:
    """End with the main process, however it ended and whatever this process is doing."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        with _LEAVING:
            # A main process that was killed could not delete them.
            leave_memory_folders(patience_s=_PATIENCE_S)
            os._exit(1)


class _Worker:
    """The pipelines of a process, and the segments it has mapped."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pipelines: dict[int, Pipeline] = {}
        self._segments: dict[int, mmap.mmap] = {}

    def answer(self, order: Learn | Fetch | Make) -> Done | Failed:
        """Handle one request."""
        THIS_THREAD.note[0] = NO_RECORD
        try:
            match order:
                case Learn():
                    return self._learn(order)
                case Fetch():
                    return self._fetch(order)
                case Make():
                    return self._make(order)
        # Also SystemExit: it is raised where the batch is requested, as with threads.
        except BaseException as error:
            return failed(error, f"worker process {os.getpid()}")

    def _learn(self, order: Learn) -> Done:
        file = receive_file(self._connection) if order.spans else None
        before = set(sys.modules)
        self._pipelines[order.number] = unpack(order.pickled, order.spans, file)
        # Another pipeline can have loaded one before.
        loaded = sys.modules.keys() - before
        return Done(backends=[name for name in _BACKENDS if name in loaded])

    def _fetch(self, order: Fetch) -> Done:
        self._pipelines[order.pipeline].source.fetch(order.record)
        return Done()

    def _make(self, order: Make) -> Done:
        for number in self._pipelines.keys() - order.wanted:
            del self._pipelines[number]
        pipeline = self._pipelines[order.pipeline]
        samples = load_samples(order.turns, pipeline, seed=order.seed, epoch=order.epoch)
        first = next(samples)
        layouts = array_layouts(first, len(order.turns.own), pipeline)
        arrays = arrays_in(self._shared_memory(num_bytes_of(layouts)), layouts)
        fill_arrays(arrays, first, samples)
        return Done(layouts=layouts)

    def _shared_memory(self, num_bytes: int) -> mmap.mmap:
        """Return memory shared with the main process."""
        self._connection.send(NeedRoom(num_bytes=num_bytes))
        room: Room = self._connection.recv()
        for number in self._segments.keys() - room.wanted:
            del self._segments[number]
        if room.is_new:
            file = receive_file(self._connection)
            self._segments[room.number] = mmap.mmap(file, 0)
            os.close(file)
        return self._segments[room.number]


def prepare_libraries() -> None:
    """Adapt libraries to a process that is one of several workers."""
    # Read when OpenCV is imported: its own threads would use the cores of other workers.
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Make the C library keep the memory of one image for the next.

    By default glibc returns every freed block of more than 128 KiB to the system, and fresh pages
    are slow: a blur, a rotation and a hue change of 512 x 512 pixels took 7.9 ms of CPU time
    instead of 5.2. It raises this threshold to the largest block freed so far, up to 32 MiB. This
    block is never written to, so it uses no memory.
    """
    np.empty(31 * 2**20, np.uint8)
