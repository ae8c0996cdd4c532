"""Which few of many images to show."""

import numpy as np

from augseq.manifest.manifest import Manifest
from augseq.types import Positions


def spread_positions(manifest: Manifest, count: int) -> Positions:
    """Return positions that visit the classes in turn, each spread over its records."""
    count = min(count, len(manifest))
    if not count or not is_labelled(manifest):
        return np.linspace(0, len(manifest) - 1, count).astype(np.int64)
    groups = [np.flatnonzero(manifest.targets == label) for label in np.unique(manifest.targets)]
    # Visit classes first and members second, so that few images still show many classes.
    ranks = np.concatenate([np.arange(len(group)) for group in groups])
    visits = np.argsort(ranks, kind="stable")[:count]
    return np.concatenate(groups)[np.sort(visits)]


def class_positions(manifest: Manifest, label: int) -> Positions:
    """Return the positions of all records with a label, in their order."""
    return np.flatnonzero(manifest.targets == label)


def evenly(positions: Positions, count: int) -> Positions:
    """Return at most so many of some positions, from the first to the last."""
    places = np.linspace(0, len(positions) - 1, min(count, len(positions)))
    return positions[places.astype(np.int64)]


def is_labelled(manifest: Manifest) -> bool:
    """Tell whether there are classes, and every record is of one."""
    return bool(manifest.class_names) and not manifest.table.column("target").null_count
