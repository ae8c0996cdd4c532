"""Decoded images in the files of a cache, on a disk or in memory."""

from functools import partial

from augseq.pixels.cache.entry import map_entry, write_entry
from augseq.pixels.cache.memory_folder import MemoryFolder
from augseq.pixels.file_identity import Identity
from augseq.storage.cache_files import CacheFiles
from augseq.storage.quota import PIXELS, Usage, read_usage
from augseq.types import Image

_WAYS_OUT = (
    "The others are decoded each time, with the same pixels. For more room give `cache` another "
    "folder, ImageCache(max_bytes=...), or smaller images: ImageCache(shorter_side_px=...)."
)


class CacheFolder:
    """Decoded images by name, for all threads and processes that share a folder.

    Args:
        place: The folder, which exists.
        settings: What tells the images of one way of decoding from another.
        max_bytes: What all files in the folder may take together.
    """

    def __init__(self, place: str | MemoryFolder, settings: str, max_bytes: int) -> None:
        # As long as it is held, a folder in memory stays.
        self._place = place
        self._settings = settings
        root = place if isinstance(place, str) else place.path
        self._files = CacheFiles(root, PIXELS + settings, max_bytes, _WAYS_OUT)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._place, self._settings, self.max_bytes)

    @property
    def root(self) -> str:
        """The folder."""
        return self._files.root

    @property
    def max_bytes(self) -> int:
        """What all files in the folder may take together."""
        return self._files.max_bytes

    @property
    def takes_more(self) -> bool:
        """Whether there was room so far."""
        return self._files.takes_more

    @property
    def in_memory(self) -> bool:
        """Whether it goes away with its last user."""
        return isinstance(self._place, MemoryFolder)

    @property
    def tally(self) -> Usage:
        """How much there is now, of all ways of decoding."""
        return read_usage(self.root)

    def find(self, name: str, identity: Identity) -> Image | None:
        """Return an image, mapped and read-only; None where it is not there as it should be.

        Args:
            name: Hexadecimal digits.
            identity: Of the source file as it is now.
        """
        return map_entry(self._files.path(name), identity)

    def keep(self, name: str, identity: Identity, pixels: Image) -> None:
        """Write an image, if there is room; warn once where there is none any more.

        Args:
            name: Hexadecimal digits.
            identity: Of the file that the pixels were decoded from.
            pixels: Shape (height, width, channels), uint8.
        """
        self._files.keep(name, partial(write_entry, identity=identity, pixels=pixels))
