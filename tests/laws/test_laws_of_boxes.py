"""The laws hold for boxes and key points as they do for images."""

from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.loading.batch import Batch
from tests.loading.targets.detection_scenes import scene

NUM_IMAGES, BATCH_SIZE = 14, 4


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Images of noise with no object, one or two, whose boxes and points are random."""
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 1, (NUM_IMAGES, 2, 2, 2)) * [60, 40]
    boxes = np.sort(corners, axis=2).reshape(NUM_IMAGES, 2, 4).tolist()
    points = np.dstack([rng.uniform(0, 40, (NUM_IMAGES * 2, 3, 2)), np.full((28, 3), 2)])
    return scene(
        tmp_path_factory.mktemp("images"),
        [found[: k % 3] for k, found in enumerate(boxes)],
        [[0, 1][: k % 3] for k in range(NUM_IMAGES)],
        pixels=rng.integers(0, 256, (NUM_IMAGES, 40, 60, 3), np.uint8),
        points=[
            found[: k % 3] for k, found in enumerate(points.reshape(NUM_IMAGES, 2, 3, 3).tolist())
        ],
    )


def sequence_of(images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    points = augseq.KeyPoints(mirror=[1, 0, 2])
    targets = {
        "objects": augseq.Boxes("rel_xyxy", attempts=4, key_points=points, max_boxes=2),
        "points": augseq.KeyPoints(max_objects=2, mirror=[1, 0, 2]),
    }
    augment = [
        A.RandomResizedCrop((24, 32), scale=(0.1, 0.6)),
        A.HorizontalFlip(),
        A.Rotate(limit=30),
    ]
    return augseq.ImageSequence(
        images,
        **{
            "image_size": (24, 32),
            "batch_size": BATCH_SIZE,
            "shuffle": True,
            "seed": 9,
            "augment": augment,
            "targets": targets,
            "workers": 0,
            **options,
        },
    )


def parts_of(value: Any) -> list[np.ndarray]:
    return [np.asarray(array) for array in (*value["objects"].values(), value["points"])]


def assert_as_alone(sequence: augseq.ImageSequence, batch: Batch, epoch: int) -> None:
    """Compare each row of a batch with its record, loaded alone."""
    for row, record in enumerate(batch.records):
        sample = sequence.sample(record.index, epoch=epoch)
        for found, expected in zip(parts_of(batch.y), parts_of(sample.targets), strict=True):
            np.testing.assert_array_equal(found[row], expected)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"workers": 3, "worker_kind": "threads"},
        {"workers": 1, "worker_kind": "processes"},
        {"batch_size": 5, "cache": "memory"},
    ],
    ids=["alone", "threads", "processes", "cached"],
)
def test_boxes_depend_on_record_seed_and_epoch_only(
    images: augseq.Manifest, options: dict[str, Any]
) -> None:
    alone, sequence = sequence_of(images), sequence_of(images, **options)
    for epoch in range(2):
        sequence.set_epoch(epoch)
        batches = [sequence.batch(number) for number in range(len(sequence))]
        for batch in batches:
            assert_as_alone(alone, batch, epoch)
        indices = [record.index for batch in batches for record in batch.records]
        assert sorted(indices) == list(range(NUM_IMAGES))


def test_shards_and_resumed_epochs_have_the_same_boxes(images: augseq.Manifest) -> None:
    alone = sequence_of(images)
    shards = [sequence_of(images).shard(index, 2) for index in range(2)]
    for shard in shards:
        assert_as_alone(alone, shard.batch(1), 0)
    state = alone.state_dict(num_batches=2)
    resumed = sequence_of(images)
    resumed.load_state_dict(state)
    for found, expected in zip(parts_of(resumed[0][1]), parts_of(alone[2][1]), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_run_with_other_boxes_cannot_resume(images: augseq.Manifest) -> None:
    state = sequence_of(images).state_dict(num_batches=1)
    with pytest.raises(augseq.errors.BackupError, match="targets"):
        sequence_of(images, targets=augseq.Boxes()).load_state_dict(state)
    moved = images.with_column("boxes", [np.array(v) + 0.5 for v in images.column("boxes")])
    with pytest.raises(augseq.errors.BackupError, match="columns"):
        sequence_of(moved).load_state_dict(state)
