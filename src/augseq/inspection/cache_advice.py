"""Estimate from a profile what a cache of decoded pixels would gain."""

import math

import numpy as np

from augseq.loading.plan import BatchPlan
from augseq.sampling.schedule import Step
from augseq.storage.quota import size_text

# By convention, crops of 224 px are taken from images whose shorter side is 256 px.
_SIDE_OF_CROP = 256 / 224
_NUM_SAMPLED = 16


def advise_cache(plan: BatchPlan, stages: dict[str, float]) -> str | None:
    """Return what a cache would gain and cost; None if the images come from an array.

    Args:
        plan: The plan that was measured.
        stages: Milliseconds per image, by stage. A cache reduces "read" and "decode" to about 25
            microseconds; the first access to the pixels also pays for mapping them.
    """
    source = plan.pipeline.source
    if source.cache is not None:
        return (
            "the cache holds only some of the images; give it more room, or use "
            "ImageCache(shorter_side_px=...)"
        )
    if not source.reads_files:
        return None
    total = sum(stages.values())
    gain = total / max(total - stages["read"] - stages["decode"], 0.025)
    records = plan.records(Step(0, 0))[:_NUM_SAMPLED]
    shapes = [source.open(record).shape for record in records]
    mean = float(np.mean([math.prod(shape) for shape in shapes]))
    whole = plan.schedule.num_records * mean
    advice = (
        f'cache="memory", or a folder, gives up to {gain:.1f} times the speed and takes '
        f"{size_text(whole)} for {plan.schedule.num_records:,} images"
    )
    height, width = plan.sample(records[0], epoch=0).image.shape[:2]
    side = round(min(height, width) * _SIDE_OF_CROP)
    shrink = float(np.mean([max(1, min(shape[:2]) / side) for shape in shapes]))
    if shrink < 2:
        return advice
    return f"{advice}; ImageCache(shorter_side_px={side}) takes {size_text(whole / shrink**2)}"
