"""A private folder in shared memory, removed with its last user."""

import contextlib
import os
import shutil
import tempfile
import time
import weakref

from augseq.runtime.at_exit import Turn, at_exit
from augseq.storage.file_lock import is_still_at, is_unused, share

_SHARED_MEMORY = "/dev/shm"
_LOCK_NAME = "users"
_PAUSE_S = 0.01


class MemoryFolder:
    """A folder in memory, for this process and those it is pickled to.

    Each user holds a shared lock. A process that leaves the folder, or finds it after a crash,
    removes it if it can get the lock exclusively. The system releases the locks of a process that
    dies, so process ids and their reuse do not matter. On systems without such locks, the process
    that created the folder removes it when it leaves.

    Attributes:
        path: The folder.

    Args:
        path: The folder.
        is_new: Whether this process created it.

    Raises:
        FileNotFoundError: The folder no longer exists.
    """

    def __init__(self, path: str, *, is_new: bool) -> None:
        self.path = path
        lock_path = os.path.join(path, _LOCK_NAME)
        users = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        has_lock = share(users)
        self._end = weakref.finalize(self, _leave, path, users, os.getpid(), has_lock, is_new)
        self._end.atexit = False
        if not is_still_at(users, lock_path):
            # Another process considered it abandoned, just before it was locked.
            self._end()
            raise FileNotFoundError(path)

    def leave(self) -> None:
        """Stop using the folder, as when this object is deleted."""
        # At the end of the program, calling `self._end` does nothing.
        detached = self._end.detach()
        if detached is not None:
            _, leave, arguments, _ = detached
            leave(*arguments)

    def __reduce__(self) -> tuple[object, ...]:
        return _join, (self.path,)


def own_memory_folder() -> MemoryFolder:
    """Return the folder that all sequences of this process share; create if needed."""
    _remove_abandoned(_parent())
    for (process, _), folder in list(_OPEN.items()):
        if process == os.getpid():
            return folder
    while True:
        path = tempfile.mkdtemp(prefix=_prefix(), dir=_parent())
        with contextlib.suppress(FileNotFoundError):
            return _OPEN.setdefault(_key(path), MemoryFolder(path, is_new=True))


def free_memory_bytes() -> int:
    """Return how many bytes the folder can take before memory runs out."""
    limits = [shutil.disk_usage(_parent()).free]
    with contextlib.suppress(OSError, KeyError):
        limits.append(1024 * _numbers("/proc/meminfo")["MemAvailable:"])
    with contextlib.suppress(OSError, KeyError, ValueError):
        limits.append(free_in_container())
    return max(0, min(limits))


def free_in_container(group: str = "/sys/fs/cgroup") -> int:
    """Return how many bytes the memory limit of a container leaves.

    The page cache counts as free, except for files in shared memory.

    Args:
        group: Folder of the cgroup, version 2.

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


def leave_memory_folders(*, patience_s: float = 0.0) -> None:
    """Leave the folders of this process, and remove those that no other process uses.

    Args:
        patience_s: How long to wait for another user that is ending. The system closes the pipes
            of a process that is killed before it releases its locks, so its workers still see it
            as a user: 5 of 14 folders stayed.
    """
    paths = [folder.path for folder in _OPEN.values()]
    for folder in list(_OPEN.values()):
        folder.leave()
    deadline = time.monotonic() + patience_s
    while any(map(os.path.exists, paths)):
        # Two processes that left at the same moment may each have seen the other as a user.
        _remove_abandoned(_parent())
        if time.monotonic() >= deadline:
            break
        time.sleep(_PAUSE_S)


# Not with `weakref`: worker processes must end first, or they would still count as users, and the
# folder would stay.
at_exit(Turn.FOLDERS)(leave_memory_folders)


def _key(path: str) -> tuple[int, str]:
    return os.getpid(), path


def _join(path: str) -> MemoryFolder:
    folder = _OPEN.get(_key(path))
    if folder is not None:
        return folder
    try:
        return _OPEN.setdefault(_key(path), MemoryFolder(path, is_new=False))
    except FileNotFoundError:
        # For example pickled to a file, and read after its process ended.
        return own_memory_folder()


def _parent() -> str:
    has_shared_memory = os.path.isdir(_SHARED_MEMORY) and os.access(_SHARED_MEMORY, os.W_OK)
    return _SHARED_MEMORY if has_shared_memory else tempfile.gettempdir()


def _prefix() -> str:
    # Other users' folders could not be removed anyway.
    return f"augseq-{os.getuid() if hasattr(os, 'getuid') else 0}-"


def _leave(path: str, users: int, process: int, has_lock: bool, is_new: bool) -> None:
    # A forked child inherits its parent's lock, so the folder would look unused to it.
    is_mine = os.getpid() == process
    if is_mine and has_lock and is_unused(users):
        _remove(path)
    os.close(users)
    if is_mine and is_new and not has_lock:
        # After closing: Windows cannot rename a folder with an open file in it.
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
    # Renamed first, so that a thread that is still writing cannot find the folder.
    gone = f"{path}-gone"
    try:
        os.rename(path, gone)
    except OSError:
        # Already gone; or, on Windows, with an image in it that is still mapped.
        gone = path
    shutil.rmtree(gone, ignore_errors=True)


def _numbers(path: str) -> dict[str, int]:
    """Parse lines with a name and a number."""
    with open(path, encoding="ascii") as file:
        words = (line.split() for line in file)
        return {line[0]: int(line[1]) for line in words}
