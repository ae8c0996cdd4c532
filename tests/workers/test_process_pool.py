"""Worker processes: the same bits as without, through deaths and failures."""

import gc
import multiprocessing
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import psutil
import pytest

from augseq.errors import ArgumentError, WorkerError
from augseq.loading.batch import load_batch
from augseq.loading.plan import BatchPlan
from augseq.manifest.manifest import Manifest, make_manifest
from augseq.sampling.schedule import Step
from augseq.workers.process_pool import ProcessWorkers
from tests.laws.test_portability_law import plan_of

from . import transforms
from .plans import NUM_BATCHES, QUICK, array_plan, at, bits, loaded, numbered_images, wait_until

pytestmark = pytest.mark.timeout(60)
needs_maps = pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="needs Linux' list of mappings"
)

START_METHODS = multiprocessing.get_all_start_methods()


NAMELESS = getattr(signal, "SIGRTMIN", 0) + 6
"""A signal for which Python has no name."""


def workers_of(plan: BatchPlan, num_workers: int = 2, start_method: str = QUICK) -> ProcessWorkers:
    return ProcessWorkers(plan, num_workers, start_method=start_method)


def all_bits(plan: BatchPlan) -> list[Any]:
    return [bits(loaded(plan, step)) for step in range(NUM_BATCHES)]


def bits_of(workers: ProcessWorkers) -> list[Any]:
    futures = [workers.submit(at(step)) for step in range(NUM_BATCHES)]
    return [bits(future.result(30)) for future in futures]


# The same bits


@pytest.mark.parametrize("start_method", [m for m in START_METHODS if m != "fork"])
def test_a_folder_with_albumentations_gives_the_same_bits(
    samples: Manifest, start_method: str
) -> None:
    plan = plan_of(samples, [A.RandomResizedCrop((24, 24)), A.ColorJitter(), transforms.add_noise])
    workers = workers_of(plan, start_method=start_method)
    steps = [Step(0, 0), Step(0, 5), Step(1, 0), Step(0, 2)]
    found = [workers.submit(step) for step in steps]
    assert [bits(f.result(30)) for f in found] == [bits(load_batch(plan, step)) for step in steps]


def test_a_batch_requested_directly_equals_one_loaded_ahead() -> None:
    plan = array_plan([transforms.add_noise])
    workers = workers_of(plan)

    def load(step: Step) -> Any:
        return bits(workers.submit(step, urgent=True).result())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(load, map(at, range(NUM_BATCHES)))) == all_bits(plan)


def test_float_images_and_a_smaller_last_batch_are_transferred() -> None:
    images = np.linspace(0, 1, 10 * 48, dtype=np.float64).reshape(10, 4, 4, 3)
    plan = array_plan(images=images)
    object.__setattr__(plan.pipeline, "dtype", "float32")
    workers = workers_of(plan)
    for step in range(3):
        assert bits(workers.submit(at(step), urgent=True).result()) == bits(loaded(plan, step))
        assert workers.submit(at(step), urgent=True).result().images.dtype == np.float32


def test_batches_of_growing_and_shrinking_size_are_transferred() -> None:
    small, large = array_plan(), array_plan(images=numbered_images(40, 64))
    one, other = workers_of(small, 1), workers_of(large, 1)
    for step in range(NUM_BATCHES):
        assert bits(one.submit(at(step), urgent=True).result()) == bits(loaded(small, step))
        assert bits(other.submit(at(step), urgent=True).result()) == bits(loaded(large, step))


# Memory that comes again


