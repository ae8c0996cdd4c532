"""What buckets are: sizes, shards, resumes, and which options are refused.

`test_epoch_laws.py` has the other laws with them, `training/scenarios/bucketed.py` trains.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, BackupError
from tests.workers.transforms import add_noise

BUCKETS = augseq.Buckets([(8, 12), (10, 10), (12, 8)])
# (height, width) of 23 images: 5 wide, 11 nearly square, 7 tall.
SIZES = [(20, 31)] * 4 + [(10, 40)] + [(20, 21)] * 6 + [(24, 22)] * 5 + [(40, 22)] * 7
OF = [0] * 5 + [1] * 11 + [2] * 7

Seen = tuple[int, str]
"""Index, and a digest of the pixels."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    folder = tmp_path_factory.mktemp("images")
    for number, (height, width) in enumerate(SIZES):
        picture, exif = Image.new("RGB", (width, height), (number, 0, 0)), Image.Exif()
        if number % 2:
            # Stored on its side.
            picture, exif[0x0112] = picture.transpose(Image.Transpose.ROTATE_90), 6
        path = folder / "ab"[number % 3 == 0] / f"{number:02}.jpg"
        path.parent.mkdir(exist_ok=True)
        picture.save(path, exif=exif)
    found = augseq.index_folder(folder, progress=False)
    return found.select(np.argsort([Path(path).name for path in found.column("path")]))


def number_of(record: augseq.Record) -> int:
    return int(Path(record.path).stem)


