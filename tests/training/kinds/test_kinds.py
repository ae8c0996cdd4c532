"""A run can be trained on numbers, tags, masks and classes of columns, and used like others."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, LabelError
from augseq.training.kinds.numbers import StandardizedError
from augseq.training.networks.networks import build_network, freeze_network
from augseq.training.runs.target_settings import read_target, target_settings

CLASSES = ["ground", "square"]
SIZE = (12, 16)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Grey images with a bright square, its mask, and facts about both."""
    root = tmp_path_factory.mktemp("squares")
    (root / "images").mkdir()
    (root / "masks").mkdir()
    rng = np.random.default_rng(4)
    levels = rng.integers(10, 120, 16)
    for number, level in enumerate(levels):
        # Larger than what the model sees.
        mask = np.zeros((24, 32), np.uint8)
        top, left = rng.integers(0, 12, 2)
        mask[top : top + 10, left : left + 12] = 1
        mask[0, :3] = 255
        pixels = np.where(mask == 1, 220, level)[:, :, None].repeat(3, axis=2)
        Image.fromarray(pixels.astype(np.uint8)).save(root / "images" / f"{number:02}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number:02}.png")
    found = augseq.index_folder(root / "images", labels=None, progress=False)
    found = found.with_column("mask", pattern="../masks/{stem}.png")
    found = found.with_column("level", levels.astype(float))
    found = found.with_column("twice", [f"{2 * level}.5" for level in levels])
    tags = [["odd"] * (k % 2) + ["dark"] * int(level < 60) for k, level in enumerate(levels)]
    return found.with_column("tags", tags).with_column("kind", ["x", "y"] * 8)


TARGETS: dict[str, Any] = {
    "numbers": augseq.Number(["level", "twice"]),
    "tags": augseq.MultiLabel("tags", classes=["dark", "odd"]),
    "masks": augseq.Mask("mask", classes=CLASSES),
    "classes": augseq.Label("kind", classes=["x", "y"]),
}
FILES = {
    "numbers": {"numbers.csv", "scatter.png", "largest_errors.png"},
    "tags": {"tags.csv", "tags.png", "wrong_images.png", "class_names.json"},
    "masks": {"classes.csv", "iou.png", "worst_masks.png", "predictions", "class_names.json"},
}


