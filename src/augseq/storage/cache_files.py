"""The files of a cache: written atomically, and counted against a limit."""

import os
import shutil
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from augseq.errors import ArgumentError, AugseqWarning
from augseq.storage.atomic_file import remove_abandoned, temporary_file
from augseq.storage.quota import place_file, read_usage, size_text

# Leaves room for other caches on the same disk or in memory.
SHARE_OF_FREE = 0.5


class CacheFiles:
    """Files by name, shared by all threads and processes that use a folder.

    Every method is safe to call from any thread or process. Each writer writes a temporary file
    and renames it; if several write the same name, the last one wins, and their content is equal.

    Args:
        root: An existing folder.
        kind: Sub-folder of the files; its name begins with a prefix from `quota`.
        max_bytes: Maximum total size of the cache.
        ways_out: Advice appended to the warning that the cache is full.
    """

    def __init__(self, root: str, kind: str, max_bytes: int, ways_out: str) -> None:
        self.root = root
        self.max_bytes = max_bytes
        self.takes_more = True
        self._folder = os.path.join(root, kind)
        self._ways_out = ways_out
        # Acquired by the first thread that warns, and never released, so a fork cannot deadlock.
        self._warning = threading.Lock()

    def path(self, name: str) -> str:
        """Return the path of a file; `name` is hexadecimal digits."""
        # Spread over 256 sub-folders.
        return f"{self._folder}/{name[:2]}/{name[2:]}"

    def keep(self, name: str, write: Callable[[BinaryIO], None]) -> None:
        """Write a file if there is room; warn once when the cache is full.

        Args:
            name: Hexadecimal digits.
            write: Writes the content to an empty file.
        """
        if not self.takes_more:
            return
        try:
            has_room = self._write(self.path(name), write)
        except FileNotFoundError:
            # The process is exiting, or the user deleted the folder: no warning needed.
            self.takes_more = False
        except OSError as error:
            self._stop(f"Cannot write to the cache in {self.root!r}: {error.strerror}.")
        else:
            if not has_room:
                limit = size_text(self.max_bytes)
                self._stop(
                    f"The cache in {self.root!r} is full: its limit is {limit}, "
                    f"and it holds {read_usage(self.root).num_files:,} files."
                )

    def _write(self, path: str, write: Callable[[BinaryIO], None]) -> bool:
        for folder in (self._folder, os.path.dirname(path)):
            # Not `makedirs`, which would recreate a deleted in-memory folder.
            with suppress(FileExistsError):
                os.mkdir(folder)
        with temporary_file(self.root) as file:
            write(file)
            file.flush()
            return place_file(file, path, self.root, max_bytes=self.max_bytes)

    def _stop(self, cause: str) -> None:
        self.takes_more = False
        if self._warning.acquire(blocking=False):
            warnings.warn(f"{cause} {self._ways_out}", AugseqWarning, stacklevel=2)


def make_cache_folder(root: str, option: str) -> None:
    """Create a cache folder, and remove partial files of killed processes.

    Args:
        root: An absolute path.
        option: Name of the user's option, for the message.

    Raises:
        ArgumentError: The folder cannot be created.
    """
    try:
        os.makedirs(root, exist_ok=True)
        remove_abandoned(root)
    except OSError as error:
        raise ArgumentError(
            f"`{option}` must be a folder that exists or can be created. Received: {root!r}: "
            f"{error.strerror}."
        ) from error


def default_max_bytes(root: str) -> int:
    """Return half of the free space on a disk, counting the existing cache as free."""
    return int((shutil.disk_usage(root).free + read_usage(root).num_bytes) * SHARE_OF_FREE)
