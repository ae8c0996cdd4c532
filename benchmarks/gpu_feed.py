"""Measure how long an accelerator waits for its images.

KERAS_BACKEND=jax python benchmarks/gpu_feed.py

Trains ResNet-50 in mixed precision on generated web-sized JPEG files, with each feed in turn and
with one constant batch in memory, which measures the speed of the accelerator alone. Without an
accelerator, sizes are small, and the figures only show that the program runs.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache, partial
from importlib.util import find_spec
from itertools import count, islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
# Both are read on import: albumentations would check the network for a newer version, and OpenCV
# would start one thread per core in each worker.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

import augseq
from benchmarks import data
from benchmarks.gpu_report import CONSTANT, find_waits, table, write
from benchmarks.machine import describe_machine, list_versions
from benchmarks.work import Job

_START = time.perf_counter()
BACKENDS = ("tensorflow", "torch", "jax")
# Creates a feed.
Make = Callable[[], Any]
# Takes a feed and a deadline; returns images per second.
Measure = Callable[[Any, float], float]
Results = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Sizes of the training.

    Attributes:
        num_images: Files in the folder.
        image_side: Side of the square images in a batch, in pixels.
        batch_size: Images in a batch.
        epoch_steps: Batches in an epoch of Keras. The first epoch starts the workers and is not
            timed; it must have more batches than are prefetched, 2 per worker of the loader.
        timed_s: Minimum duration of a measurement, in seconds; it ends with an epoch.
        num_rounds: Measurements of each feed; feeds alternate.
        precision: Keras' dtype policy.
    """

    num_images: int
    image_side: int
    batch_size: int
    epoch_steps: int
    timed_s: float
    num_rounds: int
    precision: str


ON_ACCELERATOR = Sizes(
    num_images=20_480,
    image_side=224,
    batch_size=256,
    epoch_steps=40,
    timed_s=12.0,
    num_rounds=3,
    precision="mixed_bfloat16",
)
ON_CPU = Sizes(
    num_images=64,
    image_side=32,
    batch_size=8,
    epoch_steps=2,
    timed_s=0.5,
    num_rounds=1,
    precision="float32",
)


def choose_backend() -> str:
    """Return Keras' backend: `KERAS_BACKEND`, or else the first that is installed."""
    asked = os.environ.get("KERAS_BACKEND")
    found = asked or next((name for name in BACKENDS if find_spec(name)), None)
    if found is None:
        sys.exit(f"None of Keras' backends is installed: {', '.join(BACKENDS)}.")
    return found


def make_feeds(job: Job, cache: augseq.ImageCache | None) -> dict[str, Make]:
    """Return a factory for each feed, by name, the most important first.

    A feed is created on first use and reused in later rounds: TensorFlow never releases a data set,
    so a new feed in each round would leave its workers behind.
    """
    feeds: dict[str, Make] = {
        "augseq, threads": partial(_repeated, job, worker_kind="threads"),
        "augseq, processes": partial(_repeated, job, worker_kind="processes"),
    }
    if find_spec("torch"):
        feeds["torch DataLoader, albumentations"] = partial(_endless, job)
    if cache is not None:
        feeds["augseq, processes, cached"] = partial(_cached, job, cache)
    feeds["augseq, no workers"] = partial(_repeated, job, worker_kind="serial")
    return {name: lru_cache(make) for name, make in feeds.items()}


# The functions below import locally what starts Keras or loads torch, since the workers of the
# loader import this module.


def _repeated(job: Job, **options: Any) -> "augseq.ImageSequence":
    from benchmarks.contenders import augseq_sequence

    return augseq_sequence.make_sequence(
        job, drop_remainder=True, workers=job.workers, **options
    ).repeat()


def _cached(job: Job, cache: augseq.ImageCache) -> "augseq.ImageSequence":
    sequence = _repeated(job, worker_kind="processes", cache=cache)
    num_images = len(sequence.manifest)
    say(f"the cache holds {sequence.fill_cache(progress=False)} of {num_images} images")
    return sequence


def _endless(job: Job) -> Iterator[Any]:
    """Yield full batches without end, as numpy arrays, which every backend accepts."""
    from benchmarks.contenders.torch_dataloader import make_loader

    # Like the sequences above, and like large folders, it has no epoch boundaries to wait at.
    loader = make_loader(job, "opencv", num_passes=1_000_000, prefetch_factor=2)
    for images, labels in loader:
        yield images.numpy(), labels.numpy().astype("int32")


def measure_alone(sizes: Sizes, feed: Any, end: float) -> float:
    """Return images per second without training, after a warm-up.

    Args:
        sizes: Number of warm-up batches, and seconds to measure.
        feed: Endless batches.
        end: Deadline, by `time.perf_counter`.
    """
    is_ours = isinstance(feed, augseq.ImageSequence)
    batches = map(feed.__getitem__, count()) if is_ours else feed
    for _ in islice(batches, sizes.epoch_steps):
        pass
    num_images = 0
    start = time.perf_counter()
    for images, _ in batches:
        num_images += len(images)
        now = time.perf_counter()
        if now > min(start + sizes.timed_s, end):
            break
    return num_images / (now - start)


