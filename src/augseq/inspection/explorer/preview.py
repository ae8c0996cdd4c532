"""Fast samples for the explorer, equal to those of the run."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from augseq.augment.augmentation_list import AugmentationList
from augseq.inspection.reports.instrumentation import Call, instrument
from augseq.inspection.reports.preloaded_source import Start, preloaded, resized_start, start_of
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import Sample, load_sample
from augseq.manifest.record import Record
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import Region
from augseq.pixels.resize import covered_size

# Longer side of the input for a list that sets the size itself: on a whole 12-megapixel photo, a
# blur would take 0.2 s. Twice the 512 px that crops seldom exceed.
MOST_SIDE_PX = 1024
_NUM_HELD = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The time that each augmentation took, image by image.

    Attributes:
        seconds: By number of the augmentation, from 1.
    """

    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def mean_ms(self) -> Mapping[int, float]:
        """Return the mean milliseconds per image, by number of the augmentation.

        The slowest image of each is ignored: the first one includes one-time setup.
        """
        return {
            number: 1000 * float(np.mean(sorted(times)[: max(1, len(times) - 1)]))
            for number, times in list(self.seconds.items())
        }


class Preview:
    """Samples of records with changing lists of augmentations.

    Each image is decoded once and held at the size that its samples start from. If images are
    resized before augmentation, or no side is longer than 1024 px, the pixels are those of
    training, bit for bit; otherwise the image is first downscaled to 1024 px.

    Args:
        pipeline: How samples are made; its augmentations are replaced.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._start = lru_cache(maxsize=_NUM_HELD)(self._made_start)

    def sample(
        self,
        record: Record,
        augment: AugmentationList,
        *,
        seed: int,
        epoch: int,
        timing: Timing | None = None,
    ) -> Sample:
        """Return the sample of a record in an epoch.

        Args:
            record: The record.
            augment: The augmentations.
            seed: Seed of the run.
            epoch: Epoch of the run.
            timing: Where to add the time of each augmentation.

        Raises:
            Exception: As `load_sample`.
        """
        pipeline = replace(self._pipeline, augment=augment)
        start, _ = self._start(record, pipeline.resizes_first)
        pipeline = preloaded(pipeline, {record.index: start})
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
        return sample

    def is_shrunk(self, record: Record, augment: AugmentationList) -> bool:
        """Return whether samples of a record start from a smaller image than in training.

        Raises:
            Exception: As `image`.
        """
        pipeline = replace(self._pipeline, augment=augment)
        return self._start(record, pipeline.resizes_first)[1]

    def _made_start(self, record: Record, resizes_first: bool) -> tuple[Start, bool]:
        """Return what samples start from, and whether it is smaller than in training."""
        start, is_shrunk = _start_of(record, self._pipeline, resizes_first)
        own = {
            key: _start_of(record, other, resizes_first)
            for key, other in (self._pipeline.own_images or {}).items()
        }
        is_shrunk = is_shrunk or any(shrunk for _, shrunk in own.values())
        return replace(start, own={key: other for key, (other, _) in own.items()}), is_shrunk


def _start_of(record: Record, pipeline: Pipeline, resizes_first: bool) -> tuple[Start, bool]:
    # It only matters whether the list sets the size, not which list it is.
    plain = replace(pipeline, augment=AugmentationList())
    if resizes_first:
        return start_of(record, plain), False
    whole = replace(plain, resize=None)
    opened = plain.source.open(record)
    height, width = opened.shape[:2]
    scale = MOST_SIDE_PX / max(height, width)
    if scale >= 1:
        return start_of(record, whole), False
    target = ResizeOptions(image_size=(max(1, round(height * scale)), max(1, round(width * scale))))
    region = Region(covers=covered_size(opened.shape, target))
    return resized_start(record, opened, region, replace(plain, resize=target)), True
