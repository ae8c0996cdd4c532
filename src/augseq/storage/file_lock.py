"""Locks on open files, which the system releases when the process ends.

Windows and some network file systems do not support them. There, cache counts can drift slightly,
and partial files of killed processes are not removed.
"""

import os
import sys
from contextlib import suppress

if sys.platform != "win32":
    import fcntl


def lock(file: int) -> None:
    """Wait for an exclusive lock on an open file."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)


def share(file: int) -> bool:
    """Wait for a shared lock on an open file; return whether locks are supported."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH)
            return True
    return False


def is_unused(file: int) -> bool:
    """Take the exclusive lock if no one else holds one; return whether it was taken."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return sys.platform != "win32"


def is_still_at(file: int, path: str) -> bool:
    """Return whether a path still refers to an open file."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
