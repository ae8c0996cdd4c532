"""A thousand deaths, a hundred starts, a hundred epochs: nothing hangs, grows or is left behind.

`pytest -m long tests/workers/test_stress.py` runs them all; the short ones run with every change.
"""

import gc
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import albumentations as A
import psutil
import pytest

import augseq
from augseq.workers.process_pool import ProcessWorkers
from tests.pixels.conftest import photo

from . import transforms
from .plans import NUM_BATCHES, QUICK, array_plan, at, bits, loaded, numbered_images, wait_until

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="needs signals"),
]


def long(*values: Any) -> Any:
    return pytest.param(*values, marks=[pytest.mark.long, pytest.mark.timeout(7200)])


@pytest.mark.parametrize("num_deaths", [11, long(1000)])
def test_many_deaths_do_not_change_the_stream(num_deaths: int, tmp_path: Path) -> None:
    """Ten workers an epoch die in ten batches, each in its own way, and one while it works."""
    plain = array_plan([transforms.add_noise_but_first])
    expected = [bits(loaded(plain, step)) for step in range(NUM_BATCHES)]
    augment = [transforms.DieOnce(tmp_path), transforms.add_noise_but_first]
    workers = ProcessWorkers(array_plan(augment), 2, limit_s=120, start_method=QUICK)
    deaths = 0
    while deaths < num_deaths:
        tasks = [workers.submit(at(step)) for step in range(NUM_BATCHES)]
        found = [bits(task.result()) for task in tasks[:3]]
        for process_id in workers.process_ids[:1]:
            os.kill(process_id, signal.SIGKILL)
            deaths += 1
        found += [bits(task.result()) for task in tasks[3:]]
        assert found == expected
        died = list(tmp_path.iterdir())
        assert len(died) == NUM_BATCHES
        deaths += len(died)
        for path in died:
            path.unlink()


def test_a_death_is_detected_within_a_second(tmp_path: Path) -> None:
    plan = array_plan([transforms.HangOnce(tmp_path)])
    workers = ProcessWorkers(plan, 1, start_method=QUICK)
    seconds = []
    for step in range(3):
        task = workers.submit(at(step))
        assert wait_until(lambda step=step: len(list(tmp_path.iterdir())) == step + 1)
        (killed,) = workers.process_ids
        start = time.monotonic()
        os.kill(killed, signal.SIGKILL)
        assert wait_until(lambda killed=killed: set(workers.process_ids) - {killed})
        seconds.append(time.monotonic() - start)
        assert bits(task.result(30)) == bits(loaded(array_plan(), step))
    # Once in three attempts, since the machine may be busy.
    assert min(seconds) < 1


def our_threads() -> int:
    return sum(thread.name.startswith("augseq-") for thread in threading.enumerate())


def what_is_held() -> dict[str, int]:
    """Count what a program could leave behind."""
    this = psutil.Process()
    maps = Path("/proc/self/maps")
    return {
        "processes": len(this.children(recursive=True)),
        "threads": our_threads(),
        "segments": maps.read_text().count("memfd:augseq") if maps.exists() else 0,
        "files": this.num_fds(),
    }


@pytest.mark.parametrize("cycles", [2, long(100)])
@pytest.mark.parametrize("kind", ["threads", "processes", "auto"])
def test_starts_and_stops_leave_nothing_behind(
    kind: Any, cycles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Processes of "auto" then start with the second batch; most are not ready by the last one.
    monkeypatch.setattr("augseq.workers.auto._START_S", 0.0)
    monkeypatch.setattr("augseq.workers.auto._LEAST_SAMPLE_S", 0.0)

    def use() -> None:
        batches = augseq.ImageSequence.from_arrays(
            numbered_images(),
            batch_size=4,
            augment=[transforms.add_noise],
            workers=2,
            worker_kind=kind,
        )
        assert len(list(batches)) == NUM_BATCHES

    # What other tests left hanging is none of this one's.
    num_others = our_threads()
    # Python's own tracker of resources starts with the first process, and ends with the program.
    use()
    gc.collect()
    assert wait_until(lambda: our_threads() <= num_others)
    before = what_is_held()
    for _ in range(cycles):
        use()
    gc.collect()

    def nothing_is_left() -> bool:
        now = what_is_held()
        extra = {name: now[name] - before[name] for name in now}
        return extra.pop("files") <= 2 and not any(count > 0 for count in extra.values())

    assert wait_until(nothing_is_left), (before, what_is_held())


def memory_of(processes: list[psutil.Process]) -> int:
    """Return the bytes that only these processes hold."""
    return sum(process.memory_full_info().uss for process in processes)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_a_hundred_epochs_use_no_more_memory_than_fifty(kind: Any, tmp_path: Path) -> None:
    for index in range(48):
        photo(60 + index, 80).save(tmp_path / f"{index}.{('jpg', 'png')[index % 2]}")
    batches = augseq.ImageSequence(
        augseq.index_folder(tmp_path, labels=None, progress=False),
        label_mode=None,
        image_size=(48, 48),
        batch_size=8,
        shuffle=True,
        augment=[A.HorizontalFlip(), A.RandomBrightnessContrast(), transforms.add_noise],
        workers=2,
        worker_kind=kind,
    )
    held = []
    for epoch in range(100):
        batches.set_epoch(epoch)
        assert sum(len(images) for images in batches) == 48
        gc.collect()
        this = psutil.Process()
        held.append(memory_of([this, *this.children()]))
    growth = (held[-1] - held[49]) / 50
    print(f"{kind}: {growth / 1e6:.3f} MB an epoch; {held[49] / 1e6:.0f} MB after 50")
    assert growth <= 0.1e6
