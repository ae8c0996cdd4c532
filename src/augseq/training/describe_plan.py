"""The plan of a sequence as text that a person reads."""

import os

from augseq.loading.batch import ArrayTargets, BatchPlan, LabelTargets
from augseq.pixels.cache.source import CachedSource
from augseq.pixels.options import DecodeOptions
from augseq.pixels.source import FileSource
from augseq.remote.url import is_remote
from augseq.storage.quota import size_text


def plan_text(plan: BatchPlan, *, epoch: int, workers: str) -> str:
    """Describe a plan, one line for each hop of a sample.

    Args:
        plan: What to describe.
        epoch: The present epoch.
        workers: What computes the batches.
    """
    schedule = plan.schedule
    title = (
        f"ImageSequence: {schedule.num_records} images, {schedule.num_batches} batches of "
        f"{schedule.batch_size}, epoch {epoch}"
    )
    hops = [*plan_hops(plan), ("workers", workers)]
    return "\n".join([title, *(f"  {name:<9}{text}" for name, text in hops)])


def plan_hops(plan: BatchPlan) -> list[tuple[str, str]]:
    """Return name and description of each hop of a sample, in their order."""
    schedule, pipeline = plan.schedule, plan.pipeline
    order = f"shuffled anew each epoch, seed {schedule.seed}" if schedule.shuffle else "as indexed"
    augment = " > ".join(pipeline.augment.names) or "none"
    if pipeline.augment.steps:
        augment += f", seed {schedule.seed}"
    if schedule.shard.count > 1:
        order += f", shard {schedule.shard.index} of {schedule.shard.count}"
    elif schedule.shard.fills_batches:
        order += ", last batch filled up"
    if schedule.done.num_records:
        order += f", epoch {schedule.done.epoch} without its first {schedule.done.num_records}"
    hops = [("order", order), ("source", _source(plan)), ("augment", augment)]
    if pipeline.resize is not None:
        resize = pipeline.resize
        size = f"{resize.resize_mode} to {resize.image_size}, {resize.interpolation}"
        hops.insert(2 if pipeline.resizes_first else 3, ("resize", size))
    if isinstance(pipeline.source, CachedSource):
        hops.insert(2, ("cache", _cache(pipeline.source)))
    output = f"{pipeline.dtype} pixels, {_targets(plan)}"
    return [*hops, ("output", output)]


def _source(plan: BatchPlan) -> str:
    source = plan.pipeline.source
    files = source.files if isinstance(source, CachedSource) else source
    if not isinstance(files, FileSource):
        return "arrays in memory"
    decode: DecodeOptions = files.options
    upright = "upright" if decode.exif_orientation else "as stored"
    scaled = ", large JPEGs scaled while decoded" * plan.pipeline.scaled_decode
    root = plan.manifest.root
    folder = root if is_remote(root) else os.path.basename(root)
    return f"files in {folder!r}, {decode.color_mode}, {upright}{scaled}"


def _cache(source: CachedSource) -> str:
    folder, side = source.folder, source.shorter_side_px
    place = "memory" if folder.in_memory else repr(folder.root)
    shrunk = "" if side is None else f", shorter side at most {side} px"
    held = folder.tally
    return (
        f"in {place}{shrunk}; {held.num_files:,} images, "
        f"{size_text(held.num_bytes)} of at most {size_text(folder.max_bytes)}"
    )


def _targets(plan: BatchPlan) -> str:
    if isinstance(plan.targets, LabelTargets):
        return f"{plan.targets.label_mode} labels of {plan.targets.num_classes} classes"
    if isinstance(plan.targets, ArrayTargets):
        return f"targets of shape {plan.targets.rows.shape[1:]}"
    return "no targets"
