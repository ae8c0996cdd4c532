"""The plan of a sequence as text that a person reads."""

import os

from augseq.batch import ArrayTargets, BatchPlan, LabelTargets
from augseq.pixels.options import DecodeOptions
from augseq.pixels.source import FileSource


def plan_text(plan: BatchPlan, *, epoch: int, threads: int, ahead: int) -> str:
    """Describe a plan, one line for each hop of a sample.

    Args:
        plan: What to describe.
        epoch: The present epoch.
        threads: Worker threads.
        ahead: Batches that are held ready at most.
    """
    schedule = plan.schedule
    title = (
        f"ImageSequence: {schedule.num_records} images, {schedule.num_batches} batches of "
        f"{schedule.batch_size}, epoch {epoch}"
    )
    workers = f"{threads} thread{'s' * (threads > 1)}, up to {ahead} batches ahead"
    hops = [*_hops(plan), ("workers", workers if threads else "none: made when asked for")]
    return "\n".join([title, *(f"  {name:<9}{text}" for name, text in hops)])


def _hops(plan: BatchPlan) -> list[tuple[str, str]]:
    schedule, pipeline = plan.schedule, plan.pipeline
    order = f"shuffled anew each epoch, seed {schedule.seed}" if schedule.shuffle else "as indexed"
    augment = " > ".join(pipeline.augment.names) or "none"
    if pipeline.augment.steps:
        augment += f", seed {schedule.seed}"
    hops = [("order", order), ("source", _source(plan)), ("augment", augment)]
    if pipeline.resize is not None:
        resize = pipeline.resize
        size = f"{resize.resize_mode} to {resize.image_size}, {resize.interpolation}"
        hops.insert(2 if pipeline.resizes_first else 3, ("resize", size))
    output = f"{pipeline.dtype} pixels, {_targets(plan)}"
    return [*hops, ("output", output)]


def _source(plan: BatchPlan) -> str:
    if not isinstance(plan.pipeline.source, FileSource):
        return "arrays in memory"
    decode: DecodeOptions = plan.pipeline.source.options
    upright = "upright" if decode.exif_orientation else "as stored"
    return f"files in {os.path.basename(plan.manifest.root)!r}, {decode.color_mode}, {upright}"


def _targets(plan: BatchPlan) -> str:
    if isinstance(plan.targets, LabelTargets):
        return f"{plan.targets.label_mode} labels of {plan.targets.num_classes} classes"
    if isinstance(plan.targets, ArrayTargets):
        return f"targets of shape {plan.targets.rows.shape[1:]}"
    return "no targets"
