"""Profile where the time of a sample goes, and what would make it faster."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from textwrap import wrap
from typing import Any

from augseq.inspection.drawing.picture import Picture
from augseq.inspection.html_displays.profile_html import profile_html
from augseq.inspection.reports.cache_advice import advise_cache
from augseq.inspection.reports.instrumentation import Call, instrument
from augseq.loading.batch import load_batch
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import load_sample
from augseq.manifest.record import Record
from augseq.pixels import native
from augseq.pixels.source import ImageSource
from augseq.runtime.cores import num_cores
from augseq.sampling.schedule import Step
from augseq.terminal_text import WIDTH, escaped, table_text
from augseq.workers.protocol import Workers
from augseq.workers.start_processes import start_processes
from augseq.workers.threads import ThreadWorkers

_NUM_ROUNDS = 3

# Of a terminal.
_COLUMNS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The cost of loading batches, measured on this machine.

    Attributes:
        num_images: Number of images that each figure averages over.
        stages: Milliseconds per image in one thread, by stage. "resize and rest" is what a
            sample costs besides the others, wherever it comes in the plan.
        images_per_s: Images per second by kind and number of workers, such as "2 threads"; with
            processes only if the pipeline can be sent to them.
        transport_ms: Overhead of a worker process per image; None without processes.
        verdict: The bottleneck and the remedy, in one sentence.
    """

    num_images: int
    stages: dict[str, float]
    images_per_s: dict[str, float]
    transport_ms: float | None
    verdict: str

    def __repr__(self) -> str:
        fastest = max(self.images_per_s, key=lambda kind: self.images_per_s[kind])
        rows = {
            "per image": f"{sum(self.stages.values()):.3f} ms in one thread",
            "fastest": f"{self.images_per_s[fastest]:,.0f} images/s with {fastest}",
        }
        title = table_text(f"Profile of {self.num_images:,} images", rows)
        return "\n".join(
            [title, *wrap(escaped(self.verdict), WIDTH, max_lines=5, placeholder=" …")]
        )

    def __str__(self) -> str:
        total = sum(self.stages.values())
        width = max(map(len, self.stages))
        lines = [f"{'stage':<{width}}  ms/image   share"]
        lines += [
            f"{name:<{width}}  {ms:8.3f}  {ms / total:6.1%}" for name, ms in self.stages.items()
        ]
        lines += [f"{'total':<{width}}  {total:8.3f}", ""]
        lines += [f"{'workers':<{width}}  images/s  wait, ms/image"]
        lines += [
            f"{kind:<{width}}  {rate:8,.0f}  {1000 / rate:14.3f}"
            for kind, rate in self.images_per_s.items()
        ]
        if self.transport_ms is not None:
            lines += [f"transport between processes: {self.transport_ms:.3f} ms/image"]
        # A path or option stays whole, to be copied.
        verdict = wrap(self.verdict, _COLUMNS, break_long_words=False, break_on_hyphens=False)
        return "\n".join([*lines, "", *verdict])

    def _repr_html_(self) -> str:
        return profile_html(self.num_images, self.stages, self.images_per_s, self.verdict)

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
    """Measure what loading the batches of a plan costs.

    Each figure is the best of three rounds, so that other work on the machine matters little.
    Every batch is loaded once before, so that files come from the page cache.

    Args:
        plan: The plan to measure.
        num_images: Images per round; rounded up to whole batches.
    """
    batch_size = plan.schedule.batch_size
    num_steps = min(plan.schedule.num_batches, -(-num_images // batch_size))
    steps = [Step(0, batch) for batch in range(num_steps)]
    count = sum(len(plan.records(step)) for step in steps)
    for step in steps:
        load_batch(plan, step)
    stages = _measure_stages(plan, steps, count)
    rates, transport_ms, obstacle = _measure_workers(plan, steps, count)
    return Profile(
        num_images=count,
        stages=stages,
        images_per_s=rates,
        transport_ms=transport_ms,
        verdict=_verdict(
            stages,
            obstacle,
            advise_cache(plan),
            _advise_scaled_decode(plan, steps, stages),
        ),
    )


@dataclass(slots=True)
class _Clock:
    """The total seconds spent in a stage."""

    seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the time of a `with` block."""
        start = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start


def _measure_stages(plan: BatchPlan, steps: list[Step], count: int) -> dict[str, float]:
    """Return the milliseconds per image of each stage, in the order of the stages."""
    rounds = [_measure_round(plan, steps) for _ in range(_NUM_ROUNDS)]
    # The best of each clock: even the best round may have been disturbed in one stage.
    read, source, sample, batch, *augments = map(min, zip(*rounds, strict=True))
    stages = {"read": read, "decode": source - read}
    for number, (name, seconds) in enumerate(
        zip(plan.pipeline.augment.names, augments, strict=True), 1
    ):
        stages[f"augment {number}: {name}"] = seconds
    stages["resize and rest"] = sample - source - sum(augments)
    stages["mix and collate" if plan.pipeline.mix else "collate"] = batch - sample
    # Differences of measurements can be slightly negative.
    return {name: 1000 * max(0.0, seconds) / count for name, seconds in stages.items()}


def _measure_round(plan: BatchPlan, steps: list[Step]) -> list[float]:
    """Run the plan with a clock around each stage.

    Returns:
        Seconds to read, for the source (which reads too), for whole samples, for whole batches,
        and for each augmentation.
    """
    read, source, sample, batch = _Clock(), _Clock(), _Clock(), _Clock()
    pipeline = plan.pipeline
    augments = [_Clock() for _ in pipeline.augment.steps]

    def clocked(number: int, call: Call) -> Any:
        with [source, *augments][number].running():
            return call()

    timed, seed = instrument(pipeline, clocked), plan.schedule.seed
    for step in steps:
        turns = plan.turns(step)
        with read.running():
            _read(pipeline.source, turns.records)
        with sample.running():
            for record, repeat in turns.own:
                load_sample(record, timed, seed=seed, epoch=step.epoch, repeat=repeat)
        with batch.running():
            load_batch(plan, step)
    return [clock.seconds for clock in (read, source, sample, batch, *augments)]


def _read(source: ImageSource, records: list[Record]) -> None:
    for record in records:
        source.fetch(record)


def _measure_workers(
    plan: BatchPlan, steps: list[Step], count: int
) -> tuple[dict[str, float], float | None, str | None]:
    """Return images per second by workers, the overhead of a process, and why there are none.

    The overhead is in ms/image.
    """
    numbers = sorted({1, num_cores()})
    workers: dict[str, Workers] = {
        _plural(number, "thread"): ThreadWorkers(partial(load_batch, plan), number)
        for number in numbers
    }
    obstacle = None
    try:
        for number in numbers:
            workers[_plural(number, "process")] = start_processes(plan, number, limit_s=None)
    # The batches are then loaded by threads, at full speed or not.
    except Exception as error:
        obstacle = str(error).removesuffix(".")
    rates = {kind: _images_per_s(some, steps, count) for kind, some in workers.items()}
    if "1 process" not in rates:
        return rates, None, obstacle
    transport_ms = max(0.0, 1000 / rates["1 process"] - 1000 / rates["1 thread"])
    return rates, transport_ms, obstacle


def _plural(number: int, word: str) -> str:
    ending = "" if number == 1 else "es" if word.endswith("s") else "s"
    return f"{number} {word}{ending}"


def _images_per_s(workers: Workers, steps: list[Step], count: int) -> float:
    clocks = [_Clock() for _ in range(_NUM_ROUNDS)]
    # The first round is a warm-up.
    for clock in [_Clock(), *clocks]:
        with clock.running():
            pending = [workers.submit(step) for step in steps]
            for batch in pending:
                batch.result()
    return count / min(clock.seconds for clock in clocks)


def _bottleneck(stages: dict[str, float]) -> str:
    return max(stages, key=lambda stage: stages[stage])


def _advise_scaled_decode(
    plan: BatchPlan, steps: list[Step], stages: dict[str, float]
) -> str | None:
    """Return the gain of `scaled_decode`, if images are downscaled to a half or less."""
    pipeline = plan.pipeline
    if (
        pipeline.scaled_decode
        or not pipeline.source.reads_files
        or _bottleneck(stages) not in ("decode", "resize and rest")
    ):
        return None
    scaled = replace(pipeline, scaled_decode=True)
    opened = pipeline.source.open(plan.records(steps[0])[0])
    if scaled.region(opened, None).scale(opened.shape) == 1:
        return None
    count = sum(len(plan.records(step)) for step in steps)
    quicker = _measure_stages(replace(plan, pipeline=scaled), steps, count)
    gain = sum(stages.values()) / sum(quicker.values())
    # Only JPEG files gain.
    if gain < 1.15:
        return None
    return f"scaled_decode=True gives {gain:.1f} times the speed, with slightly different pixels"


def _verdict(
    stages: dict[str, float],
    obstacle: str | None,
    cache_advice: str | None,
    scaled_advice: str | None,
) -> str:
    name = _bottleneck(stages)
    share = stages[name] / sum(stages.values())
    without = f"without it a thread would be {1 / max(1 - share, 0.01):.1f} times as fast"
    remedies = [scaled_advice] if scaled_advice else []
    if name == "decode" and not native.decodes_jpeg():
        remedies.append(native.ADVICE)
    if cache_advice:
        remedies.append(cache_advice)
    if not remedies and name.startswith("augment"):
        remedies.append(f"{without}; use a cheaper transform")
    if obstacle:
        # Otherwise workers need no advice: by default, the kind is chosen while batches load.
        remedies.append(f"worker processes cannot be used: {obstacle}")
    title = name[0].upper() + name[1:]
    return f"{title} is {share:.0%} of the time: {'; '.join(remedies) or without}."
