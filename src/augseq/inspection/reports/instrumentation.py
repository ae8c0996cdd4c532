"""Observe each call that a pipeline makes to its source and augmentations."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from augseq.augment.augmentation import DetailedAugmentation
from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.crop import Crop
from augseq.augment.float_range import FloatRange
from augseq.augment.moving_map import MovingMap
from augseq.inspection.reports.map_reading import WithReadMap
from augseq.loading.pipeline import Pipeline
from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.pixels.decoded_image import OpenImage, WrappedImage
from augseq.pixels.region import Region
from augseq.pixels.source import ImageSource, PixelCache
from augseq.types import Image

Call: TypeAlias = Callable[[], Any]


def instrument(pipeline: Pipeline, run: Callable[[int, Call], Any]) -> Pipeline:
    """Return a pipeline with the same pixels that passes its calls to a function.

    Args:
        pipeline: The pipeline to observe.
        run: Called instead of a part, with the part's number (0 for the source and the maps of
            inputs and targets, then the augmentations from 1) and the call, which it must make
            and whose result it returns.
    """
    seen = tuple(
        _SeenStep(step, partial(run, number))
        for number, step in enumerate(pipeline.augment.details, 1)
    )
    source = _SeenSource(pipeline.source, partial(run, 0))
    inputs, targets = (
        {name: _seen_target(value, partial(run, 0)) for name, value in values.items()}
        for values in (pipeline.inputs, pipeline.targets)
    )
    return replace(
        pipeline,
        source=source,
        augment=AugmentationList(seen),
        inputs=inputs,
        targets=targets,
        geometry=_seen_target(pipeline.geometry, partial(run, 0)),
    )


def _seen_target(target: Target, run: Callable[[Call], Any]) -> Target:
    if not target.map_kind:
        return target

    def read(*args: Any) -> MovingMap:
        moving: MovingMap = run(partial(target.read_map, *args))
        return moving

    return WithReadMap(target, read)


@dataclass(frozen=True, slots=True)
class _SeenSource:
    source: ImageSource
    run: Callable[[Call], Any]

    @property
    def reads_files(self) -> bool:
        return self.source.reads_files

    @property
    def cache(self) -> PixelCache | None:
        return self.source.cache

    def describe(self) -> str:
        return self.source.describe()

    def content_text(self) -> str:
        return self.source.content_text()

    def fetch(self, record: Record) -> object:
        return self.source.fetch(record)

    def open(self, record: Record) -> OpenImage:
        return _SeenImage(self.run(partial(self.source.open, record)), self.run)


@dataclass(frozen=True, slots=True)
class _SeenImage(WrappedImage):
    run: Callable[[Call], Any]

    def read(self, region: Region) -> Image:
        image: Image = self.run(partial(self.opened.read, region))
        return image


@dataclass(frozen=True, slots=True)
class _SeenStep(DetailedAugmentation):
    step: DetailedAugmentation
    run: Callable[[Call], Any]

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def sets_size(self) -> bool:
        return self.step.sets_size

    @property
    def result_size(self) -> tuple[int, int] | None:
        return self.step.result_size

    def draw_crop(self, shape: tuple[int, ...], rng: np.random.Generator) -> Crop | None:
        crop: Crop | None = self.run(partial(self.step.draw_crop, shape, rng))
        return crop and replace(crop, finish=partial(self._finish, crop))

    @property
    def moving_parts(self) -> frozenset[str]:
        return self.step.moving_parts

    @property
    def reason_against_maps(self) -> str | None:
        return self.step.reason_against_maps

    @property
    def reason_against_points(self) -> str | None:
        return self.step.reason_against_points

    def vary_with(
        self,
        image: Image,
        maps: Collection[MovingMap],
        rng: np.random.Generator,
        floats: FloatRange,
    ) -> Image:
        result: Image = self.run(partial(self.step.vary_with, image, maps, rng, floats))
        return result

    def _finish(self, crop: Crop, image: Image) -> Image:
        finished: Image = self.run(partial(crop.finish, image))
        return finished

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        return self.vary(image, rng, FloatRange())

    def vary(self, image: Image, rng: np.random.Generator, floats: FloatRange) -> Image:
        result: Image = self.run(partial(self.step.vary, image, rng, floats))
        return result
