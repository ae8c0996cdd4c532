"""The bytes of an image file."""

import os
from typing import TypeAlias

from augseq.errors import MissingFileError, UnreadableError

Identity: TypeAlias = tuple[int, int]
"""What tells one state of a file from another: its size in bytes, and its time of change in ns
or, of a remote file, a hash of what its storage marks it with."""


def file_identity(path: str) -> Identity | None:
    """Return the identity of a file as it is now; None where there is none to be seen."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def read_bytes(path: str) -> bytes:
    """Return all bytes of a file.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: The system refuses to read it.
    """
    try:
        # Read at once, so that a buffer would only cost time.
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except FileNotFoundError as error:
        raise MissingFileError(f"There is no file {path!r}.") from error
    except IsADirectoryError as error:
        raise MissingFileError(f"{path!r} must be an image file, but it is a folder.") from error
    except PermissionError as error:
        raise UnreadableError(f"Cannot read {path!r}: {error.strerror}.") from error
