"""How a record becomes a sample: source, augmentations, resize, targets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.crop import Crop
from augseq.augment.mixing import Mixing
from augseq.augment.moving_map import MovingMap
from augseq.errors import ArgumentError, AugmentationError
from augseq.loading.fitted_maps import resize_with_image
from augseq.loading.targets.image_geometry import ImageGeometry
from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.pixels.buckets import Buckets
from augseq.pixels.cache.image_cache import ImageCache
from augseq.pixels.cache.record_cache import RecordCache
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.options import Bands, PixelDtype, ResizeOptions
from augseq.pixels.region import Region
from augseq.pixels.resize import resize_image, resized_region
from augseq.pixels.source import FileSource, ImageSource
from augseq.types import Image, Value
from augseq.validation import check_choice

ArrayKey: TypeAlias = tuple[Literal["inputs", "targets", "image"], str]
"""Group and name of an array of a batch; or of a map that is not one, but of the image itself."""

GEOMETRY: ArrayKey = ("image", "geometry")
"""The map that tells whether the image is mirrored."""

NO_TARGETS: Mapping[str, Target] = {}
NO_IMAGES: Mapping[ArrayKey, Image] = {}
NO_MAPS: Mapping[ArrayKey, MovingMap] = {}
"""The maps of an image without any; never written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything that turns a record into a sample; immutable.

    Attributes:
        source: Where the pixels come from.
        augment: The augmentations.
        resize: Size of the result; None to not resize.
        dtype: dtype of the batch, "float32" or "uint8"; the range of values is the same.
        scaled_decode: Whether to decode large JPEG files at 1/2, 1/4 or 1/8 of their size if that
            still covers the size they are resized to. It changes pixels.
        targets: Targets by name; empty for prediction.
        inputs: Inputs other than the image, by name.
        mix: How images of a batch are mixed after all of this; None if they are not.
        buckets: Sizes of which each image gets one by its aspect ratio, in place of that of
            `resize`; None for one size.
        own_images: Pipelines of the further images of a record that are augmented with draws of
            their own; made from `inputs` and `targets` if None.
        bands: What images of bands are alike in, to draw them; None for colours.
        geometry: Tells whether the image is mirrored.
        with_maps: Those inputs and targets that have a map; and the geometry of the image, if
            classes change places in mirrored images.
        kinds: All of `inputs` and `targets` by name.
        attempts: Maximum number of times to augment an image, until an object remains in it.
    """

    source: ImageSource
    augment: AugmentationList
    resize: ResizeOptions | None
    dtype: PixelDtype
    scaled_decode: bool = True
    targets: Mapping[str, Target] = field(default_factory=dict)
    inputs: Mapping[str, Target] = field(default_factory=dict)
    mix: Mixing | None = None
    buckets: Buckets | None = None
    own_images: Mapping[ArrayKey, "Pipeline"] | None = field(default=None, repr=False)
    bands: Bands | None = field(default=None, repr=False, compare=False)
    geometry: Target = field(default=ImageGeometry(), repr=False)
    with_maps: Mapping[ArrayKey, Target] = field(init=False, repr=False, compare=False)
    kinds: Mapping[str, Target] = field(init=False, repr=False, compare=False)
    attempts: int = field(init=False, repr=False, compare=False)
    _of_buckets: Sequence["Pipeline"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_choice("dtype", self.dtype, ("float32", "uint8"))
        loaded: dict[ArrayKey, Target] = {("inputs", name): v for name, v in self.inputs.items()}
        loaded |= {("targets", name): v for name, v in self.targets.items()}
        # Once: every sample asks for it.
        with_maps = {key: value for key, value in loaded.items() if value.map_kind}
        if any(value.class_mirror for value in loaded.values()):
            with_maps[GEOMETRY] = self.geometry
        object.__setattr__(self, "with_maps", with_maps)
        object.__setattr__(self, "kinds", {**self.inputs, **self.targets})
        attempts = max((value.attempts for value in self.targets.values()), default=1)
        # Without random draws, further attempts would be equal.
        object.__setattr__(self, "attempts", attempts if self.augment.steps else 1)
        if with_maps:
            self.augment.require_maps({value.map_kind for value in with_maps.values()})
        if self.mix is not None:
            _check_mixing(self.mix, loaded)
        if any(v.map_kind in ("labels", "values") for v in with_maps.values()):
            _check_no_shrinking(self.source)
        if self.own_images is None:
            own = {
                key: self._of(value.own_source) for key, value in loaded.items() if value.own_source
            }
            object.__setattr__(self, "own_images", own)
            _check_channels(self.augment, loaded.values())
        object.__setattr__(self, "_of_buckets", self._with_each_size())

    def _with_each_size(self) -> list["Pipeline"]:
        """Return the pipeline of each bucket."""
        if self.buckets is None or self.resize is None:
            return []
        sizes = (replace(self.resize, image_size=size) for size in self.buckets.sizes)
        return [replace(self, resize=resize, buckets=None) for resize in sizes]

    def fitted(self, shape: tuple[int, ...]) -> "Pipeline":
        """Return the pipeline with the size for an image, if there are several.

        Args:
            shape: (height, width, ...) of the whole image.
        """
        if not self._of_buckets or self.buckets is None:
            return self
        numbers = self.buckets.numbers_of(np.array([shape[:2]], np.int64))
        return self._of_buckets[int(numbers[0])]

    def fitted_to(self, record: Record) -> "Pipeline":
        """Return the pipeline with the size for the image of a record."""
        return self if self.buckets is None else self.fitted(self.source.open(record).shape)

    @property
    def cached_resize(self) -> ResizeOptions | None:
        """How images are resized before a cache stores them; None if they are stored whole."""
        return self.resize if self.resizes_first and self.buckets is None else None

    def with_cache(self, choice: ImageCache) -> "Pipeline":
        """Return the same pipeline of files, with a cache of all that it reads of them.

        Raises:
            ArgumentError: The cache is inside the folder of the images, or cannot be created; or
                it shrinks images with maps.
        """
        assert isinstance(self.source, FileSource)
        cache = RecordCache(
            choice=choice, scaled_decode=self.scaled_decode, resize=self.cached_resize
        )
        return replace(
            self,
            source=cache.images(self.source),
            targets={name: value.with_cache(cache) for name, value in self.targets.items()},
            inputs={name: value.with_cache(cache) for name, value in self.inputs.items()},
            # Made of the new ones.
            own_images=None,
        )

    def fill_cache(self, record: Record) -> bool:
        """Cache all that is read of the files of a record, if it is missing and there is room.

        Returns:
            Whether all of it is now cached.

        Raises:
            AugseqError: A file cannot be read or decoded; the message names it.
        """
        cache = self.source.cache
        is_cached = cache is not None and cache.fill(record)
        if not self.with_maps and not self.own_images:
            return is_cached
        opened = self.source.open(record)
        # All of them, also if there is no room for one.
        return all([is_cached, *(kind.fill_cache(record, opened) for kind in self.kinds.values())])

    def entry_bytes(self, record: Record, shape: tuple[int, ...]) -> int:
        """Return the size of all that a cache stores for a record, in bytes; 0 without a cache.

        Args:
            record: The record.
            shape: (height, width, channels) of its whole image.
        """
        cache = self.source.cache
        own = 0 if cache is None else cache.entry_bytes(shape)
        return own + sum(kind.entry_bytes(record, shape) for kind in self.kinds.values())

    def _of(self, source: ImageSource) -> "Pipeline":
        """Return the pipeline of a further image, without targets."""
        # The target checks the dtype.
        return replace(self, source=source, dtype="float32", targets={}, inputs={}, own_images={})

    @property
    def resizes_first(self) -> bool:
        """Whether images are resized before they are augmented.

        This avoids work on pixels that would be discarded, but a list that sets the size, such
        as with a crop, needs the whole image.
        """
        return self.resize is not None and not self.augment.sets_size

    def draw_crop(self, shape: tuple[int, ...], rng: np.random.Generator) -> Crop | None:
        """Draw the crop that the list begins with; None without one or after a resize."""
        return None if self.resizes_first else self.augment.draw_crop(shape, rng)

    def region(self, opened: OpenImage, crop: Crop | None) -> Region:
        """Return the region of an image that must be decoded.

        Args:
            opened: The image.
            crop: The crop that the list begins with; None without one.
        """
        if self.resizes_first and self.resize is not None:
            return resized_region(opened, self.resize, scaled_decode=self.scaled_decode)
        box, covers = (crop.box, crop.covers) if crop else (None, None)
        covers = covers if self.scaled_decode else None
        return Region(box=box, covers=covers, scales=opened.scales)

    def read_maps(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> Mapping[ArrayKey, MovingMap]:
        """Return the maps of the inputs and targets that have one, such as masks.

        Args:
            record: The record.
            shape: (height, width, channels) of its whole image.
            region: What was read of the image.
            pixels: The pixels that were read.
        """
        if not self.with_maps:
            return NO_MAPS
        return {
            key: target.read_map(record, shape, region, pixels)
            for key, target in self.with_maps.items()
        }

    def load_targets(
        self,
        record: Record,
        image: Image,
        maps: Mapping[ArrayKey, MovingMap] = NO_MAPS,
        own: Mapping[ArrayKey, Image] = NO_IMAGES,
    ) -> dict[str, Value]:
        """Return the values of the targets of a record, by name.

        Args:
            record: The record.
            image: Its image.
            maps: Maps of this image.
            own: Images with draws of their own; targets whose image is missing are omitted.
        """
        found = {}
        for name, target in self.targets.items():
            key: ArrayKey = ("targets", name)
            if key in maps:
                found[name] = self.load_value(target, record, maps[key].values, maps)
            elif key in own or key not in (self.own_images or own):
                found[name] = self.load_value(target, record, own.get(key, image), maps)
        return found

    def load_value(
        self,
        target: Target,
        record: Record,
        image: Any,
        maps: Mapping[ArrayKey, MovingMap],
    ) -> Value:
        """Return the value of a target or further input of a record.

        Args:
            target: The target.
            record: The record.
            image: The image or map that it is loaded from, as for `Target.load`.
            maps: All maps of the image.
        """
        value = target.load(record, image)
        if target.class_mirror is not None and maps[GEOMETRY].values.is_mirrored:
            return target.mirrored(value)
        return value

    def has_lost_objects(self, record: Record, targets: Mapping[str, Value]) -> bool:
        """Return whether a target with several attempts has lost all objects of a record."""
        return any(
            target.attempts > 1 and target.has_lost_objects(record, targets[name])
            for name, target in self.targets.items()
        )

    def resized(self, image: Image, maps: Mapping[ArrayKey, MovingMap] = NO_MAPS) -> Image:
        """Return the image, resized with its maps if this pipeline has a size."""
        if self.resize is None:
            return image
        for moving in maps.values():
            resize_with_image(moving, self.resize)
        return resize_image(image, self.resize)


def check_dtype(image: Image, dtype: PixelDtype) -> None:
    """Raise `AugmentationError` if an image of floats would have to become uint8."""
    if dtype == "uint8" and image.dtype != np.uint8:
        raise AugmentationError(
            f'dtype="uint8" requires uint8 pixels after the last augmentation. Received: '
            f'{image.dtype}. Remove the augmentation that returns floats, or use dtype="float32".'
        )


def _check_mixing(mix: Mixing, loaded: Mapping[ArrayKey, Target]) -> None:
    """Raise `ArgumentError` if an input or target cannot be mixed."""
    for (kind, name), value in loaded.items():
        obstacle = value.mixing_obstacle(blends=mix.blends)
        if obstacle:
            raise ArgumentError(
                f"`mix` requires targets and inputs that can be mixed. Received: the "
                f"{kind.removesuffix('s')} {name!r}, {value.text}. {obstacle}"
            )


def _check_channels(augment: AugmentationList, loaded: Iterable[Target]) -> None:
    """Raise `ArgumentError` if an augmentation is not for the channels of a further image."""
    for value in loaded:
        is_moved = value.map_kind == "pixels"
        if is_moved or value.own_source:
            number = value.shape[-1]
            # None if it is the image itself, which has been checked.
            if number is not None:
                augment.require_channels(number, moves_only=is_moved)


def _check_no_shrinking(source: ImageSource) -> None:
    """Raise `ArgumentError` if a cache shrinks images before their maps are known."""
    if source.cache is not None and source.cache.shorter_side_px is not None:
        raise ArgumentError(
            "Masks and value maps cannot be used with a cache of shrunk images. Remove "
            "`shorter_side_px` from the cache. "
            f"Received: shorter_side_px={source.cache.shorter_side_px}"
        )
