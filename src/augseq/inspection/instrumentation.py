"""Look on while a pipeline works, at the seams between its parts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from augseq.augment.augmentation import Augmentation
from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.crop import Crop
from augseq.loading.pipeline import Pipeline
from augseq.manifest.record import Record
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.region import Region
from augseq.pixels.source import ImageSource, PixelCache
from augseq.types import Image

Call: TypeAlias = Callable[[], Any]


def instrument(pipeline: Pipeline, run: Callable[[int, Call], Any]) -> Pipeline:
    """Return a pipeline that makes the same pixels, with every call of a part seen.

    Args:
        pipeline: What to look at.
        run: Called instead of a part, with the part's number (0 for the source, then the
            augmentations from 1) and the call itself, whose result it returns.
    """
    names, steps = pipeline.augment.names, pipeline.augment.steps
    seen = tuple(
        _SeenStep(step, name, partial(run, number))
        for number, (name, step) in enumerate(zip(names, steps, strict=True), 1)
    )
    source = _SeenSource(pipeline.source, partial(run, 0))
    return replace(pipeline, source=source, augment=AugmentationList(seen))


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
class _SeenImage:
    opened: OpenImage
    run: Callable[[Call], Any]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.opened.shape

    def read(self, region: Region) -> Image:
        image: Image = self.run(partial(self.opened.read, region))
        return image


@dataclass(frozen=True, slots=True)
class _SeenStep:
    step: Augmentation
    name: str
    run: Callable[[Call], Any]

    def __getattr__(self, name: str) -> Any:
        # Errors name a step, and the list asks it what it does.
        return self.name if name == "__name__" else getattr(self.step, name)

    def draw_crop(self, shape: tuple[int, ...], rng: np.random.Generator) -> Crop | None:
        draw = getattr(self.step, "draw_crop", None)
        crop: Crop | None = self.run(partial(draw, shape, rng)) if draw else None
        return crop and replace(crop, finish=partial(self._finish, crop))

    def _finish(self, crop: Crop, image: Image) -> Image:
        finished: Image = self.run(partial(crop.finish, image))
        return finished

    def __call__(self, image: Image, rng: np.random.Generator, *more: Any) -> Image:
        result: Image = self.run(partial(self.step, image, rng, *more))
        return result