def test_batches_in_use_do_not_change_while_50_more_are_loaded() -> None:
    workers = workers_of(array_plan([transforms.add_noise]))
    batch = workers.submit(at(0), urgent=True).result()
    view = workers.submit(at(1), urgent=True).result().images[1:, ::2, :, 0]
    reversed_view = np.asarray(
        workers.submit(at(2), urgent=True).result().images.reshape(4, -1)[::-1]
    )
    held = [batch.images, view, reversed_view]
    before = [array.copy() for array in held]
    for future in [workers.submit(at(step % NUM_BATCHES)) for step in range(50)]:
        future.result(30)
    for array, expected in zip(held, before, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_the_caller_owns_a_batch() -> None:
    workers = workers_of(array_plan(), 1)
    images = workers.submit(at(0), urgent=True).result().images
    assert images.flags.writeable
    images += 1
    assert bits(workers.submit(at(0), urgent=True).result()) == bits(loaded(array_plan(), 0))


def num_mappings(process_id: int | str = "self") -> int:
    return Path(f"/proc/{process_id}/maps").read_text().count("memfd:augseq")


@needs_maps
def test_memory_is_reused_and_released() -> None:
    gc.collect()
    before = num_mappings()
    workers = workers_of(array_plan(), 2)
    for _ in range(3):
        for future in [workers.submit(at(step)) for step in range(NUM_BATCHES)]:
            future.result(30)
        del future
    assert num_mappings() - before <= NUM_BATCHES + 4
    del workers
    assert wait_until(lambda: num_mappings() == before)


@needs_maps
def test_workers_share_one_copy_of_an_array_and_release_it_with_its_sequence() -> None:
    plan = array_plan(images=numbered_images(40, 256))
    lasting = workers_of(array_plan(), 2, "spawn")
    workers = workers_of(plan, 2, "spawn")
    assert workers.process_ids == lasting.process_ids
    size = plan.pipeline.source.images.nbytes  # type: ignore[attr-defined]
    for future in [workers.submit(at(step)) for step in range(NUM_BATCHES)]:
        future.result(30)
    for process_id in workers.process_ids:
        private = psutil.Process(process_id).memory_full_info().uss
        assert sum_of_mappings(process_id) >= size
        assert private < size + 60e6
    del workers, future
    for future in [lasting.submit(at(step)) for step in range(NUM_BATCHES)]:
        future.result(30)
    lasting_ids = lasting.process_ids
    assert min(map(sum_of_mappings, lasting_ids)) < size


def sum_of_mappings(process_id: int) -> int:
    """Return the bytes of shared files that a process has mapped."""
    lines = Path(f"/proc/{process_id}/maps").read_text().splitlines()
    spans = [line.split()[0].split("-") for line in lines if "memfd:augseq" in line]
    return sum(int(end, 16) - int(start, 16) for start, end in spans)


# Deaths


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_workers_killed_in_the_middle_of_an_epoch_do_not_change_the_stream() -> None:
    plan = array_plan([transforms.add_noise, transforms.release_the_lock])
    workers = workers_of(plan)
    futures = [workers.submit(at(step)) for step in range(NUM_BATCHES)]
    found = [bits(future.result(30)) for future in futures[:4]]
    killed = workers.process_ids
    for process_id in killed:
        os.kill(process_id, signal.SIGKILL)
    found += [bits(future.result(30)) for future in futures[4:]]
    assert found == all_bits(plan)
    assert set(workers.process_ids).isdisjoint(killed)


def test_a_worker_killed_while_idle_is_replaced() -> None:
    plan = array_plan()
    workers = workers_of(plan, 1)
    assert bits(workers.submit(at(0), urgent=True).result()) == bits(loaded(plan, 0))
    (process_id,) = workers.process_ids
    psutil.Process(process_id).kill()
    assert bits(workers.submit(at(1), urgent=True).result()) == bits(loaded(plan, 1))


@pytest.mark.parametrize("by", [0, signal.SIGSEGV])
@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_dies_during_a_batch_is_replaced_without_changing_the_stream(
    tmp_path: Path, deaths: int, by: int
) -> None:
    plan = array_plan([transforms.add_noise])
    augment = [transforms.Die(tmp_path, deaths, by), transforms.add_noise]
    assert bits_of(workers_of(array_plan(augment))) == all_bits(plan)
    assert len(list(tmp_path.iterdir())) == deaths


@pytest.mark.parametrize(
    ("by", "named"),
    [
        (0, "ended with exit code 0"),
        (signal.SIGKILL, "was ended by SIGKILL"),
        pytest.param(
            NAMELESS,
            f"was ended by signal {NAMELESS}",
            marks=pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="all have names"),
        ),
    ],
)
def test_three_deaths_during_a_batch_raise_an_error_that_names_its_records(
    tmp_path: Path, by: int, named: str
) -> None:
    plan = array_plan([transforms.Die(tmp_path, 3, by)])
    workers = workers_of(plan)
    futures = [workers.submit(at(step)) for step in range(NUM_BATCHES)]
    with pytest.raises(WorkerError, match=rf"{named}.*Epoch 0, records: 'x\[4\]' \(index 4\), "):
        futures[1].result(30)
    assert len(list(tmp_path.iterdir())) == 3
    for step in [0, *range(2, NUM_BATCHES)]:
        assert bits(futures[step].result(30)) == bits(loaded(array_plan(), step))


# Failures


