"""Measure one contender in this process, which does nothing else: called by `run.py`.

Reads a request as JSON from the command line, writes a `Result` as the last line of its output.
"""

import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from benchmarks import work
from benchmarks.work import Job

# A look at the memory of all processes takes milliseconds, in which a contender works ahead. So
# only the first batches of the warm-up are looked at; the rest of it uses the lead up again.
NUM_MEMORY_LOOKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One contender in one round.

    Attributes:
        num_images: Images that came in the timed passes.
        wall_s: Seconds from asking for a pass until its last batch came, over all passes;
            inside `fit`, from the first timed epoch's begin to the last one's end.
        between_s: Seconds between passes: ending one and making the next.
        cpu_s: Seconds of user and system time of all processes, in and between the passes.
        memory_mb: Largest memory of all processes that was seen; shared pages count once.
    """

    num_images: int
    wall_s: float
    between_s: float
    cpu_s: float
    memory_mb: float


def measure_passes(contender: ModuleType, job: Job, num_passes: int) -> Result:
    """Take one pass to warm up and then the timed ones."""
    epochs = contender.epochs(job)
    memory = [0.0]
    warm_up = next(epochs)
    memory.extend(memory_mb() for _ in islice(warm_up, NUM_MEMORY_LOOKS))
    use_up(warm_up)
    cpu_before, start = cpu_seconds(), time.perf_counter()
    num_images, wall_s = 0, 0.0
    for _ in range(num_passes):
        epoch = next(epochs)
        asked = came = time.perf_counter()
        for images, _ in epoch:
            num_images += len(images)
            # What an iterator does after its last batch belongs to no pass.
            came = time.perf_counter()
        wall_s += came - asked
    elapsed_s, cpu_s = time.perf_counter() - start, cpu_seconds() - cpu_before
    memory.append(memory_mb())
    return Result(
        num_images=num_images,
        wall_s=wall_s,
        between_s=elapsed_s - wall_s,
        cpu_s=cpu_s,
        memory_mb=max(memory),
    )


def measure_fit(contender: ModuleType, job: Job, num_passes: int) -> Result:
    """Train a model that does nothing: one epoch to warm up and then the timed ones."""
    import keras

    clock: dict[str, tuple[float, float]] = {}

    def begin(epoch: int, _: Any) -> None:
        if epoch == 1:
            clock["begin"] = time.perf_counter(), cpu_seconds()

    def end(epoch: int, _: Any) -> None:
        if epoch == num_passes:
            clock["end"] = time.perf_counter(), cpu_seconds()

    watch = keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)
    arguments = contender.fit_arguments(job)
    callbacks = [*arguments.pop("callbacks", []), watch]
    model = _one_weight_model(job)
    model.fit(**arguments, epochs=1 + num_passes, verbose=0, callbacks=callbacks)
    (start, cpu_before), (stop, cpu_after) = clock["begin"], clock["end"]
    # A steps_per_epoch counts full batches; without it, an epoch has each image once.
    steps = arguments.get("steps_per_epoch")
    per_epoch = steps * job.batch_size if steps else len(work.list_files(job.folder)[0])
    return Result(
        num_images=per_epoch * num_passes,
        wall_s=stop - start,
        between_s=0.0,
        cpu_s=cpu_after - cpu_before,
        memory_mb=memory_mb(),
    )


def use_up(iterator: Iterator[Any]) -> None:
    deque(iterator, maxlen=0)


def _one_weight_model(job: Job) -> Any:
    """Return a model that looks at one pixel, so that feeding it is all there is to do."""
    import keras

    inputs = keras.Input((*job.image_size, 3), dtype=job.dtype)
    pixel = keras.ops.cast(inputs[:, 0, 0, :1], "float32")
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(pixel))
    model.compile(optimizer=keras.optimizers.SGD(1e-9), loss="mse", jit_compile=False)
    return model


def cpu_seconds() -> float:
    """Return the user and system time of this process and all it started, ended ones included."""
    total = 0.0
    for process in _processes():
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


def memory_mb() -> float:
    """Return the memory of this process and all it started, in units of 10**6 bytes."""
    total = 0
    for process in _processes():
        try:
            memory = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        # Only Linux knows the share of a process in shared pages.
        total += getattr(memory, "pss", memory.uss)
    return total / 1e6


def _processes() -> list[psutil.Process]:
    this = psutil.Process()
    return [this, *this.children(recursive=True)]


def warm_page_cache(folder: Path) -> None:
    for path in work.list_files(folder)[0]:
        Path(path).read_bytes()


def use_cores(num_cores: int) -> None:
    """Keep this process and all it starts on some cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_cores])


def _leave() -> None:
    """End at once: some contenders take seconds, or for ever, to end their workers."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(0)


def main() -> None:
    request = json.loads(sys.argv[1])
    given = request["job"]
    height, width = given["image_size"]
    job = Job(**{**given, "folder": Path(given["folder"]), "image_size": (height, width)})
    use_cores(job.workers)
    measure: Callable[[ModuleType, Job, int], Result]
    measure = measure_fit if request["fit"] else measure_passes
    try:
        contender = import_module(f"benchmarks.contenders.{request['contender']}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("benchmarks"):
            raise
        print(json.dumps({"skipped": str(error)}), flush=True)
        return
    if request["fit"] and not hasattr(contender, "fit_arguments"):
        print(json.dumps({"skipped": "it has no way into fit"}), flush=True)
        return
    warm_page_cache(job.folder)
    result = measure(contender, job, request["num_passes"])
    print(json.dumps(asdict(result)), flush=True)
    _leave()


if __name__ == "__main__":
    main()
