"""Statistics of augmentations: how often each fires, with which parameters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.augmentation import DetailedAugmentation
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.drawing.positions import spread_positions
from augseq.inspection.reports.augmentation_stats_picture import Spread, draw_augmentation_stats
from augseq.inspection.reports.drawn_parameters import drawn_numbers, unit_of
from augseq.inspection.reports.instrumentation import Call, instrument
from augseq.inspection.reports.preloaded_source import preloaded, start_of
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import load_sample
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.parallel_map.map_items import map_in_threads
from augseq.runtime.cores import num_cores
from augseq.terminal_text import call_text, first_lines
from augseq.validation import check_whole

# Several, since draws can depend on the size of the image; few, since all are kept in memory.
_NUM_IMAGES = 8

Draws: TypeAlias = list[tuple[str, list[tuple[str, float]]]]
"""The transforms of an augmentation that fired, each with the numbers it drew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformStats:
    """Statistics of one transform over many samples.

    Attributes:
        step: Its position in the list of augmentations, from 1.
        name: Its name.
        num_fired: Number of samples in which it fired; None if it does not report that.
        parameters: The values it drew when it fired, by name: shape (n,), float64.
    """

    step: int
    name: str
    num_fired: int | None
    parameters: Mapping[str, npt.NDArray[np.float64]] = field(repr=False)

    def __repr__(self) -> str:
        fired = "firing unknown" if self.num_fired is None else f"fired in {self.num_fired:,}"
        return call_text("TransformStats", self.title, fired, *self.parameters)

    @property
    def title(self) -> str:
        """Position and name."""
        return f"{self.step} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationStats:
    """How often each transform fires, and the distribution of its parameters.

    Attributes:
        num_samples: Number of samples.
        num_images: Number of images they are made from.
        transforms: In the order of the list; those inside a `Compose` separately.
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
            stats.title: None if stats.num_fired is None else stats.num_fired / self.num_samples
            for stats in self.transforms
        }
        spreads = [
            Spread(transform=stats.title, parameter=name, unit=unit_of(name), values=values)
            for stats in self.transforms
            for name, values in stats.parameters.items()
        ]
        heading = f"{self.num_samples:,} samples of {self.num_images} images"
        return draw_augmentation_stats(shares, spreads, heading=heading)

    def _repr_png_(self) -> bytes:
        return self.draw()._repr_png_()


def measure_augmentations(
    manifest: Manifest, pipeline: Pipeline, *, seed: int, num_samples: int, progress: bool = True
) -> AugmentationStats:
    """Create many samples of a few images, and record which transforms fired with what.

    Each image is decoded once. Its samples are those of its record in epochs 0, 1, 2 and so on,
    with the same draws as a training run. Transforms run on the pixels, since their draws can
    depend on the result of earlier transforms.

    Args:
        manifest: Images to choose from, evenly over all classes.
        pipeline: How the images are loaded and augmented.
        seed: The seed of the run.
        num_samples: Number of samples.
        progress: Whether to show a progress bar if it takes long.

    Raises:
        Exception: As in `load_sample`.
    """
    check_whole("num_samples", num_samples, least=1)
    records = manifest.records(spread_positions(manifest, min(_NUM_IMAGES, num_samples)))
    # Targets and further inputs change neither pixels nor draws.
    alone = replace(pipeline, targets={}, inputs={}, own_images={})
    held = preloaded(alone, {record.index: start_of(record, alone) for record in records})

    def draw(number: int) -> list[Draws | None]:
        epoch, place = divmod(number, len(records))
        return _draws_of(records[place], held, seed=seed, epoch=epoch)

    samples = map_in_threads(
        draw,
        range(num_samples),
        num_items=num_samples,
        num_threads=num_cores(),
        title="Augmenting",
        progress=progress,
    )
    # Transposed: by augmentation instead of by sample.
    by_step = zip(*samples, strict=True)
    transforms = [
        stats
        for place, (step, draws) in enumerate(
            zip(pipeline.augment.details, by_step, strict=True), 1
        )
        for stats in _stats_of(place, step, draws)
    ]
    return AugmentationStats(
        num_samples=num_samples, num_images=len(records), transforms=tuple(transforms)
    )


def _draws_of(record: Record, pipeline: Pipeline, *, seed: int, epoch: int) -> list[Draws | None]:
    """Return the draws of each augmentation for a sample; None if not reported."""
    steps = pipeline.augment.details
    draws: list[Draws | None] = [None] * len(steps)

    def note(number: int, call: Call) -> Any:
        result = call()
        fired = steps[number - 1].fired() if number else None
        # Skip crops that were only drawn. Keep only numbers: a noise map is as large as an image.
        if fired is not None and isinstance(result, np.ndarray):
            draws[number - 1] = [(name, list(drawn_numbers(drawn))) for name, drawn in fired]
        return result

    load_sample(record, instrument(pipeline, note), seed=seed, epoch=epoch)
    return draws


def _stats_of(
    place: int, step: DetailedAugmentation, draws: Sequence[Draws | None]
) -> Iterator[TransformStats]:
    name = step.name
    reported = [sample for sample in draws if sample is not None]
    if not reported:
        yield TransformStats(step=place, name=name, num_fired=None, parameters={})
        return
    for part in dict.fromkeys(step.part_names):
        fired = [numbers for sample in reported for other, numbers in sample if other == part]
        parameters: dict[str, list[float]] = {}
        for parameter, value in chain.from_iterable(fired):
            parameters.setdefault(parameter, []).append(value)
        yield TransformStats(
            step=place,
            name=part if part == name else f"{name}: {part}",
            num_fired=sum(any(other == part for other, _ in sample) for sample in reported),
            parameters={key: np.array(values) for key, values in parameters.items()},
        )


def _lines(transform: TransformStats, num_samples: int) -> Iterator[str]:
    share = "does not report whether it fires"
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
    return f"{low:.4g} to {high:.4g}, middle half {first:.4g} to {last:.4g}"
