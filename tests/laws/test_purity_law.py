"""Law 1: a sample is a function of manifest, pipeline, seed, epoch and index alone."""

import copy
import pickle
import random
from collections.abc import Callable, Sequence
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from tests.workers.transforms import invert_at_times

SEED = 13
EPOCHS = (0, 3)


def augmentations() -> list[Any]:
    return [
        A.RandomResizedCrop((20, 24), scale=(0.4, 1)),
        A.Compose([A.HorizontalFlip(), A.OneOf([A.ColorJitter(p=1), A.GaussNoise(p=1)], p=0.8)]),
        invert_at_times,
    ]


@pytest.fixture(scope="module")
def images(samples: augseq.Manifest) -> augseq.Manifest:
    """Every fifth sample image; the indices are not the positions."""
    return samples[::5]


def sequence_of(manifest: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    defaults: dict[str, Any] = {"image_size": (20, 24), "seed": SEED, "shuffle": True, "workers": 0}
    return augseq.ImageSequence(manifest, augment=augmentations(), **{**defaults, **options})


def pixels_of(batch: augseq.Batch) -> dict[int, bytes]:
    return {
        record.index: image.tobytes()
        for record, image in zip(batch.records, batch.images, strict=True)
    }


def pixels_by_index(
    sequence: augseq.ImageSequence, order: Sequence[int] | None = None
) -> dict[int, bytes]:
    """Ask for batches in an order; return the image of each record's index."""
    found: dict[int, bytes] = {}
    for k in range(len(sequence)) if order is None else order:
        found |= pixels_of(sequence.batch(k))
    return found


@pytest.fixture(scope="module")
def expected(images: augseq.Manifest) -> dict[int, dict[int, bytes]]:
    """Pixels by epoch and index, each made alone by a fresh sequence."""
    return {
        epoch: {
            record.index: sequence_of(images)
            .sample(epoch=epoch, index=record.index)
            .image.astype(np.float32)
            .tobytes()
            for record in images
        }
        for epoch in EPOCHS
    }


ORDERS: dict[str, Callable[[int], list[int]]] = {
    "in order": lambda n: list(range(n)),
    "backwards": lambda n: list(range(n))[::-1],
    "each twice": lambda n: [k for k in range(n) for _ in range(2)],
    "at random, with repeats": lambda n: random.Random(n).sample(list(range(n)) * 2, 2 * n),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch_size", [1, 7, 32])
@pytest.mark.parametrize("workers", [0, 1, 4])
def test_workers_batch_size_and_order_of_asking_have_no_influence(
    images: augseq.Manifest,
    expected: dict[int, dict[int, bytes]],
    workers: int,
    batch_size: int,
    order: str,
) -> None:
    sequence = sequence_of(images, workers=workers, batch_size=batch_size)
    epoch = EPOCHS[len(order) % 2]
    sequence.set_epoch(epoch)
    sequence.on_epoch_begin()
    assert pixels_by_index(sequence, ORDERS[order](len(sequence))) == expected[epoch]


@pytest.mark.parametrize("kind", ["threads", "processes", "serial", "auto"])
def test_the_kind_of_workers_has_no_influence(
    images: augseq.Manifest, expected: dict[int, dict[int, bytes]], kind: Any
) -> None:
    sequence = sequence_of(images, workers=2, batch_size=8, worker_kind=kind)
    for epoch in EPOCHS:
        sequence.set_epoch(epoch)
        sequence.on_epoch_begin()
        assert pixels_by_index(sequence) == expected[epoch]


@pytest.mark.parametrize("options", [{"shuffle": False}, {"max_queue_size": 1, "workers": 3}])
def test_order_and_queue_have_no_influence_on_a_record(
    images: augseq.Manifest, expected: dict[int, dict[int, bytes]], options: dict[str, Any]
) -> None:
    assert pixels_by_index(sequence_of(images, batch_size=8, **options)) == expected[0]


def test_what_ran_before_has_no_influence(
    images: augseq.Manifest, expected: dict[int, dict[int, bytes]]
) -> None:
    sequence = sequence_of(images, workers=2, batch_size=8)
    for epoch in (3, 0, 1, 0, 3):
        sequence.set_epoch(epoch)
        found = pixels_by_index(sequence)
        assert epoch not in expected or found == expected[epoch]
        random.seed(epoch)
        np.random.seed(epoch)


def test_another_seed_or_epoch_gives_other_pixels(
    images: augseq.Manifest, expected: dict[int, dict[int, bytes]]
) -> None:
    other = pixels_by_index(sequence_of(images, seed=SEED + 1))
    same = [k for k in expected[0] if expected[0][k] in (other[k], expected[3][k])]
    assert same == []


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_copy_gives_the_same_pixels_in_the_same_epoch(
    images: augseq.Manifest,
    expected: dict[int, dict[int, bytes]],
    workers: int,
    twin_of: Callable[[Any], augseq.ImageSequence],
) -> None:
    sequence = sequence_of(images, workers=workers, batch_size=8)
    sequence.set_epoch(3)
    sequence.on_epoch_begin()
    sequence.batch(0)
    twin = twin_of(sequence)
    assert twin.epoch == 3
    assert [twin.records(k) for k in range(5)] == [sequence.records(k) for k in range(5)]
    assert pixels_by_index(twin) == expected[3]


@pytest.mark.parametrize("steps", [4, 7])
def test_a_copy_of_a_repeated_sequence_gives_the_same_batches(
    images: augseq.Manifest, steps: int
) -> None:
    sequence = sequence_of(images, batch_size=8).repeat()
    sequence.position.follow_keras(2, steps=steps, goes_on=False)
    twin = pickle.loads(pickle.dumps(sequence))
    assert pixels_of(twin.batch(1)) == pixels_of(sequence.batch(1))


def test_a_repeated_sequence_gives_the_same_pixels(
    images: augseq.Manifest, expected: dict[int, dict[int, bytes]]
) -> None:
    repeated = sequence_of(images, batch_size=16, workers=2).repeat()
    assert pixels_by_index(repeated, [11, 9, 10]) == expected[3]
    assert pixels_by_index(repeated, [0, 1, 2]) == expected[0]


@pytest.mark.parametrize("epoch", EPOCHS)
def test_a_record_keeps_its_pixels_through_select_and_split(
    samples: augseq.Manifest,
    images: augseq.Manifest,
    expected: dict[int, dict[int, bytes]],
    epoch: int,
) -> None:
    train, val = images.split(val=0.3, seed=1)
    parts = [train, val, images.select(np.arange(len(images))[::-1]), images[3:4], images[-9:]]
    for part in parts:
        sequence = sequence_of(part, batch_size=6, workers=1)
        sequence.set_epoch(epoch)
        wanted = {record.index: expected[epoch][record.index] for record in part}
        assert pixels_by_index(sequence) == wanted
    whole = sequence_of(samples, batch_size=64)
    whole.set_epoch(epoch)
    found = pixels_by_index(whole)
    assert {k: found[k] for k in expected[epoch]} == expected[epoch]


def test_records_trace_to_the_files_of_the_manifest(images: augseq.Manifest) -> None:
    paths = {record.index: record.path for record in images}
    sequence = sequence_of(images, batch_size=7, workers=2)
    seen = [record for k in range(len(sequence)) for record in sequence.batch(k).records]
    assert {record.index: record.path for record in seen} == paths
    assert len(seen) == len(images)
