"""What happens inside a worker process.

It loads neither Keras nor a backend, and no pyarrow: records come with each order. With CPython
3.11 on Linux it starts in 0.2 s and has 20 MB for itself; where albumentations is needed, in
0.7 s with 55 MB (and 47 MB of libraries that all workers share).
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

from augseq.augment.albumentations_import import import_albumentations
from augseq.loading.load_images import array_layouts, fill_arrays
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import load_sample
from augseq.pixels.cache.memory_folder import leave_memory_folders
from augseq.progress_note import NO_RECORD, THIS_THREAD
from augseq.workers.messages import Done, Failed, Learn, Make, NeedRoom, Room, failed
from augseq.workers.shared_memory import arrays_in, map_note, num_bytes_of, receive_file
from augseq.workers.shared_pickle import unpack


def serve(connection: Connection) -> None:
    """Carry out the orders of the main process until it hangs up."""
    # Ctrl-C at a terminal goes to all processes in front; it is for the main one to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        # It was held back while this process started; see `launch`.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _keep_freed_memory()
    worker = _Worker(connection)
    with contextlib.suppress(EOFError, OSError):
        file = receive_file(connection)
        THIS_THREAD.note = map_note(file)
        os.close(file)
        connection.send(Done())
        while True:
            connection.send(worker.answer(connection.recv()))
    with _LEAVING:
        leave_memory_folders()


# So that neither thread ends the process while the other removes a folder.
_LEAVING = threading.Lock()


def _end_with_parent() -> None:
    """End with the main process, however that ended and whatever goes on here."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        with _LEAVING:
            # A main process that was killed could not remove them.
            leave_memory_folders()
            os._exit(1)


class _Worker:
    """The pipelines that a process knows, and the segments that it has mapped."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pipelines: dict[int, Pipeline] = {}
        self._segments: dict[int, mmap.mmap] = {}

    def answer(self, order: Learn | Make) -> Done | Failed:
        """Carry out one order."""
        THIS_THREAD.note[0] = NO_RECORD
        try:
            return self._learn(order) if isinstance(order, Learn) else self._make(order)
        # Also SystemExit: it belongs to the one who asks for the batch, as with threads.
        except BaseException as error:
            return failed(error, f"worker process {os.getpid()}")

    def _learn(self, order: Learn) -> Done:
        file = receive_file(self._connection) if order.spans else None
        if b"albumentations" in order.pickled:
            import_albumentations()
        self._pipelines[order.number] = unpack(order.pickled, order.spans, file)
        return Done()

    def _make(self, order: Make) -> Done:
        for number in self._pipelines.keys() - order.wanted:
            del self._pipelines[number]
        pipeline = self._pipelines[order.pipeline]
        where = {"seed": order.seed, "epoch": order.epoch}
        first = load_sample(order.records[0], pipeline, **where)
        layouts = array_layouts(first, len(order.records), pipeline)
        arrays = arrays_in(self._shared_memory(num_bytes_of(layouts)), layouts)
        fill_arrays(arrays, first, order.records, pipeline, **where)
        return Done(layouts=layouts)

    def _shared_memory(self, num_bytes: int) -> mmap.mmap:
        """Return memory that the main process sees too."""
        self._connection.send(NeedRoom(num_bytes=num_bytes))
        room: Room = self._connection.recv()
        for number in self._segments.keys() - room.wanted:
            del self._segments[number]
        if room.is_new:
            file = receive_file(self._connection)
            self._segments[room.number] = mmap.mmap(file, 0)
            os.close(file)
        return self._segments[room.number]


def _keep_freed_memory() -> None:
    """Let the C library keep the memory of one image for the next.

    At first glibc gives every block of more than 128 KiB back to the system, and fresh pages
    take time: a blur, a turn and a change of hue of 512 x 512 pixels took 7.9 ms of a processor,
    not 5.2. It learns from the largest block that it ever took back, up to 32 MiB; this one is
    never touched, so it takes no memory.
    """
    np.empty(31 * 2**20, np.uint8)
