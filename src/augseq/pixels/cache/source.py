"""Images in files, decoded and perhaps resized once, and then memory-mapped."""

import hashlib
from dataclasses import dataclass, replace
from functools import partial

import PIL
import simplejpeg

from augseq.manifest.record import Record
from augseq.pixels.cache.entry import Entry, entry_bytes
from augseq.pixels.cache.folder import CacheFolder, open_cache
from augseq.pixels.cache.image_cache import CacheChoice, make_image_cache
from augseq.pixels.cache.key import Key, cache_key
from augseq.pixels.cache.scaled_image import ScaledImage, find_smaller
from augseq.pixels.decoded_image import DecodedImage, OpenImage
from augseq.pixels.decoders.registry import decoder_libraries
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.region import WHOLE, Region
from augseq.pixels.resize import resize_image, resized_region, shrunk_size
from augseq.pixels.source import FileSource, ImageSource, PixelCache
from augseq.pixels.window import window_image
from augseq.remote.options import RemoteOptions
from augseq.remote.url import absolute_root
from augseq.storage.quota import size_text
from augseq.types import Image

# Increment this whenever the same file, with the same options, decodes to different pixels.
_PIXELS_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedSource:
    """Images in files below a folder, with a cache of their pixels.

    Attributes:
        files: The files, and how to decode them.
        folder: The cached images.
        shorter_side_px: Shorter side that images are downscaled to, cached or not; None for full
            size.
        scaled_decode: Whether to decode large JPEG files at 1/2, 1/4 or 1/8 scale if that covers
            the size they are downscaled to.
        resize: How the pipeline resizes images before anything else: then they are cached
            resized. None: it does not, so whole images are cached.
    """

    files: FileSource
    folder: CacheFolder
    shorter_side_px: int | None
    scaled_decode: bool
    resize: ResizeOptions | None = None

    @property
    def reads_files(self) -> bool:
        """False: only images that are not cached are read from files."""
        return False

    @property
    def cache(self) -> PixelCache:
        """This source itself."""
        return self

    @property
    def has_room(self) -> bool:
        """Whether this process has found room for all images so far."""
        return self.folder.takes_more

    def describe(self) -> str:
        """Describe the cached files."""
        return self.files.describe()

    def describe_cache(self) -> str:
        """Return where the cache is and how much it holds."""
        place = "memory" if self.folder.in_memory else repr(self.folder.root)
        side = self.shorter_side_px
        shrunk = "" if side is None else f", shorter side at most {side} px"
        resized = "" if self.resize is None else ", after resizing"
        held = self.folder.usage
        return (
            f"in {place}{shrunk}{resized}; {held.num_files:,} files, "
            f"{size_text(held.num_bytes)} of at most {size_text(self.folder.max_bytes)}"
        )

    def content_text(self) -> str:
        """Describe the decoding options; see `FileSource`."""
        return self.files.content_text()

    def fetch(self, record: Record) -> None:
        """Look up the image of a record in the cache."""
        self.find(record)

    def open(self, record: Record) -> OpenImage:
        """Memory-map the image of a record; decode and cache it if it is missing.

        Raises:
            MissingFileError: The file does not exist.
            UnreadableError: The system refuses to read it.
            RemoteError: The remote folder does not respond.
            ChangedFileError: It has changed since it was probed.
            DecodeError: It is not a usable image. `read` of the result can raise this too.
        """
        cached = self._cached_part(record)
        if cached is not record:
            return window_image(self.open(cached), record)
        key = self._key(record)
        entry = self._find(key)
        if self.resize is not None:
            opened = self._open_file(record) if entry is None else None
            return _ResizedImage(self, record, key, entry, opened)
        if self.scaled_decode and self.shorter_side_px is None:
            return self._open_scaled(record, key, entry)
        if entry is not None:
            return DecodedImage(entry.pixels)
        if not self.folder.takes_more:
            # Not decoded here: a crop may need only a part.
            return self._open_file(record)
        return DecodedImage(self._make(self._open_file(record), key))

    def _open_scaled(self, record: Record, key: Key | None, entry: Entry | None) -> OpenImage:
        """Open an image that crops may need at several scales."""
        open_file = partial(self._open_file, record)
        full_size = None if entry is None else entry.pixels
        entry = entry or find_smaller(self.folder, key)
        if entry is not None:
            return ScaledImage(self.folder, key, open_file, entry.shape, full_size)
        opened = open_file()
        return ScaledImage(self.folder, key, lambda: opened, opened.shape, full_size)

    def find(self, record: Record) -> Image | None:
        """Return the cached pixels of a record, mapped and read-only; None if missing."""
        entry = self._find(self._key(record))
        return None if entry is None else entry.pixels

    def fill(self, record: Record) -> bool:
        """Decode and cache the image of a record, if it is missing and there is room.

        Returns:
            Whether it is now cached.
        """
        record = self._cached_part(record)
        key = self._key(record)
        if self._find(key) is None and self.folder.takes_more:
            self._make(self._open_file(record), key)
        return self._find(key) is not None

    def entry_bytes(self, shape: tuple[int, ...]) -> int:
        """Return the size of the entry of an image, in bytes.

        Args:
            shape: (height, width, channels) of the image.
        """
        size = shape[:2]
        if self.resize is not None:
            size = self.resize.image_size
        elif self.shorter_side_px is not None:
            size = shrunk_size((shape[0], shape[1]), self.shorter_side_px)
        return entry_bytes((*size, shape[2]), self.files.options.pixel_dtype)

    def _cached_part(self, record: Record) -> Record:
        """Return the record of what is cached: a tile that is resized, otherwise a whole image."""
        if record.window is None or self.resize is not None:
            return record
        # Cached once for all of its tiles.
        return replace(record, window=None)

    def _key(self, record: Record) -> Key | None:
        """Return the name of an image and the identity of its file; None without a file."""
        is_part = record.window is not None and self.resize is not None
        return cache_key(self.files, record, f"#{record.window!r}" if is_part else "")

    def _find(self, key: Key | None) -> Entry | None:
        return None if key is None else self.folder.find(*key)

    def _open_file(self, record: Record) -> OpenImage:
        """Open the file of a record, as it is without a cache."""
        opened = self.files.open(record)
        return opened if self.shorter_side_px is None else DecodedImage(self._shrunk(opened))

    def _make(self, opened: OpenImage, key: Key | None) -> Image:
        """Decode an image, resize it if it is cached resized, and cache it.

        Args:
            opened: The image.
            key: From `_key`, before the file was read.
        """
        if self.resize is None:
            pixels = opened.read(WHOLE)
        else:
            region = resized_region(opened, self.resize, scaled_decode=self.scaled_decode)
            pixels = resize_image(opened.read(region), self.resize)
        if key is not None:
            self.folder.keep(*key, pixels, opened.shape, scales=opened.scales)
        return pixels

    def _shrunk(self, opened: OpenImage) -> Image:
        height, width = opened.shape[:2]
        if self.shorter_side_px is None or min(height, width) <= self.shorter_side_px:
            return opened.read(WHOLE)
        size = shrunk_size((height, width), self.shorter_side_px)
        pixels = opened.read(Region(covers=size if self.scaled_decode else None))
        return resize_image(pixels, ResizeOptions(image_size=size))


