"""The size of a cache, counted in a file that all processes share."""

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from augseq.storage.atomic_file import put_in_place
from augseq.storage.file_lock import lock

COPIES, PIXELS = "copies-", "pixels-"
"""Prefixes of the cache's sub-folders; only files in those are counted."""

_NAME = "tally"
_NUMBERS = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The size of a cache.

    Attributes:
        num_files: Number of files.
        num_bytes: Total size, in bytes.
    """

    num_files: int
    num_bytes: int


NOTHING = Usage(num_files=0, num_bytes=0)


def size_text(num_bytes: float) -> str:
    """Return a number of bytes as text, in MB or GB."""
    return f"{num_bytes / 1e9:,.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:,.1f} MB"


def read_usage(root: str) -> Usage:
    """Return the current size of the cache in a folder."""
    try:
        with open(os.path.join(root, _NAME), "rb") as file:
            return _parse(file.read()) or NOTHING
    except OSError:
        return NOTHING


def place_file(file: BinaryIO, target: str, root: str, *, max_bytes: int) -> bool:
    """Move a temporary file to its place in the cache, if there is room.

    Args:
        file: Completely written, on the same file system.
        target: Path in the cache; an existing file is replaced.
        root: Folder of the cache.
        max_bytes: Maximum total size of the cache.

    Returns:
        Whether there was room.
    """
    with _locked(root) as counted:
        added = file.tell() - _size(target)
        usage = _parse(counted.read())
        if usage is None or usage.num_bytes + added > max_bytes:
            # The count can be too high after a process was killed or files were deleted by hand.
            usage = _count(root)
        if usage.num_bytes + added > max_bytes:
            return False
        counted.seek(0)
        # Update the count first: if the process is killed in between, it is too high, not too low.
        num_files = usage.num_files + (not os.path.exists(target))
        counted.write(_NUMBERS.pack(num_files, max(0, usage.num_bytes + added)))
        put_in_place(file, target)
    return True


@contextmanager
def _locked(root: str) -> Iterator[io.FileIO]:
    # Opened anew each time: threads that share an open file would share its lock.
    handle = os.open(os.path.join(root, _NAME), os.O_RDWR | os.O_CREAT, 0o666)
    with io.FileIO(handle, "r+") as file:
        lock(handle)
        yield file


def _parse(data: bytes) -> Usage | None:
    if len(data) != _NUMBERS.size:
        return None
    num_files, num_bytes = _NUMBERS.unpack(data)
    return Usage(num_files=num_files, num_bytes=num_bytes)


def _count(root: str) -> Usage:
    """Count the files of the cache, which takes a few seconds for a million."""
    with os.scandir(root) as entries:
        folders = [entry.path for entry in entries if entry.name.startswith((COPIES, PIXELS))]
    sizes = [
        _size(os.path.join(parent, name))
        for folder in folders
        for parent, _, names in os.walk(folder)
        for name in names
    ]
    return Usage(num_files=len(sizes), num_bytes=sum(sizes))


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
