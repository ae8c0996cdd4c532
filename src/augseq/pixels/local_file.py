"""Large local files, of which only the parts are read that are needed."""

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, TypeAlias

from augseq.errors import ChangedFileError
from augseq.pixels.links import check_inside
from augseq.pixels.read import check_regular, check_size, explaining_path, open_without_blocking
from augseq.storage.content_hash import content_hash
from augseq.storage.member_path import parse_member
from augseq.storage.path_encoding import for_system

Part: TypeAlias = tuple[int, int]
"""Offset and number of bytes of a part of a file."""

# Reading a smaller file takes no longer than finding out which parts are needed.
_LARGE_BYTES = 1 << 20
_MAX_HASHES = 1 << 14


class FileContent(Protocol):
    """The bytes of a file: in memory, or read as soon as they are sliced."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A version of a local file as `FileContent`. It is open only while it is read.

    Attributes:
        path: The file.
        num_bytes: Its size in bytes.
        modified_ns: Its modification time, in nanoseconds since 1970 UTC.
    """

    path: str
    num_bytes: int
    modified_ns: int

    def __len__(self) -> int:
        return self.num_bytes

    def __getitem__(self, part: "slice[Any, Any, Any]", /) -> bytes:
        start, stop, _ = part.indices(self.num_bytes)
        return self.read([(start, max(0, stop - start))])[0]

    def read(self, parts: Iterable[Part]) -> list[bytes]:
        """Return parts of the file.

        Raises:
            ChangedFileError: It is no longer the same version.
            MissingFileError: It no longer exists.
            UnreadableError: The system refuses to read it.
        """
        with explaining_path(self.path):
            place = for_system(self.path)
            with open(place, "rb", buffering=0, opener=open_without_blocking) as file:
                found = [_read_at(file, *part) for part in parts]
                # After reading, so that a change meanwhile shows.
                status = os.fstat(file.fileno())
        if (status.st_size, status.st_mtime_ns) != (self.num_bytes, self.modified_ns):
            raise ChangedFileError(
                f"The file {self.path!r} must not change while it is read, but it was changed or "
                "replaced. Wait until it is complete, then load the sample again."
            )
        return found


def read_parts(data: FileContent, parts: Iterable[Part]) -> list[bytes]:
    """Return parts of a file."""
    if isinstance(data, LocalFile):
        return data.read(parts)
    return [data[start : start + length] for start, length in parts]


def find_large_file(path: str, max_bytes: int, *, inside: str | None = None) -> LocalFile | None:
    """Return a file that is better read in parts; None for small files, and in tar files.

    Args:
        path: The file.
        max_bytes: A larger file is not read.
        inside: Folder that symbolic links must not lead out of; None if they can lead anywhere.

    Raises:
        MissingFileError: The file does not exist.
        UnreadableError: The system refuses to read it, or it leads out of the folder.
        DecodeError: It is not a regular file, or too large. The message does not name it.
    """
    if parse_member(path) is not None:
        return None
    if inside is not None:
        check_inside(inside, path)
    with explaining_path(path):
        status = os.stat(for_system(path))
        check_regular(status)
        check_size(status.st_size, max_bytes)
    if status.st_size < _LARGE_BYTES:
        return None
    return LocalFile(path, status.st_size, status.st_mtime_ns)


def hash_of(data: FileContent) -> bytes:
    """Return the content hash of a file; that of the same `LocalFile` is computed once."""
    return _hash_of_file(data) if isinstance(data, LocalFile) else content_hash(data[:])


@functools.lru_cache(maxsize=_MAX_HASHES)
def _hash_of_file(file: LocalFile) -> bytes:
    return content_hash(file[:])


def _read_at(file: BinaryIO, start: int, length: int) -> bytes:
    """Read a part, shorter only at the end of the file."""
    parts: list[bytes] = []
    while length:
        if hasattr(os, "pread"):
            part = os.pread(file.fileno(), length, start)
        else:
            file.seek(start)
            part = file.read(length)
        if not part:
            break
        # One call reads at most 2 GiB.
        parts.append(part)
        start, length = start + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
