"""The laws hold for every kind of workers, start method and state of a cache."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.loading.batch import Batch, load_batch
from augseq.loading.plan import BatchPlan
from augseq.sampling.schedule import Step
from augseq.workers.auto import AutoWorkers
from augseq.workers.process_pool import ProcessWorkers
from augseq.workers.protocol import Workers
from augseq.workers.serial import SerialWorkers
from augseq.workers.threads import ThreadWorkers
from tests.pixels.conftest import photo

NUM_IMAGES = 26

KINDS: dict[str, Callable[[BatchPlan], Workers]] = {
    "serial": lambda plan: SerialWorkers(partial(load_batch, plan)),
    "one thread": lambda plan: ThreadWorkers(partial(load_batch, plan), 1),
    "four threads": lambda plan: ThreadWorkers(partial(load_batch, plan), 4),
    "spawn": lambda plan: ProcessWorkers(plan, 2, start_method="spawn"),
    "forkserver": lambda plan: ProcessWorkers(plan, 2, start_method="forkserver"),
    "fork": lambda plan: ProcessWorkers(plan, 2, start_method="fork"),
    # Threads, until the processes of "spawn" have its pipeline.
    "auto": lambda plan: AutoWorkers(plan, 2),
}
CACHES = ["none", "memory", "empty", "warm", "half", "full", "damaged", "stale"]
# A worker process uses a folder in the same way as those of "spawn", however it was started.
LIKE_SPAWN = ("forkserver", "fork", "auto")


def kinds_and(states: list[str]) -> list[Any]:
    """Return each kind of workers with each state of the cache; some only for long tests."""

    def is_long(kind: str, state: str) -> bool:
        return kind in LIKE_SPAWN and state not in ("none", "memory")

    return [
        pytest.param(kind, state, marks=[pytest.mark.long] if is_long(kind, state) else [])
        for kind in KINDS
        for state in states
    ]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Photo-like files of several formats and sizes in two classes."""
    folder = tmp_path_factory.mktemp("images")
    for index in range(NUM_IMAGES):
        path = folder / "ab"[index % 2] / f"{index}.{('jpg', 'jpg', 'png', 'webp')[index % 4]}"
        path.parent.mkdir(exist_ok=True)
        photo(60 + index, 80).save(path)
    return augseq.index_folder(folder, progress=False)


def sequence_of(images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    return augseq.ImageSequence(
        images,
        label_mode="int" if images.class_names else None,
        image_size=(24, 32),
        batch_size=4,
        shuffle=True,
        seed=5,
        dtype="uint8",
        augment=[A.RandomResizedCrop((24, 32)), A.HorizontalFlip(), A.RandomBrightnessContrast()],
        **options,
    )


def cached_plan(images: augseq.Manifest, state: str, folder: Path) -> BatchPlan:
    """Return a plan whose cache is in some state."""
    if state == "none":
        return sequence_of(images)._plan
    if state == "memory":
        return sequence_of(images, cache="memory")._plan
    limit = 60_000 if state == "full" else 10**9
    sequence = sequence_of(images, cache=augseq.ImageCache(folder=folder, max_bytes=limit))
    if state == "half":
        sequence_of(images.select(range(0, NUM_IMAGES, 2)), cache=folder).fill_cache(progress=False)
    elif state != "empty":
        with suppress(augseq.AugseqWarning):
            sequence.fill_cache(progress=False)
    entries = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 4096]
    for number, path in enumerate(entries):
        if state == "damaged":
            data = path.read_bytes()
            path.write_bytes((data[:-7], b"", b"\0" * len(data))[number % 3])
    return sequence._plan


def steps_of(plan: BatchPlan, num_epochs: int = 2) -> list[Step]:
    """The steps of some epochs, in order."""
    batches = range(plan.schedule.num_batches)
    return [Step(epoch, batch) for epoch in range(num_epochs) for batch in batches]


def all_batches(workers: Workers, steps: list[Step]) -> list[Batch]:
    """All ordered before any is taken, the last ones first."""
    orders = {step: workers.submit(step) for step in reversed(steps)}
    return [orders[step].result() for step in steps]


