"""Draw images next to their augmented versions."""

from collections.abc import Sequence
from dataclasses import replace

from augseq.augment.augmentation_list import AugmentationList
from augseq.inspection.drawing.grid import draw_samples
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.drawing.positions import spread_positions
from augseq.inspection.drawing.sample_look import SampleLook, look_at_views
from augseq.inspection.drawing.thumbnails import record_title
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import Sample, load_sample
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.terminal_text import shortened


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
        manifest: The images to choose from.
        pipeline: How samples are made.
        seeds: One column for each.
        num_images: Number of rows, spread over the classes.
        epoch: Epoch of the augmentations.
    """
    records = manifest.records(spread_positions(manifest, num_images))
    samples, titles = [], []
    for record in records:
        samples.append(plain_sample(record, pipeline))
        titles.append(record_title(record, manifest.class_names))
        for seed in seeds:
            samples.append(load_sample(record, pipeline, seed=seed, epoch=epoch))
            titles.append(f"seed {seed}, epoch {epoch}" if epoch else f"seed {seed}")
    return draw_samples(samples, titles, num_columns=1 + len(seeds))


def draw_epochs(record: Record, pipeline: Pipeline, *, seed: int, epochs: Sequence[int]) -> Picture:
    """Draw an image, plain and then in several epochs of one run.

    Args:
        record: Record of the image.
        pipeline: How samples are made.
        seed: Seed of the run.
        epochs: One image for each.
    """
    samples = [load_sample(record, pipeline, seed=seed, epoch=epoch) for epoch in epochs]
    titles = ["without augmentation", *[f"epoch {epoch}" for epoch in epochs]]
    heading = f"{shortened(record.path, 60)}, seed {seed}"
    samples.insert(0, plain_sample(record, pipeline))
    return draw_samples(samples, titles, heading=heading)


def plain_look(record: Record, pipeline: Pipeline) -> SampleLook:
    """Return what to draw of a record without augmentations and targets."""
    sample = plain_sample(record, pipeline)
    return look_at_views(sample.image, {}, sample.bands)


def plain_sample(record: Record, pipeline: Pipeline) -> Sample:
    """Return the sample of a record from the pipeline without augmentations."""
    plain = replace(pipeline, augment=AugmentationList())
    return load_sample(record, plain, seed=0, epoch=0)
