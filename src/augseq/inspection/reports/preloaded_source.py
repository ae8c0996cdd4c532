"""Images held in memory, so that many samples need only one decode."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from augseq.augment.moving_map import MovingMap
from augseq.inspection.reports.map_reading import WithReadMap
from augseq.loading.fitted_maps import fit_to_pixels
from augseq.loading.pipeline import NO_MAPS, ArrayKey, Pipeline
from augseq.loading.targets.input_image import InputImageTarget
from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.pixels.decoded_image import (
    DecodedImage,
    OpenImage,
    WrappedImage,
    cut_scale,
    read_scale,
)
from augseq.pixels.region import WHOLE, Region
from augseq.pixels.source import ImageSource
from augseq.storage.array_content import array_text
from augseq.types import Image


@dataclass(frozen=True, slots=True)
class PreloadedSource(ImageSource):
    """A source of images that are already in memory.

    Attributes:
        images: By index of the record.
    """

    images: Mapping[int, OpenImage]

    def describe(self) -> str:
        """Return "images in memory"."""
        return "images in memory"

    def content_text(self) -> str:
        """Describe each image."""
        return ", ".join(array_text(image.read(WHOLE)) for image in self.images.values())

    def open(self, record: Record) -> OpenImage:
        """Return the image of a record."""
        return self.images[record.index]


@dataclass(frozen=True, slots=True)
class HeldImage(WrappedImage):
    """An image of which each scale that crops need is decoded once, and held."""

    _held: dict[int, Image] = field(default_factory=dict, init=False, repr=False)

    def read(self, region: Region) -> Image:
        """Return the pixels of a region, read-only."""
        scale = region.scale(self.shape)
        if scale not in self._held:
            pixels = read_scale(self.opened, scale).view()
            pixels.flags.writeable = False
            self._held[scale] = pixels
        return cut_scale(self._held[scale], region, self.shape)


@dataclass(frozen=True, slots=True)
class Start:
    """What all samples of a record start from.

    Attributes:
        image: The image.
        maps: The maps of this image, such as masks.
        own: Further images of the record that are augmented with draws of their own.
    """

    image: OpenImage
    maps: Mapping[ArrayKey, MovingMap]
    own: Mapping[ArrayKey, "Start"] = field(default_factory=dict)


def start_of(record: Record, pipeline: Pipeline) -> Start:
    """Return what all samples of a record start from: resized, if that comes first.

    Images with draws of their own are not included.

    Raises:
        Exception: As `load_sample`.
    """
    opened = pipeline.source.open(record)
    pipeline = pipeline.fitted(opened.shape)
    if not pipeline.resizes_first:
        image = HeldImage(opened)
        if not pipeline.with_maps:
            return Start(image, NO_MAPS)
        return Start(image, pipeline.read_maps(record, opened.shape, WHOLE, image.read(WHOLE)))
    return resized_start(record, opened, pipeline.region(opened, None), pipeline)


def resized_start(record: Record, opened: OpenImage, region: Region, pipeline: Pipeline) -> Start:
    """Return an image and its maps, resized to the size of a pipeline.

    Args:
        record: The record.
        opened: Its image.
        region: What to read of the image.
        pipeline: The pipeline.
    """
    pixels = opened.read(region)
    maps = pipeline.read_maps(record, opened.shape, region, pixels)
    image = pipeline.resized(pixels, maps).view()
    image.flags.writeable = False
    return Start(DecodedImage(image), maps)


def preloaded(pipeline: Pipeline, starts: Mapping[int, Start]) -> Pipeline:
    """Return a pipeline whose samples start from images and maps in memory.

    Args:
        pipeline: The pipeline; its augmentations are also those of further images.
        starts: What they start from, by index of the record.
    """
    own = {
        key: replace(
            other,
            augment=pipeline.augment,
            source=_source({index: start.own[key] for index, start in starts.items()}),
        )
        for key, other in (pipeline.own_images or {}).items()
    }
    return replace(
        pipeline,
        source=_source(starts),
        inputs={name: _held(("inputs", name), v, starts) for name, v in pipeline.inputs.items()},
        targets={name: _held(("targets", name), v, starts) for name, v in pipeline.targets.items()},
        own_images=own,
    )


def _source(starts: Mapping[int, Start]) -> PreloadedSource:
    return PreloadedSource({index: start.image for index, start in starts.items()})


def _held(key: ArrayKey, target: Target, starts: Mapping[int, Start]) -> Target:
    # A copy of the pixels is made of those in memory anyway.
    if not target.map_kind or isinstance(target, InputImageTarget):
        return target

    def read(record: Record, _shape: tuple[int, ...], region: Region, pixels: Image) -> MovingMap:
        held = starts[record.index].maps[key]
        moving = MovingMap(held.values, held.kind)
        if held.kind in ("pixels", "twin"):
            moving.values = DecodedImage(held.values).read(region)
        else:
            fit_to_pixels(moving, region, pixels.shape)
        if held.kind != "points":
            moving.values = moving.values.copy()
        return moving

    return WithReadMap(target, read)
