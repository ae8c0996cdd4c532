"""Folder of cached images and maps, on disk or in memory."""

import os
from functools import partial

import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.pixels.cache.entry import Entry, entry_bytes, map_entry, read_entry, write_entry
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

_REMEDIES = (
    "Other files are decoded each time, with the same pixels. For more room, pass another folder "
    "as `cache`, or ImageCache(max_bytes=...)"
)
_SMALLER = "; for smaller images, ImageCache(shorter_side_px=...)"


class CacheFolder:
    """Cached images or maps by name, shared by all threads and processes that use a folder.

    Args:
        place: The folder; it must exist.
        settings: Identifies the decoding options, so that images decoded differently are kept
            apart.
        max_bytes: Maximum total size of all files in the folder.
        shape: (height, width, channels) of all images, if they are cached resized; None if they
            are cached whole.
        dtype: dtype of all images.
    """

    def __init__(
        self,
        place: str | MemoryFolder,
        settings: str,
        max_bytes: int,
        shape: tuple[int, ...] | None,
        dtype: npt.DTypeLike,
    ) -> None:
        # This reference keeps a folder in memory alive.
        self._place = place
        self._settings = settings
        self._shape, self._dtype = shape, dtype
        self._entry_bytes = None if shape is None else entry_bytes(shape, dtype)
        root = place if isinstance(place, str) else place.path
        remedies = f"{_REMEDIES}{_SMALLER if shape is None else ''}."
        self._files = CacheFiles(root, PIXELS + settings, max_bytes, remedies)

    def __reduce__(self) -> tuple[object, ...]:
        kind = self._shape, self._dtype
        return type(self), (self._place, self._settings, self.max_bytes, *kind)

    @property
    def root(self) -> str:
        """The folder."""
        return self._files.root

    @property
    def max_bytes(self) -> int:
        """Maximum total size of all files in the folder."""
        return self._files.max_bytes

    @property
    def takes_more(self) -> bool:
        """Whether there has been room so far."""
        return self._files.takes_more

    @property
    def in_memory(self) -> bool:
        """Whether the folder is in memory, and removed with its last user."""
        return isinstance(self._place, MemoryFolder)

    @property
    def usage(self) -> Usage:
        """Current usage, over all decoding options."""
        return read_usage(self.root)

    def find(self, name: str, identity: Identity) -> Entry | None:
        """Return an image, memory-mapped if it is whole; None if missing or outdated.

        Args:
            name: Hexadecimal digits.
            identity: Current identity of the source file.
        """
        path = self._files.path(name)
        if self._entry_bytes is None:
            return map_entry(path, identity)
        return read_entry(path, identity, self._entry_bytes)

    def keep(
        self,
        name: str,
        identity: Identity,
        pixels: Image,
        shape: tuple[int, ...],
        *,
        scales: bool = False,
    ) -> None:
        """Write an image if there is room; warn once when there is none left.

        Args:
            name: Hexadecimal digits.
            identity: Identity of the file that the pixels were decoded from.
            pixels: Shape (height, width, channels), of the folder's dtype.
            shape: As in `Entry`.
            scales: As in `Entry`.
        """
        write = partial(write_entry, identity=identity, pixels=pixels, shape=shape, scales=scales)
        self._files.keep(name, write)


def open_cache(
    choice: ImageCache,
    images_root: str,
    settings: str,
    *,
    shape: tuple[int, ...] | None,
    dtype: npt.DTypeLike,
) -> CacheFolder:
    """Return the folder of a cache; create it if it is missing.

    Args:
        choice: The options of the cache.
        images_root: The folder of the images.
        settings: As in `CacheFolder`.
        shape: As in `CacheFolder`.
        dtype: As in `CacheFolder`.

    Raises:
        ArgumentError: It is inside the folder of the images, or cannot be created.
    """
    place, room = _memory_place() if choice.in_memory else _disk_place(choice, images_root)
    max_bytes = room if choice.max_bytes is None else choice.max_bytes
    return CacheFolder(place, settings, max_bytes, shape, dtype)


def _memory_place() -> tuple[MemoryFolder, int]:
    """Return a folder in memory, and half of the free memory."""
    folder = own_memory_folder()
    free = free_memory_bytes() + read_usage(folder.path).num_bytes
    return folder, int(free * SHARE_OF_FREE)


def _disk_place(choice: ImageCache, images_root: str) -> tuple[str, int]:
    """Return a folder on disk, and half of the free disk space."""
    root = os.path.abspath(os.path.expanduser(choice.folder))
    parts = os.path.relpath(root, images_root).split(os.sep)
    # It must be outside (".."), or in a hidden folder, which is not indexed.
    if parts == ["."] or not any(name.startswith(".") for name in parts):
        raise ArgumentError(
            "The folder of a cache must not be inside the folder of the images, where it would be "
            f"indexed as a class. Received: {root!r}, with images in {images_root!r}. Choose "
            "another folder."
        )
    make_cache_folder(root, "cache")
    return root, default_max_bytes(root)