def sequence_of(images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    defaults = {"batch_size": 4, "seed": 5, "augment": [add_noise], "workers": 0, "shuffle": True}
    return augseq.ImageSequence(images, **{"image_size": BUCKETS, **defaults, **options})


def seen(batches: augseq.ImageSequence, number: int, *, padding: bool = False) -> list[Seen]:
    batch = batches.batch(number)
    count = len(batch.records) - (0 if padding else batches.num_padding(number))
    digests = [hashlib.sha256(image.tobytes()).hexdigest()[:12] for image in batch.images]
    return list(zip(map(number_of, batch.records), digests, strict=True))[:count]


def stream(batches: augseq.ImageSequence, epoch: int = 0) -> list[Seen]:
    batches.set_epoch(epoch)
    return [one for number in range(len(batches)) for one in seen(batches, number)]


def test_each_batch_has_one_size_and_each_record_comes_once(images: augseq.Manifest) -> None:
    batches = sequence_of(images)
    assert len(batches) == 2 + 3 + 2
    orders = set()
    for epoch in range(4):
        batches.set_epoch(epoch)
        found, sizes = [], []
        for number in range(len(batches)):
            batch = batches.batch(number)
            (bucket,) = {OF[number_of(record)] for record in batch.records}
            assert batch.images.shape[1:3] == BUCKETS.sizes[bucket]
            found += map(number_of, batch.records)
            sizes.append(len(batch.records))
        assert sorted(found) == list(range(23))
        assert sorted(sizes) == [1, 3, 3, 4, 4, 4, 4]
        orders.add(tuple(found))
    assert len(orders) == 4
    text = repr(batches)
    assert "(8, 12) (5 images), (10, 10) (11 images), (12, 8) (7 images)" in text
    assert "each batch of one size" in text


def test_batch_sizes_and_probes_change_no_sample(images: augseq.Manifest) -> None:
    expected = stream(sequence_of(images), 2)
    assert len({digest for _, digest in expected}) == 23
    assert Counter(stream(sequence_of(images, batch_size=7), 2)) == Counter(expected)
    probed = augseq.probe_manifest(images, progress=False)
    assert stream(sequence_of(probed), 2) == expected


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("num_done", [0, 2])
def test_shards_and_resumes_change_no_sample(
    count: int, num_done: int, images: augseq.Manifest
) -> None:
    def make(index: int) -> augseq.ImageSequence:
        return sequence_of(images, batch_size=2).shard(index, count)

    shards = [make(index) for index in range(count)]
    for shard in shards:
        shard.set_epoch(1)
    whole = Counter(stream(sequence_of(images), 1))
    before = [seen(shard, number) for number in range(num_done) for shard in shards]
    states = [json.loads(json.dumps(s.state_dict(num_batches=num_done))) for s in shards]
    resumed = [make(index) for index in range(count)]
    for shard, state in zip(resumed, states, strict=True):
        shard.load_state_dict(state)
    numbers = range(len(resumed[0]))
    assert {len(shard) for shard in resumed} == {len(shards[0]) - num_done}
    for number in numbers:
        (size,) = {shard.batch(number).images.shape[1:3] for shard in resumed}
        assert size in BUCKETS.sizes
        if count > 1:
            assert {len(seen(shard, number, padding=True)) for shard in resumed} == {2}
    after = [seen(shard, number) for number in numbers for shard in resumed]
    assert Counter(one for batch in before + after for one in batch) == whole
    # The next epoch is complete again.
    resumed[0].set_epoch(2)
    assert len(resumed[0]) == len(shards[0])


def test_a_resume_with_other_batches_is_refused(images: augseq.Manifest) -> None:
    state = sequence_of(images).state_dict(num_batches=2)
    for other in (
        sequence_of(images, batch_size=8),
        sequence_of(images).shard(0, 2),
        sequence_of(images, image_size=augseq.Buckets([(8, 12), (10, 10), (12, 9)])),
        sequence_of(images, image_size=(10, 10)),
    ):
        with pytest.raises(BackupError, match=r"batch_size|buckets"):
            other.load_state_dict(state)
    batches = sequence_of(images)
    batches.load_state_dict(state)
    with pytest.raises(ArgumentError, match="Call `shard` before `load_state_dict`"):
        batches.shard(0, 2)


def test_an_image_is_mixed_with_one_of_its_size(images: augseq.Manifest) -> None:
    options = {"mix": augseq.MixUp(p=1), "label_mode": "categorical"}
    partners = []
    for size in (4, 6):
        batches = sequence_of(images, batch_size=size, **options)
        found = {}
        for number in range(len(batches)):
            batch = batches.batch(number)
            for record, mixed in zip(batch.records, batch.mixed, strict=True):
                if mixed is not None:
                    assert OF[number_of(mixed.record)] == OF[number_of(record)]
                    found[number_of(record)] = number_of(mixed.record)
        # All but one of each bucket of odd size, of which there are three.
        assert len(found) == 20
        partners.append(found)
    assert partners[0] == partners[1]


def test_repeats_and_drop_remainder(images: augseq.Manifest) -> None:
    batches = sequence_of(images, repeats=2)
    assert Counter(number for number, _ in stream(batches)) == dict.fromkeys(range(23), 2)
    assert "(8, 12) (5 images)" in repr(batches)
    batches = sequence_of(images, drop_remainder=True)
    counts = Counter(OF[number] for number, _ in stream(batches))
    assert counts == {0: 4, 1: 8, 2: 4}
    with pytest.raises(ArgumentError, match=r"buckets of 5, 11, 7 images, for batches of 6"):
        sequence_of(images, drop_remainder=True, batch_size=6)


def test_tensors_of_other_loaders_have_any_size(images: augseq.Manifest) -> None:
    spec = sequence_of(images).to_tf().element_spec[0]
    assert spec.shape.as_list() == [None, None, None, 3]


def test_masks_are_resized_like_their_image(images: augseq.Manifest) -> None:
    masked = images.select([0, 12, 20])
    paths = []
    for record in masked:
        height, width = SIZES[number_of(record)]
        mask = np.zeros((height, width), np.uint8)
        mask[:, : width // 2] = 1
        path = Path(masked.root, f"mask{number_of(record)}.png")
        Image.fromarray(mask).save(path)
        paths.append(path.name)
    masked = masked.with_column("mask", paths)
    targets = augseq.Mask("mask", classes=["no", "yes"])
    batches = sequence_of(masked, targets=targets, augment=[])
    for number in range(3):
        pixels, mask = batches.batch(number).arrays
        assert mask.shape[1:] == pixels.shape[1:3]
        assert mask.mean() == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": [A.RandomCrop(8, 8)]}, "must not choose another. Received: RandomCrop"),
        ({"sampling": augseq.Balanced()}, "cannot be combined with `sampling`"),
        ({"image_size": [(8, 12), (12, 8)]}, r"For several sizes, write augseq\.Buckets"),
        ({"cache": augseq.ImageCache(shorter_side_px=9)}, "shorter_side_px=9"),
    ],
)
def test_what_does_not_fit_several_sizes_is_refused(
    options: dict[str, Any], message: str, images: augseq.Manifest
) -> None:
    with pytest.raises(ArgumentError, match=message):
        sequence_of(images, **options)


def test_arrays_have_no_buckets() -> None:
    with pytest.raises(ArgumentError, match="images of an array have the same one"):
        augseq.ImageSequence.from_arrays(np.zeros((4, 8, 8, 3), np.uint8), image_size=BUCKETS)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([], "list of sizes"),
        ((224, 224), "list of sizes"),
        ([(224, 0)], "list of sizes"),
        ([(224, 224), (96, 96)], "different aspect ratios"),
    ],
)
def test_wrong_sizes_are_refused(sizes: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        augseq.Buckets(sizes)


def test_an_area_too_small_for_the_rounding_is_refused(images: augseq.Manifest) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"at least 1024.*of 32.*=100, m"):
        augseq.choose_buckets(images, num_pixels=100, progress=False)


def test_sizes_are_proposed_for_the_ratios_of_the_images(images: augseq.Manifest) -> None:
    found = augseq.choose_buckets(images, num_pixels=96 * 96, multiple=8, count=6, progress=False)
    assert (96, 96) in found.sizes
    for height, width in found.sizes:
        assert height % 8 == width % 8 == 0
        assert abs(height * width / 96**2 - 1) < 0.15
    ratios = [height / width for height, width in found.sizes]
    assert ratios == sorted(ratios)
    assert min(ratios) < 0.8
    assert max(ratios) > 1.5
    batches = sequence_of(images, image_size=found)
    assert sorted(number for number, _ in stream(batches)) == list(range(23))