def turns(names: Iterable[str], num_rounds: int) -> list[tuple[str, str]]:
    """Return the order of measurements: ("training" or "alone", name of the feed)."""
    training = [("training", name) for name in names]
    alone = [("alone", name) for name in names if name != CONSTANT]
    return [*training, *alone, *training * (num_rounds - 1)]


def measure_all(
    feeds: dict[str, Make], measures: dict[str, Measure], num_rounds: int, end: float
) -> Iterator[Results]:
    """Measure every feed in turn, round after round, as long as there is time.

    A feed that fails is excluded from then on; the others continue.

    Args:
        feeds: Factory of each feed, by name.
        measures: How to measure a feed in "training" and "alone".
        num_rounds: How often each feed is measured in training.
        end: Deadline, by `time.perf_counter`. A measurement that took longer before than the
            time that is left is not started.

    Yields:
        All results so far, after each measurement: images per second by feed in `training` and
        `alone`, one per round; `waits`, see `find_waits`; and errors by feed in `failed`.
    """
    results: Results = {"training": {}, "alone": {}, "waits": {}, "failed": {}}
    took = dict.fromkeys(turns(feeds, 1), 0.0)
    for kind, name in turns(feeds, num_rounds):
        if name in results["failed"]:
            continue
        start = time.perf_counter()
        if start + took[kind, name] > end:
            say(f"no time is left for {kind}: {name}")
            break
        try:
            rate = measures[kind](feeds[name](), end)
        except Exception as error:
            results["failed"][name] = f"{type(error).__name__}: {error}"
            say(f"{kind}: {name}: failed: {results['failed'][name]}")
        else:
            results[kind].setdefault(name, []).append(rate)
            say(f"{kind}: {name}: {rate:.0f} images/s")
        took[kind, name] = time.perf_counter() - start
        results["waits"] = find_waits(results["training"])
        yield results


def say(text: str) -> None:
    """Print a line with the seconds since the start of the program."""
    print(f"{time.perf_counter() - _START:4.0f} s  {text}", flush=True)


def make_cache(place: str) -> augseq.ImageCache:
    return augseq.ImageCache(folder=place if place == "memory" else Path(place))


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for field in fields(Sizes):
        option = "--" + field.name.replace("_", "-")
        values = getattr(ON_ACCELERATOR, field.name), getattr(ON_CPU, field.name)
        text = "default: {}; without an accelerator {}".format(*values)
        parser.add_argument(option, type=type(values[0]), help=text)
    add = parser.add_argument
    add("--workers", type=int, default=os.cpu_count(), help="default: all cores")
    add("--max-s", type=float, default=480, help="approximate limit in seconds [%(default)s]")
    add(
        "--cache",
        type=make_cache,
        metavar="memory|FOLDER",
        help="also measure a cache of decoded pixels",
    )
    add("--into", type=Path, default=Path("results"), help="output folder [%(default)s]")
    return parser


def choose_sizes(options: argparse.Namespace, device: str | None) -> Sizes:
    """Return the sizes of the command line, with defaults that suit the device."""
    given = {f.name: getattr(options, f.name) for f in fields(Sizes)}
    given = {name: value for name, value in given.items() if value is not None}
    sizes = replace(ON_CPU if device is None else ON_ACCELERATOR, **given)
    if sizes.num_images < sizes.batch_size:
        make_parser().error(f"--num-images must be at least --batch-size, {sizes.batch_size}")
    return sizes


def main() -> int:
    """Draw the images, measure, and write JSON and a plot after each measurement."""
    options = make_parser().parse_args()
    backend = os.environ["KERAS_BACKEND"] = choose_backend()
    say(f"Keras on {backend}; KERAS_BACKEND chooses another backend")
    # Imported here, since it starts the backend, which --help and the loader's workers do not need.
    from benchmarks.gpu_training import Constant, find_accelerator, make_model, measure_training

    # A backend starts threads, which a fork would break.
    can_fork = "forkserver" in multiprocessing.get_all_start_methods()
    multiprocessing.set_start_method("forkserver" if can_fork else "spawn")
    device = find_accelerator()
    sizes = choose_sizes(options, device)
    say(f"device: {device or 'CPU only, so sizes are small'}")
    folder = data.find_images("small-jpeg", sizes.num_images)
    say(f"{sizes.num_images} images: {folder}")
    side = sizes.image_side
    workers = options.workers
    job = Job(folder=folder, image_size=(side, side), batch_size=sizes.batch_size, workers=workers)
    about = {
        "device": device or "the processor",
        "backend": backend,
        "sizes": asdict(sizes),
        "workers": workers,
        "machine": describe_machine(),
        "versions": list_versions(),
    }
    model = make_model(sizes)
    say("the model is compiled")
    feeds = {CONSTANT: partial(Constant, sizes), **make_feeds(job, options.cache)}
    training = partial(measure_training, model, sizes)
    measures: dict[str, Measure] = {"training": training, "alone": partial(measure_alone, sizes)}
    end = _START + options.max_s
    found: Results = {}
    for found in measure_all(feeds, measures, sizes.num_rounds, end):
        write({**about, **found}, options.into)
    print("\n" + table({**about, **found}))
    return int(bool(found["failed"]))


if __name__ == "__main__":
    sys.exit(main())
