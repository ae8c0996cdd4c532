"""The plan of a sequence as readable text."""

from itertools import zip_longest

from augseq.loading.plan import BatchPlan
from augseq.terminal_text import counted, listed


def plan_text(plan: BatchPlan, *, epoch: int, workers: str) -> str:
    """Describe a plan, one line per stage.

    Args:
        plan: What to describe.
        epoch: The current epoch.
        workers: Description of the workers.
    """
    schedule = plan.schedule
    title = (
        f"ImageSequence: {plan.size_text}, {counted(schedule.num_batches, 'batch')} of "
        f"{schedule.batch_size}, epoch {epoch}"
    )
    hops = [*plan_hops(plan), ("workers", workers)]
    return "\n".join([title, *(f"  {name:<9}{text}" for name, text in hops)])


def plan_hops(plan: BatchPlan) -> list[tuple[str, str]]:
    """Return name and description of each stage that a sample passes through, in order."""
    schedule, pipeline = plan.schedule, plan.pipeline
    order = (
        f"reshuffled each epoch, seed {schedule.seed}" if schedule.order.shuffle else "as indexed"
    )
    if schedule.order.frequency.text:
        order += f", {schedule.order.frequency.text}"
    if pipeline.buckets is not None:
        order += ", each batch of one size"
    augment = " > ".join(pipeline.augment.names) or "none"
    if pipeline.augment.steps:
        augment += f", seed {schedule.seed}"
    if schedule.shard.count > 1:
        order += f", shard {schedule.shard.index} of {schedule.shard.count}"
    elif schedule.shard.fills_batches:
        order += ", last batch padded"
    if schedule.done.num_records:
        order += f", epoch {schedule.done.epoch} without its first {schedule.done.num_records}"
    is_of_files = pipeline.source.reads_files or pipeline.source.cache is not None
    is_exact = is_of_files and not pipeline.scaled_decode
    source = pipeline.source.describe() + ", JPEGs decoded at full size" * is_exact
    hops = [("order", order), ("source", source), ("augment", augment)]
    if pipeline.resize is not None:
        resize = pipeline.resize
        sizes = str(resize.image_size) if pipeline.buckets is None else _sizes_text(plan)
        size = f"{resize.resize_mode} to {sizes}, {resize.interpolation}"
        hops.insert(2 if pipeline.resizes_first else 3, ("resize", size))
    cache = pipeline.source.cache
    if cache is not None:
        hops.insert(2 if cache.resize is None else 3, ("cache", cache.describe_cache()))
    if pipeline.mix is not None:
        hops.append(("mix", f"{pipeline.mix.text}, with the neighbour, seed {schedule.seed}"))
    return [*hops, *_outputs(plan)]


def _sizes_text(plan: BatchPlan) -> str:
    """Return the sizes of the buckets, with the number of images that get each."""
    assert plan.pipeline.buckets is not None
    times, parts = plan.schedule.order.frequency.times, plan.schedule.order.parts
    # Without the last ones if no image gets them.
    counts = zip_longest(plan.pipeline.buckets.sizes, parts, fillvalue=0)
    return ", ".join(f"{size} ({count // times:,} images)" for size, count in counts)


def _outputs(plan: BatchPlan) -> list[tuple[str, str]]:
    """Return what a batch contains, in one line, or in one line for each of several arrays."""
    pipeline, targets = plan.pipeline, plan.targets
    inputs = [("input", f"{name}: {value.text}") for name, value in pipeline.inputs.items()]
    weights = []
    if plan.sample_weight is not None:
        name = listed(plan.sample_weight.columns) or "rows of an array"
        weights = [("weights", f"{name}, float32 ()")]
    if len(targets) < 2:
        target = targets[next(iter(targets))].text if targets else "no targets"
        return [*inputs, ("output", f"{pipeline.dtype} pixels, {target}"), *weights]
    named = [("target", f"{name}: {target.text}") for name, target in targets.items()]
    return [*inputs, ("output", f"{pipeline.dtype} pixels"), *named, *weights]
