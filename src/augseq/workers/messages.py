"""Messages between the main process and a worker process."""

import pickle
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cloudpickle

from augseq.errors import WorkerError
from augseq.loading.load_images import ArrayLayout, PartKey
from augseq.loading.turns import RecordTurns
from augseq.manifest.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Learn:
    """To the worker: load and keep a pipeline; the file of its arrays may follow.

    Attributes:
        number: Number of the pipeline in `Make`.
        pickled: See `SharedPickle`.
        spans: See `SharedPickle`.
    """

    number: int
    pickled: bytes
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """To the worker: load the samples of records.

    Attributes:
        pipeline: Number of the pipeline.
        wanted: Numbers of all pipelines still in use; discard the others.
        turns: The records.
        seed: Random seed of the augmentations.
        epoch: From 0.
    """

    pipeline: int
    wanted: set[int]
    turns: RecordTurns
    seed: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """To the worker: read the file of a record, to test whether this process can.

    Attributes:
        pipeline: Number of the pipeline.
        record: The record.
    """

    pipeline: int
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedRoom:
    """To the main process: provide a segment of this size for the arrays."""

    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """To the worker: write the arrays into a segment.

    Attributes:
        number: Number of the segment.
        is_new: Whether its file follows.
        wanted: Numbers of all segments still in use; discard the others.
    """

    number: int
    is_new: bool
    wanted: set[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """To the main process: the request is completed.

    Attributes:
        layouts: Layouts of the arrays of a batch, in their order in the segment.
        backends: The backends of Keras that the process loaded for a pipeline.
    """

    layouts: Mapping[PartKey, ArrayLayout] = field(default_factory=dict)
    backends: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """To the main process: an exception was raised.

    Attributes:
        pickled: The exception, with its notes; None if it does not survive pickling.
        text: Its type and message.
        notes: Its notes; the last one is its traceback.
    """

    pickled: bytes | None
    text: str
    notes: list[str]

    def exception(self) -> BaseException:
        """Return the exception, or a `WorkerError` with its text and notes."""
        if self.pickled is not None:
            error: BaseException = pickle.loads(self.pickled)
            return error
        error = WorkerError(f"A worker process raised {self.text}")
        for note in self.notes:
            error.add_note(note)
        return error


def failed(error: BaseException, process_name: str) -> Failed:
    """Return the message for an exception."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    error.add_note(f"In {process_name}:\n{frames}")
    pickled = _pickled(error, pickle.dumps)
    if pickled is None:
        # Its class may be from the user's script, which this process cannot import.
        pickled = _pickled(error, cloudpickle.dumps)
    return Failed(
        pickled=pickled,
        text=f"{type(error).__qualname__}: {_text(error)}",
        notes=list(error.__notes__),
    )


def _pickled(error: BaseException, dumps: Callable[[object], bytes]) -> bytes | None:
    """Return a pickle of an exception; None if it does not survive pickling."""
    try:
        pickled = dumps(error)
        # An exception that does not pass all its arguments to `super().__init__` fails to
        # unpickle; one that passes it a different text changes.
        copy = pickle.loads(pickled)
        return pickled if type(copy) is type(error) and _text(copy) == _text(error) else None
    except Exception:
        return None


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as cause:
        return f"<no text: its __str__ raises {type(cause).__name__}>"
