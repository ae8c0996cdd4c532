"""Decoded images in the files of a cache, on a disk or in memory."""

import os
from functools import partial

from augseq.errors import ArgumentError
from augseq.pixels.cache.entry import map_entry, write_entry
from augseq.pixels.cache.image_cache import ImageCache
from augseq.pixels.cache.memory_folder import MemoryFolder, free_memory_bytes, own_memory_folder
from augseq.pixels.file_identity import Identity
from augseq.storage.cache_files import (
    SHARE_OF_FREE,
    CacheFiles,
    default_max_bytes,
    make_cache_folder,
)
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
    def usage(self) -> Usage:
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


def open_cache(choice: ImageCache, images_root: str, settings: str) -> CacheFolder:
    """Return the folder that a user chose for decoded images; it is made where it is missing.

    Args:
        choice: The user's choice.
        images_root: The folder of the images.
        settings: As in `CacheFolder`.

    Raises:
        ArgumentError: It is among the images, or cannot be made.
    """
    place, room = _memory_place() if choice.in_memory else _disk_place(choice, images_root)
    return CacheFolder(place, settings, room if choice.max_bytes is None else choice.max_bytes)


def _memory_place() -> tuple[MemoryFolder, int]:
    """Return a folder in memory, and half of what is free there, as on a disk."""
    folder = own_memory_folder()
    free = free_memory_bytes() + read_usage(folder.path).num_bytes
    return folder, int(free * SHARE_OF_FREE)


def _disk_place(choice: ImageCache, images_root: str) -> tuple[str, int]:
    """Return a folder on a disk, and half of what is free there."""
    root = os.path.abspath(os.path.expanduser(choice.folder))
    way = os.path.relpath(root, images_root).split(os.sep)
    # Outside, or in a hidden folder, which is not indexed.
    if way == ["."] or not any(name.startswith(".") for name in way):
        raise ArgumentError(
            "The folder of a cache must not lie among the images, where it would be indexed as a "
            f"class. Received: {root!r}, with images in {images_root!r}. Take another folder."
        )
    make_cache_folder(root, "cache")
    return root, default_max_bytes(root)
