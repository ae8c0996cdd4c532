"""What sampling is: quotas, compositions, and which options are refused.

`test_epoch_laws.py` has the laws with each kind of sampling; `scenarios/sampled.py` trains on it.
"""

import hashlib
from collections import Counter
from typing import Any

import numpy as np
import pytest

import augseq
from augseq.errors import ArgumentError
from tests.workers.transforms import add_noise

NUM_IMAGES = 23
# 17, 5 and 1 images.
CLASSES = np.array([0] * 17 + [1] * 5 + [2])
Seen = tuple[int, int, str]
"""Index, repeat, and a digest of all arrays."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    from PIL import Image

    folder = tmp_path_factory.mktemp("images")
    for number, label in enumerate(CLASSES.tolist()):
        path = folder / "abc"[label] / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (6, 6), (number, label, 0)).save(path)
    found = augseq.index_folder(folder, progress=False)
    found = found.with_column("weight", np.linspace(0, 3, NUM_IMAGES))
    return found.with_column("source", ["own"] * 4 + ["public"] * (NUM_IMAGES - 4))


def sequence_of(images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    defaults = {"batch_size": 3, "seed": 5, "augment": [add_noise], "workers": 0}
    return augseq.ImageSequence(images, image_size=(6, 6), shuffle=True, **{**defaults, **options})


def digest(x: Any, row: int) -> str:
    arrays = list(x.values()) if isinstance(x, dict) else [x]
    return hashlib.sha256(b"".join(array[row].tobytes() for array in arrays)).hexdigest()[:12]


def seen(batches: augseq.ImageSequence, number: int) -> list[Seen]:
    batch = batches.batch(number)
    return [
        (record.index, repeat, digest(batch.x, row))
        for row, (record, repeat) in enumerate(zip(batch.records, batch.repeats, strict=True))
    ]


def stream(batches: augseq.ImageSequence, epoch: int = 0) -> list[Seen]:
    batches.set_epoch(epoch)
    return [one for number in range(len(batches)) for one in seen(batches, number)]


def test_balanced_epochs_have_each_class_equally_often(images: augseq.Manifest) -> None:
    batches = sequence_of(images, sampling=augseq.Balanced(), batch_size=8)
    assert len(batches) == 3
    for epoch in range(3):
        found = [CLASSES[index] for index, _, _ in stream(batches, epoch)]
        assert Counter(found) == {0: 8, 1: 8, 2: 8}


def test_sources_come_at_their_ratios(images: augseq.Manifest) -> None:
    sampling = augseq.Sources({"own": 2, "public": 1}, num_images=20)
    found = [index < 4 for index, _, _ in stream(sequence_of(images, sampling=sampling))]
    assert (len(found), sum(found)) == (21, 14)


def test_even_batches_have_each_class_or_source_equally_often(images: augseq.Manifest) -> None:
    sampling = augseq.Balanced(num_images=30, even_batches=True)
    batches = sequence_of(images, sampling=sampling, batch_size=9)
    for number in range(len(batches)):
        found = CLASSES[[record.index for record in batches.records(number)]]
        assert np.bincount(found).tolist() == [[3] * 3, [1] * 3][number == 3]
    sampling = augseq.Sources({"own": 2, "public": 4}, even_batches=True)
    batches = sequence_of(images, sampling=sampling, batch_size=6, repeats=2)
    for number in range(len(batches)):
        assert sum(record.index < 4 for record in batches.records(number)) == 2


def test_classes_of_arrays_and_of_own_columns_are_balanced(images: augseq.Manifest) -> None:
    x = np.zeros((10, 4, 4, 3), np.uint8)
    for y in (np.array([0] * 9 + [1]), np.eye(2)[[0] * 9 + [1]]):
        batches = augseq.ImageSequence.from_arrays(
            x, y, batch_size=10, shuffle=True, sampling=augseq.Balanced()
        )
        assert sum(record.index == 9 for record in batches.records(0)) == 5
    targets = augseq.Label("source", classes=["own", "public"])
    batches = sequence_of(images, targets=targets, sampling=augseq.Balanced(), batch_size=24)
    assert sum(record.index < 4 for record in batches.records(0)) == 12
    batches = sequence_of(images, sampling=augseq.Balanced("source"), batch_size=24)
    assert sum(record.index < 4 for record in batches.records(0)) == 12


def test_arrays_are_sampled_by_arrays() -> None:
    x = np.zeros((12, 4, 4, 3), np.uint8)
    sources = np.array(["own"] * 4 + ["public"] * 8)

    def first(sampling: Any) -> int:
        batches = augseq.ImageSequence.from_arrays(
            x, batch_size=12, shuffle=True, sampling=sampling, workers=0
        )
        return sum(record.index < 4 for record in batches.records(0))

    assert first(augseq.Sources({"own": 3, "public": 1}, column=sources)) == 9
    assert first(augseq.Balanced(sources)) == 6
    assert first(augseq.Weighted(np.repeat([5.0, 0.5], [4, 8]))) == 10
    for named in (augseq.Sources({"own": 1}), augseq.Weighted("w"), augseq.Balanced("w")):
        with pytest.raises(ArgumentError, match="no columns: pass an array"):
            first(named)
    with pytest.raises(ArgumentError, match=r"12 images. Received: shape \(3,\)"):
        first(augseq.Weighted(np.ones(3)))


def test_a_manifest_is_sampled_by_its_columns(images: augseq.Manifest) -> None:
    with pytest.raises(ArgumentError, match=r"manifest.with_column.*<array of \(24,\)>"):
        sequence_of(images, sampling=augseq.Weighted(np.ones(24)))


def test_an_epoch_of_arrays_can_be_longer_than_the_arrays() -> None:
    batches = augseq.ImageSequence.from_arrays(
        np.zeros((NUM_IMAGES, 6, 6, 3), np.uint8),
        CLASSES,
        batch_size=NUM_IMAGES + 1,
        shuffle=True,
        drop_remainder=True,
        sampling=augseq.Balanced(num_images=2 * NUM_IMAGES + 2 + 3),
    )
    assert [len(labels) for _, labels in batches] == [NUM_IMAGES + 1] * 2


def test_views_of_arrays_differ_and_keep_their_targets() -> None:
    x = np.zeros((4, 4, 4, 3), np.uint8)
    batches = augseq.ImageSequence.from_arrays(
        x, np.arange(4), batch_size=4, views=2, augment=[add_noise]
    )
    inputs, targets = batches[0]
    assert {name: array.shape for name, array in inputs.items()} == {
        "image": (4, 4, 4, 3),
        "image_2": (4, 4, 4, 3),
    }
    assert (inputs["image"] != inputs["image_2"]).any()
    assert targets.tolist() == [0, 1, 2, 3]


def test_a_state_of_another_sampling_is_refused(images: augseq.Manifest) -> None:
    plain, balanced = sequence_of(images), sequence_of(images, sampling=augseq.Balanced())
    with pytest.raises(augseq.errors.BackupError, match=r"sampling: 'Balanced\(\).*, 'none' now"):
        plain.load_state_dict(balanced.state_dict())
    with pytest.raises(augseq.errors.BackupError, match=r"sampling: 'none' then, 'Balanced\(\)"):
        balanced.load_state_dict(plain.state_dict())
    for one, other in (
        ({"sampling": augseq.Weighted("weight", num_images=9)}, {}),
        ({"repeats": 3}, {"repeats": 1}),
        ({"views": 2}, {"views": 3}),
    ):
        options = {"sampling": augseq.Weighted("weight")}
        with pytest.raises(augseq.errors.BackupError, match="then, "):
            sequence_of(images, **{**options, **other}).load_state_dict(
                sequence_of(images, **{**options, **one}).state_dict()
            )


def test_a_record_that_does_not_come_in_an_epoch_has_no_sample(images: augseq.Manifest) -> None:
    batches = sequence_of(images, sampling=augseq.Weighted("weight"))
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"position 0 .* does not appear in epoch 2"
    ):
        batches.sample(images[0].index, epoch=2)
    with pytest.raises(augseq.errors.ArgumentError, match="does not appear 2 times in epoch 2"):
        sequence_of(images).explain(images[0].index, epoch=2, repeat=1)


def test_the_plan_tells_the_sampling(images: augseq.Manifest) -> None:
    text = repr(sequence_of(images, sampling=augseq.Balanced(), repeats=3))
    assert "23 images, 72 per epoch, 24 batches of 3" in text
    assert "8 of each of 3 classes, each 3 times in a row" in text
    assert "another view of the image" in repr(sequence_of(images, views=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampling": "balanced"}, r"must be augseq\.Balanced\(\).*'balanced'"),
        ({"sampling": augseq.Balanced}, r"must be augseq\.Balanced\(\)"),
        ({"sampling": augseq.Balanced(), "shuffle": False}, "requires shuffle=True"),
        ({"sampling": augseq.Balanced(), "targets": augseq.Number("weight")}, "one class per"),
        ({"sampling": augseq.Balanced("sauce")}, "no column 'sauce'"),
        ({"sampling": augseq.Balanced("tags")}, "one value for each image.*'tags' has lists"),
        ({"sampling": augseq.Sources({"own": 1})}, "Without one: 'public'"),
        ({"sampling": augseq.Sources({"own": 1, "publik": 1})}, "'publik'.*'public'"),
        ({"sampling": augseq.Balanced(even_batches=True), "batch_size": 4}, "a multiple of 3"),
        ({"repeats": 0}, "`repeats`"),
        ({"repeats": 2}, "multiple of `repeats`"),
        ({"views": 0}, "`views`"),
        ({"views": 2, "augment": None}, "pass `augment`"),
        ({"views": 2, "inputs": {"image_2": augseq.Number("weight")}}, "rename this input"),
    ],
)
def test_invalid_options_raise_an_error(
    images: augseq.Manifest, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=message):
        augseq.ImageSequence(
            images.with_column("tags", [["x"]] * NUM_IMAGES),
            **{"batch_size": 3, "shuffle": True, "augment": [add_noise], **options},
        )


@pytest.mark.parametrize(
    "make",
    [
        lambda: augseq.Balanced(num_images=0),
        lambda: augseq.Weighted("weight", num_images=2**60),
        lambda: augseq.Sources({"own": 2**63, "public": 1}),
        lambda: augseq.Balanced(even_batches=2),  # type: ignore[arg-type]
        lambda: augseq.Balanced(3),  # type: ignore[arg-type]
        lambda: augseq.Weighted(None),  # type: ignore[arg-type]
        lambda: augseq.Weighted([1.0, 2.0]),  # type: ignore[arg-type]
        lambda: augseq.Sources({}),
        lambda: augseq.Sources({"a": 0.5}),  # type: ignore[dict-item]
        lambda: augseq.Sources({"a": 0}),
    ],
)
def test_invalid_ratios_and_numbers_raise_an_error(make: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="Received: "):
        make()
