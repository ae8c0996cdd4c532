"""Measure how long an accelerator waits for its images.

KERAS_BACKEND=jax python benchmarks/gpu_feed.py

ResNet-50 is trained in mixed precision on web-sized JPEG files that are drawn first, by each way
to feed it in turn, and by one batch that stays in memory: what the accelerator can do. Without an
accelerator, sizes are small, and the figures say only that it runs.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import chain, count, islice, repeat
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np
from matplotlib.figure import Figure

import augseq
from benchmarks import data, processes
from benchmarks.contenders import augseq_sequence
from benchmarks.machine import describe_machine, list_versions
from benchmarks.work import Job

CONSTANT = "one batch in memory"
RESULTS_NAME = "gpu_feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is trained.

    Attributes:
        num_images: Files in the folder.
        image_side: Of the square images in a batch, in pixels.
        batch_size: Images in a batch.
        warm_steps: Batches before the clock starts: compilation, start of workers.
        timed_steps: Batches in each measurement.
        num_rounds: Measurements of each feed; all feeds take turns.
        precision: Keras' dtype policy.
    """

    num_images: int
    image_side: int
    batch_size: int
    warm_steps: int
    timed_steps: int
    num_rounds: int
    precision: str


ON_ACCELERATOR = Sizes(
    num_images=20_480,
    image_side=224,
    batch_size=256,
    warm_steps=20,
    timed_steps=60,
    num_rounds=3,
    precision="mixed_bfloat16",
)
ON_CPU = Sizes(
    num_images=64,
    image_side=64,
    batch_size=8,
    warm_steps=2,
    timed_steps=4,
    num_rounds=1,
    precision="float32",
)


def make_feeds(job: Job, cache: Path | None) -> dict[str, Callable[[], Any]]:
    """Return what makes the data of each feed, by name."""
    options: dict[str, dict[str, Any]] = {
        "augseq, threads": {"worker_kind": "threads"},
        "augseq, processes": {"worker_kind": "processes"},
        "augseq, no workers": {"worker_kind": "serial"},
    }
    if cache is not None:
        cached = {"worker_kind": "processes", "cache": augseq.ImageCache(folder=cache)}
        options["augseq, processes, cached"] = cached
    feeds: dict[str, Callable[[], Any]] = {
        name: partial(_repeated, job, some) for name, some in options.items()
    }
    try:
        from benchmarks.contenders.torch_dataloader import make_loader
    except ImportError:
        return feeds
    return feeds | {
        "torch DataLoader, albumentations": lambda: _endless(make_loader(job, "opencv"))
    }


def _repeated(job: Job, options: dict[str, Any]) -> augseq.ImageSequence:
    return augseq_sequence.make_sequence(job, **options).repeat()


def _endless(loader: Any) -> Iterator[Any]:
    """Yield full batches, pass after pass, as numpy arrays, which every backend takes."""
    for images, labels in chain.from_iterable(repeat(loader)):
        if len(images) == loader.batch_size:
            yield images.numpy(), labels.numpy()


def measure_alone(feed: Any, sizes: Sizes) -> float:
    """Take batches without training; return images per second after the first ones."""
    is_ours = isinstance(feed, augseq.ImageSequence)
    batches = map(feed.__getitem__, count()) if is_ours else feed
    for _ in islice(batches, sizes.warm_steps):
        pass
    start = time.perf_counter()
    num_images = sum(len(images) for images, _ in islice(batches, sizes.timed_steps))
    return num_images / (time.perf_counter() - start)


def measure_all(sizes: Sizes, job: Job, cache: Path | None) -> dict[str, Any]:
    """Measure every feed in turn, round after round.

    Returns:
        By feed, images per second: `training`, and `alone`, without training. Share of the time
        that the accelerator `waits`: what its speed falls short of `CONSTANT`, median of rounds.
    """
    from benchmarks.gpu_training import Constant, make_model, measure_training

    model = make_model(sizes)
    feeds = {CONSTANT: partial(Constant, sizes), **make_feeds(job, cache)}
    training: dict[str, list[float]] = {name: [] for name in feeds}
    for number in range(sizes.num_rounds):
        for name, make in feeds.items():
            training[name].append(measure_training(model, make(), sizes))
            print(f"round {number + 1}: {name}: {training[name][-1]:.0f} images/s", flush=True)
    rates = zip(*training.values(), strict=True)
    shares = [[1 - rate / whole for rate in rest] for whole, *rest in rates]
    waits = dict(zip(list(feeds)[1:], map(median, zip(*shares, strict=True)), strict=True))
    alone = {name: measure_alone(make(), sizes) for name, make in feeds.items() if name in waits}
    return {"training": training, "alone": alone, "waits": waits}


