"""Where the time of a sample goes, and what would make it faster."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import numpy as np

from augseq.augment.augmentation import Augmentation
from augseq.augment.augmentation_list import AugmentationList
from augseq.batch import BatchPlan
from augseq.inspection.picture import Picture
from augseq.manifest.record import Record
from augseq.pixels.read import read_bytes
from augseq.pixels.source import FileSource, ImageSource
from augseq.types import Image

_NUM_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What making batches costs, measured on this machine.

    Attributes:
        num_images: Images that each figure is the mean of.
        stages: Milliseconds per image in one thread, by stage. "resize and rest" is what a
            sample costs beside the others, wherever it comes in the plan.
        images_per_s: Images per second, by number of worker threads.
        verdict: The bottleneck and the way out, in one sentence.
    """

    num_images: int
    stages: dict[str, float]
    images_per_s: dict[int, float]
    verdict: str

    def __str__(self) -> str:
        total = sum(self.stages.values())
        width = max(map(len, self.stages))
        lines = [f"{'stage':<{width}}  ms/image   share"]
        lines += [
            f"{name:<{width}}  {ms:8.3f}  {ms / total:6.1%}" for name, ms in self.stages.items()
        ]
        lines += [f"{'total':<{width}}  {total:8.3f}", ""]
        lines += [
            f"{threads} thread{'s' * (threads > 1)}: {rate:,.0f} images/s"
            for threads, rate in self.images_per_s.items()
        ]
        return "\n".join([*lines, "", self.verdict])

    def to_json(self) -> str:
        """Return all figures as a JSON object."""
        return json.dumps(asdict(self), indent=2)

    def draw(self) -> Picture:
        """Draw the stages as bars, the first one on top."""
        figure = Picture(figsize=(7, 0.8 + 0.36 * len(self.stages)), dpi=110)
        axes = figure.add_subplot()
        bars = axes.barh(list(self.stages), list(self.stages.values()), color="#4878a8")
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_xlabel("milliseconds per image, one thread")
        axes.spines[["top", "right"]].set_visible(False)
        figure.tight_layout()
        return figure


def measure_profile(plan: BatchPlan, *, num_images: int) -> Profile:
    """Measure what the batches of a plan cost.

    Each figure comes from the best of three rounds, so that other work on the machine counts
    little. Every batch is made once before, so that files come from the page cache.

    Args:
        plan: What to measure.
        num_images: Images in a round; rounded up to whole batches.
    """
    batch_size = plan.schedule.batch_size
    num_steps = min(plan.schedule.num_batches, -(-num_images // batch_size))
    steps = range(num_steps)
    count = sum(len(plan.records(step)) for step in steps)
    for step in steps:
        plan.load(step)
    stages = _measure_stages(plan, steps, count)
    rates = {
        number: _images_per_s(plan, steps, count, number) for number in (1, os.cpu_count() or 1)
    }
    return Profile(
        num_images=count, stages=stages, images_per_s=rates, verdict=_verdict(stages, rates)
    )


@dataclass(slots=True)
class _Clock:
    """Adds up the seconds spent in a stage."""

    seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of a `with` block."""
        start = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class _TimedSource:
    source: ImageSource
    clock: _Clock

    def image(self, record: Record) -> Image:
        with self.clock.running():
            return self.source.image(record)


@dataclass(frozen=True, slots=True)
class _TimedStep:
    step: Augmentation
    clock: _Clock

    @property
    def sets_size(self) -> bool:
        return bool(getattr(self.step, "sets_size", False))

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        with self.clock.running():
            return self.step(image, rng)


def _measure_stages(plan: BatchPlan, steps: range, count: int) -> dict[str, float]:
    rounds = [_measure_round(plan, steps) for _ in range(_NUM_ROUNDS)]
    best = min(rounds, key=lambda stages: sum(stages.values()))
    return {name: 1000 * seconds / count for name, seconds in best.items()}


def _measure_round(plan: BatchPlan, steps: range) -> dict[str, float]:
    """Run the plan itself with clocks at its seams; what lies between them is left over."""
    read, source, sample, batch = _Clock(), _Clock(), _Clock(), _Clock()
    pipeline = plan.pipeline
    clocks = [_Clock() for _ in pipeline.augment.steps]
    timed_list = AugmentationList(tuple(map(_TimedStep, pipeline.augment.steps, clocks)))
    timed_source = _TimedSource(pipeline.source, source)
    timed = replace(plan, pipeline=replace(pipeline, source=timed_source, augment=timed_list))
    for step in steps:
        records = plan.records(step)
        with read.running():
            _read_files(pipeline.source, records)
        with sample.running():
            for record in records:
                timed.sample(record, epoch=0)
        with batch.running():
            plan.load(step)
    stages = {"read": read.seconds, "decode": source.seconds - read.seconds}
    for number, (name, clock) in enumerate(zip(pipeline.augment.names, clocks, strict=True), 1):
        stages[f"augment {number}: {name}"] = clock.seconds
    stages["resize and rest"] = (
        sample.seconds - source.seconds - sum(clock.seconds for clock in clocks)
    )
    stages["collate"] = batch.seconds - sample.seconds
    # Differences of what was measured may fall a little below nothing.
    return {name: max(0.0, seconds) for name, seconds in stages.items()}


def _read_files(source: ImageSource, records: list[Record]) -> None:
    if isinstance(source, FileSource):
        for record in records:
            read_bytes(os.path.join(source.root, record.path))


def _images_per_s(plan: BatchPlan, steps: range, count: int, num_threads: int) -> float:
    clocks = [_Clock() for _ in range(_NUM_ROUNDS)]
    with ThreadPoolExecutor(num_threads) as pool:
        for clock in clocks:
            with clock.running():
                list(pool.map(plan.load, steps))
    return count / min(clock.seconds for clock in clocks)


def _verdict(stages: dict[str, float], images_per_s: dict[int, float]) -> str:
    name = max(stages, key=lambda stage: stages[stage])
    share = stages[name] / sum(stages.values())
    few, many = min(images_per_s), max(images_per_s)
    gain = images_per_s[many] / images_per_s[few]
    without = f"without it a thread would be {1 / max(1 - share, 0.01):.1f} times as fast"
    if many > few and gain > 1.3:
        way_out = f"workers={many} gives {gain:.1f} times the speed of workers={few}"
    elif name.startswith("augment"):
        way_out = f"{without}; take a cheaper transform, or apply it to fewer images"
    elif name in ("read", "decode"):
        way_out = f"{without}; store the images at about the size that the model takes"
    else:
        way_out = without
    return f"{name.capitalize()} is {share:.0%} of the time: {way_out}."
