"""Left and right classes change places in exactly the images that are mirrored."""

import json
from pathlib import Path
from typing import Any

import albumentations as A
import keras
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError
from augseq.training.runs.run_settings import pixel_options
from augseq.training.runs.target_settings import target_settings
from augseq.training.runs.trained_run import TrainedRun
from tests.loading.targets.detection_scenes import batch_of, scene

CLASSES = ["left hand", "middle", "right hand"]
MIRROR = {"left hand": "right hand"}
OTHER = [2, 1, 0]
SIZE = (32, 32)
LISTS: dict[str, list[Any]] = {
    "flips": [A.HorizontalFlip(), A.VerticalFlip()],
    "turns": [A.RandomRotate90(), A.Transpose(), A.Rotate(30)],
    "one of eight": [A.D4()],
    "crop": [A.RandomResizedCrop(SIZE, scale=(0.8, 1)), A.HorizontalFlip()],
    "affine": [A.Affine(scale={"x": (0.9, 1.1), "y": (0.9, 1.1)}, rotate=(-20, 20), shear=5)],
    "nested": [
        A.Compose([A.OneOf([A.HorizontalFlip(), A.VerticalFlip()], p=0.5)]),
        A.Perspective(),
    ],
}


def is_mirrored(pixels: Any) -> bool:
    """Tell from its colours whether an image is mirrored: red, green and blue go clockwise."""
    at = []
    for channel in range(3):
        weights = np.clip(2.0 * pixels[..., channel] - pixels.sum(axis=2), 0, None)
        rows, columns = np.indices(weights.shape)
        at.append(np.array([(weights * rows).sum(), (weights * columns).sum()]) / weights.sum())
    (down, right), (lower, further) = at[1] - at[0], at[2] - at[0]
    return bool(right * lower - down * further < 0)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Images that show whether they are mirrored, with masks of their class."""
    root = tmp_path_factory.mktemp("hands")
    tags, sides = [], []
    for number in range(6):
        label = number // 2
        pixels = np.zeros((*SIZE, 3), np.uint8)
        pixels[6:14, 6:14, 0] = pixels[6:14, 18:26, 1] = pixels[18:26, 6:14, 2] = 250
        for folder in ("images", "masks"):
            (root / folder / CLASSES[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / f"images/{CLASSES[label]}/{number}.png")
        mask = np.full(SIZE, label, np.uint8)
        mask[:5] = 1
        Image.fromarray(mask).save(root / f"masks/{CLASSES[label]}/{number}.png")
        tags.append([[], ["l"], ["m", "r"]][label])
        sides.append("lmr"[label])
    images = augseq.index_folder(root / "images", progress=False)
    images = images.with_column("mask", pattern="../masks/{folder}/{stem}.png")
    return images.with_column("tags", tags).with_column("side", sides)


def sequence(images: augseq.Manifest, augment: list[Any], **options: Any) -> augseq.ImageSequence:
    options = {"targets": augseq.Label(mirror=MIRROR), "workers": 0, **options}
    return augseq.ImageSequence(images, image_size=SIZE, augment=augment, batch_size=6, **options)


@pytest.mark.parametrize("name", LISTS)
def test_classes_change_in_mirrored_images_alone(images: augseq.Manifest, name: str) -> None:
    mask = augseq.Mask("mask", classes=CLASSES, mirror=MIRROR)
    batches = sequence(
        images,
        LISTS[name],
        targets={
            "hand": augseq.Label(mirror=MIRROR, label_mode="categorical"),
            "side": augseq.Label("side", classes=list("lmr"), mirror={"r": "l"}),
            "tags": augseq.MultiLabel("tags", classes=list("lmr"), mirror={"l": "r"}),
            "mask": mask,
        },
    )
    plain = sequence(images, [], targets=augseq.MultiLabel("tags", classes=list("lmr")))
    tags = plain[0][1]
    found = set()
    for epoch in range(12):
        for record in images:
            assert record.target is not None
            sample = batches.sample(record.index, epoch=epoch)
            changes = is_mirrored(sample.image)
            found.add(changes)
            label = OTHER[record.target] if changes else record.target
            assert sample.targets["hand"].tolist() == np.eye(3)[label].tolist()
            assert sample.targets["side"] == label
            row = tags[record.index]
            np.testing.assert_array_equal(sample.targets["tags"], row[::-1] if changes else row)
            assert set(np.unique(sample.targets["mask"])) <= {1, label, 255}
            assert (sample.targets["mask"] == label).any()
    assert found == ({False} if name == "affine" else {False, True})


def test_boxes_change_their_classes_and_padding_stays(tmp_path: Path) -> None:
    boxes = [[[1, 1, 20, 20], [30, 5, 40, 30], [9, 9, 20, 20]], [[2, 3, 9, 9]]]
    made = scene(tmp_path, boxes, [[0, 1, 2], [1]])
    target = augseq.Boxes(mirror={"person": "car"})
    flipped = batch_of(made, target, augment=[A.HorizontalFlip(p=1)])
    np.testing.assert_array_equal(flipped["labels"], [[1, 0, 2], [0, -1, -1]])
    np.testing.assert_array_equal(flipped["boxes"][1, 0], [51, 3, 58, 9])
    turned = batch_of(made, target, augment=[A.HorizontalFlip(p=1), A.VerticalFlip(p=1)])
    np.testing.assert_array_equal(turned["labels"], [[0, 1, 2], [1, -1, -1]])


def test_each_image_that_is_mixed_has_the_class_of_its_own_side(images: augseq.Manifest) -> None:
    flip = [A.HorizontalFlip()]
    label = augseq.Label(label_mode="categorical", mirror=MIRROR)
    mix = [augseq.MixUp(alpha=1), augseq.CutMix()]
    mixing = sequence(images, flip, shuffle=True, targets=label, mix=mix)
    alone = sequence(images, flip, shuffle=True, targets=label)
    swaps = 0
    for epoch in range(6):
        mixing.set_epoch(epoch)
        batch = mixing.batch(0)
        titles = [axes.get_title() for axes in mixing.show().axes]
        lines = " ".join(
            text.get_text().replace("\n", " ") for axes in mixing.show().axes for text in axes.texts
        )
        for row, (record, mixed) in enumerate(zip(batch.records, batch.mixed, strict=True)):
            own = alone.sample(record.index, epoch=epoch)
            assert mixed is not None
            other = alone.sample(mixed.record.index, epoch=epoch)
            share = mixed.mix.share
            expected = share * own.targets["label"] + (1 - share) * other.targets["label"]
            np.testing.assert_allclose(batch.targets["label"][row], expected, atol=1e-6)
            replayed = mixing.sample(record.index, epoch=epoch)
            np.testing.assert_array_equal(replayed.targets["label"], batch.targets["label"][row])
            last = mixing.explain(record.index, epoch=epoch).stages[-1]
            np.testing.assert_array_equal(last.targets["label"], batch.targets["label"][row])
            assert titles[row] == CLASSES[own.targets["label"].argmax()]
            assert f"of {CLASSES[other.targets['label'].argmax()]}" in lines
            swaps += own.targets["label"].argmax() != record.target
    assert swaps > 3


def test_a_mask_that_changes_and_is_mixed_is_explained(images: augseq.Manifest) -> None:
    mask = augseq.Mask("mask", classes=CLASSES, mirror=MIRROR)
    options: dict[str, Any] = {"targets": mask, "shuffle": True, "mix": augseq.CutMix()}
    batches = sequence(images, [A.HorizontalFlip()], **options)
    for record in images:
        explained = batches.explain(record.index, epoch=0).stages
        sample = batches.sample(record.index, epoch=0)
        np.testing.assert_array_equal(explained[-1].targets["target"], sample.targets["target"])
        changes = is_mirrored(explained[-2].image)
        assert record.target is not None
        label = OTHER[record.target] if changes else record.target
        assert set(np.unique(explained[-2].targets["target"])) == {1, label}
        assert set(np.unique(explained[0].targets["target"])) == {1, record.target}


def test_processes_and_a_run_that_resumes_have_the_same_classes(images: augseq.Manifest) -> None:
    options: dict[str, Any] = {"shuffle": True, "seed": 3}
    serial = sequence(images, LISTS["crop"], **options)
    others = sequence(images, LISTS["crop"], **options | {"workers": 1, "worker_kind": "processes"})
    np.testing.assert_array_equal(serial[0][1], others[0][1])
    state = json.loads(json.dumps(serial.state_dict()))
    with pytest.raises(augseq.AugseqError, match="mirror"):
        sequence(images, LISTS["crop"], targets=augseq.Label(), **options).load_state_dict(state)


def test_class_weight_weighs_the_class_that_the_model_sees(images: augseq.Manifest) -> None:
    left = images.select([0, 1])
    # Random weights could make it certain of the right class, with no loss.
    last = keras.layers.Dense(3, "softmax", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((*SIZE, 3)), keras.layers.Flatten(), last])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    losses = []
    for label in (0, 2):
        batches = sequence(left, [A.HorizontalFlip(p=1)])
        weights = {**dict.fromkeys(range(3), 0), label: 1}
        history = model.fit(batches, class_weight=weights, shuffle=False, verbose=0)
        losses.append(history.history["loss"][0])
    assert losses[0] == 0 < losses[1]


def test_written_images_have_their_classes_in_folders_and_tables(
    images: augseq.Manifest, tmp_path: Path
) -> None:
    flags = {f"is_{name}": [int(side == name) for side in images.column("side")] for name in "lr"}
    for name, values in flags.items():
        images = images.with_column(name, values)
    batches = sequence(
        images,
        [A.HorizontalFlip()],
        targets={
            "hand": augseq.Label(mirror=MIRROR),
            "side": augseq.Label("side", classes=list("lmr"), mirror={"l": "r"}),
            "flags": augseq.MultiLabel(list(flags), mirror={"is_l": "is_r"}),
            "tags": augseq.MultiLabel("tags", classes=list("lmr"), mirror={"l": "r"}),
        },
    )
    written = batches.write_augmented(tmp_path / "out", copies=4, progress=False)
    assert augseq.read_manifest(tmp_path / "out/manifest.parquet") == written
    num_changed = 0
    for record in written:
        source = next(one for one in images if one.path == record.columns["source_path"])
        sample = batches.sample(source.index, epoch=record.columns["epoch"])
        assert record.target == sample.targets["hand"]
        assert record.path.startswith(f"{CLASSES[record.target]}/")
        assert record.columns["side"] == "lmr"[record.target]
        assert [record.columns[name] for name in flags] == sample.targets["flags"].tolist()
        has_tag = [name in record.columns["tags"] for name in "lmr"]
        assert has_tag == sample.targets["tags"].astype(bool).tolist()
        num_changed += record.target != source.target
    assert num_changed > 2
    again = augseq.index_folder(tmp_path / "out", progress=False)
    assert {one.path: one.target for one in again} == {one.path: one.target for one in written}


@pytest.mark.parametrize(
    ("mirror", "message"),
    [
        ({"left": "right hand"}, "'left', .*Did you mean 'left hand'"),
        ({"left hand": "left hand"}, "pairs of classes"),
        ({"left hand": "right hand", "middle": "right hand"}, "pairs of classes"),
        (["left hand", "right hand"], "pairs of classes"),
        ({}, "pairs of classes"),
    ],
)
def test_a_wrong_mirror_is_refused_when_it_is_made(mirror: Any, message: str) -> None:
    for make in (
        lambda: augseq.Label("side", classes=CLASSES, mirror=mirror),
        lambda: augseq.MultiLabel("side", classes=CLASSES, mirror=mirror),
        lambda: augseq.Mask("mask", classes=CLASSES, mirror=mirror),
        lambda: augseq.Boxes(classes=CLASSES, mirror=mirror),
    ):
        with pytest.raises(ArgumentError, match=message):
            make()


def flipped_by_hand(image: Any, rng: np.random.Generator) -> Any:
    return image[:, ::-1]


def test_what_cannot_be_known_is_refused(images: augseq.Manifest) -> None:
    label = augseq.Label(mirror=MIRROR)
    with pytest.raises(ArgumentError, match=r"'nose', .*'left hand'"):
        sequence(images, [], targets=augseq.Label(mirror={"nose": "ear"}))
    for augment in ([flipped_by_hand], [A.RandomGridShuffle()]):
        with pytest.raises(ArgumentError, match="classes with `mirror`"):
            sequence(images, augment)
    still = sequence(images, [augseq.photometric(flipped_by_hand)])
    assert still[0][1].tolist() == [0, 0, 1, 1, 2, 2]
    with pytest.raises(ArgumentError, match="remove `mirror`, or `views`"):
        sequence(images, [A.HorizontalFlip()], views=2)
    model = keras.Sequential([keras.Input((*SIZE, 3)), keras.layers.GlobalMaxPool2D()])
    flipped = sequence(images, [A.HorizontalFlip()], targets=label)
    with pytest.raises(ArgumentError, match="Remove `mirror`"):
        augseq.evaluate(model, flipped)
    masks = augseq.Mask("mask", classes=CLASSES, mirror=MIRROR)
    for batches, names in ((sequence(images, [A.D4()], targets=masks), None), (flipped, CLASSES)):
        with pytest.raises(ArgumentError, match="Remove `mirror`"):
            augseq.predict(model, batches, class_names=names)
    assert augseq.evaluate(model, sequence(images, [], targets=label)).num_images == 6


@pytest.mark.parametrize("option", ["classes", "tags", "one of two classes"])
def test_predictions_for_mirrored_images_are_those_of_their_records(
    images: augseq.Manifest, option: str, tmp_path: Path
) -> None:
    target: Any = augseq.Label(mirror=MIRROR)
    if option == "tags":
        target = augseq.MultiLabel("tags", classes=list("lmr"), mirror={"r": "l"})
    if option == "one of two classes":
        images = images.with_column("half", list("ababab"))
        target = augseq.Label("half", classes=list("ab"), mirror={"a": "b"})
    keras.utils.set_random_seed(5)
    layers = keras.layers
    last = {
        "classes": layers.Dense(3, activation="softmax"),
        "tags": layers.Dense(3, activation="sigmoid"),
        "one of two classes": layers.Dense(1, activation="sigmoid"),
    }[option]
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), layers.Rescaling(1 / 2550), layers.Flatten(), last]
    )
    batches = sequence(images, LISTS["turns"], targets=target, shuffle=True)
    found: Any = augseq.predict(model, batches, views=4)
    expected = np.zeros((len(images), 2 if option == "one of two classes" else 3))
    num_mirrored = 0
    for row, record in enumerate(images):
        for epoch in range(4):
            pixels = batches.sample(record.index, epoch=epoch).image
            output = model.predict(pixels[None], verbose=0)[0]
            if len(output) == 1:
                output = np.array([1 - output[0], output[0]])
            num_mirrored += is_mirrored(pixels)
            expected[row] += (output[::-1] if is_mirrored(pixels) else output) / 4
    assert 3 < num_mirrored < 21
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-5)
    # The true values are those of the records.
    truth = found.truth if option == "tags" else found.labels
    plain: Any = augseq.predict(model, sequence(images, [], targets=target))
    np.testing.assert_array_equal(truth, plain.truth if option == "tags" else plain.labels)
    # A run remembers which classes change places.
    pixels = pixel_options(sequence(images, [], dtype="float32").pipeline)
    settings = json.loads(json.dumps({"pixels": pixels, "target": target_settings(target)}))
    run = TrainedRun(folder=tmp_path, model=model, manifest=images, settings=settings)
    again: Any = run.predict(images, views=4, augment=LISTS["turns"])
    np.testing.assert_array_equal(again.probabilities, found.probabilities)