def test_an_exception_keeps_type_message_and_notes() -> None:
    workers = workers_of(array_plan([transforms.Raise(transforms.TextError("no fives"))]))
    with pytest.raises(transforms.TextError, match=r"^no fives\n") as caught:
        workers.submit(at(1), urgent=True).result()
    with pytest.raises(transforms.TextError) as expected:
        loaded(array_plan([transforms.Raise(transforms.TextError("no fives"))]), 1)
    assert str(caught.value) == "no fives"
    *notes, frames = caught.value.__notes__
    assert notes == expected.value.__notes__
    assert "In worker process" in frames
    assert "transforms.py" in frames
    assert bits(workers.submit(at(0), urgent=True).result()) == bits(loaded(array_plan(), 0))


def test_a_transform_that_exits_raises_in_the_caller_and_ends_no_worker() -> None:
    workers = workers_of(array_plan([transforms.Raise(SystemExit(4))]), 1)
    with pytest.raises(SystemExit, match="4"):
        workers.submit(at(1), urgent=True).result()
    assert len(workers.process_ids) == 1
    assert bits(workers.submit(at(0), urgent=True).result()) == bits(loaded(array_plan(), 0))


def test_images_of_different_sizes_raise_an_error() -> None:
    workers = workers_of(array_plan([A.RandomCrop(4, 4), transforms.Uneven()]))
    with pytest.raises(ArgumentError, match="same size"):
        workers.submit(at(0), urgent=True).result()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (transforms.RaiseKeyword, "KeywordError: broken"),
        (transforms.RaiseLocal, "LocalError: broken"),
        (transforms.RaisePath, "PathError: cannot use broken"),
    ],
)
def test_an_exception_that_cannot_be_pickled_becomes_an_error_with_its_text(
    kind: type, text: str
) -> None:
    workers = workers_of(array_plan([kind()]))
    with pytest.raises(WorkerError, match=rf"raised {text}\n") as caught:
        workers.submit(at(0), urgent=True).result()
    notes = "\n".join(caught.value.__notes__)
    assert "To replay: sequence.sample(epoch=0, index=0)" in notes
    assert "transforms.py" in notes


def test_an_exception_without_a_text_is_the_same_as_from_a_thread() -> None:
    workers = workers_of(array_plan([transforms.Raise(transforms.MuteError())]))
    with pytest.raises(transforms.MuteError) as caught:
        workers.submit(at(1), urgent=True).result()
    assert "To replay: sequence.sample(epoch=0, index=5)" in "".join(caught.value.__notes__)


# Weight


def test_a_worker_loads_no_backend_and_stays_below_150_mb(samples: Manifest) -> None:
    plan = plan_of(samples, [A.HorizontalFlip(), A.ColorJitter(), transforms.count_backends])
    workers = workers_of(plan, start_method="spawn")
    for future in [workers.submit(at(step)) for step in range(8)]:
        assert not future.result(30).images.any(), "a backend was loaded"
    for process_id in workers.process_ids:
        memory = psutil.Process(process_id).memory_full_info()
        assert memory.rss < 150e6
        assert memory.uss < 120e6


def test_a_million_records_do_not_increase_the_memory_of_a_worker(samples: Manifest) -> None:
    def memory_with(manifest: Manifest) -> int:
        plan = plan_of(manifest, None)
        workers = workers_of(plan, 1, "spawn")
        for step in range(4):
            assert bits(workers.submit(at(step), urgent=True).result()) == bits(loaded(plan, step))
        return int(psutil.Process(workers.process_ids[0]).memory_full_info().uss)

    paths = [record.path for record in samples] * (10**6 // len(samples))
    targets = [0] * len(paths)
    large = make_manifest(samples.root, samples.class_names, paths=paths, targets=targets)
    assert abs(memory_with(large) - memory_with(samples)) < 10e6


def test_processes_end_with_the_last_sequence_that_shares_them() -> None:
    gc.collect()
    first, second = workers_of(array_plan(), 2), workers_of(array_plan(), 2)
    third = workers_of(array_plan(), 3)
    bits_of(first)
    processes = [psutil.Process(process_id) for process_id in second.process_ids]
    assert len(processes) == 2
    third.submit(at(0), urgent=True).result()
    assert set(third.process_ids).isdisjoint(first.process_ids)
    del first
    assert bits_of(second) == all_bits(array_plan())
    assert [psutil.Process(process_id) for process_id in second.process_ids] == processes
    del second
    assert wait_until(lambda: not any(process.is_running() for process in processes))
