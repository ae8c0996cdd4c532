"""The files of a cache: written, counted, and left behind by no one."""

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

# Without a limit of their own, several caches would fill a disk or the memory together.
SHARE_OF_FREE = 0.5


class CacheFiles:
    """Files by name, for all threads and processes that share a folder.

    Every method may be called by anybody at any time. Who writes a file, writes one of its own
    and then puts it in place at once; the last of several wins, and all are equal.

    Args:
        root: The folder, which exists.
        kind: Folder in it, whose name begins as in `quota`.
        max_bytes: What all files of the cache may take together.
        ways_out: What a warning says to somebody whose cache is full.
    """

    def __init__(self, root: str, kind: str, max_bytes: int, ways_out: str) -> None:
        self.root = root
        self.max_bytes = max_bytes
        self.takes_more = True
        self._folder = os.path.join(root, kind)
        self._ways_out = ways_out
        # Taken once, by the first who warns, and never let go: a fork cannot be caught by it.
        self._warning = threading.Lock()

    def path(self, name: str) -> str:
        """Return the place of a file, by hexadecimal digits."""
        # No folder gets more than a 256th of all files.
        return f"{self._folder}/{name[:2]}/{name[2:]}"

    def keep(self, name: str, write: Callable[[BinaryIO], None]) -> None:
        """Write a file, if there is room; warn once where there is none any more.

        Args:
            name: Hexadecimal digits.
            write: Writes it, to an empty file.
        """
        if not self.takes_more:
            return
        try:
            has_room = self._write(self.path(name), write)
        except FileNotFoundError:
            # The process ends, or somebody has removed the folder: no news to them.
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
            # Not `makedirs`: a folder in memory that is gone must not come back.
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
    """Make a folder for kept files, and remove what killed processes left half written.

    Args:
        root: An absolute path.
        option: What the user gave it as.

    Raises:
        ArgumentError: It cannot be made.
    """
    try:
        os.makedirs(root, exist_ok=True)
        remove_abandoned(root)
    except OSError as error:
        raise ArgumentError(
            f"`{option}` must be a folder, or a place for a new one. Received: {root!r}: "
            f"{error.strerror}."
        ) from error


def default_max_bytes(root: str) -> int:
    """Return half of what is free on a disk, counting what the cache there holds as free."""
    return int((shutil.disk_usage(root).free + read_usage(root).num_bytes) * SHARE_OF_FREE)
