"""The state of a sequence: its position and everything that the samples depend on."""

import hashlib
import warnings
from collections.abc import Mapping
from typing import Any, TypeAlias

from augseq.augment.augmentation_list import AugmentationList
from augseq.errors import AugseqWarning, BackupError
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.target import Target
from augseq.sampling.schedule import Progress
from augseq.training.content_text import describe_content, is_same_content

_FORMAT = 2
_LONGEST_TEXT = 600
# Keeps a state small, whatever the number of augmentations.
_MOST_STEPS = 15

Conditions: TypeAlias = Mapping[str, str | int]
"""Everything that determines the samples and their order, by name."""


def read_data_state(conditions: Conditions, progress: Progress) -> dict[str, Any]:
    """Return the progress of a run as a dict, less than 4 kB as JSON."""
    return {
        "format": _FORMAT,
        "epoch": progress.epoch,
        "num_records": progress.num_records,
        "depends_on": dict(conditions),
    }


def read_progress(conditions: Conditions, state: Mapping[str, Any], *, force: bool) -> Progress:
    """Return the progress that a state describes.

    Args:
        conditions: Conditions of the current run.
        state: The result of `read_data_state`, or the same after a round trip through JSON.
        force: Whether to resume even if the samples or their order changed.

    Raises:
        BackupError: It is not a state, or belongs to a different manifest, pipeline or seed; the
            message lists the differences.
    """
    if not isinstance(state, Mapping) or state.get("format") not in range(1, _FORMAT + 1):
        raise BackupError(
            f"Not a state_dict written by this version of augseq. Received: {state!r}"
        )
    if state["format"] < _FORMAT and not force:
        raise BackupError(
            "This state was saved by an earlier version of augseq, which did not record the "
            "content of arrays and augmentations, so it cannot be compared with this run. "
            "If it belongs to this run, pass force=True."
        )
    different = condition_differences(state["depends_on"], conditions)
    if different and not force:
        raise BackupError(
            "This state was saved by a different run; resuming from it would give different "
            f"samples. {'. '.join(different)}. Create the sequence with the earlier options, or "
            "pass force=True."
        )
    return Progress(epoch=state["epoch"], num_records=state["num_records"])


def condition_differences(then: Conditions, now: Conditions) -> list[str]:
    """List the conditions that differ, with their values then and now."""
    return [
        f"{name}: {then.get(name, 'none')!r} then, {now.get(name, 'none')!r} now"
        for name in dict.fromkeys([*then, *now])
        if not is_same_content(then.get(name), now.get(name))
    ]


def run_conditions(plan: BatchPlan) -> Conditions:
    """Return everything that determines the samples and their order.

    Batch size and shards are not part of it.

    Warns:
        AugseqWarning: An augmentation has attributes that cannot be compared between runs.
    """
    schedule, pipeline = plan.schedule, plan.pipeline
    cache, sampling = pipeline.source.cache, schedule.order.frequency.content
    return {
        "seed": schedule.seed,
        "shuffle": str(schedule.order.shuffle),
        **({"sampling": _short(sampling)} if sampling else {}),
        **_batches_of_one_size(plan),
        "drop_remainder": str(schedule.drop_remainder),
        "number of records": len(plan.manifest),
        "manifest": plan.manifest.fingerprint(),
        "source": _short(pipeline.source.content_text()),
        "targets": _contents(plan.targets) or "none",
        **_columns(plan),
        "scaled_decode": str(pipeline.scaled_decode),
        "shorter_side_px": str(cache and cache.shorter_side_px),
        "resize": _short(repr(pipeline.resize)),
        **_augmentations(pipeline.augment),
        **({"mix": pipeline.mix.text} if pipeline.mix else {}),
        "dtype": pipeline.dtype,
    }


def _batches_of_one_size(plan: BatchPlan) -> dict[str, str | int]:
    """Return what the order depends on if each batch has images of one size."""
    if plan.pipeline.buckets is None:
        return {}
    schedule = plan.schedule
    size = f"{schedule.batch_size}, {schedule.shard.count} shards"
    return {"buckets": repr(plan.pipeline.buckets), "batch_size": size}


def _contents(loaded: Mapping[str, Target]) -> str:
    names = [f"{name}: " if len(loaded) > 1 else "" for name in loaded]
    contents = [value.content for value in loaded.values()]
    return _short(", ".join(map("".join, zip(names, contents, strict=True))))


def _columns(plan: BatchPlan) -> dict[str, str]:
    """Return what else is loaded besides pixels and targets, if anything."""
    found = {}
    if plan.pipeline.inputs:
        found["inputs"] = _contents(plan.pipeline.inputs)
    if plan.sample_weight is not None:
        found["weights"] = _short(plan.sample_weight.content)
    if plan.columns:
        hashed = plan.manifest.column_fingerprint(plan.columns)
        found["columns"] = _short(f"{', '.join(plan.columns)} #{hashed}")
    return found


def _augmentations(augment: AugmentationList) -> dict[str, str]:
    steps: list[Any] = list(augment.steps)
    if len(steps) > _MOST_STEPS:
        steps[_MOST_STEPS - 1 :] = [steps[_MOST_STEPS - 1 :]]
    found = {}
    for number, step in enumerate(steps, 1):
        content = describe_content(step)
        found[f"augmentation {number}"] = content.text
        if content.unknown:
            warnings.warn(
                f"Augmentation {number}, {content.text.rpartition(' #')[0]!r}, has attributes that "
                "cannot be compared between runs, so a change in them goes unnoticed on resume: "
                f"{', '.join(content.unknown[:3])}. Exclude them with __getstate__, or make sure "
                "that they stay the same.",
                AugseqWarning,
                stacklevel=2,
            )
    return found


def _short(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{text[: _LONGEST_TEXT - 30]}... ({digest})"
