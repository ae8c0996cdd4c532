"""Measure how fast a contender delivers batches: alone, or inside `fit`."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import work
from benchmarks.processes import cpu_seconds, memory_mb
from benchmarks.work import Job, UnavailableError

# Reading the memory of all processes takes milliseconds, in which a contender prefetches. So it is
# read only in the first batches of the warm-up; the rest of the warm-up uses up that advantage.
NUM_MEMORY_LOOKS = 4

# Enough for augseq's workers to move from threads to processes, and for tf.data to tune itself.
NUM_WARM_UP_EPOCHS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """One contender in one round.

    Attributes:
        num_images: Images delivered in the timed passes.
        wall_s: Seconds from requesting a pass until its last batch, summed over all passes;
            inside `fit`, from the end of the warm-up to the end of the last epoch.
        between_s: Seconds between passes: ending one and creating the next.
        cpu_s: Seconds of user and system time of all processes, in and between the passes.
        memory_mb: Maximum memory of all processes; shared pages count once.
        tensorflow_loaded: Whether this process has loaded TensorFlow.
    """

    num_images: int
    wall_s: float
    between_s: float
    cpu_s: float
    memory_mb: float
    tensorflow_loaded: bool


def measure_passes(
    contender: ModuleType, options: dict[str, Any], job: Job, num_passes: int
) -> Throughput:
    """Run warm-up passes for some seconds, then the timed passes."""
    _warm_page_cache(job.folder)
    epochs = contender.epochs(job, **options)
    memory = [0.0]
    begun = time.perf_counter()
    warm_up = next(epochs)
    memory.extend(memory_mb() for _ in islice(warm_up, NUM_MEMORY_LOOKS))
    use_up(warm_up)
    while time.perf_counter() - begun < job.warm_up_s:
        use_up(next(epochs))
    cpu_before, start = cpu_seconds(), time.perf_counter()
    num_images, wall_s = 0, 0.0
    for _ in range(num_passes):
        epoch = next(epochs)
        asked = came = time.perf_counter()
        for images, _ in epoch:
            num_images += len(images)
            # Work of an iterator after its last batch is not timed.
            came = time.perf_counter()
        wall_s += came - asked
    elapsed_s, cpu_s = time.perf_counter() - start, cpu_seconds() - cpu_before
    memory.append(memory_mb())
    return Throughput(
        num_images=num_images,
        wall_s=wall_s,
        between_s=elapsed_s - wall_s,
        cpu_s=cpu_s,
        memory_mb=max(memory),
        tensorflow_loaded="tensorflow" in sys.modules,
    )


def measure_fit(
    contender: ModuleType, options: dict[str, Any], job: Job, num_passes: int
) -> Throughput:
    """Train a model that does no work: warm-up epochs, then the timed epochs."""
    import keras

    if not hasattr(contender, "fit_arguments"):
        raise UnavailableError("it cannot be passed to fit")
    _warm_page_cache(job.folder)
    clock: dict[int, tuple[float, float]] = {}
    first, last = NUM_WARM_UP_EPOCHS - 1, NUM_WARM_UP_EPOCHS - 1 + num_passes

    def end(epoch: int, _: Any) -> None:
        # Reading CPU times takes milliseconds, so only in the two epochs that need them.
        if epoch in (first, last):
            clock[epoch] = time.perf_counter(), cpu_seconds()

    watch = keras.callbacks.LambdaCallback(on_epoch_end=end)
    arguments = contender.fit_arguments(job, **options)
    callbacks = [*arguments.pop("callbacks", []), watch]
    model = _one_weight_model(job)
    model.fit(**arguments, epochs=1 + last, verbose=0, callbacks=callbacks)
    (start, cpu_before), (stop, cpu_after) = clock[first], clock[last]
    # steps_per_epoch counts full batches; without it, an epoch has each image once.
    steps = arguments.get("steps_per_epoch")
    per_epoch = steps * job.batch_size if steps else len(work.list_files(job.folder)[0])
    return Throughput(
        num_images=per_epoch * num_passes,
        wall_s=stop - start,
        between_s=0.0,
        cpu_s=cpu_after - cpu_before,
        memory_mb=memory_mb(),
        tensorflow_loaded="tensorflow" in sys.modules,
    )


def use_up(iterator: Iterator[Any]) -> None:
    deque(iterator, maxlen=0)


def _one_weight_model(job: Job) -> Any:
    """Return a model that reads one pixel, so that almost all time goes to feeding it."""
    import keras

    inputs = keras.Input((*job.image_size, 3), dtype=job.dtype)
    pixel = keras.ops.cast(inputs[:, 0, 0, :1], "float32")
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(pixel))
    model.compile(optimizer=keras.optimizers.SGD(1e-9), loss="mse", jit_compile=False)
    return model


def _warm_page_cache(folder: Path) -> None:
    for path in work.list_files(folder)[0]:
        Path(path).read_bytes()
