"""Locks on open files, which the system lets go of when their process dies, however it dies.

Windows has none of this kind, nor have some network file systems. There counts may drift a little,
and what a killed process left is not removed.
"""

import os
import sys
from contextlib import suppress

if sys.platform != "win32":
    import fcntl


def lock(file: int) -> None:
    """Wait until no one else has a lock on an open file, and take it for oneself."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)


def share(file: int) -> bool:
    """Take a lock that any number of users may have at the same time, and tell if there are any."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH)
            return True
    return False


def is_unused(file: int) -> bool:
    """Take the lock for oneself if no one else has one, and tell so."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return sys.platform != "win32"


def is_still_at(file: int, path: str) -> bool:
    """Tell whether an open file is the one that a path names now."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
