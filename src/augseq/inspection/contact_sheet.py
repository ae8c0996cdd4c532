"""Images beside what the augmentations make of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from augseq.augment.augmentation_list import AugmentationList
from augseq.inspection.grid import draw_grid, record_title
from augseq.inspection.picture import Picture
from augseq.manifest.manifest import Manifest
from augseq.sample import Pipeline, load_sample
from augseq.types import Positions


def draw_contact_sheet(
    manifest: Manifest,
    pipeline: Pipeline,
    *,
    seeds: Sequence[int],
    num_images: int = 6,
    epoch: int = 0,
) -> Picture:
    """Draw images of all classes, each plain and then under several seeds.

    Args:
        manifest: Where to take them from.
        pipeline: What is done to them.
        seeds: One column for each.
        num_images: Rows; spread over the classes.
        epoch: Whose draws to show.
    """
    records = manifest.records(spread_positions(manifest, num_images))
    plain = replace(pipeline, augment=AugmentationList())
    images, titles = [], []
    for record in records:
        images.append(load_sample(record, plain, seed=0, epoch=0).image)
        titles.append(record_title(record, manifest.class_names))
        for seed in seeds:
            images.append(load_sample(record, pipeline, seed=seed, epoch=epoch).image)
            titles.append(f"seed {seed}, epoch {epoch}" if epoch else f"seed {seed}")
    return draw_grid(images, titles, num_columns=1 + len(seeds))


def spread_positions(manifest: Manifest, count: int) -> Positions:
    """Return positions that visit the classes in turn, each spread over its records."""
    count = min(count, len(manifest))
    if not manifest.class_names:
        return np.linspace(0, len(manifest) - 1, count).astype(np.int64)
    groups = [np.flatnonzero(manifest.targets == label) for label in np.unique(manifest.targets)]
    # Visit classes first and members second, so that few images still show many classes.
    ranks = np.concatenate([np.arange(len(group)) for group in groups])
    visits = np.argsort(ranks, kind="stable")[:count]
    return np.concatenate(groups)[np.sort(visits)]