@dataclass(frozen=True, slots=True)
class _ResizedImage:
    """The image of a record as the pipeline sees it, whose resized pixels are cached.

    Attributes:
        source: Where it comes from.
        record: The record.
        key: From `_key`.
        entry: The cached image; None if it is missing.
        opened: Its file; None if it is cached.
    """

    source: CachedSource
    record: Record
    key: Key | None
    entry: Entry | None
    opened: OpenImage | None

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the whole image, before it is resized."""
        return self._file.shape if self.entry is None else self.entry.shape

    @property
    def scales(self) -> bool:
        """Whether its file downscales."""
        return self._file.scales if self.entry is None else self.entry.scales

    @property
    def _file(self) -> OpenImage:
        return self.opened or self.source._open_file(self.record)

    def read(self, region: Region) -> Image:
        """Return a region; already resized, if it is resized as the cached images are."""
        source = self.source
        is_scaled = region.covers is not None
        if region.resize != source.resize or region.box or is_scaled != source.scaled_decode:
            # Only displays need it, and images must look the same to them without a cache.
            return self._file.read(region)
        if self.entry is not None:
            return self.entry.pixels
        return source._make(self._file, self.key)


def make_source(
    root: str,
    options: DecodeOptions,
    cache: CacheChoice,
    *,
    scaled_decode: bool,
    resize: ResizeOptions | None = None,
    follow_links: bool = False,
    remote: RemoteOptions | None = None,
) -> ImageSource:
    """Return a source of image files, with a cache if one is requested.

    Opening a cache also removes what killed processes left behind.

    Args:
        root: The folder of the images.
        options: How to decode.
        cache: Which cache, if any.
        scaled_decode: Whether large JPEG files may be downscaled while decoding.
        resize: How the pipeline resizes images before anything else; None if it does not.
        follow_links: Whether files may be symbolic links that lead out of the folder.
        remote: How to reach a remote folder.

    Raises:
        ArgumentError: The cache is inside the folder of the images, or cannot be created.
    """
    # Absolute: cached images are named by path, whatever the working directory of a process.
    root = root if cache is None else absolute_root(root)
    files = FileSource(
        root=root, options=options, follow_links=follow_links, remote=remote or RemoteOptions()
    )
    if cache is None:
        return files
    choice = make_image_cache(cache)
    # Whole images at full size are the same in both cases; smaller scales have their own names.
    is_whole = choice.shorter_side_px is None and resize is None
    shrinking = choice.shorter_side_px, scaled_decode and not is_whole
    shape = None if resize is None else (*resize.image_size, options.num_channels)
    sizes = shrinking if resize is None else (*shrinking, resize)
    # Images of other bands must be refused, whether they are cached or not.
    settings = decoding_hash(options, sizes if options.alike is None else (*sizes, options.alike))
    return CachedSource(
        files=files,
        folder=open_cache(choice, files.root, settings, shape=shape, dtype=options.pixel_dtype),
        shorter_side_px=choice.shorter_side_px,
        scaled_decode=scaled_decode,
        resize=resize,
    )


def decoding_hash(*options: object) -> str:
    """Return a hash of everything that pixels depend on, except the file.

    Args:
        *options: How files are decoded, and resized; their `repr` is hashed.
    """
    # PNG decoders are not part of it: they all return the same pixels, as the tests check.
    everything = repr((_PIXELS_VERSION, _decoder_versions(), *options))
    return hashlib.blake2b(everything.encode(), digest_size=8).hexdigest()


def _decoder_versions() -> list[str | None]:
    # Imported here: it takes 20 ms, and worker processes receive the hash.
    from importlib import metadata

    versions: list[str | None] = [PIL.__version__, simplejpeg.__version__]
    for library in decoder_libraries():
        # Not imported: that is slow, and most images do not need it.
        try:
            versions.append(metadata.version(library))
        except metadata.PackageNotFoundError:
            versions.append(None)
    return versions
