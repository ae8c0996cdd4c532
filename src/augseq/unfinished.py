"""Files that are written aside, then put in place whole, and left behind by no one."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from augseq.file_lock import is_still_at, is_unused, lock

UNFINISHED = ".unfinished"


@contextmanager
def unfinished_file(folder: str, prefix: str = "") -> Iterator[BinaryIO]:
    """Give a file that is gone in the end, unless it was moved; locked, so that others see that.

    Not one of `tempfile`, which no other user could read.

    Args:
        folder: Where it is made.
        prefix: Of its name, by which `remove_unfinished` finds those that killed processes left.
    """
    path = os.path.join(folder, prefix + secrets.token_hex(16) + UNFINISHED)
    try:
        with _open_locked(path) as file:
            yield file
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


def put_in_place(file: BinaryIO, path: str) -> None:
    """Give an unfinished file, all of it written, its name; what has that name is replaced."""
    if sys.platform == "win32":
        # Windows moves no open file. There, nobody takes one that is not locked for left behind.
        file.close()
    os.replace(file.name, path)


def remove_unfinished(folder: str, prefix: str = "") -> None:
    """Remove what killed processes left half written."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(UNFINISHED)]
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
        # Taken for left behind, just before it was locked.
        file.close()
