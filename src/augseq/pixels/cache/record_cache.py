"""Cache of all files that a pipeline reads of a record: its images, masks and value maps."""

from dataclasses import dataclass, replace

import numpy.typing as npt

from augseq.pixels.cache.folder import open_cache
from augseq.pixels.cache.image_cache import ImageCache
from augseq.pixels.cache.map_cache import MapCache
from augseq.pixels.cache.source import decoding_hash, make_source
from augseq.pixels.options import ResizeOptions
from augseq.pixels.source import FileSource, ImageSource
from augseq.remote.url import absolute_root


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCache:
    """What a pipeline caches of the files of a record, all in one folder.

    Attributes:
        choice: The cache.
        scaled_decode: Whether large JPEG files may be downscaled while decoding.
        resize: How the pipeline resizes images before anything else; None if it does not.
    """

    choice: ImageCache
    scaled_decode: bool
    resize: ResizeOptions | None

    def images(self, files: FileSource) -> ImageSource:
        """Return a source of images with the cache; see `make_source`."""
        return make_source(
            files.root,
            files.options,
            self.choice,
            scaled_decode=self.scaled_decode,
            resize=self.resize,
            follow_links=files.follow_links,
            remote=files.remote,
        )

    def maps(
        self,
        files: FileSource,
        content: str,
        dtype: npt.DTypeLike,
        *,
        num_channels: int = 1,
        resized_channels: int = 1,
    ) -> MapCache:
        """Return a cache of maps.

        Args:
            files: Their files.
            content: Everything that the cached values depend on, except the file and the resize.
            dtype: As in `MapCache`.
            num_channels: As in `MapCache`.
            resized_channels: As in `MapCache`.

        Raises:
            ArgumentError: The cache is inside the folder of the files, or cannot be created.
        """
        # Absolute, as for images.
        files = replace(files, root=absolute_root(files.root))
        resize = self.resize
        shape = None if resize is None else (*resize.image_size, resized_channels)
        settings = decoding_hash("map", content, resize)
        folder = open_cache(self.choice, files.root, settings, shape=shape, dtype=dtype)
        return MapCache(
            files=files,
            folder=folder,
            dtype=dtype,
            num_channels=num_channels,
            resized_channels=resized_channels,
            resize=resize,
            scaled_decode=self.scaled_decode,
        )
