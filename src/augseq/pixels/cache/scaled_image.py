"""An image of which the cache holds each scale that crops have needed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from augseq.pixels.cache.entry import Entry
from augseq.pixels.cache.folder import CacheFolder
from augseq.pixels.cache.key import Key
from augseq.pixels.decoded_image import OpenImage, cut_scale, read_scale
from augseq.pixels.region import Region
from augseq.types import Image

_SMALLER = (2, 4, 8)


@dataclass(frozen=True, slots=True)
class ScaledImage:
    """A cached image with the pixels that its file gives at every scale.

    A large JPEG file decoded at 1/2 is not the full-size image downscaled, so the cache holds both
    once crops have needed both.

    Attributes:
        folder: The cached images.
        key: The key of the full-size image; None without a file.
        open_file: Opens the file.
        shape: (height, width, channels) of the full-size image.
        full_size: Its pixels; None if they are not cached.
    """

    folder: CacheFolder
    key: Key | None
    open_file: Callable[[], OpenImage]
    shape: tuple[int, ...]
    full_size: Image | None

    @property
    def scales(self) -> bool:
        """True: whether the file is a JPEG is only known once it is decoded."""
        return True

    def read(self, region: Region) -> Image:
        """Return the pixels of a region; decode and cache the image at its scale if missing."""
        scale = region.scale(self.shape)
        pixels = self._find(scale)
        if pixels is None:
            if not self.folder.takes_more:
                # A crop may need only a part.
                return self.open_file().read(region)
            pixels = self._decode(scale)
        return cut_scale(pixels, region, self.shape)

    def _find(self, scale: int) -> Image | None:
        if scale == 1:
            return self.full_size
        entry = _find_scale(self.folder, self.key, scale)
        if entry is None:
            return None
        return self.full_size if _is_note(entry.pixels) else entry.pixels

    def _decode(self, scale: int) -> Image:
        pixels = read_scale(self.open_file(), scale)
        if pixels.shape[:2] == self.shape[:2]:
            if scale > 1:
                # Not a JPEG file: note that this scale is the full-size image.
                self._keep(scale, np.zeros((1, 1, self.shape[2]), np.uint8))
            scale = 1
        self._keep(scale, pixels)
        return pixels

    def _keep(self, scale: int, pixels: Image) -> None:
        if self.key is not None:
            name, identity = _scaled(self.key, scale)
            self.folder.keep(name, identity, pixels, self.shape)


def _find_scale(folder: CacheFolder, key: Key | None, scale: int) -> Entry | None:
    """Return a cached image at a scale; None if it is missing."""
    return None if key is None else folder.find(*_scaled(key, scale))


def find_smaller(folder: CacheFolder, key: Key | None) -> Entry | None:
    """Return a cached image at some scale below full size; None if all are missing."""
    found = (_find_scale(folder, key, scale) for scale in _SMALLER)
    return next((entry for entry in found if entry is not None), None)


def _scaled(key: Key, scale: int) -> Key:
    name, identity = key
    return (name if scale == 1 else f"{name}{scale}"), identity


def _is_note(pixels: Image) -> bool:
    # No scaled image is that small: see `Region.scale`.
    return pixels.shape[:2] == (1, 1)