def table(results: dict[str, Any]) -> str:
    """Return the figures as a table in Markdown."""
    lines = [
        "| feed | images/s in training | alone | accelerator waits |",
        "|---|---:|---:|---:|",
    ]
    for name, rates in results["training"].items():
        alone = results["alone"].get(name)
        waits = results["waits"].get(name)
        cells = [
            name,
            f"{median(rates):.0f}",
            "" if alone is None else f"{alone:.0f}",
            "" if waits is None else f"{max(waits, 0):.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(results: dict[str, Any]) -> Figure:
    """Draw images per second of each feed, in training and alone."""
    names = list(results["training"])[::-1]
    figure = Figure(figsize=(8, 1.2 + 0.55 * len(names)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(names))
    in_training = [median(results["training"][name]) for name in names]
    alone = [results["alone"].get(name, np.nan) for name in names]
    axes.barh(places + 0.2, in_training, 0.38, color="#d95f02", label="in training")
    axes.barh(places - 0.2, alone, 0.38, color="#9aa5b1", label="without training")
    axes.axvline(in_training[-1], color="#444444", linewidth=0.8, linestyle=":")
    for place, name, rate in zip(places, names, in_training, strict=True):
        waits = results["waits"].get(name)
        text = "" if waits is None else f" waits {max(waits, 0):.0%}"
        axes.text(rate, place + 0.2, text, va="center", fontsize=9)
    axes.set_yticks(places, names)
    axes.set_xlim(0, 1.18 * np.nanmax([*in_training, *alone]))
    axes.set_xlabel("images per second (more is better)")
    axes.set_title(f"ResNet-50 on {results['device']}, Keras on {results['backend']}", loc="left")
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    """Draw the images, measure, print a table, write JSON and a plot."""
    # Not above: the loader's worker processes import this module, and need no Keras.
    import keras

    from benchmarks.gpu_training import find_accelerator

    # A process that runs a backend has threads, which a fork would break.
    multiprocessing.set_start_method("forkserver")
    device = find_accelerator()
    sizes = ON_CPU if device is None else ON_ACCELERATOR
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for field in fields(Sizes):
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(option, type=type(getattr(sizes, field.name)))
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="default: all cores")
    parser.add_argument("--cached", action="store_true", help="measure a cache of pixels too")
    parser.add_argument("--into", type=Path, default=Path("results"), help="a folder")
    options = vars(parser.parse_args())
    given = {f.name: options[f.name] for f in fields(Sizes) if options[f.name] is not None}
    sizes = replace(sizes, **given)
    job = Job(
        folder=data.find_images("small-jpeg", sizes.num_images),
        image_size=(sizes.image_side, sizes.image_side),
        batch_size=sizes.batch_size,
        workers=options["workers"],
    )
    with tempfile.TemporaryDirectory() as folder:
        measured = measure_all(sizes, job, Path(folder) if options["cached"] else None)
    results = {
        "device": device or "the processor",
        "backend": keras.backend.backend(),
        "sizes": asdict(sizes),
        "workers": job.workers,
        "machine": describe_machine(),
        "versions": list_versions(),
        **measured,
    }
    into = options["into"]
    into.mkdir(parents=True, exist_ok=True)
    (into / f"{RESULTS_NAME}.json").write_text(json.dumps(results, indent=2), "utf-8")
    draw(results).savefig(into / f"{RESULTS_NAME}.png", dpi=130, facecolor="white")
    print(f"\n{results['device']}, {results['backend']}, {sizes.precision}, {job.workers} workers")
    print(table(results))


if __name__ == "__main__":
    main()
    processes.leave()