@pytest.mark.parametrize(
    "kind", ["numbers", "tags", "masks", pytest.param("classes", marks=pytest.mark.long)]
)
def test_a_run_of_each_kind_is_trained_and_used(
    images: augseq.Manifest, tmp_path: Path, kind: str
) -> None:
    options = augseq.RunOptions(
        image_size=SIZE, epochs=2, batch_size=8, workers=0, cache="none", val=0.25
    )
    # Beside the folders of the images and masks.
    folder = Path(images.root) / "runs" / kind
    result = augseq.train(images, folder, options, target=TARGETS[kind])
    found = result.evaluation
    assert found.num_images == 4
    assert {path.name for path in folder.iterdir()} >= FILES.get(kind, set())
    readme = (folder / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in readme for name in FILES.get(kind, ()))
    assert not {"{", "}"} & set(readme)

    # The truth is compared, and what was predicted is predicted again.
    run = augseq.load_run(folder)
    held_out = found.batches.manifest
    again = run.predict(held_out, workers=0)
    assert again.score == found.predictions.score is not None
    assert again.table().equals(found.predictions.table())
    # Images of which nothing is known.
    paths = [Path(held_out.root, record.path) for record in held_out]
    unknown = run.predict(paths, workers=0)
    assert unknown.score is None
    if kind == "numbers":
        np.testing.assert_array_equal(unknown.values, found.predictions.values)
    # Batch by batch.
    file = tmp_path / "found.csv"
    written = run.write_predictions(paths, file, all_classes=True, workers=0, batch_size=3)
    assert (written.num_images, written.score) == (4, None)
    assert run.write_predictions(held_out, tmp_path / "held_out.csv").score == again.score
    with open(tmp_path / "found.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == list(map(str, paths))
    if kind == "masks":
        _check_mask_files(tmp_path, rows, unknown)
    if kind == "tags":
        assert run.predict(paths, threshold=0.0).tags == [("dark", "odd")] * 4
        assert [row["prediction"] for row in rows] == ["; ".join(tags) for tags in unknown.tags]
        assert run.predict(paths, threshold=1).tags == [()] * 4
    else:
        with pytest.raises(ArgumentError, match=r"--threshold.*predict tags"):
            run.predict(paths, threshold=0.5)


def _check_mask_files(
    folder: Path, rows: list[dict[str, str]], found: augseq.MaskPredictions
) -> None:
    for row, mask in zip(rows, found.masks, strict=True):
        with Image.open(folder / row["mask"]) as picture:
            assert (picture.mode, picture.size) == ("P", (32, 24))
            values = np.asarray(picture)
        np.testing.assert_array_equal(values[::2, ::2], mask)
        assert float(row["square"]) == pytest.approx((mask == 1).mean(), abs=1e-5)


def test_images_without_labels_need_another_target(images: augseq.Manifest, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"--target COLUMN, or --mask COLUMN .*'mask', 'level'"):
        augseq.train(images, tmp_path / "run")


def test_one_number_is_predicted_in_its_own_unit(images: augseq.Manifest) -> None:
    pixels = keras.Input((*SIZE, 3))
    exact = keras.Model(pixels, keras.ops.min(pixels, axis=(1, 2, 3))[:, None])
    options: dict[str, Any] = {"image_size": SIZE, "workers": 0, "interpolation": "nearest"}
    batches = augseq.ImageSequence(images, targets=augseq.Number("level"), **options)
    for _ in range(2):
        found = augseq.evaluate(exact, batches)
        assert isinstance(found, augseq.NumberEvaluation)
        (result,) = found.numbers
        assert result.mean_error < 1e-3
        assert result.r2 == pytest.approx(1)


def test_figures_of_numbers_equal_those_of_numpy(images: augseq.Manifest) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(5, 2, (40, 2)).astype(np.float32)
    values = truth + rng.normal(0, 1, truth.shape).astype(np.float32)
    predictions = augseq.NumberPredictions(
        paths=tuple(map(str, range(40))), names=("a", "b"), values=values, truth=truth
    )
    batches = augseq.ImageSequence(images, label_mode=None)
    found = augseq.NumberEvaluation(predictions=predictions, history={}, batches=batches)
    for place, result in enumerate(found.numbers):
        error = values[:, place].astype(float) - truth[:, place]
        assert result.mean_error == pytest.approx(np.abs(error).mean())
        assert result.root_mean_square_error == pytest.approx(np.sqrt((error**2).mean()))
        expected = keras.metrics.R2Score()(truth[:, [place]], values[:, [place]])
        assert result.r2 == pytest.approx(float(expected), abs=1e-5)
    loss = StandardizedError([2.0, 0.5])(truth, values)
    scaled = (values - truth) / np.array([2.0, 0.5])
    assert float(loss) == pytest.approx((scaled**2).mean(), rel=1e-5)


def test_figures_of_tags_equal_those_of_a_loop(images: augseq.Manifest) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random((30, 3)) < 0.4
    truth[:, 2] = False
    probabilities = rng.random((30, 3)).astype(np.float32)
    probabilities[:, 2] /= 3
    predictions = augseq.TagPredictions(
        paths=tuple(map(str, range(30))),
        names=("a", "b", "c"),
        probabilities=probabilities,
        truth=truth,
    )
    batches = augseq.ImageSequence(images, label_mode=None)
    found = augseq.TagEvaluation(predictions=predictions, history={}, batches=batches)
    f1 = []
    for place, result in enumerate(found.tags):
        both = sum(truth[k, place] and probabilities[k, place] > 0.5 for k in range(30))
        assert result.num_right == both
        assert result.num_images == sum(truth[:, place])
        assert result.num_predicted == sum(p > 0.5 for p in probabilities[:, place])
        if result.num_images:
            f1.append(2 * both / (result.num_images + result.num_predicted))
    assert found.mean_f1 == pytest.approx(np.mean(f1))
    same = [[truth[k, n] == (probabilities[k, n] > 0.5) for n in range(3)] for k in range(30)]
    assert found.num_right == sum(map(all, same))
    names = [tuple("abc"[n] for n in range(3) if row[n] > 0.5) for row in probabilities]
    assert predictions.tags == names
    assert predictions.columns()["prediction"] == ["; ".join(tags) for tags in names]


def test_figures_of_masks_equal_those_of_a_loop(images: augseq.Manifest) -> None:
    """The model finds bright pixels, and so all squares; ignored pixels do not count."""
    pixels = keras.Input((None, None, 3))
    bright = pixels[..., :1] - 150
    model = keras.Model(pixels, keras.ops.concatenate([-bright, bright], axis=-1))
    options: dict[str, Any] = {"image_size": SIZE, "workers": 0, "batch_size": 5}
    batches = augseq.ImageSequence(images, targets=TARGETS["masks"], **options)
    found = augseq.evaluate(model, batches)
    assert isinstance(found, augseq.MaskEvaluation)
    right, union, counts = np.zeros(2), np.zeros(2), np.zeros(2)
    for pictures, masks in batches:
        predicted = pictures[..., 0] > 150
        for k in (0, 1):
            is_class, is_found = masks == k, (predicted == k) & (masks != 255)
            right[k] += (is_class & is_found).sum()
            union[k] += (is_class | is_found).sum()
            counts[k] += is_class.sum()
    assert [result.iou for result in found.classes] == pytest.approx(right / union)
    assert [result.num_pixels for result in found.classes] == counts.tolist()
    assert 0.8 < found.mean_iou < 1
    broken = keras.Model(pixels, keras.ops.concatenate([bright, bright], axis=-1) * np.nan)
    with pytest.raises(ArgumentError, match=r"Received: NaN for 'images/00\.png'"):
        augseq.evaluate(broken, batches)
    with pytest.raises(ArgumentError, match="`file` must be a path"):
        found.predictions.write_csv(io.BytesIO())


@pytest.mark.parametrize(
    "target",
    [
        *TARGETS.values(),
        augseq.Label(),
        augseq.Number("level"),
        augseq.MultiLabel(["a", "b"], missing="empty"),
        augseq.MultiLabel("tags", classes=np.array([3, 5]), separator=";"),
        augseq.Mask("mask", classes=["a"], ignore=-1, coding={(0, 0, 0): None, (9, 8, 7): "a"}),
        augseq.Mask("mask", classes=["a"], coding={np.uint8(4): "a", 0: None}),
    ],
    ids=lambda target: type(target).__name__,
)
def test_a_target_survives_the_settings(target: Any) -> None:
    stored = json.loads(json.dumps({"target": target_settings(target)}))
    again = read_target(stored)
    assert type(again) is type(target)
    assert json.dumps(target_settings(again)) == json.dumps(stored["target"])


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("level", "must be augseq.Label"),
        (augseq.Label(label_mode="categorical"), 'label_mode="int"'),
        (augseq.Mask("mask", classes=CLASSES, one_hot=True), "one_hot=False"),
        ({"a": augseq.Number("level")}, "Received: {'a'"),
        (augseq.ValueMap("mask"), "must be augseq.Label"),
    ],
)
def test_other_targets_are_refused(
    images: augseq.Manifest, tmp_path: Path, target: Any, text: str
) -> None:
    with pytest.raises(ArgumentError, match=text):
        augseq.train(images, tmp_path / "run", target=target)
    assert not (tmp_path / "run").exists()


