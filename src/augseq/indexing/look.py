"""Read and decode one file: what it contains, and whether training can use it."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from augseq.errors import AugseqError, DecodeError, RemoteError, UnreadableError
from augseq.manifest.record import Probe, Record
from augseq.pixels.probe import probe_file
from augseq.pixels.source import FileSource
from augseq.remote.url import is_remote
from augseq.runtime.cores import num_cores
from augseq.storage.member_path import parse_member
from augseq.storage.path_encoding import for_system
from augseq.types import Image

# Threads mostly wait for a remote storage.
_REMOTE_THREADS = 16
# Files that can be missing before none is looked for on the nodes.
_FIRST = 1000


@dataclass(frozen=True, slots=True)
class Look:
    """The result of reading and decoding a file once.

    Attributes:
        probe: Metadata of the file; None if it could not be read.
        data: All its bytes; None if it could not be read.
        image: Its pixels, as `probe_file` returns them; None if it is unusable.
        reason: Why training cannot use it; None if it can.
    """

    probe: Probe | None = None
    data: bytes | None = None
    image: Image | None = None
    reason: str | None = None


def look_at(source: FileSource, record: Record, *, for_manifest: bool) -> Look:
    """Read and decode the file of a record, by the rules of training.

    Args:
        source: Where the file is, and how to decode it.
        record: The record of the file.
        for_manifest: Whether the probe is stored and compared with the file later. A remote file
            is then fetched again, with one more request for its ETag or time.

    Raises:
        AugseqError: The remote storage as a whole fails.
    """
    try:
        # Before the file is read, so that a change in between is noticed later.
        identity = source.identity(record) if for_manifest else None
        data, modified_ns = source.read(record, anew=for_manifest)
    except AugseqError as error:
        if is_fault_of_storage(error, source.root):
            raise
        return Look(reason=cause_of(error))
    if for_manifest:
        modified_ns = None if identity is None else identity.modified_ns
    probe, image = probe_file(data, modified_ns or 0, source.options)
    if isinstance(image, DecodeError):
        return Look(probe, data, reason=str(image))
    return Look(probe, data, image)


def is_fault_of_storage(error: AugseqError, root: str) -> bool:
    """Return whether an error affects the whole remote storage, not one file."""
    # Once credentials expire, it refuses all files.
    refuses = is_remote(root) and isinstance(error, UnreadableError)
    return refuses or isinstance(error, RemoteError)


def file_to_see(source: FileSource, records: Iterable[Record]) -> Mapping[str, int]:
    """Return the path and size in bytes of one file that every node of a cluster must see.

    A node without the folder would report each file as missing. Nothing is returned for a remote
    folder, which then does not answer, or if the first files are all missing.
    """
    if is_remote(source.root):
        return {}
    for record in islice(records, _FIRST):
        path = os.path.join(source.root, record.path)
        member = parse_member(path)
        path = os.fsdecode(for_system(path if member is None else member.tar_path))
        if os.path.isfile(path):
            return {path: os.path.getsize(path)}
    return {}


def num_readers(root: str) -> int:
    """Return the number of threads that read files."""
    return _REMOTE_THREADS if is_remote(root) else num_cores()


def cause_of(error: BaseException) -> str:
    """Return the innermost reason of an error, without the local folder."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (isinstance(error, OSError) and error.strerror) or str(error)
