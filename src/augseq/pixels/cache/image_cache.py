"""Options for caching decoded pixels: frozen and validated."""

import os
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from augseq.errors import ArgumentError
from augseq.terminal_text import options_text
from augseq.types import PathLike
from augseq.validation import check_whole

MEMORY = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCache:
    """Cache of decoded images, masks and value maps, for later epochs.

    Each file becomes one of raw pixels, which workers memory-map. Masks are cached as class numbers
    for their coding, value maps as float32; nothing is rounded. If a pipeline resizes images
    before anything else, all are cached resized; otherwise whole, and a crop reads only its part.
    All threads, processes and training runs with the same folder share it. A file is decoded again
    if its size or modification time changes, and every file if the options of decoding or resizing
    or the decoder versions change. The folder can be removed at any time.

    Attributes:
        folder: Where to keep them, such as "~/.cache/pixels"; or "memory": in shared memory (in
            the temporary folder, where there is none), as long as a process uses them.
        shorter_side_px: Useful if `augment` crops: images with a longer shorter side are downscaled
            to it before anything else, keeping their aspect ratio. This changes pixels, in the
            same way whether an image is cached or not. None keeps full size.
        max_bytes: Maximum total size of the files; None for half of the disk space or memory
            that is free at the start. What is beyond it is decoded each time.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> cache = augseq.ImageCache(folder="memory", shorter_side_px=64)
        >>> batches = augseq.ImageSequence(images, image_size=(48, 48), cache=cache)
        >>> batches.fill_cache(progress=False)
        200
    """

    folder: PathLike | Literal["memory"] = MEMORY
    shorter_side_px: int | None = None
    max_bytes: int | None = None

    def __repr__(self) -> str:
        return options_text(self)

    def __post_init__(self) -> None:
        if not _is_path(self.folder):
            raise ArgumentError(
                '`folder` of an ImageCache must be a path, or "memory". '
                f"Received: folder={self.folder!r}"
            )
        if self.shorter_side_px is not None:
            check_whole("shorter_side_px", self.shorter_side_px, least=1)
        if self.max_bytes is not None:
            check_whole("max_bytes", self.max_bytes, least=1)

    @property
    def in_memory(self) -> bool:
        """Whether the cache is in memory."""
        return self.folder == MEMORY


CacheChoice: TypeAlias = ImageCache | PathLike | None
"""An `ImageCache`, just its folder, or "memory"; None for no cache."""


def make_image_cache(cache: Any) -> ImageCache:
    """Return the argument `cache` as an `ImageCache`.

    Raises:
        ArgumentError: It is neither a cache nor a folder.
    """
    if isinstance(cache, ImageCache):
        return cache
    if not _is_path(cache):
        raise ArgumentError(
            '`cache` must be "memory", a folder, an augseq.ImageCache, or None. '
            f"Received: cache={cache!r}"
        )
    return ImageCache(folder=cache)


def _is_path(folder: Any) -> bool:
    return isinstance(folder, str | os.PathLike) and bool(os.fspath(folder))
