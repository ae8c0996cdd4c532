"""Cache of masks and value maps: the values that were decoded of their files, never rounded."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy.typing as npt

from augseq.manifest.record import Record
from augseq.pixels.cache.entry import entry_bytes
from augseq.pixels.cache.folder import CacheFolder
from augseq.pixels.cache.key import Key, cache_key
from augseq.pixels.options import ResizeOptions
from augseq.pixels.source import FileSource
from augseq.types import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCache:
    """Cached maps of one kind, in the folder of the cached images.

    Attributes:
        files: Their files.
        folder: The cached maps.
        dtype: Their dtype.
        num_channels: Channels of a map that is cached whole.
        resized_channels: Channels of a map that is cached resized.
        resize: How the pipeline resizes images before anything else: then maps are cached resized
            in the same way, labels to the nearest pixel. None: it does not, so whole maps are
            cached.
        scaled_decode: Whether large JPEG images may be downscaled while decoding.
    """

    files: FileSource
    folder: CacheFolder
    dtype: npt.DTypeLike
    num_channels: int
    resized_channels: int
    resize: ResizeOptions | None
    scaled_decode: bool

    def key(self, path: str, record: Record, part: str) -> Key | None:
        """Return the key of a map; None without a file.

        Args:
            path: Path of its file.
            record: The record that it belongs to.
            part: As in `cache_key`.

        Raises:
            AugseqError: The file cannot be identified; see `cache_key`.
        """
        return cache_key(self.files, Record(index=record.index, path=path), part)

    def find(self, key: Key | None, shape: tuple[int, ...]) -> Image | None:
        """Return a cached map, read-only if it is whole; None if it is missing.

        Args:
            key: From `key`.
            shape: (height, width, ...) that it must have, before it was resized.
        """
        entry = None if key is None else self.folder.find(*key)
        return None if entry is None or entry.shape[:2] != shape[:2] else entry.pixels

    def read(self, key: Key | None, shape: tuple[int, ...], make: Callable[[], Image]) -> Image:
        """Return a map; make and cache it if it is missing.

        Args:
            key: From `key`, before the file was read.
            shape: As for `find`.
            make: Reads the map, shape (height, width, channels), of the `dtype`.
        """
        found = self.find(key, shape)
        if found is None:
            found = make()
            if key is not None:
                self.folder.keep(*key, found, shape)
        return found

    def entry_bytes(self, shape: tuple[int, ...]) -> int:
        """Return the size of the entry of a map, in bytes.

        Args:
            shape: (height, width, ...) of the map.
        """
        if self.resize is not None:
            return entry_bytes((*self.resize.image_size, self.resized_channels), self.dtype)
        return entry_bytes((shape[0], shape[1], self.num_channels), self.dtype)