def test_class_weights_require_classes(images: augseq.Manifest, tmp_path: Path) -> None:
    options = augseq.RunOptions(class_weight=True, image_size=SIZE, cache="none")
    with pytest.raises(ArgumentError, match="requires one class per image"):
        augseq.train(images, tmp_path / "run", options, target=TARGETS["numbers"])


@pytest.mark.parametrize(
    ("target", "units", "text"),
    [
        ("numbers", 3, r"one number for each of level, twice, so \(2, 2\) .*\(2, 3\)"),
        ("tags", 3, r"each of the 2 tags.*\(2, 3\)"),
        ("masks", 2, r"each class of each pixel, so \(2, 12, 16, 2\)"),
    ],
)
def test_a_model_of_ones_own_must_have_the_outputs_of_the_target(
    images: augseq.Manifest, tmp_path: Path, target: str, units: int, text: str
) -> None:
    layers = [keras.Input((*SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(units)]
    options = augseq.RunOptions(image_size=SIZE, cache="none", workers=0)
    with pytest.raises(ArgumentError, match=text):
        augseq.train(
            images,
            tmp_path / "run",
            options,
            target=TARGETS[target],
            model=keras.Sequential(layers),
        )


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [("small", (33, 50, 3)), ("small", (8, 8, 1)), ("MobileNetV2", (50, 64, 3))],
)
def test_networks_have_features_of_each_pixel(architecture: str, shape: Any) -> None:
    network = build_network(architecture, image_shape=shape, seed=3, is_per_pixel=True)
    assert network.features.shape[1:3] == shape[:2]
    model = keras.Model(network.pixels, network.per_pixel(4, "logits"))
    found = np.asarray(model(np.zeros((1, *shape), np.uint8)))
    assert found.shape == (1, *shape[:2], 4)
    num_weights = len(model.trainable_weights)
    freeze_network(model, with_head_only=True)
    if architecture == "small":
        assert len(model.trainable_weights) == 2
    else:
        # The decoder is new, with its normalization.
        nested = [layer for layer in model.layers if isinstance(layer, keras.Model)]
        assert len(nested) == 1
        assert not nested[0].trainable_weights
        assert 2 < len(model.trainable_weights) < num_weights / 2
