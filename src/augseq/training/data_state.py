"""Where a sequence stands, and on what that depends: a few numbers and short texts."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from augseq.batch import BatchPlan
from augseq.errors import BackupError
from augseq.pixels.cache.source import CachedSource
from augseq.pixels.source import FileSource
from augseq.sampling.order import Progress

_FORMAT = 1
_LONGEST_TEXT = 600

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
    if not isinstance(state, Mapping) or state.get("format") != _FORMAT:
        raise BackupError(
            f"This is not the state of a sequence of this version of augseq. Received: {state!r}"
        )
    then, now = state["depends_on"], conditions
    different = [
        f"{name}: {then.get(name, 'unknown')!r} then, {now[name]!r} now"
        for name in now
        if then.get(name) != now[name]
    ]
    if different and not force:
        raise BackupError(
            "The run to go on with was another one, so its samples would not be the same. "
            f"{'. '.join(different)}. Make the sequence as it was then, or pass force=True."
        )
    return Progress(epoch=state["epoch"], num_records=state["num_records"])


def run_conditions(plan: BatchPlan) -> Conditions:
    """Return all that decides the stream of samples; the size of batches and shards does not."""
    schedule, pipeline = plan.schedule, plan.pipeline
    cached = pipeline.source if isinstance(pipeline.source, CachedSource) else None
    source = cached.files if cached else pipeline.source
    decode = repr(source.options) if isinstance(source, FileSource) else type(source).__name__
    augment = [_described(step) for step in pipeline.augment.steps]
    return {
        "seed": schedule.seed,
        "shuffle": str(schedule.shuffle),
        "drop_remainder": str(schedule.drop_remainder),
        "number of records": schedule.num_records,
        "manifest": plan.manifest.fingerprint(),
        "source": _short(decode),
        "scaled_decode": str(pipeline.scaled_decode),
        "shorter_side_px": str(cached and cached.shorter_side_px),
        "resize": _short(repr(pipeline.resize)),
        "augment": _short(" > ".join(augment) or "none"),
        "dtype": pipeline.dtype,
    }


def _described(step: Any) -> str:
    # Where an object lies in memory is no part of what it does.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(step))


def _short(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{text[: _LONGEST_TEXT - 30]}... ({digest})"
