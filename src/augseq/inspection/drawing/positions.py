"""Choose a few of many images to show."""

import numpy as np

from augseq.manifest.manifest import Manifest
from augseq.types import Positions


def spread_positions(manifest: Manifest, count: int) -> Positions:
    """Return positions that visit the classes in turn, each spread over its records."""
    count = min(count, len(manifest))
    if not count or not is_labelled(manifest):
        return np.linspace(0, len(manifest) - 1, count).astype(np.int64)
    # Even a few images then show many classes.
    return _by_class(manifest, positions_in_turn(manifest)[:count])


def positions_in_turn(manifest: Manifest) -> Positions:
    """Return all positions: the first of each class, then the second, and so on."""
    if not is_labelled(manifest):
        return np.arange(len(manifest))
    order = np.argsort(manifest.targets, kind="stable")
    labels = manifest.targets[order]
    starts = np.searchsorted(labels, labels)
    return order[np.argsort(np.arange(len(order)) - starts, kind="stable")]


def _by_class(manifest: Manifest, positions: Positions) -> Positions:
    return positions[np.lexsort((positions, manifest.targets[positions]))]


def class_positions(manifest: Manifest, label: int) -> Positions:
    """Return the positions of all records with a label, in order."""
    return np.flatnonzero(manifest.targets == label)


def evenly(positions: Positions, count: int) -> Positions:
    """Return at most `count` of some positions, evenly from the first to the last."""
    places = np.linspace(0, len(positions) - 1, min(count, len(positions)))
    return positions[places.astype(np.int64)]


def is_labelled(manifest: Manifest) -> bool:
    """Return whether there are classes, and every record has one."""
    return bool(manifest.class_names) and not manifest.table.column("target").null_count
