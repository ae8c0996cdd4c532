"""Law 3 over changes: another batch size, kind of workers or number of shards changes no sample.

`pytest -m long tests/laws/test_elastic_law.py` changes them two hundred times.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from tests.pixels.conftest import photo

NUM_IMAGES = 41
WORKERS = [("serial", 0), ("threads", 1), ("threads", 3), ("processes", 2)]

Seen = tuple[int, int, str]
"""Epoch, index, and a digest of the pixels."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Photo-like files of two formats, each of a size of its own."""
    folder = tmp_path_factory.mktemp("images")
    for index in range(NUM_IMAGES):
        path = folder / "ab"[index % 2] / f"{index}.{('jpg', 'png')[index % 3 % 2]}"
        path.parent.mkdir(exist_ok=True)
        photo(30 + index, 40).save(path)
    return augseq.index_folder(folder, progress=False)


def sequence_of(images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    return augseq.ImageSequence(
        images,
        image_size=(16, 24),
        shuffle=True,
        seed=11,
        dtype="uint8",
        augment=[A.RandomCrop(14, 20), A.HorizontalFlip(), A.RandomBrightnessContrast()],
        **options,
    )


def seen(epoch: int, indices: list[int], pixels: np.ndarray) -> list[Seen]:
    digests = [hashlib.blake2b(image.tobytes(), digest_size=8).hexdigest() for image in pixels]
    return [(epoch, index, digest) for index, digest in zip(indices, digests, strict=True)]


def unbroken_stream(images: augseq.Manifest) -> Iterator[Seen]:
    """One sample after the other, without end, from a sequence that nothing changes."""
    batches = sequence_of(images, batch_size=NUM_IMAGES, workers=0)
    epoch = 0
    while True:
        batches.set_epoch(epoch)
        batch = batches.batch(0)
        yield from seen(epoch, [record.index for record in batch.records], batch.images)
        epoch += 1


def one_leg(
    images: augseq.Manifest, state: dict[str, Any] | None, rng: np.random.Generator
) -> tuple[list[Seen], dict[str, Any]]:
    """Go on from a state with other options; return what came and the state after it."""
    kind, number = WORKERS[rng.integers(len(WORKERS))]
    count = int(rng.integers(1, 5))
    size = int(rng.integers(1, 10))
    whole = sequence_of(images, batch_size=size, workers=number, worker_kind=kind)
    shards = [whole.shard(index, count) for index in range(count)]
    for shard in shards:
        if state is not None:
            shard.load_state_dict(state)
    done = 0 if state is None else shards[0].position.progress(0).num_records
    num_batches = int(rng.integers(1, len(shards[0]) + 1))
    found = []
    for step in range(num_batches):
        for shard in shards:
            batch = shard.batch(step)
            found += seen(shard.epoch, [record.index for record in batch.records], batch.images)
    # Records that fill up the last global batch come once more, from the beginning of the epoch.
    found = found[: NUM_IMAGES - done]
    states = [shard.state_dict(num_batches=num_batches) for shard in shards]
    assert all(state == states[0] for state in states)
    return found, json.loads(json.dumps(states[0]))


@pytest.mark.parametrize(
    "num_changes",
    [12, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(7200)])],
)
def test_changes_of_batches_workers_and_shards_change_no_sample(
    images: augseq.Manifest, num_changes: int
) -> None:
    rng = np.random.default_rng(5)
    # Holds two processes for all legs to share, which would else start anew for each.
    lasting = sequence_of(images, batch_size=4, workers=2, worker_kind="processes")
    lasting.batch(0)
    expected, state, num_seen = unbroken_stream(images), None, 0
    for leg in range(num_changes + 1):
        found, state = one_leg(images, state, rng)
        assert found == [next(expected) for _ in found], f"leg {leg}"
        num_seen += len(found)
        assert divmod(num_seen, NUM_IMAGES) == (state["epoch"], state["num_records"])
    assert num_seen > 2 * NUM_IMAGES
