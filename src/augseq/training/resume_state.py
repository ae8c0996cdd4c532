"""Where a sequence stands, and on what that depends: a few numbers and short texts."""

import hashlib
import warnings
from collections.abc import Mapping
from typing import Any, TypeAlias

from augseq.augment.augmentation_list import AugmentationList
from augseq.errors import AugseqWarning, BackupError
from augseq.loading.plan import BatchPlan
from augseq.sampling.schedule import Progress
from augseq.training.content_text import describe_content, is_same_content

_FORMAT = 2
_LONGEST_TEXT = 600
# So that a state stays small, whatever the number of augmentations.
_MOST_STEPS = 15

Conditions: TypeAlias = Mapping[str, str | int]
"""What decides the stream of samples, each with its name."""


def read_data_state(conditions: Conditions, progress: Progress) -> dict[str, Any]:
    """Describe how far a run has come, in less than 4 kB of JSON."""
    return {
        "format": _FORMAT,
        "epoch": progress.epoch,
        "num_records": progress.num_records,
        "depends_on": dict(conditions),
    }


def read_progress(conditions: Conditions, state: Mapping[str, Any], *, force: bool) -> Progress:
    """Return how far a run has come that a state describes.

    Args:
        conditions: Of the run that is to go on.
        state: What `read_data_state` returned, perhaps after JSON.
        force: Whether to go on although samples or their order are others now.

    Raises:
        BackupError: The state is none, or belongs to another manifest, pipeline or seed; the
            message spells out the difference.
    """
    if not isinstance(state, Mapping) or state.get("format") not in range(1, _FORMAT + 1):
        raise BackupError(
            f"This is not the state of a sequence of this version of augseq. Received: {state!r}"
        )
    if state["format"] < _FORMAT and not force:
        raise BackupError(
            "This state was saved by an earlier version of augseq, which did not record the "
            "content of arrays and augmentations, so that it cannot be compared with this run. "
            "If it belongs to this run, pass force=True."
        )
    different = condition_differences(state["depends_on"], conditions)
    if different and not force:
        raise BackupError(
            "This state was saved by a different run; resuming from it would give different "
            f"samples. {'. '.join(different)}. Make the sequence as it was then, or pass "
            "force=True."
        )
    return Progress(epoch=state["epoch"], num_records=state["num_records"])


def condition_differences(then: Conditions, now: Conditions) -> list[str]:
    """Name each condition that differs, with its value then and now."""
    return [
        f"{name}: {then.get(name, 'none')!r} then, {now.get(name, 'none')!r} now"
        for name in dict.fromkeys([*then, *now])
        if not is_same_content(then.get(name), now.get(name))
    ]


def run_conditions(plan: BatchPlan) -> Conditions:
    """Return all that decides the stream of samples; the size of batches and shards does not.

    Warns:
        AugseqWarning: An augmentation holds something that cannot be compared between runs.
    """
    schedule, pipeline = plan.schedule, plan.pipeline
    cache = pipeline.source.cache
    return {
        "seed": schedule.seed,
        "shuffle": str(schedule.shuffle),
        "drop_remainder": str(schedule.drop_remainder),
        "number of records": schedule.num_records,
        "manifest": plan.manifest.fingerprint(),
        "source": _short(pipeline.source.content_text()),
        "targets": _targets(plan),
        "scaled_decode": str(pipeline.scaled_decode),
        "shorter_side_px": str(cache and cache.shorter_side_px),
        "resize": _short(repr(pipeline.resize)),
        **_augmentations(pipeline.augment),
        "dtype": pipeline.dtype,
    }


def _targets(plan: BatchPlan) -> str:
    return ", ".join(target.content for target in plan.pipeline.targets.values()) or "none"


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
                f"Augmentation {number}, {content.text.rpartition(' #')[0]!r}, holds something "
                "that cannot be compared between runs, so that a backup of a run in which it was "
                f"different would not be refused: {', '.join(content.unknown[:3])}. Exclude it "
                "with __getstate__, or make sure that it stays the same.",
                AugseqWarning,
                stacklevel=2,
            )
    return found


def _short(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{text[: _LONGEST_TEXT - 30]}... ({digest})"
