"""Sources of the pixels of records: files, or rows of an array."""

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from augseq.errors import ArgumentError, AugseqError, DecodeError, MissingFileError
from augseq.manifest.record import Record
from augseq.pixels.decode import open_image
from augseq.pixels.decoded_image import DecodedImage, OpenImage, WrappedImage
from augseq.pixels.decoders.tiff import TIFF
from augseq.pixels.file_identity import Identity, file_identity
from augseq.pixels.local_file import FileContent, find_large_file
from augseq.pixels.options import (
    Bands,
    DecodeOptions,
    PixelDtype,
    ResizeOptions,
    is_right_file,
    to_read_it,
)
from augseq.pixels.probe import check_unchanged
from augseq.pixels.read import read_file
from augseq.pixels.region import Region
from augseq.pixels.window import open_once, window_image
from augseq.remote.folder import RemoteFolder
from augseq.remote.options import RemoteOptions
from augseq.remote.url import is_remote
from augseq.storage.array_content import array_text
from augseq.types import Image, Images

if TYPE_CHECKING:  # Worker processes import neither the manifest nor pyarrow.
    from augseq.manifest.manifest import Manifest


IN_PARTS = (*TIFF.endings, ".npy")
"""Extensions of formats of which parts can be read."""


class PixelCache(Protocol):
    """A cache of decoded pixels, kept between epochs."""

    @property
    def shorter_side_px(self) -> int | None:
        """Shorter side that images are downscaled to before caching; None for full size."""
        ...

    @property
    def resize(self) -> ResizeOptions | None:
        """How images are resized before they are cached; None if they are not."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether this process has found room for all images so far."""
        ...

    def find(self, record: Record) -> Image | None:
        """Return the cached pixels of a record, read-only; None if there are none."""
        ...

    def fill(self, record: Record) -> bool:
        """Decode and cache the image of a record; return whether it is now cached."""
        ...

    def entry_bytes(self, shape: tuple[int, ...]) -> int:
        """Return the size of what is cached of an image of some shape, in bytes."""
        ...

    def describe_cache(self) -> str:
        """Return one line on where the cache is and how much it holds."""
        ...


