"""A second image of each record, as an input or a target: stereo, before and after, thermal."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy.typing as npt

from augseq.augment.mixing import Mix
from augseq.augment.moving_map import MapKind, MovingMap
from augseq.errors import ArgumentError, DecodeError
from augseq.loading.pipeline import check_dtype
from augseq.loading.targets.map_file import MapFiles, check_column_name, map_files
from augseq.loading.targets.target import ImageOptions, Target
from augseq.loading.targets.view import TargetView
from augseq.manifest.record import Record
from augseq.pixels.cache.record_cache import RecordCache
from augseq.pixels.decoded_image import OpenImage, WrappedImage
from augseq.pixels.mask_file import other_size
from augseq.pixels.options import ColorMode, DecodeOptions, PixelDtype, check_depth
from augseq.pixels.region import Region, read_box
from augseq.pixels.source import (
    ArraySource,
    FileSource,
    ImageSource,
    PixelCache,
    files_of,
    with_bands,
)
from augseq.terminal_text import options_text
from augseq.types import Array, Image
from augseq.validation import check_choice

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

PairAugment: TypeAlias = Literal["same", "geometry", "own"]

_TEXTS = {
    "same": "augmented like the image",
    "geometry": "moved with the image",
    "own": "augmented with draws of their own",
}
_KINDS: dict[str, MapKind | None] = {"same": "twin", "geometry": "pixels", "own": None}


@dataclass(frozen=True, slots=True, eq=False)
class PairedImage:
    """Another image of each record, as a further input or as a target.

    Examples are the second view of a stereo pair, the same place at a later time, a thermal image,
    the second image of a siamese network, or the sharp image that a model is to restore.

    The value of a record is the image as the model gets it, shape (height, width, channels), and
    its pixels range from 0 to 255, like those of the main image.

    Args:
        images: Name of the column with the paths of the images, relative to the root, as from
            `images.with_column("after", pattern="../after/{name}")`. For
            `ImageSequence.from_arrays`, an array of shape (n, height, width, channels).
        augment: "same": all augmentations, with the draws of the main image, so that both move
            and change colours in the same way. "geometry": only those that move pixels, such as
            crops and flips, with the draws of the main image; for targets, and for images of
            another kind. "own": all augmentations, with draws of their own. Unless "own", both
            images must have the same size.
        color_mode: "rgb", "grayscale", "rgba" or "bands"; None for that of the sequence.
        dtype: "float32" or "uint8"; None for that of the sequence.

    Raises:
        ArgumentError: An option is invalid.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False).select([0, 1])
        >>> images = images.with_column("after", images.column("path")[::-1])
        >>> after = augseq.PairedImage("after", augment="own")
        >>> batches = augseq.ImageSequence(
        ...     images, image_size=(8, 8), label_mode=None, inputs={"after": after}
        ... )
        >>> {name: array.shape for name, array in batches[0].items()}
        {'image': (2, 8, 8, 3), 'after': (2, 8, 8, 3)}
    """

    images: str | npt.NDArray[Any]
    augment: PairAugment = "same"
    color_mode: ColorMode | None = None
    dtype: PixelDtype | None = None

    def __post_init__(self) -> None:
        if not hasattr(self.images, "shape"):
            check_column_name("PairedImage", self.images, "paired image")
        check_choice("augment", self.augment, get_args(PairAugment))
        if self.color_mode is not None:
            check_choice("color_mode", self.color_mode, get_args(ColorMode))
        if self.dtype is not None:
            check_choice("dtype", self.dtype, get_args(PixelDtype))

    def __repr__(self) -> str:
        return options_text(self)

    def bind(self, manifest: "Manifest", images: ImageOptions) -> "PairedTarget":
        """Return the paired images of the records of a manifest; see `TargetOption`.

        Args:
            manifest: The records; every one must have a path.
            images: How the images of the sequence are loaded.

        Raises:
            ArgumentError: The manifest does not have the column, it is not text, or an option
                does not fit those of the sequence.
            LabelError: A record has no path.
        """
        if not isinstance(self.images, str):
            raise ArgumentError(
                "PairedImage requires the name of the column with the paths of the images; only "
                f"ImageSequence.from_arrays takes arrays. Received: {self}"
            )
        decode = images.decode
        if self.color_mode is not None:
            decode = replace(decode, color_mode=self.color_mode, bands=None, alike=None)
        dtype = self.dtype or images.dtype
        option = f"PairedImage({self.images!r})"
        files = map_files(manifest, option, self.images, "paired image", decode)

        def paired(options: DecodeOptions) -> PairedSource:
            return PairedSource(names=files, source=files_of(manifest, options))

        # Not those of the images: they can have other bands.
        decode = with_bands(replace(decode, alike=None), manifest, paired)
        check_depth(decode, dtype)
        if self.augment == "same" and decode.num_channels != images.decode.num_channels:
            raise ArgumentError(
                'PairedImage with augment="same" requires the color_mode of the sequence, since '
                'colours change with the same draws. Pass augment="geometry" or augment="own". '
                f"Received: {self}, and color_mode={images.decode.color_mode!r} of the sequence"
            )
        return PairedTarget(
            source=PairedSource(names=files, source=files_of(manifest, decode)),
            augment=self.augment,
            dtype=dtype,
            num_channels=decode.num_channels,
        )

    def bind_rows(self, source: ArraySource, dtype: PixelDtype, name: str) -> "PairedTarget":
        """Return the paired images in the rows of an array.

        Args:
            source: The images of the sequence.
            dtype: dtype of the pixels in a batch.
            name: Name of the argument in messages.

        Raises:
            ArgumentError: The array does not fit the images.
        """
        if isinstance(self.images, str) or self.color_mode is not None:
            raise ArgumentError(
                f"`{name}` must be a PairedImage of an array, without color_mode: arrays have no "
                f"columns and no files. Received: {self}"
            )
        own, main = ArraySource(self.images), source.images
        first, other = (opened.images[:1].shape for opened in (source, own))
        is_same = self.augment != "same" or (
            first[3] == other[3] and self.images.dtype == main.dtype
        )
        is_fitting = self.augment == "own" or (first[1:3] == other[1:3] and is_same)
        if len(self.images) != len(main) or not is_fitting:
            needs = {
                "same": "an image of the same size, number of channels and dtype",
                "geometry": "an image of the same size",
                "own": "an image",
            }[self.augment]
            raise ArgumentError(
                f"`{name}` with augment={self.augment!r} must have {needs} for each image of `x`. "
                f"Received: shape {self.images.shape}, dtype {self.images.dtype}, for images of "
                f"shape {main.shape}, dtype {main.dtype}"
            )
        return PairedTarget(
            source=own, augment=self.augment, dtype=self.dtype or dtype, num_channels=other[3]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedSource:
    """The paired images of records; errors name both files.

    Attributes:
        names: The column of their paths.
        source: The files below the root, perhaps with a cache.
    """

    names: MapFiles
    source: ImageSource

    @property
    def reads_files(self) -> bool:
        """Whether `open` reads and decodes a file each time."""
        return self.source.reads_files

    @property
    def cache(self) -> PixelCache | None:
        """The cache of the sequence."""
        return self.source.cache

    def describe(self) -> str:
        """Describe the files."""
        return self.source.describe()

    def content_text(self) -> str:
        """Describe the column and the decoding options."""
        return f"column={self.names.column!r}, {self.source.content_text()}"

    def fetch(self, record: Record) -> object:
        """Read the file of the paired image."""
        return self.source.fetch(self._record(record))

    def open(self, record: Record) -> OpenImage:
        """Open the paired image of a record.

        Raises:
            MissingFileError: The file does not exist.
            AugseqError: It cannot be read or decoded.
        """
        with self.names.naming(record):
            return _PairedImageFile(self.source.open(self._record(record)), self.names, record)

    def with_cache(self, cache: RecordCache) -> "PairedSource":
        """Return the same images, read through a cache."""
        assert isinstance(self.source, FileSource)
        return replace(self, source=cache.images(self.source))

    def fill(self, record: Record) -> bool:
        """Cache the paired image of a record; return whether it is now cached."""
        cache = self.source.cache
        if cache is None:
            return True
        with self.names.naming(record):
            return cache.fill(self._record(record))

    def _record(self, record: Record) -> Record:
        path = self.names.path_of(record)
        return Record(index=record.index, path=path, window=record.window)


@dataclass(frozen=True, slots=True)
class _PairedImageFile(WrappedImage):
    """An open paired image, whose errors name both files."""

    names: MapFiles
    record: Record

    def read(self, region: Region) -> Image:
        with self.names.naming(self.record):
            return self.opened.read(region)


def _part_like(
    region: Region, opened: OpenImage, shape: tuple[int, ...], pixels: tuple[int, ...]
) -> Region:
    """Return the region of a paired image that shows what was read of the image.

    Args:
        region: What was to be read of the image.
        opened: The paired image.
        shape: (height, width, ...) of both.
        pixels: (height, width, ...) of what was read of the image.
    """
    scale, place = read_box(region, shape, pixels)
    if region.box is None or (scale > 1 and opened.scales):
        return replace(region, scales=opened.scales)
    # Only one of them is downscaled, of which the box is widened to whole pixels.
    top, left, height, width = (scale * edge for edge in place)
    return Region(box=(top, left, min(height, shape[0] - top), min(width, shape[1] - left)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTarget(Target):
    """The paired image of a record.

    Attributes:
        source: Where the images come from.
        augment: As in `PairedImage`.
        dtype: dtype of the pixels in a batch.
        num_channels: Number of channels.
    """

    source: PairedSource | ArraySource
    augment: PairAugment
    dtype: PixelDtype
    num_channels: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The column with the paths; none for arrays."""
        return self.source.names.columns if isinstance(self.source, PairedSource) else ()

    @property
    def map_kind(self) -> MapKind | None:
        """How it moves with the image; None if it has draws of its own."""
        return _KINDS[self.augment]

    @property
    def own_source(self) -> ImageSource | None:
        """Where it comes from, if it has draws of its own."""
        return self.source if self.augment == "own" else None

    def with_cache(self, cache: RecordCache) -> "PairedTarget":
        """Return the target that reads its images through a cache."""
        if not isinstance(self.source, PairedSource):
            return self
        return replace(self, source=self.source.with_cache(cache))

    def fill_cache(self, record: Record, image: OpenImage) -> bool:
        """Cache the paired image of a record."""
        return self.source.fill(record) if isinstance(self.source, PairedSource) else True

    def entry_bytes(self, record: Record, shape: tuple[int, ...]) -> int:
        """Return the size of a cached paired image; with draws of its own, it can have any."""
        cache = self.source.cache
        if cache is None:
            return 0
        size = self.source.open(record).shape if self.own_source else shape
        return cache.entry_bytes((*size[:2], self.num_channels))

    def read_map(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> MovingMap:
        """Read the region of the paired image that was read of the image.

        Raises:
            MissingFileError: The file does not exist.
            DecodeError: It is not a usable image, or has another size than the image.
            AugseqError: It cannot be read.
        """
        opened = self.source.open(record)
        if isinstance(self.source, PairedSource) and opened.shape[:2] != shape[:2]:
            names = self.source.names
            height, width = opened.shape[:2]
            reason = other_size("paired image", (height, width), shape)
            raise DecodeError(
                f"Cannot use {names.where(record)}: {reason}. Only with "
                'augment="own" of augseq.PairedImage can they differ in size.',
                names.path_of(record),
                record.index,
            ) from DecodeError(reason)
        values = opened.read(_part_like(region, opened, shape, pixels.shape))
        # A cached image is read-only, but augmentations receive arrays that they can write to.
        values = values if values.flags.writeable else values.copy()
        return MovingMap(values, "twin" if self.augment == "same" else "pixels")

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the paired image as the model gets it, shape (height, width, channels)."""
        assert image is not None
        check_dtype(image, self.dtype)
        return image.astype(self.dtype, copy=False)

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return an empty text: images can be mixed."""
        return ""

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the paired images of both, mixed like their images.

        Raises:
            ArgumentError: They do not have the size of the images.
        """
        if not own.shape[:2] == other.shape[:2] == image.shape[:2]:
            raise ArgumentError(
                "To mix paired images, they must have the size of their images. Received: "
                f"{own.shape[:2]} and {other.shape[:2]}, of images of {image.shape[:2]} "
                "(height, width). Set `image_size`, or remove `mix`."
            )
        return mix.pixels(own, other)

    def view(self, value: Array) -> TargetView:
        """Return the image."""
        title = self.source.names.title if isinstance(self.source, PairedSource) else ""
        return TargetView(title=title, image=value)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(height, width, channels), of a size that is not known before an image is loaded."""
        return (None, None, self.num_channels)

    @property
    def num_loss_axes(self) -> int:
        """Height and width."""
        return 2

    @property
    def text(self) -> str:
        """The column, dtype and shape, and how it is augmented."""
        name = "images"
        if isinstance(self.source, PairedSource):
            name += f" {self.source.names.text}"
        shape = f"{self.dtype} (height, width, {self.num_channels})"
        return f"{name}, {shape}, {_TEXTS[self.augment]}"

    @property
    def content(self) -> str:
        """What decides the values, beside the column and the files."""
        return f"PairedTarget({self.source.content_text()}, {self.augment}, {self.dtype})"
