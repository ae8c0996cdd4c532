"""One worker process, as the main process sees it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from augseq.loading.load_images import PartKey
from augseq.manifest.record import Record
from augseq.types import Array
from augseq.workers.messages import Done, Failed, Fetch, Learn, Make, NeedRoom, Room
from augseq.workers.process_link import Link, launch
from augseq.workers.shared_memory import Segment, SegmentPool
from augseq.workers.shared_pickle import SharedPickle
from augseq.workers.time_limit import Patience
from augseq.workers.worker_main import serve


class WorkerHandle:
    """A process that starts with its first request, and again after it has died.

    Only one thread can use it at a time.

    Args:
        start_method: "spawn", "forkserver" or "fork".
        segment_pool: Pool of segments for the images.
    """

    def __init__(self, start_method: str, segment_pool: SegmentPool) -> None:
        self._start_method = start_method
        self._segment_pool = segment_pool
        self._link: Link | None = None
        # Numbers of the pipelines and segments that the process has.
        self._pipelines: set[int] = set()
        self._segments: set[int] = set()
        self._backends: Sequence[str] = ()

    @property
    def process_id(self) -> int | None:
        """The process id; None while no process is running."""
        link = self._link
        return link.process_id if link is not None and link.is_alive else None

    def learn(self, shared: SharedPickle, limit_s: float | None) -> Sequence[str]:
        """Send a pipeline, if the process does not have it.

        Returns:
            The backends of Keras that the process loaded for it.

        Raises:
            WorkerDiedError: The process died.
            WorkerHungError: It took longer than the limit, and was killed.
            Exception: Any exception of unpickling it.
        """
        self._link_that_knows(shared, limit_s)
        return self._backends

    def fetch(self, sent: SharedPickle, record: Record, limit_s: float | None) -> None:
        """Let the process read the file of a record.

        Raises:
            WorkerDiedError: The process died.
            WorkerHungError: It took longer than the limit, and was killed.
            Exception: Any exception of reading it.
        """
        link = self._link_that_knows(sent, limit_s)
        self._carry_out(link, Fetch(pipeline=sent.number, record=record), limit_s)

    def make(self, sent: SharedPickle, order: Make, limit_s: float | None) -> dict[PartKey, Array]:
        """Return the arrays of a request, in shared memory.

        Raises:
            WorkerDiedError: The process died.
            WorkerHungError: It took longer than the limit, and was killed.
            SharedMemoryError: There is not enough shared memory for the images.
            Exception: Any exception of loading them.
        """
        link = self._link_that_knows(sent, limit_s)
        self._pipelines &= order.wanted
        done, segments = self._carry_out(link, order, limit_s)
        return self._segment_pool.lend(segments[0], done.layouts)

    def interrupt(self) -> None:
        """Kill the process; threads that wait for it get a `WorkerDiedError`."""
        if self._link is not None:
            self._link.interrupt()

    def await_end(self) -> None:
        """Wait up to 2 s until an interrupted process has ended."""
        link = self._link
        if link is not None:
            link.await_end()

    def kill(self) -> None:
        """Kill the process and reset this handle."""
        link, self._link = self._link, None
        self._pipelines, self._segments = set(), set()
        if link is not None:
            link.close()

    def _link_that_knows(self, shared: SharedPickle, limit_s: float | None) -> Link:
        link = self._living_link(limit_s)
        if shared.number not in self._pipelines:
            order = Learn(number=shared.number, pickled=shared.pickled, spans=shared.spans)
            done, _ = self._carry_out(link, order, limit_s, shared.descriptor)
            self._backends = done.backends
            self._pipelines.add(shared.number)
        return link

    def _living_link(self, limit_s: float | None) -> Link:
        if self._link is not None and self._link.is_alive:
            return self._link
        self.kill()
        self._link = launch(serve, self._start_method)
        # First wait until the process reads: a request can exceed the buffer of the pipe, and
        # sending it to a process that hangs during startup would block forever.
        with self._killing():
            self._link.receive(Patience(limit_s))
        return self._link

    def _carry_out(
        self,
        link: Link,
        order: Learn | Fetch | Make,
        limit_s: float | None,
        file: int | None = None,
    ) -> tuple[Done, list[Segment]]:
        """Exchange messages until a request is completed; return the segments it used."""
        segments, patience = [], Patience(limit_s)
        with self._killing():
            link.send(order, file)
            while isinstance(answer := link.receive(patience), NeedRoom):
                segments.append(self._segment_pool.take(answer.num_bytes))
                self._send_room(link, segments[-1])
        if isinstance(answer, Failed):
            raise answer.exception()
        return answer, segments

    @contextmanager
    def _killing(self) -> Iterator[None]:
        """Kill the process if an exchange with it fails."""
        try:
            yield
        except BaseException:
            # Also on Ctrl-C: the next exchange would receive the answer to this one.
            self.kill()
            raise

    def _send_room(self, link: Link, segment: Segment) -> None:
        wanted = self._segment_pool.numbers()
        is_new = segment.number not in self._segments
        self._segments = (self._segments & wanted) | {segment.number}
        room = Room(number=segment.number, is_new=is_new, wanted=wanted)
        link.send(room, segment.descriptor if is_new else None)