class ImageSource(Protocol):
    """A source of the images of records: deterministic, thread-safe and picklable.

    Samples need only `open`. The other members serve displays, backups and advice. Inherit from it
    for images in memory: then there is nothing to read, decode or cache.
    """

    @property
    def reads_files(self) -> bool:
        """Whether `open` reads and decodes a file each time."""
        return False

    @property
    def cache(self) -> PixelCache | None:
        """The cache of decoded pixels; None if there is none."""
        return None

    def open(self, record: Record) -> OpenImage:
        """Open the image of a record: uint8 or float32."""
        ...

    def fetch(self, record: Record) -> object:
        """Do only the first part of `open`: read the file, or look it up in the cache."""
        return None

    def describe(self) -> str:
        """Return one line on where the images come from and how they are decoded."""
        ...

    def content_text(self) -> str:
        """Describe what determines the pixels of a record besides the record itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """Images in files below a folder.

    Attributes:
        root: Folder that the records' paths are relative to, or the URL of a remote folder.
        options: How to decode.
        follow_links: Whether files may be symbolic links that lead out of the folder.
        remote: How to reach a remote folder.
    """

    root: str
    options: DecodeOptions
    follow_links: bool = False
    remote: RemoteOptions = field(default_factory=RemoteOptions)
    _folder: RemoteFolder | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folder = RemoteFolder(self.root, self.remote) if is_remote(self.root) else None
        object.__setattr__(self, "_folder", folder)

    @property
    def reads_files(self) -> bool:
        """True: nothing is cached."""
        return True

    @property
    def cache(self) -> None:
        """None: see `CachedSource`."""

    def describe(self) -> str:
        """Return the folder and the decoding options that change all pixels."""
        folder = self.root if is_remote(self.root) else os.path.basename(self.root)
        upright = "upright" if self.options.exif_orientation else "as stored"
        return f"files in {folder!r}, {self.options.color_mode}, {upright}"

    def content_text(self) -> str:
        """Describe the decoding options; the files are those of the manifest."""
        return repr(self.options)

    def fetch(self, record: Record) -> None:
        """Read the file of a record, unless it is read in parts."""
        self.content(record)

    def open(self, record: Record) -> OpenImage:
        """Read the file of a record, and open its image.

        Raises:
            MissingFileError: The file does not exist.
            UnreadableError: The system refuses to read it, or it leads out of the folder.
            RemoteError: The remote folder does not respond.
            ChangedFileError: It has changed since it was probed, or its tiles were made.
            DecodeError: It is not a usable image. `read` of the result can raise this too.
        """
        data, modified_ns = self.content(record)
        if record.probe is not None:
            check_unchanged(record, record.probe, self.root, data, modified_ns)
        # Files of several tiles are opened once.
        open_file = open_image if record.window is None else open_once
        try:
            opened = _RecordImage(open_file(data, self.options), record, self.root, self.options)
        except DecodeError as error:
            raise _named(error, record, self.root, self.options) from error
        return window_image(opened, record)

    def read(self, record: Record, *, anew: bool = False) -> tuple[bytes, int | None]:
        """Return the bytes of the file of a record, and its modification time.

        Args:
            record: The record.
            anew: Whether to download a remote file even if there is a local copy.

        Returns:
            The bytes, and the time in nanoseconds since 1970 UTC; None for a remote file.

        Raises:
            MissingFileError: The file does not exist.
            UnreadableError: The system refuses to read it, or it leads out of the folder.
            RemoteError: The remote folder does not respond.
            DecodeError: It is not a regular file, or too large.
        """
        with self._naming(record):
            if self._folder is not None:
                return self._fetch(self._folder, record, anew=anew), None
            return read_file(*self._place(record), inside=self._inside)

    def content(self, record: Record) -> tuple[FileContent, int | None]:
        """Return the file of a record, and its modification time, as `read` does.

        A large file of a format of which parts can be read is not read yet.

        Raises:
            AugseqError: As `read`.
        """
        if self._folder is None and record.path.lower().endswith(IN_PARTS):
            with self._naming(record):
                file = find_large_file(*self._place(record), inside=self._inside)
            if file is not None:
                return file, file.modified_ns
        return self.read(record)

    @property
    def _inside(self) -> str | None:
        return None if self.follow_links else self.root

    def _place(self, record: Record) -> tuple[str, int]:
        return os.path.join(self.root, record.path), self.options.max_file_bytes

    @contextmanager
    def _naming(self, record: Record) -> Iterator[None]:
        """Name the record in errors."""
        try:
            yield
        except MissingFileError as error:
            raise MissingFileError(
                f"The image {record} is not in {self.root!r}. Index the folder again; or, if it "
                "was moved, pass its new path: read_manifest(path, root=...), at the shell --root."
            ) from error
        except DecodeError as error:
            raise _named(error, record, self.root, self.options) from error

    def _fetch(self, folder: RemoteFolder, record: Record, *, anew: bool) -> bytes:
        most = self.options.max_file_bytes
        data = folder.read(
            record.path,
            str(record),
            wanted_hash=None if record.probe is None else record.probe.content_hash,
            anew=anew,
            max_bytes=most,
        )
        if len(data) > most:
            # Its size is unknown: the rest may not have been downloaded.
            raise DecodeError(
                f"it has more than max_file_bytes={most} bytes"
                f"{to_read_it('max_file_bytes', 2 * most)} or more"
            )
        return data

    def identity(self, record: Record) -> Identity | None:
        """Return the current identity of the file of a record; None if it does not exist.

        Raises:
            UnreadableError: The file leads out of the folder, or the remote folder denies access.
            RemoteError: It does not respond, or has nothing that identifies a version of a file.
        """
        # Cached pixels of a file that differs from its probe do not belong to this record.
        content = () if record.probe is None else (record.probe.content_hash,)
        if self._folder is None:
            path = os.path.join(self.root, record.path)
            return file_identity(path, *content, inside=None if self.follow_links else self.root)
        if record.probe is not None and self.remote.cache_dir is not None:
            # A copy of this content is as good as the file, so the server is not asked.
            return Identity(record.probe.num_bytes, record.probe.modified_ns, *content)
        try:
            return Identity(*self._folder.identity(record.path, str(record)), *content)
        except MissingFileError:
            return None


def files_of(manifest: "Manifest", decode: DecodeOptions | None = None) -> FileSource:
    """Return the files of a manifest as a source; None for default `DecodeOptions`."""
    return FileSource(
        root=manifest.root,
        options=decode or DecodeOptions(),
        follow_links=manifest.follow_links,
        remote=manifest.remote,
    )


def with_bands(
    decode: DecodeOptions,
    manifest: "Manifest",
    source_of: Callable[[DecodeOptions], ImageSource] | None = None,
) -> DecodeOptions:
    """Return options with the bands of the first image, which all images must have.

    Without the colour mode "bands", they are unchanged.

    Args:
        decode: How to decode.
        manifest: The records of the images.
        source_of: Returns where the images are; None for the files of the manifest.

    Raises:
        AugseqError: The first image cannot be read; see `FileSource.open`.
    """
    if decode.color_mode != "bands" or not len(manifest):
        return decode
    return _with_bands_of(decode, source_of or partial(files_of, manifest), manifest[0])


def with_readable_bands(decode: DecodeOptions, manifest: "Manifest") -> DecodeOptions:
    """Do the same as `with_bands`, with the first image that can be read.

    If none can, nothing is required of them.
    """
    if decode.color_mode == "bands":
        for record in manifest:
            with suppress(AugseqError):
                return _with_bands_of(decode, partial(files_of, manifest), record)
    return decode


def _with_bands_of(
    decode: DecodeOptions, source_of: Callable[[DecodeOptions], ImageSource], record: Record
) -> DecodeOptions:
    pixel = source_of(decode).open(record).read(Region(box=(0, 0, 1, 1)))
    dtype: PixelDtype = "uint8" if pixel.dtype == np.uint8 else "float32"
    number = source_of(replace(decode, bands=None)).open(record).shape[2]
    return replace(decode, alike=Bands(number, dtype, decode.bands))


@dataclass(frozen=True, slots=True)
class _RecordImage(WrappedImage):
    """The image of a record; its decode errors name the record."""

    record: Record
    root: str
    options: DecodeOptions

    def read(self, region: Region) -> Image:
        try:
            return self.opened.read(region)
        except DecodeError as error:
            raise _named(error, self.record, self.root, self.options) from error


def _named(error: DecodeError, record: Record, root: str, options: DecodeOptions) -> DecodeError:
    repair = "Repair or delete the file, then index the folder again. "
    if is_right_file(str(error)):
        repair = ""
    # The commands would refuse these images as colours.
    mode = " --color-mode bands" if options.color_mode == "bands" else ""
    return DecodeError(
        f"Cannot decode {record} in {root!r}: {error}. {repair}"
        f"To list all such files: augseq check {shlex.quote(root)}{mode}. To exclude them, index "
        'with unreadable="exclude" (at the shell: augseq index FOLDER --unreadable exclude'
        f"{mode}).",
        record.path,
        record.index,
    )


@dataclass(frozen=True, slots=True)
class ArraySource(ImageSource):
    """Images in the rows of one array; a record's index is its row.

    Attributes:
        images: Shape (n, height, width, channels). uint8 is kept, every other numeric dtype
            becomes float32; values are never rescaled.
    """

    images: Images

    def __post_init__(self) -> None:
        shape = np.shape(self.images)
        if len(shape) != 4 or np.asarray(self.images[:0]).dtype.kind not in "biuf":
            hint = " For grey images without a channel axis pass x[..., None]." * (len(shape) == 3)
            raise ArgumentError(
                "`x` must be images of shape (n, height, width, channels), integer or float. "
                f"Received: shape={shape}, dtype={self.images.dtype}.{hint}"
            )

    def describe(self) -> str:
        """Return "arrays in memory"."""
        return "arrays in memory"

    def content_text(self) -> str:
        """Describe the values of the array."""
        return f"array of {array_text(self.images)}"

    def open(self, record: Record) -> OpenImage:
        """Copy the row of a record."""
        row = np.asarray(self.images[record.index])
        dtype = np.uint8 if row.dtype == np.uint8 else np.float32
        return DecodedImage(np.array(row, dtype))
