"""Samples for a person to look at while they choose: quick, and those of the run."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from augseq.augment.augmentation_list import AugmentationList
from augseq.inspection.instrumentation import Call, instrument
from augseq.inspection.preloaded_source import PreloadedSource, unvaried_image
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import load_sample
from augseq.manifest.record import Record
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import WHOLE, Region
from augseq.pixels.resize import covered_size, resize_image
from augseq.types import Image

# What a list that sets the size itself begins with: a photo of 12 megapixels, whole, would take
# a blur 0.2 s. Twice the 512 px that crops seldom exceed.
MOST_SIDE_PX = 1024
_NUM_HELD = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What each augmentation took, image by image.

    Attributes:
        seconds: By number of the augmentation, from 1.
    """

    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def mean_ms(self) -> Mapping[int, float]:
        """Return the mean milliseconds per image, by number of the augmentation.

        The slowest image of each does not count: the first pays for what is loaded once.
        """
        return {
            number: 1000 * float(np.mean(sorted(times)[: max(1, len(times) - 1)]))
            for number, times in list(self.seconds.items())
        }


@dataclass(frozen=True, slots=True)
class _Start:
    """What samples begin with, and whether that is less than training begins with."""

    image: Image
    is_shrunk: bool


class Preview:
    """Makes samples of records with one list of augmentations after the other.

    Each image is decoded once and held at the size that its samples begin with. Where images are
    resized before they are augmented, the pixels are those of training, bit for bit, and so they
    are where no side of the image is longer than 1024 px; a larger one is shrunk to that.

    Args:
        pipeline: What is done to an image; its augmentations are replaced.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._start = lru_cache(maxsize=_NUM_HELD)(self._made_start)

    def image(
        self,
        record: Record,
        augment: AugmentationList,
        *,
        seed: int,
        epoch: int,
        timing: Timing | None = None,
    ) -> Image:
        """Make the image that a record has in an epoch.

        Args:
            record: Which.
            augment: What varies it.
            seed: Of the run.
            epoch: Of the run.
            timing: Where to note what each augmentation took.

        Returns:
            Shape (height, width, channels), uint8 or float32.

        Raises:
            Exception: As `load_sample`.
        """
        pipeline = replace(self._pipeline, augment=augment)
        start = self._start(record, pipeline.resizes_first)
        pipeline = replace(pipeline, source=PreloadedSource({record.index: start.image}))
        spent: dict[int, float] = defaultdict(float)

        def run(number: int, call: Call) -> Any:
            begin = time.perf_counter()
            result = call()
            spent[number] += time.perf_counter() - begin
            return result

        sample = load_sample(record, instrument(pipeline, run), seed=seed, epoch=epoch)
        if timing is not None:
            for number in range(1, len(augment.steps) + 1):
                timing.seconds[number].append(spent[number])
        return sample.image

    def is_shrunk(self, record: Record, augment: AugmentationList) -> bool:
        """Tell whether the samples of a record begin with an image smaller than in training.

        Raises:
            Exception: As `image`.
        """
        pipeline = replace(self._pipeline, augment=augment)
        return self._start(record, pipeline.resizes_first).is_shrunk

    def _made_start(self, record: Record, resizes_first: bool) -> _Start:
        # No list sets the size here, or one does; which one makes no difference.
        if resizes_first:
            plain = replace(self._pipeline, augment=AugmentationList())
            return _Start(_held(unvaried_image(record, plain)), False)
        opened = self._pipeline.source.open(record)
        height, width = opened.shape[:2]
        scale = MOST_SIDE_PX / max(height, width)
        if scale >= 1:
            return _Start(_held(opened.read(WHOLE)), False)
        size = max(1, round(height * scale)), max(1, round(width * scale))
        target = ResizeOptions(image_size=size)
        image = opened.read(Region(covers=covered_size(opened.shape, target)))
        return _Start(_held(resize_image(image, target)), True)


def _held(image: Image) -> Image:
    """Return pixels that nobody can change by mistake."""
    image = image.view()
    image.flags.writeable = False
    return image
