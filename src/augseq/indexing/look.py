"""One look at a file: what it holds, and whether training can use it."""

import os
from dataclasses import dataclass

from augseq.errors import AugseqError, DecodeError, RemoteError, UnreadableError
from augseq.manifest.record import Probe, Record
from augseq.pixels.probe import probe_file
from augseq.pixels.source import FileSource
from augseq.remote.url import is_remote
from augseq.types import Image

# Answers of a remote storage are waited for side by side.
_REMOTE_THREADS = 16


@dataclass(frozen=True, slots=True)
class Look:
    """What reading and decoding a file once found out.

    Attributes:
        probe: What is noted of the file; None where it could not be read.
        data: All its bytes; None where it could not be read.
        image: Its pixels, as `probe_file` returns them; None where it has none.
        reason: Why training cannot use it; None where it can.
    """

    probe: Probe | None = None
    data: bytes | None = None
    image: Image | None = None
    reason: str | None = None


def look_at(source: FileSource, record: Record, *, for_manifest: bool) -> Look:
    """Read and decode the file of a record, by the rules of training.

    Args:
        source: Where the file is, and how to decode it.
        record: Which.
        for_manifest: Whether the probe is kept and compared with the file later. A remote file is
            then fetched anew, and a request more asks for its mark.

    Raises:
        AugseqError: The remote storage as a whole is at fault.
    """
    try:
        # Before the file is read, so that a change meanwhile shows later.
        identity = source.identity(record) if for_manifest else None
        data, modified_ns = source.read(record, anew=for_manifest)
    except AugseqError as error:
        if is_fault_of_storage(error, source.root):
            raise
        return Look(reason=_cause_of(error))
    if for_manifest:
        modified_ns = None if identity is None else identity.modified_ns
    probe, image = probe_file(data, modified_ns or 0, source.options)
    if isinstance(image, DecodeError):
        return Look(probe, data, reason=str(image))
    return Look(probe, data, image)


def is_fault_of_storage(error: AugseqError, root: str) -> bool:
    """Tell whether a file could not be read because the remote storage as a whole is at fault."""
    # Once credentials are out of date, it refuses all files.
    refuses = is_remote(root) and isinstance(error, UnreadableError)
    return refuses or isinstance(error, RemoteError)


def num_readers(root: str) -> int:
    """Return how many threads read files at the same time."""
    return _REMOTE_THREADS if is_remote(root) else os.cpu_count() or 1


def _cause_of(error: BaseException) -> str:
    """Return what went wrong, without the folder of this machine."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (isinstance(error, OSError) and error.strerror) or str(error)
