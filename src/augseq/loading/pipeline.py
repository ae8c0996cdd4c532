"""How a record becomes a sample: source, augmentations, resize, targets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.crop import Crop
from augseq.augment.moving_map import UNCOVERED, MovingMap
from augseq.errors import ArgumentError
from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.region import Region, cut_map
from augseq.pixels.resize import resize_image, resize_map, resized_region
from augseq.pixels.source import ImageSource, files_of
from augseq.types import Array, Image
from augseq.validation import check_choice

if TYPE_CHECKING:
    # Imports pyarrow, which would cost each worker process 30 MB.
    from augseq.manifest.manifest import Manifest

PixelDtype: TypeAlias = Literal["float32", "uint8"]

NO_MAPS: Mapping[str, MovingMap] = {}
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
        with_maps: Those targets that have a map, by name.
    """

    source: ImageSource
    augment: AugmentationList
    resize: ResizeOptions | None
    dtype: PixelDtype
    scaled_decode: bool = True
    targets: Mapping[str, Target] = field(default_factory=dict)
    inputs: Mapping[str, Target] = field(default_factory=dict)
    with_maps: Mapping[str, Target] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_choice("dtype", self.dtype, ("float32", "uint8"))
        # Once: every sample asks for it.
        with_maps = {name: target for name, target in self.targets.items() if target.map_kind}
        object.__setattr__(self, "with_maps", with_maps)
        if with_maps:
            self.augment.require_maps()
        if any(target.map_kind != "pixels" for target in with_maps.values()):
            _check_no_shrinking(self.source)

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

    def region(self, shape: tuple[int, ...], crop: Crop | None) -> Region:
        """Return the region of an image that must be decoded.

        Args:
            shape: (height, width, channels) of the whole image.
            crop: The crop that the list begins with; None without one.
        """
        if self.resizes_first and self.resize is not None:
            return resized_region(shape, self.resize, scaled_decode=self.scaled_decode)
        box, covers = (crop.box, crop.covers) if crop else (None, None)
        return Region(box=box, covers=covers if self.scaled_decode else None)

    def read_maps(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> Mapping[str, MovingMap]:
        """Return the maps of the targets that have one, such as masks, by name.

        Args:
            record: The record.
            shape: (height, width, channels) of its whole image.
            region: What was read of the image.
            pixels: The pixels that were read.
        """
        if not self.with_maps:
            return NO_MAPS
        maps = {}
        for name, target in self.with_maps.items():
            maps[name] = moving = target.read_map(record, shape, pixels)
            if moving.kind == "pixels":
                continue
            moving.values = cut_map(moving.values, region, pixels.shape)
            if region.resize is not None and pixels.shape[:2] == region.resize.image_size:
                # Read from a cache of resized images.
                _resize_map(moving, region.resize)
        return maps

    def load_targets(
        self, record: Record, image: Image, maps: Mapping[str, MovingMap] = NO_MAPS
    ) -> dict[str, Array]:
        """Return the values of the targets of a record, by name.

        Args:
            record: The record.
            image: Its image.
            maps: Maps of this image, by name of the target.
        """
        return {
            name: target.load(record, maps[name].values if name in maps else image)
            for name, target in self.targets.items()
        }

    def resized(self, image: Image, maps: Mapping[str, MovingMap] = NO_MAPS) -> Image:
        """Return the image, resized with its maps if this pipeline has a size."""
        if self.resize is None:
            return image
        for moving in maps.values():
            _resize_map(moving, self.resize)
        return resize_image(image, self.resize)


def _resize_map(moving: MovingMap, options: ResizeOptions) -> None:
    if moving.kind == "labels":
        moving.values = resize_map(moving.values, options, UNCOVERED)
    else:
        # Padding is 0, also for the weights of values.
        moving.values = resize_image(moving.values, options)


def _check_no_shrinking(source: ImageSource) -> None:
    """Raise `ArgumentError` if a cache shrinks images before their maps are known."""
    if source.cache is not None and source.cache.shorter_side_px is not None:
        raise ArgumentError(
            "Masks and value maps cannot be used with a cache of shrunk images. Remove "
            "`shorter_side_px` from the cache. "
            f"Received: shorter_side_px={source.cache.shorter_side_px}"
        )


def plain_pipeline(
    manifest: "Manifest",
    *,
    augment: AugmentationList,
    resize: ResizeOptions,
    decode: DecodeOptions | None = None,
) -> Pipeline:
    """Return the pipeline of an `ImageSequence` with these options and no targets."""
    return Pipeline(
        source=files_of(manifest, decode), augment=augment, resize=resize, dtype="float32"
    )
