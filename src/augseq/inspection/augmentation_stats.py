"""How strong augmentations are: how often each fires, and how what it draws spreads."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.augmentation import DetailedAugmentation
from augseq.inspection.augmentation_stats_picture import Spread, draw_augmentation_stats
from augseq.inspection.drawn_parameters import drawn_numbers, unit_of
from augseq.inspection.instrumentation import Call, instrument
from augseq.inspection.picture import Picture
from augseq.inspection.positions import spread_positions
from augseq.inspection.preloaded_source import PreloadedSource, unvaried_image
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import load_sample
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.terminal_text import call_text, first_lines
from augseq.threaded_map import map_in_threads
from augseq.validation import check_whole

# Some, since what is drawn may hang on the size of an image; few, since all are held at once.
_NUM_IMAGES = 8

Draws: TypeAlias = list[tuple[str, list[tuple[str, float]]]]
"""The transforms of a step that fired, each with the numbers that it drew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformStats:
    """What one transform did to many samples.

    Attributes:
        step: Its place in the list of augmentations, from 1.
        name: Its name.
        num_fired: In how many samples it took effect; None where it does not tell.
        parameters: What it drew where it fired, by name: shape (n,), float64.
    """

    step: int
    name: str
    num_fired: int | None
    parameters: Mapping[str, npt.NDArray[np.float64]] = field(repr=False)

    def __repr__(self) -> str:
        fired = "does not tell" if self.num_fired is None else f"fired in {self.num_fired:,}"
        return call_text("TransformStats", self.title, fired, *self.parameters)

    @property
    def title(self) -> str:
        """Place and name."""
        return f"{self.step} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationStats:
    """How often each transform fires, and how what it draws spreads.

    Attributes:
        num_samples: How many samples were made.
        num_images: Of how many images.
        transforms: In the order of the list; those inside a `Compose` one by one.
    """

    num_samples: int
    num_images: int
    transforms: tuple[TransformStats, ...]

    def __repr__(self) -> str:
        return first_lines(f"AugmentationStats: {self}")

    def __str__(self) -> str:
        lines = [f"{self.num_samples:,} samples of {self.num_images} images"]
        if not self.transforms:
            return f"{lines[0]}, and no augmentation"
        for transform in self.transforms:
            lines += _lines(transform, self.num_samples)
        return "\n".join(lines)

    def draw(self) -> Picture:
        """Draw how often each transform fires, and a histogram of each parameter."""
        shares = {
            one.title: None if one.num_fired is None else one.num_fired / self.num_samples
            for one in self.transforms
        }
        spreads = [
            Spread(transform=one.title, parameter=name, unit=unit_of(name), values=values)
            for one in self.transforms
            for name, values in one.parameters.items()
        ]
        heading = f"{self.num_samples:,} samples of {self.num_images} images"
        return draw_augmentation_stats(shares, spreads, heading=heading)

    def _repr_png_(self) -> bytes:
        return self.draw()._repr_png_()


def measure_augmentations(
    manifest: Manifest, pipeline: Pipeline, *, seed: int, num_samples: int, progress: bool = True
) -> AugmentationStats:
    """Make many samples of a few images, and note which transforms fired with what.

    Each image is decoded once. Its samples are those of its record in the epochs 0, 1, 2 and so
    on, with the very draws of a training run: transforms run on the pixels, since what they draw
    may hang on what those before made of them.

    Args:
        manifest: Whose images; they are chosen from all classes.
        pipeline: What is done to them.
        seed: Of the run.
        num_samples: How many.
        progress: Whether long work shows a progress bar.

    Raises:
        Exception: As `load_sample`.
    """
    check_whole("num_samples", num_samples, least=1)
    records = manifest.records(spread_positions(manifest, min(_NUM_IMAGES, num_samples)))
    images = {record.index: unvaried_image(record, pipeline) for record in records}
    held = replace(pipeline, source=PreloadedSource(images))

    def draw(number: int) -> list[Draws | None]:
        epoch, place = divmod(number, len(records))
        return _draws_of(records[place], held, seed=seed, epoch=epoch)

    samples = map_in_threads(
        draw,
        range(num_samples),
        num_items=num_samples,
        num_threads=os.cpu_count() or 1,
        title="Augmenting",
        progress=progress,
    )
    # By step and not by sample; without a step, nothing is to be told.
    by_step = zip(*samples, strict=True)
    transforms = [
        one
        for place, (step, draws) in enumerate(
            zip(pipeline.augment.details, by_step, strict=True), 1
        )
        for one in _stats_of(place, step, draws)
    ]
    return AugmentationStats(
        num_samples=num_samples, num_images=len(records), transforms=tuple(transforms)
    )


def _draws_of(record: Record, pipeline: Pipeline, *, seed: int, epoch: int) -> list[Draws | None]:
    """Return what each step drew for a sample; None for one that does not tell."""
    steps = pipeline.augment.details
    draws: list[Draws | None] = [None] * len(steps)

    def note(number: int, call: Call) -> Any:
        result = call()
        fired = steps[number - 1].fired() if number else None
        # Not a crop that was only drawn. The numbers alone: a map of noise is as large as an image.
        if fired is not None and isinstance(result, np.ndarray):
            draws[number - 1] = [(name, list(drawn_numbers(drawn))) for name, drawn in fired]
        return result

    load_sample(record, instrument(pipeline, note), seed=seed, epoch=epoch)
    return draws


def _stats_of(
    place: int, step: DetailedAugmentation, draws: Sequence[Draws | None]
) -> Iterator[TransformStats]:
    name = step.name
    told = [one for one in draws if one is not None]
    if not told:
        yield TransformStats(step=place, name=name, num_fired=None, parameters={})
        return
    for part in dict.fromkeys(step.part_names):
        fired = [numbers for sample in told for other, numbers in sample if other == part]
        parameters: dict[str, list[float]] = {}
        for parameter, value in chain.from_iterable(fired):
            parameters.setdefault(parameter, []).append(value)
        yield TransformStats(
            step=place,
            name=part if part == name else f"{name}: {part}",
            num_fired=sum(any(other == part for other, _ in sample) for sample in told),
            parameters={key: np.array(values) for key, values in parameters.items()},
        )


def _lines(transform: TransformStats, num_samples: int) -> Iterator[str]:
    share = "does not tell whether it fires"
    if transform.num_fired is not None:
        share = f"fired in {transform.num_fired:,} ({transform.num_fired / num_samples:.1%})"
    yield f"  {transform.title}: {share}"
    for name, values in transform.parameters.items():
        unit = unit_of(name)
        yield f"      {name}{f' ({unit})' * bool(unit)}: {_spread(values)}"


def _spread(values: npt.NDArray[np.float64]) -> str:
    low, first, last, high = np.quantile(values, [0, 0.25, 0.75, 1])
    if low == high:
        return f"always {low:.4g}"
    return f"{low:.4g} to {high:.4g}, the middle half {first:.4g} to {last:.4g}"
