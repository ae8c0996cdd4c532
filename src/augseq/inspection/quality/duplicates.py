"""Find duplicates and near duplicates within and across splits and labels."""

from collections.abc import Iterator, Sequence

import numpy as np

from augseq.inspection.quality.box_facts import BoxFacts
from augseq.inspection.quality.facts import Facts
from augseq.inspection.quality.findings import CheckFinding
from augseq.inspection.quality.found_files import FileNames
from augseq.inspection.quality.options import CheckOptions
from augseq.inspection.quality.similarity import similar_groups


def find_duplicates(
    facts: Facts,
    names: FileNames,
    boxes: BoxFacts | None,
    options: CheckOptions,
    *,
    progress: bool,
) -> Iterator[CheckFinding]:
    """Find identical files and nearly identical images."""
    copies: dict[bytes, list[int]] = {}
    for position, probe in facts.usable:
        copies.setdefault(probe.content_hash, []).append(position)
    identical = [group for group in copies.values() if len(group) > 1]
    conflicting = [group for group in identical if _differ(names.targets, group)]
    annotated = [group for group in identical if _boxes_differ(boxes, group, exactly=True)]
    leaking = [group for group in identical if _differ(names.splits, group)]
    reported = {group[0] for group in [*conflicting, *annotated, *leaking]}
    yield from names.group_finding("conflicting_labels", conflicting)
    yield from names.group_finding("conflicting_boxes", annotated, _counts(boxes, annotated))
    yield from names.group_finding("duplicates_across_splits", leaking)
    rest = [group for group in identical if group[0] not in reported]
    yield from names.group_finding("duplicates", rest)
    if options.near_duplicates:
        contents = list(copies.values())
        yield from _near_duplicates(contents, facts, names, boxes, options, progress=progress)


def _near_duplicates(
    contents: Sequence[Sequence[int]],
    facts: Facts,
    names: FileNames,
    boxes: BoxFacts | None,
    options: CheckOptions,
    *,
    progress: bool,
) -> Iterator[CheckFinding]:
    # Of identical files, one is compared and all are reported.
    firsts = np.array([group[0] for group in contents], np.int64)
    similar = similar_groups(
        facts.hashes[firsts], facts.thumbnails[firsts], options, progress=progress
    )
    groups = [sorted(position for one in group for position in contents[one]) for group in similar]
    leaking = [group for group in groups if _differ(names.splits, group)]
    kept = [group for group in groups if not _differ(names.splits, group)]
    other = [group for group in kept if _differ(names.targets, group)]
    rest = [group for group in kept if not _differ(names.targets, group)]
    moved = [group for group in rest if _boxes_differ(boxes, group, exactly=False)]
    same = [group for group in rest if not _boxes_differ(boxes, group, exactly=False)]
    yield from names.group_finding("near_duplicates_across_splits", leaking)
    yield from names.group_finding("near_duplicates_with_other_labels", other)
    counts = _counts(boxes, moved)
    yield from names.group_finding("near_duplicates_with_other_boxes", moved, counts)
    yield from names.group_finding("near_duplicates", same)


def _boxes_differ(boxes: BoxFacts | None, group: Sequence[int], *, exactly: bool) -> bool:
    """Return whether an image of a group has other boxes than the first one."""
    return boxes is not None and any(
        boxes.differ(group[0], position, exactly=exactly) for position in group[1:]
    )


def _counts(boxes: BoxFacts | None, groups: Sequence[Sequence[int]]) -> dict[int, str]:
    """Return the numbers of boxes in all images of some groups, as text."""
    if boxes is None:
        return {}
    return {position: boxes.counts_text(position) for group in groups for position in group}


def _differ(values: Sequence[object], group: Sequence[int]) -> bool:
    """Return whether a group has different values, ignoring missing ones."""
    return len({values[position] for position in group} - {None}) > 1
