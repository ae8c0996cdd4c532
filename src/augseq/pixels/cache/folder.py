"""The files of a cache: found, written, counted, and left behind by no one."""

import os
import threading
import warnings
from contextlib import suppress

from augseq.errors import AugseqWarning
from augseq.pixels.cache.entry import Identity, map_entry, write_entry
from augseq.pixels.cache.memory_folder import MemoryFolder
from augseq.pixels.cache.tally import FOLDER_PREFIX, Tally, place_file, read_tally, size_text
from augseq.types import Image
from augseq.unfinished import unfinished_file

_WAYS_OUT = (
    "The others are decoded each time, with the same pixels. For more room give `cache` another "
    "folder, ImageCache(max_bytes=...), or smaller images: ImageCache(shorter_side_px=...)."
)


class CacheFolder:
    """Decoded images by name, for all threads and processes that share a folder.

    Every method may be called by anybody at any time. Who writes an image, writes a file of its
    own and then puts it in place at once; the last of several wins, and all are equal.

    Args:
        place: The folder, which exists.
        settings: What tells the images of one way of decoding from another.
        max_bytes: What all files in the folder may take together.
    """

    def __init__(self, place: str | MemoryFolder, settings: str, max_bytes: int) -> None:
        self._place = place
        self._settings = settings
        self._folder = os.path.join(self.root, FOLDER_PREFIX + settings)
        # Taken once, by the first who warns, and never let go: a fork cannot be caught by it.
        self._warning = threading.Lock()
        self.max_bytes = max_bytes
        self.takes_more = True

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._place, self._settings, self.max_bytes)

    @property
    def root(self) -> str:
        """The folder."""
        return self._place if isinstance(self._place, str) else self._place.path

    @property
    def in_memory(self) -> bool:
        """Whether it goes away with its last user."""
        return isinstance(self._place, MemoryFolder)

    @property
    def tally(self) -> Tally:
        """How much there is now, of all ways of decoding."""
        return read_tally(self.root)

    def find(self, name: str, identity: Identity) -> Image | None:
        """Return an image, mapped and read-only; None where it is not there as it should be.

        Args:
            name: Hexadecimal digits.
            identity: Of the source file as it is now.
        """
        return map_entry(self._path(name), identity)

    def keep(self, name: str, identity: Identity, pixels: Image) -> None:
        """Write an image, if there is room; warn once where there is none any more.

        Args:
            name: Hexadecimal digits.
            identity: Of the file that the pixels were decoded from.
            pixels: Shape (height, width, channels), uint8.
        """
        if not self.takes_more:
            return
        try:
            has_room = self._write(self._path(name), identity, pixels)
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
                    f"and it holds {self.tally.num_images:,} images."
                )

    def _path(self, name: str) -> str:
        # No folder gets more than a 256th of all files.
        return f"{self._folder}/{name[:2]}/{name[2:]}"

    def _write(self, path: str, identity: Identity, pixels: Image) -> bool:
        for folder in (self._folder, os.path.dirname(path)):
            # Not `makedirs`: a folder in memory that is gone must not come back.
            with suppress(FileExistsError):
                os.mkdir(folder)
        with unfinished_file(self.root) as file:
            write_entry(file, identity, pixels)
            file.flush()
            return place_file(file.name, path, self.root, max_bytes=self.max_bytes)

    def _stop(self, cause: str) -> None:
        self.takes_more = False
        if self._warning.acquire(blocking=False):
            warnings.warn(f"{cause} {_WAYS_OUT}", AugseqWarning, stacklevel=2)
