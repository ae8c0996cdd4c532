"""A private folder in shared memory, which goes away with its last user."""

import contextlib
import os
import shutil
import tempfile
import weakref

from augseq.at_exit import Turn, at_exit
from augseq.storage.file_lock import is_still_at, is_unused, share

_SHARED_MEMORY = "/dev/shm"
_LOCK_NAME = "users"


class MemoryFolder:
    """A folder in memory, for this process and those that it is pickled to.

    Each user holds a shared lock. A process that leaves, or that finds the folder after a crash,
    removes it if it gets the lock exclusively. The system releases the locks of a process that
    dies, so process ids and their reuse do not matter. Where there are no such locks, the process
    that made the folder removes it when it leaves.

    Attributes:
        path: The folder.

    Args:
        path: The folder.
        is_new: Whether this process made it.

    Raises:
        FileNotFoundError: The folder is gone.
    """

    def __init__(self, path: str, *, is_new: bool) -> None:
        self.path = path
        lock_path = os.path.join(path, _LOCK_NAME)
        users = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        has_lock = share(users)
        self._end = weakref.finalize(self, _leave, path, users, os.getpid(), has_lock, is_new)
        self._end.atexit = False
        if not is_still_at(users, lock_path):
            # Another process took it for abandoned, just before it was locked.
            self._end()
            raise FileNotFoundError(path)

    def leave(self) -> None:
        """Stop using the folder, as when this object is deleted."""
        # When the program ends, a call of `self._end` does nothing.
        detached = self._end.detach()
        if detached is not None:
            _, leave, arguments, _ = detached
            leave(*arguments)

    def __reduce__(self) -> tuple[object, ...]:
        return _join, (self.path,)


def own_memory_folder() -> MemoryFolder:
    """Return the folder of this process, which all its sequences share; a new one if need be."""
    _remove_abandoned(_parent())
    for (process, _), folder in list(_OPEN.items()):
        if process == os.getpid():
            return folder
    while True:
        path = tempfile.mkdtemp(prefix=_prefix(), dir=_parent())
        with contextlib.suppress(FileNotFoundError):
            return _OPEN.setdefault(_key(path), MemoryFolder(path, is_new=True))


def free_memory_bytes() -> int:
    """Return how much the folder of this process may take before memory runs out."""
    limits = [shutil.disk_usage(_parent()).free]
    with contextlib.suppress(OSError, KeyError):
        limits.append(1024 * _numbers("/proc/meminfo")["MemAvailable:"])
    with contextlib.suppress(OSError, KeyError, ValueError):
        limits.append(free_in_container())
    return max(0, min(limits))


def free_in_container(group: str = "/sys/fs/cgroup") -> int:
    """Return how much the limit of a container leaves, in bytes.

    Cached files count as free, but not those in shared memory.

    Args:
        group: Folder where the system keeps the accounts, in their second version.

    Raises:
        OSError: There is no container.
        ValueError: It has no limit.
    """
    with open(f"{group}/memory.max", encoding="ascii") as file:
        limit = int(file.read())
    with open(f"{group}/memory.current", encoding="ascii") as file:
        used = int(file.read())
    parts = _numbers(f"{group}/memory.stat")
    return limit - used + parts["file"] - parts["shmem"]


# By process and path: a forked child must not share what its parent will remove.
_OPEN: "weakref.WeakValueDictionary[tuple[int, str], MemoryFolder]" = weakref.WeakValueDictionary()


# Not by `weakref`: worker processes must have ended before, or they would seem to use the folder
# still, and it would stay.
@at_exit(Turn.FOLDERS)
def leave_memory_folders() -> None:
    """Leave the folders that this process uses, and remove those that no other uses any more."""
    folders = list(_OPEN.values())
    for folder in folders:
        folder.leave()
    if folders:
        # Of two processes that left at the same moment, each may have found the other.
        _remove_abandoned(_parent())


def _key(path: str) -> tuple[int, str]:
    return os.getpid(), path


def _join(path: str) -> MemoryFolder:
    folder = _OPEN.get(_key(path))
    if folder is not None:
        return folder
    try:
        return _OPEN.setdefault(_key(path), MemoryFolder(path, is_new=False))
    except FileNotFoundError:
        # Pickled to a file, perhaps, and read after its process had ended.
        return own_memory_folder()


def _parent() -> str:
    has_shared_memory = os.path.isdir(_SHARED_MEMORY) and os.access(_SHARED_MEMORY, os.W_OK)
    return _SHARED_MEMORY if has_shared_memory else tempfile.gettempdir()


def _prefix() -> str:
    # Other users' folders could not be removed anyway.
    return f"augseq-{os.getuid() if hasattr(os, 'getuid') else 0}-"


def _leave(path: str, users: int, process: int, has_lock: bool, is_new: bool) -> None:
    # A forked child has a copy of the parent's lock, which would let it in.
    is_mine = os.getpid() == process
    if is_mine and has_lock and is_unused(users):
        _remove(path)
    os.close(users)
    if is_mine and is_new and not has_lock:
        # After it is closed: Windows moves no folder in which a file is open.
        _remove(path)


def _remove_abandoned(parent: str) -> None:
    with os.scandir(parent) as entries:
        paths = [entry.path for entry in entries if entry.name.startswith(_prefix())]
    for path in paths:
        with contextlib.suppress(OSError):
            users = os.open(os.path.join(path, _LOCK_NAME), os.O_RDWR | os.O_CREAT, 0o600)
            if is_unused(users):
                _remove(path)
            os.close(users)


def _remove(path: str) -> None:
    # Renamed first, so that a thread that is still writing finds no folder to write to.
    gone = f"{path}-gone"
    try:
        os.rename(path, gone)
    except OSError:
        # Gone already; or on Windows, with an image in it that is still mapped.
        gone = path
    shutil.rmtree(gone, ignore_errors=True)


def _numbers(path: str) -> dict[str, int]:
    """Parse lines of a name and a number."""
    with open(path, encoding="ascii") as file:
        words = (line.split() for line in file)
        return {line[0]: int(line[1]) for line in words}
