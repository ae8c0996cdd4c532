"""Read the maps of images, such as masks, from files or a cache; and cut them like their images."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial

import numpy as np

from augseq.augment.moving_map import MapKind, MovingMap
from augseq.errors import AugseqError
from augseq.loading.fitted_maps import cut_to_pixels, is_resized, resize_with_image
from augseq.loading.targets.map_file import MapFiles
from augseq.loading.targets.map_rows import MapRows
from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.pixels.cache.key import Key
from augseq.pixels.cache.map_cache import MapCache
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.region import Box, Region, cut, cut_map, read_box
from augseq.pixels.resize import resized_region
from augseq.pixels.window import in_window, inside_size
from augseq.types import Array, Image

# Of a larger part, the strips or tiles are most of the file.
_MOST_OF_IMAGE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMap(Target):
    """A map of each record, in a file of its own or in the row of an array.

    Attributes:
        maps: Where the maps are.
    """

    maps: MapFiles | MapRows

    @property
    def columns(self) -> tuple[str, ...]:
        """The column with the paths; none for arrays."""
        return self.maps.columns

    @property
    def num_loss_axes(self) -> int:
        """Height and width."""
        return 2

    @property
    @abstractmethod
    def map_kind(self) -> MapKind:
        """Kind of the maps."""

    @abstractmethod
    def decoded(
        self, record: Record, shape: tuple[int, ...], content: bytes | None = None
    ) -> Image:
        """Read and check the map of a whole image, or a part of it.

        Args:
            record: The record.
            shape: (height, width, ...) that it must have.
            content: A file with the part, to decode in place of that of the map.

        Returns:
            Shape (height, width, channels): labels as the smallest dtype, of which the largest
            number is an ignored pixel; values as float32, NaN where there are none.
        """

    @abstractmethod
    def moving(self, part: Image) -> Array:
        """Return the values of a `MovingMap`, given some pixels of what `decoded` returns."""

    @abstractmethod
    def packed(self, values: Array) -> Image:
        """Return what a cache stores of the values of a `MovingMap` that was resized.

        Returns:
            Shape (height, width, channels).
        """

    @abstractmethod
    def unpacked(self, pixels: Image) -> Array:
        """Return the values of a `MovingMap`, given what `packed` returned."""

    def read_map(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> MovingMap:
        """Return the map of what was read of the image, from its file or from a cache.

        Raises:
            MissingFileError: The map does not exist.
            DecodeError: It cannot be decoded, or has another size than the image.
            LabelError: A pixel has a value that it must not have.
        """
        cache = self.maps.cache
        if cache is None or not is_resized(region, pixels.shape) or region.resize != cache.resize:
            return _read(self, record, shape, region, pixels.shape)
        key = _key(self.maps, cache, record, region.scale(shape))
        make = partial(_resized, self, record, shape, region)
        return MovingMap(self.unpacked(cache.read(key, shape, make)), self.map_kind)

    def fill_cache(self, record: Record, image: OpenImage) -> bool:
        """Cache the map of a record, if it is missing and there is room; see `Target`."""
        cache, shape = self.maps.cache, image.shape
        if cache is None:
            return True
        if cache.resize is None:
            key = _key(self.maps, cache, record)
            shape = record.whole_shape(shape)
            make = partial(self.decoded, record, shape)
        else:
            region = resized_region(image, cache.resize, scaled_decode=cache.scaled_decode)
            key = _key(self.maps, cache, record, region.scale(shape))
            make = partial(_resized, self, record, shape, region)
        if cache.find(key, shape) is None and cache.folder.takes_more:
            cache.read(key, shape, make)
        return cache.find(key, shape) is not None

    def entry_bytes(self, record: Record, shape: tuple[int, ...]) -> int:
        """Return the size of a cached map; 0 without a cache."""
        return 0 if self.maps.cache is None else self.maps.cache.entry_bytes(shape)


def _read(
    target: StoredMap,
    record: Record,
    shape: tuple[int, ...],
    region: Region,
    pixels: tuple[int, ...],
) -> MovingMap:
    """Return the map of what was read of an image, from its file or the whole map in a cache."""
    whole, cache = record.whole_shape(shape), target.maps.cache
    stored = part = None
    if cache is not None and cache.resize is None:
        key = _key(target.maps, cache, record)
        stored = cache.find(key, whole)
        if stored is None and cache.folder.takes_more:
            stored = cache.read(key, whole, partial(target.decoded, record, whole))
    if stored is None:
        part = _decoded_part(target, record, shape, region, pixels)
    if part is None:
        stored = target.decoded(record, whole) if stored is None else stored
        beyond = np.nan if stored.dtype.kind == "f" else np.iinfo(stored.dtype).max
        # Views: only the part that was read of the image is copied.
        part = cut_to_pixels(in_window(stored, record, beyond), region, pixels)
    moving = MovingMap(target.moving(part), target.map_kind)
    if region.resize is not None and is_resized(region, pixels):
        resize_with_image(moving, region.resize)
    return moving


def _decoded_part(
    target: StoredMap,
    record: Record,
    shape: tuple[int, ...],
    region: Region,
    pixels: tuple[int, ...],
) -> Image | None:
    """Return what `cut_to_pixels` returns, without decoding all else; None if that is not possible.

    A crop of 700 x 700 pixels of 3000 x 4000 took 2.0 instead of 24 ms of a deflated TIFF mask in
    tiles, 6.5 instead of 26 ms in strips, 12 instead of 300 ms of a float32 TIFF map in tiles, and
    2.4 instead of 33 ms of an .npy map, before its values are converted.
    """
    if is_resized(region, pixels) or (region.box is None and record.window is None):
        return None
    scale, place = read_box(region, shape, pixels)
    box = _box_in_file(record, shape, tuple(scale * edge for edge in place))
    whole = record.whole_shape(shape)
    if box is None or box[2] * box[3] > _MOST_OF_IMAGE * whole[0] * whole[1]:
        return None
    found = target.maps.find_part(record, whole, box)
    if found is None:
        return None
    content, held = found
    try:
        decoded = target.decoded(record, held[2:], content)
    except AugseqError:
        # The whole file has the same fault, and its error the right row and column.
        return None
    values = cut(decoded, (box[0] - held[0], box[1] - held[1], box[2], box[3]))
    return cut_map(values, scale, (0, 0, place[2], place[3]))


def _box_in_file(record: Record, shape: tuple[int, ...], box: tuple[int, ...]) -> Box | None:
    """Return a box of an image in the pixels of its file; None if the file has fewer.

    Args:
        record: The record.
        shape: (height, width, ...) of its image.
        box: In pixels of the image; it can extend beyond its edges.
    """
    top, left, height, width = box
    height, width = min(height, shape[0] - top), min(width, shape[1] - left)
    window = record.window
    if window is None:
        return top, left, height, width
    if inside_size(window) != window.size:
        return None
    return window.top + top, window.left + left, height, width


def _resized(target: StoredMap, record: Record, shape: tuple[int, ...], region: Region) -> Image:
    """Return what a cache of resized maps stores."""
    assert region.resize is not None
    moving = _read(target, record, shape, region, region.resize.image_size)
    return target.packed(moving.values)


def _key(files: MapFiles | MapRows, cache: MapCache, record: Record, scale: int = 1) -> Key | None:
    """Return the key of a cached map.

    Args:
        files: Where the maps are.
        cache: The cache.
        record: The record.
        scale: Factor by which its image is downscaled before both are resized; 1 for whole maps.
    """
    assert isinstance(files, MapFiles)
    part = f"#{record.window!r}" if record.window and cache.resize is not None else ""
    # Two images can have the same mask.
    part += f"#{scale}" if scale > 1 else ""
    with files.naming(record):
        return cache.key(files.path_of(record), record, part)
