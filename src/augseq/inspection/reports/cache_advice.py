"""Measure what a cache would gain for a pipeline, and name the best one."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import load_sample
from augseq.manifest.record import Record
from augseq.pixels.cache.image_cache import ImageCache
from augseq.pixels.cache.memory_folder import free_memory_bytes
from augseq.pixels.source import FileSource
from augseq.storage.cache_files import SHARE_OF_FREE
from augseq.storage.quota import size_text

# By convention, crops of 224 px are taken from images whose shorter side is 256 px.
_SIDE_OF_CROP = 256 / 224
_NUM_SAMPLED = 16
_MOST_SAMPLED_BYTES = 1 << 28
_NUM_ROUNDS = 3
# The rest is for the model, which uses the same memory on a CPU, for worker processes, and for the
# system's own cache of files.
_SHARE_FOR_TRAINING = 0.25
# Below this, a cache is not worth its memory.
_LEAST_GAIN = 1.2
# Pixels should not change for less.
_LEAST_GAIN_OF_SHRINKING = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheGain:
    """What a cache would gain, once it holds all images.

    Attributes:
        choice: The cache.
        gain: CPU time per sample without the cache, divided by that with it.
        num_bytes: Estimated size for all images of the plan.
        free_bytes: Free memory.
    """

    choice: ImageCache
    gain: float
    num_bytes: int
    free_bytes: int

    def __str__(self) -> str:
        return f"{size_text(self.num_bytes)} in memory, loaded {self.gain:.1f} times as fast"

    @property
    def changes_pixels(self) -> bool:
        """Whether images are shrunk before they are cropped."""
        return self.choice.shorter_side_px is not None

    @property
    def fits_in_memory(self) -> bool:
        """Whether all images fit into the share of memory that a cache takes by default."""
        return self.num_bytes <= self.free_bytes * SHARE_OF_FREE


def advise_cache(plan: BatchPlan) -> str | None:
    """Return which cache is best, and what it gains and takes; None if none is worth it.

    Args:
        plan: A plan whose images were just loaded.
    """
    cache = plan.pipeline.source.cache
    if cache is not None:
        if cache.has_room:
            return None
        smaller = ", or use ImageCache(shorter_side_px=...)" if cache.resize is None else ""
        return f"the cache holds only some of the images; give it more room{smaller}"
    gains = [found for found in measure_caches(plan) if found.gain >= _LEAST_GAIN]
    return "; ".join(_advice(plan, gains)) or None


def measure_caches(plan: BatchPlan) -> list[CacheGain]:
    """Measure the caches that a plan can have: first the one that changes no pixels.

    CPU time is compared, which other programs hardly influence, on a few images that are cached in
    memory meanwhile.

    Args:
        plan: The plan. Without files to read there is nothing to measure.

    Raises:
        AugseqError: A file or an augmentation failed.
    """
    if not isinstance(plan.pipeline.source, FileSource):
        return []
    whole = ImageCache()
    cached = plan.pipeline.with_cache(whole)
    pipelines: dict[ImageCache | None, Pipeline] = {None: plan.pipeline, whole: cached}
    records, shapes = _few(plan, cached)
    if not records:
        return []
    choice = _shrinking(plan, records[0], shapes)
    if choice is not None:
        pipelines[choice] = plan.pipeline.with_cache(choice)
    seconds = _cpu_seconds(pipelines, records, seed=plan.schedule.seed)
    return [
        CacheGain(
            choice=choice,
            gain=seconds[None] / max(seconds[choice], 1e-9),
            num_bytes=round(len(plan.manifest) * _mean_bytes(pipeline, records, shapes)),
            free_bytes=free_memory_bytes(),
        )
        for choice, pipeline in pipelines.items()
        if choice is not None
    ]


def choose_memory_cache(plans: Sequence[BatchPlan]) -> CacheGain | None:
    """Return the cache in memory that training should use, with the same pixels.

    Args:
        plans: The plans of training and validation, which are loaded several times.

    Returns:
        None if their images take more than a quarter of the free memory, or if the first plan gains
        too little; also if a sample cannot be loaded, which training will report.
    """
    with suppress(Exception):
        gains = [next(iter(measure_caches(plan)), None) for plan in plans]
        first = gains[0]
        if first is None or first.gain < _LEAST_GAIN:
            return None
        num_bytes = sum(0 if found is None else found.num_bytes for found in gains)
        most = int(first.free_bytes * _SHARE_FOR_TRAINING)
        if num_bytes <= most:
            return replace(first, choice=ImageCache(max_bytes=most), num_bytes=num_bytes)
    return None


def _few(plan: BatchPlan, cached: Pipeline) -> tuple[list[Record], list[tuple[int, ...]]]:
    """Return a few records that a cache in memory has room for, and the shapes of their images.

    Args:
        plan: The plan.
        cached: Its pipeline with the cache.
    """
    shapes = list[tuple[int, ...]]()
    num_records = len(plan.manifest)
    # From the whole manifest, which may be sorted by class.
    records = plan.manifest.records(range(0, num_records, -(-num_records // _NUM_SAMPLED)))
    # Besides whole images, shrunk ones are cached, which are much smaller.
    room = min(_MOST_SAMPLED_BYTES, free_memory_bytes() * SHARE_OF_FREE / 2)
    for record in records:
        shape = plan.pipeline.source.open(record).shape
        room -= max(math.prod(shape), cached.entry_bytes(record, shape))
        if room < 0:
            break
        shapes.append(shape)
    return records[: len(shapes)], shapes


def _shrinking(plan: BatchPlan, record: Record, shapes: list[tuple[int, ...]]) -> ImageCache | None:
    """Return a cache of smaller images that is worth measuring; None without one."""
    if plan.pipeline.resizes_first:
        # As they are, or with several sizes, of which a cache stores the whole image.
        return None
    height, width = plan.sample(record, epoch=0).image.shape[:2]
    side = round(min(height, width) * _SIDE_OF_CROP)
    shrink = float(np.mean([max(1, min(shape[:2]) / side) for shape in shapes]))
    # Maps do not fit images that a cache has shrunk.
    stays = shrink < 2 or bool(plan.pipeline.with_maps)
    return None if stays else ImageCache(shorter_side_px=side)


def _cpu_seconds(
    pipelines: dict[ImageCache | None, Pipeline], records: list[Record], *, seed: int
) -> dict[ImageCache | None, float]:
    """Return the CPU time of loading some records once, by pipeline: the least of some rounds."""
    seconds: dict[ImageCache | None, float] = dict.fromkeys(pipelines, math.inf)
    # Alternating, so that a change in the processor's speed does not favour one of them. The first
    # round fills the caches; it is the same epoch each time, which needs the same crops.
    for _ in range(1 + _NUM_ROUNDS):
        for choice, pipeline in pipelines.items():
            start = time.thread_time()
            for record in records:
                load_sample(record, pipeline, seed=seed, epoch=0)
            seconds[choice] = min(seconds[choice], time.thread_time() - start)
    return seconds


def _mean_bytes(pipeline: Pipeline, records: list[Record], shapes: list[tuple[int, ...]]) -> float:
    """Return the mean size of all that is cached for a record, in bytes."""
    pairs = zip(records, shapes, strict=True)
    return float(np.mean([pipeline.entry_bytes(record, shape) for record, shape in pairs]))


def _advice(plan: BatchPlan, gains: list[CacheGain]) -> Iterator[str]:
    """Yield the cache with the same pixels, and one with smaller images where that is better."""
    same = next((found for found in gains if not found.changes_pixels), None)
    shrunk = next((found for found in gains if found.changes_pixels), None)
    if same is not None:
        # In memory it is fastest, but gone with the process.
        where, free = 'cache="memory", or a folder,', ""
        if not same.fits_in_memory:
            where = "cache=FOLDER"
            free = f" (more than half of the free memory, {size_text(same.free_bytes)})"
        yield (
            f"{where} gives {same.gain:.1f} times the speed and takes "
            f"{size_text(same.num_bytes)} for {len(plan.manifest):,} images{free}"
        )
    if shrunk is None:
        return
    if (
        same is None
        or not same.fits_in_memory
        or shrunk.gain >= _LEAST_GAIN_OF_SHRINKING * same.gain
    ):
        yield (
            f"cache=ImageCache(shorter_side_px={shrunk.choice.shorter_side_px}) gives "
            f"{shrunk.gain:.1f} times the speed and takes {size_text(shrunk.num_bytes)}, with "
            "slightly different pixels"
        )
