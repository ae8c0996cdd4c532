"""Images of files, decoded once and then mapped."""

import hashlib
import os
from dataclasses import dataclass

import PIL
import simplejpeg

from augseq.errors import ArgumentError
from augseq.manifest.record import Record
from augseq.pixels.cache.folder import CacheFolder, open_cache
from augseq.pixels.cache.image_cache import CacheChoice, ImageCache, make_image_cache
from augseq.pixels.decoded_image import DecodedImage, OpenImage
from augseq.pixels.decoders.registry import decoder_libraries
from augseq.pixels.file_identity import Identity
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.region import WHOLE, Region
from augseq.pixels.resize import resize_image
from augseq.pixels.source import FileSource, ImageSource, PixelCache
from augseq.remote.options import RemoteOptions
from augseq.remote.url import absolute_root
from augseq.storage.quota import size_text
from augseq.types import Image

# Counted up whenever the same file, decoded with the same options, would give other pixels.
_PIXELS_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedSource:
    """Images in files below a folder, of which a cache keeps the pixels.

    Attributes:
        files: The files, and how to decode them.
        folder: Where decoded images are kept.
        shorter_side_px: To which images are shrunk, kept or not; None for none.
        scaled_decode: Whether large JPEG files are decoded at a half, a quarter or an eighth
            where that covers the size to which they are shrunk.
    """

    files: FileSource
    folder: CacheFolder
    shorter_side_px: int | None
    scaled_decode: bool

    @property
    def reads_files(self) -> bool:
        """False: only where the cache has no room for an image."""
        return False

    @property
    def cache(self) -> PixelCache:
        """This source itself."""
        return self

    def describe(self) -> str:
        """Describe the files that the cache stands before."""
        return self.files.describe()

    def describe_cache(self) -> str:
        """Say where the cache is and how much it holds."""
        place = "memory" if self.folder.in_memory else repr(self.folder.root)
        side = self.shorter_side_px
        shrunk = "" if side is None else f", shorter side at most {side} px"
        held = self.folder.usage
        return (
            f"in {place}{shrunk}; {held.num_files:,} images, "
            f"{size_text(held.num_bytes)} of at most {size_text(self.folder.max_bytes)}"
        )

    def content_text(self) -> str:
        """Describe the options of decoding; see `FileSource`."""
        return self.files.content_text()

    def fetch(self, record: Record) -> None:
        """Look up the image of a record in the cache."""
        self.find(record)

    def open(self, record: Record) -> OpenImage:
        """Map the image of a record; decode and keep it where it is not there.

        Raises:
            MissingFileError: The file is gone.
            UnreadableError: The system refuses to read it.
            RemoteError: The remote folder does not answer.
            ChangedFileError: It is not what it was when it was probed.
            DecodeError: It does not hold a usable image; or so says `read` of the result.
        """
        key = self._key(record)
        kept = self._find(key)
        if kept is not None:
            return DecodedImage(kept)
        if not self.folder.takes_more:
            opened = self.files.open(record)
            # Not decoded here: the part that a crop looks at may be enough.
            return opened if self.shorter_side_px is None else DecodedImage(self._shrunk(opened))
        return DecodedImage(self._decode(record, key))

    def find(self, record: Record) -> Image | None:
        """Return the pixels of a record, mapped and read-only; None where none are kept."""
        return self._find(self._key(record))

    def fill(self, record: Record) -> bool:
        """Decode and keep the image of a record, if there is room and it is not there.

        Returns:
            Whether it is there now.
        """
        key = self._key(record)
        if self._find(key) is None and self.folder.takes_more:
            self._decode(record, key)
        return self._find(key) is not None

    def _key(self, record: Record) -> tuple[str, Identity] | None:
        """Return the name of an image and the state of its file now; None without a file."""
        path = os.path.join(self.files.root, record.path)
        identity = self.files.identity(record)
        if identity is None:
            return None
        name = path.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(name, digest_size=16).hexdigest(), identity

    def _find(self, key: tuple[str, Identity] | None) -> Image | None:
        return None if key is None else self.folder.find(*key)

    def _decode(self, record: Record, key: tuple[str, Identity] | None) -> Image:
        """Decode and keep an image; its key is of before, so a file that changes has another."""
        pixels = self._shrunk(self.files.open(record))
        if key is not None:
            self.folder.keep(*key, pixels)
        return pixels

    def _shrunk(self, opened: OpenImage) -> Image:
        height, width = opened.shape[:2]
        shorter = min(height, width)
        if self.shorter_side_px is None or shorter <= self.shorter_side_px:
            return opened.read(WHOLE)
        scale = self.shorter_side_px / shorter
        size = round(height * scale), round(width * scale)
        pixels = opened.read(Region(covers=size if self.scaled_decode else None))
        return resize_image(pixels, ResizeOptions(image_size=size))


def make_source(
    root: str,
    options: DecodeOptions,
    cache: CacheChoice,
    *,
    scaled_decode: bool,
    follow_links: bool = False,
    remote: RemoteOptions | None = None,
) -> ImageSource:
    """Put a cache before files, if one is wanted, and clean up after processes that were killed.

    Args:
        root: The folder of the images.
        options: How to decode.
        cache: The user's choice.
        scaled_decode: Whether large JPEG files may be scaled while they are decoded.
        follow_links: Whether files may be symbolic links that lead out of the folder.
        remote: How to reach a remote folder.

    Raises:
        ArgumentError: The cache lies among the images, cannot be made, or would change pixels
            without a word.
    """
    # Images are known by their path, whatever folder a process is in.
    root = root if cache is None else absolute_root(root)
    files = FileSource(
        root=root, options=options, follow_links=follow_links, remote=remote or RemoteOptions()
    )
    if cache is None:
        return files
    choice = make_image_cache(cache)
    if scaled_decode and choice.shorter_side_px is None:
        raise ArgumentError(
            "`scaled_decode` needs to know the size that a cache keeps. Received: scaled_decode="
            "True, cache without a size. Write cache=ImageCache(..., shorter_side_px=256), or "
            "drop scaled_decode: with a cache each image is decoded only once."
        )
    return CachedSource(
        files=files,
        folder=open_cache(choice, files.root, _settings(options, choice, scaled_decode)),
        shorter_side_px=choice.shorter_side_px,
        scaled_decode=scaled_decode,
    )


def _settings(options: DecodeOptions, choice: ImageCache, scaled_decode: bool) -> str:
    """Return a name for all that pixels depend on, but for the file."""
    shrinking = choice.shorter_side_px, scaled_decode
    everything = repr((_PIXELS_VERSION, _decoder_versions(), options, shrinking))
    return hashlib.blake2b(everything.encode(), digest_size=8).hexdigest()


def _decoder_versions() -> list[str | None]:
    # Here, since worker processes are given the name, and it takes 20 ms to import.
    from importlib import metadata

    versions: list[str | None] = [PIL.__version__, simplejpeg.__version__]
    for library in decoder_libraries():
        # Not imported, which takes long and which most images do not need.
        try:
            versions.append(metadata.version(library))
        except metadata.PackageNotFoundError:
            versions.append(None)
    return versions
