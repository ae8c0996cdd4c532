"""What the main process and a worker process say to each other."""

import pickle
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from augseq.errors import WorkerError
from augseq.loading.load_images import ArrayKey, ArrayLayout
from augseq.manifest.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Learn:
    """To the worker: keep a pipeline; the file of its arrays follows, if it has one.

    Attributes:
        number: What `Make` calls it.
        pickled: See `SharedPickle`.
        spans: See `SharedPickle`.
    """

    number: int
    pickled: bytes
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """To the worker: load the samples of some records.

    Attributes:
        pipeline: Number of the pipeline.
        wanted: Numbers of all pipelines that may be asked for again; forget the others.
        records: The records.
        seed: Fixes the augmentations.
        epoch: From 0.
    """

    pipeline: int
    wanted: set[int]
    records: Sequence[Record]
    seed: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedRoom:
    """To the main process: the arrays take so many bytes; where to?"""

    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """To the worker: write them into a segment.

    Attributes:
        number: Which.
        is_new: Whether its file follows.
        wanted: Numbers of all segments that may come again; forget the others.
    """

    number: int
    is_new: bool
    wanted: set[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """To the main process: it is done.

    Attributes:
        layouts: What the arrays of a batch are, in the order in which they lie in the segment.
    """

    layouts: Mapping[ArrayKey, ArrayLayout] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """To the main process: this was raised.

    Attributes:
        pickled: The exception, with its notes; None if it does not come through pickling.
        text: Its type and message.
        notes: Its notes, the last of them the lines of code that it came through.
    """

    pickled: bytes | None
    text: str
    notes: list[str]

    def exception(self) -> BaseException:
        """Return the exception as it was, or an error with all that it said."""
        if self.pickled is not None:
            error: BaseException = pickle.loads(self.pickled)
            return error
        error = WorkerError(f"A worker process raised {self.text}")
        for note in self.notes:
            error.add_note(note)
        return error


def failed(error: BaseException, process_name: str) -> Failed:
    """Put an exception into a message."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    error.add_note(f"In {process_name}:\n{frames}")
    try:
        pickled = pickle.dumps(error)
        # Some pickle and do not come back: those with an argument that `super().__init__` was
        # not given. Others say another thing then: those that gave it a text of their own.
        back = pickle.loads(pickled)
        comes_back = type(back) is type(error) and _text(back) == _text(error)
    except Exception:
        comes_back = False
    return Failed(
        pickled=pickled if comes_back else None,
        text=f"{type(error).__qualname__}: {_text(error)}",
        notes=list(error.__notes__),
    )


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as cause:
        return f"<no text: its __str__ raises {type(cause).__name__}>"
