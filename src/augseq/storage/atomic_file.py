"""Atomic writes: files are written under a temporary name, then renamed."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from augseq.errors import ArgumentError, MissingFileError
from augseq.storage.file_lock import is_still_at, is_unused, lock
from augseq.types import PathLike

SUFFIX = ".unfinished"


@contextmanager
def atomic_write(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file that appears at `path` only once it is completely on disk.

    Raises:
        MissingFileError: The folder of the path does not exist.
        ArgumentError: The path is a folder.
        OSError: The file cannot be written; an existing file at `path` is unchanged.
    """
    target = Path(path).absolute()
    if not target.parent.is_dir():
        raise MissingFileError(
            f"Cannot write {os.fspath(path)!r}: its folder does not exist. Create it first."
        )
    if target.is_dir():
        raise ArgumentError(
            f"Cannot write {os.fspath(path)!r}: it is a folder. Pass the path of a file."
        )
    folder, prefix = str(target.parent), f".{target.name}."
    remove_abandoned(folder, prefix)
    # Next to the target, since a rename is only atomic within one file system.
    with temporary_file(folder, prefix) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
        put_in_place(file, str(target))
    _sync_folder(folder)


@contextmanager
def temporary_file(folder: str, prefix: str = "") -> Iterator[BinaryIO]:
    """Open a new file that is deleted on exit unless it was put in place.

    It is locked, so that other processes see that it is in use. `tempfile` is not used, since
    other users could not read its files.

    Args:
        folder: Folder of the file.
        prefix: Prefix of its name, by which `remove_abandoned` finds files of killed processes.
    """
    path = os.path.join(folder, prefix + secrets.token_hex(16) + SUFFIX)
    try:
        with _open_locked(path) as file:
            yield file
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


def put_in_place(file: BinaryIO, path: str) -> None:
    """Rename a completely written temporary file to `path`, which is replaced."""
    if sys.platform == "win32":
        # Windows cannot rename an open file; an unlocked file never counts as abandoned there.
        file.close()
    os.replace(file.name, path)


def remove_abandoned(folder: str, prefix: str = "") -> None:
    """Remove temporary files of processes that were killed while writing."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(SUFFIX)]
    for name in names:
        if name.startswith(prefix):
            path = os.path.join(folder, name)
            with suppress(OSError), open(path, "rb") as file:
                if is_unused(file.fileno()):
                    os.unlink(path)


def _open_locked(path: str) -> BinaryIO:
    while True:
        file = open(path, "xb")  # noqa: SIM115
        lock(file.fileno())
        if is_still_at(file.fileno(), path):
            return file
        # Another process removed it as abandoned just before it was locked.
        file.close()


def _sync_folder(folder: str) -> None:
    """Flush a folder entry to disk; `fsync` of the file does not include its name."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            # Some network file systems cannot sync a folder.
            with suppress(OSError):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