@pytest.fixture(scope="module", autouse=True)
def running(images: augseq.Manifest) -> Iterator[None]:
    """Hold workers of each start method, so that all tests share their processes."""
    plan = sequence_of(images)._plan
    held = [KINDS[kind](plan) for kind in ("spawn", "forkserver", "fork")]
    yield
    del held


@pytest.fixture(scope="module")
def expected(images: augseq.Manifest) -> list[Batch]:
    """The two epochs by a plain loop."""
    plan = sequence_of(images)._plan
    return [load_batch(plan, step) for step in steps_of(plan)]


@pytest.mark.filterwarnings("ignore:.*cache:augseq.AugseqWarning")
@pytest.mark.parametrize(("kind", "state"), kinds_and(CACHES))
def test_each_record_comes_once_an_epoch_with_the_same_bits(
    kind: str, state: str, images: augseq.Manifest, expected: list[Batch], tmp_path: Path
) -> None:
    plan = cached_plan(images, state, tmp_path / "cache")
    if state == "stale":
        # Other pixels under the same names: what the cache holds is of no use any more.
        twin = tmp_path / "twin"
        for record in images:
            path = twin / record.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(Path(images.root, record.path)) as picture:
                picture.rotate(180).save(path)
        images = augseq.index_folder(twin, progress=False)
        plan = sequence_of(images, cache=tmp_path / "cache")._plan
        plain = sequence_of(images)._plan
        expected = [load_batch(plain, step) for step in steps_of(plain)]
    found = all_batches(KINDS[kind](plan), steps_of(plan))
    for batch, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(batch.images, wanted.images)
        np.testing.assert_array_equal(batch.y, wanted.y)
        assert batch.records == wanted.records
    half = len(found) // 2
    for epoch in (found[:half], found[half:]):
        counts = Counter(record.index for batch in epoch for record in batch.records)
        assert counts == dict.fromkeys(range(NUM_IMAGES), 1)


@pytest.mark.parametrize(("kind", "state"), kinds_and(["none", "memory", "empty"]))
def test_a_broken_file_is_named_and_nothing_takes_its_place(
    kind: str, state: str, tmp_path: Path
) -> None:
    root = tmp_path / "images"
    root.mkdir()
    for index in range(8):
        photo(40, 50).save(root / f"{index}.jpg")
    broken = (root / "5.jpg").read_bytes()
    (root / "5.jpg").write_bytes(broken[: len(broken) // 2])
    flat = augseq.index_folder(root, labels=None, progress=False)
    plan = cached_plan(flat, state, tmp_path / "cache")
    workers = KINDS[kind](plan)
    failed = 0
    for step in steps_of(plan, 1):
        records = plan.records(step)
        if any(record.path == "5.jpg" for record in records):
            failed += 1
            with pytest.raises(augseq.errors.DecodeError, match=r"'5.jpg' \(index 5\)"):
                workers.submit(step).result()
        else:
            assert workers.submit(step).result().records == records
    assert failed == 1


@pytest.mark.parametrize(("kind", "state"), kinds_and(["none", "warm"]))
def test_a_file_that_was_changed_after_probing_is_refused(
    kind: str, state: str, tmp_path: Path
) -> None:
    """The others are touched, which is no change, whether they were kept before or not."""
    root = tmp_path / "images"
    root.mkdir()
    for index in range(8):
        photo(40, 50).rotate(index).save(root / f"{index}.png")
    probed = augseq.index_folder(root, labels=None, probe=True, progress=False)
    plan = cached_plan(probed, state, tmp_path / "cache")
    wanted = {step: load_batch(plan, step) for step in steps_of(plan, 1)}
    data = (root / "5.png").read_bytes()
    (root / "5.png").write_bytes(data[:-1] + b"?")
    for index in range(8):
        os.utime(root / f"{index}.png", ns=(0, index))
    workers = KINDS[kind](plan)
    failed = 0
    for step, batch in wanted.items():
        if any(record.index == 5 for record in batch.records):
            failed += 1
            with pytest.raises(
                augseq.errors.ChangedFileError, match=r"'5.png' \(index 5\).*--update"
            ):
                workers.submit(step).result()
        else:
            np.testing.assert_array_equal(workers.submit(step).result().images, batch.images)
    assert failed == 1
