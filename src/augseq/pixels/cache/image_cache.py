"""What a user chose about keeping decoded pixels: frozen, checked when made."""

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
    """Keep decoded images, so that later epochs need not decode again.

    Each image becomes a file of plain pixels, which workers map into their memory: a crop reads
    its part alone. All threads, processes and trainings that are given one folder share it. An
    image whose file has another size or modification time than when it was decoded is decoded
    anew; so is everything if the options of decoding differ, or the versions of the decoders.
    The folder may be removed at any time.

    Attributes:
        folder: Where to keep them, such as "~/.cache/pixels"; or "memory": in shared memory (in
            the temporary folder, where there is none), as long as a process uses them.
        shorter_side_px: Images whose shorter side is longer than this are shrunk to it, with
            their aspect ratio kept, before anything else looks at them. It changes pixels, in
            the same way whether an image is kept or not. None keeps all pixels.
        max_bytes: What the files may take together; None for half of what is free on the disk
            or in memory at the start. Images beyond it are decoded each time.

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
        """Whether it lies in memory."""
        return self.folder == MEMORY


CacheChoice: TypeAlias = ImageCache | PathLike | None
"""An `ImageCache`, or its folder alone, or "memory"; None for no cache."""


def make_image_cache(cache: Any) -> ImageCache:
    """Return a user's choice as an `ImageCache`.

    Raises:
        ArgumentError: It is none.
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
