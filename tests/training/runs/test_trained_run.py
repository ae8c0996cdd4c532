"""A model is used on the pixels that it was trained on."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import albumentations as A
import keras
import numpy as np
import pyarrow.csv
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, DecodeError, ManifestError, MissingFileError
from augseq.manifest.manifest import make_manifest
from augseq.training.runs.run_settings import pixel_options
from augseq.training.runs.trained_run import TrainedRun

OPTIONS = [
    {},
    {"image_size": (20, 12), "resize_mode": "pad"},
    {"image_size": (20, 12), "resize_mode": "crop", "interpolation": "bicubic"},
    {"image_size": (9, 9), "interpolation": "nearest", "dtype": "uint8"},
    {"image_size": (16, 16), "color_mode": "grayscale"},
    {"image_size": (16, 16), "color_mode": "rgba"},
    {"image_size": (16, 16), "background": (250, 10, 30)},
    {"image_size": (16, 16), "exif_orientation": False},
    {"image_size": (16, 16), "full_depth": True},
    {"image_size": (16, 16), "scaled_decode": True, "interpolation": "area"},
    {"image_size": (16, 16), "scaled_decode": False},
    {"image_size": (16, 16), "max_pixels": 10**7, "max_file_bytes": 10**6},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that the options change: turned, transparent, of 16 bits, large."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(2)
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.kron(rng.integers(0, 256, (20, 30, 4), np.uint8), np.ones((8, 8, 1), np.uint8))
    (root / "a").mkdir()
    (root / "b").mkdir()
    Image.fromarray(pixels[..., :3]).save(root / "a" / "turned.jpg", exif=exif)
    Image.fromarray(pixels).save(root / "a" / "clear.png")
    deep = rng.integers(0, 2**16, (30, 20), np.uint16)
    Image.fromarray(deep).save(root / "b" / "deep.png")
    Image.fromarray(pixels[::2, :, 0]).save(root / "b" / "grey.webp", lossless=True)
    return root


def make_run(folder: Path, **options: Any) -> TrainedRun:
    """Return a run whose settings went through a file."""
    manifest = augseq.index_folder(folder, progress=False)
    batches = augseq.ImageSequence(manifest, **options)
    settings = json.loads(json.dumps({"pixels": pixel_options(batches.pipeline)}))
    return TrainedRun(
        folder=folder,
        model=mean_model(batches[0][0].shape[1:]),
        manifest=manifest,
        settings=settings,
    )


def mean_model(shape: tuple[int, ...]) -> keras.Model:
    """Return a model of two classes: the probability of the second is the mean pixel / 255."""
    pixels = keras.Input(shape)
    mean = keras.ops.mean(keras.ops.cast(pixels, "float32"), axis=(1, 2, 3)) / 255
    return keras.Model(pixels, keras.ops.stack([1 - mean, mean], axis=1))


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options)))
def test_prediction_uses_the_pixels_of_training(folder: Path, options: dict[str, Any]) -> None:
    run = make_run(folder, **options)
    trained = augseq.ImageSequence(run.manifest, batch_size=3, **options)
    used = run.batches(run.manifest, batch_size=3)
    for number in range(len(trained)):
        expected, pixels = trained[number][0], used[number]
        assert expected.dtype == pixels.dtype
        np.testing.assert_array_equal(expected, pixels)


def test_options_that_change_pixels_are_refused(folder: Path) -> None:
    run = make_run(folder, image_size=(8, 8))
    with pytest.raises(ArgumentError, match=r"must be those of training.*'image_size'"):
        run.batches(run.manifest, image_size=(9, 9))


@pytest.fixture(scope="module")
def run(folder: Path) -> TrainedRun:
    return make_run(folder, image_size=(8, 8))


@pytest.mark.parametrize("kind", ["manifest", "folder", "paths", "saved", "one by one"])
def test_the_same_images_give_the_same_probabilities_from_every_source(
    run: TrainedRun, folder: Path, kind: str, tmp_path: Path
) -> None:
    files = [folder / record.path for record in run.manifest.records(range(len(run.manifest)))]
    expected = [
        augseq.read_image(file, image_size=(8, 8)).astype(np.float64).mean() / 255 for file in files
    ]
    if kind == "one by one":
        found = np.concatenate([run.predict(file).probabilities for file in files])
    else:
        augseq.write_manifest(run.manifest, tmp_path / "m.parquet")
        sources: dict[str, Any] = {
            "manifest": run.manifest,
            "folder": folder,
            "paths": files,
            "saved": str(tmp_path / "m.parquet"),
        }
        found = run.predict(sources[kind], batch_size=3).probabilities
    np.testing.assert_allclose(found[:, 1], expected, atol=2e-3)


def test_paths_keep_their_order_and_spelling(run: TrainedRun, folder: Path) -> None:
    names = [str(folder / "b" / "grey.webp"), str(folder / "a" / "clear.png")]
    names += [names[0], str(folder / "a" / ".." / "b" / "deep.png")]
    predictions = run.predict(names)
    assert predictions.paths == tuple(names)
    np.testing.assert_array_equal(predictions.probabilities[0], predictions.probabilities[2])


def test_one_array_or_a_stack_is_only_resized(run: TrainedRun, folder: Path) -> None:
    image = augseq.read_image(folder / "a" / "clear.png")
    alone = run.predict(image)
    assert alone.paths == ("0",)
    np.testing.assert_array_equal(
        run.predict(np.stack([image, image])).probabilities, alone.probabilities.repeat(2, axis=0)
    )
    np.testing.assert_array_equal(
        alone.probabilities, run.predict(folder / "a" / "clear.png").probabilities
    )


def test_labels_are_compared_where_a_manifest_has_the_classes(
    run: TrainedRun, folder: Path
) -> None:
    predictions = run.predict(run.manifest)
    assert predictions.labels is not None
    right = [
        name == record.path[0]
        for name, record in zip(
            predictions.names, run.manifest.records(range(len(run.manifest))), strict=True
        )
    ]
    assert predictions.accuracy == np.mean(right)
    assert run.predict(folder).accuracy is None


@pytest.mark.parametrize("names", [("b", "a"), ("b",), ("a",), ("b", "a", "unused")])
def test_labels_are_compared_by_the_names_of_classes(
    run: TrainedRun, names: tuple[str, ...]
) -> None:
    images = run.manifest
    chosen = [record.path[0] for record in images.records(range(len(images)))]
    positions = [place for place, name in enumerate(chosen) if name in names]
    targets = [names.index(chosen[place]) for place in positions]
    paths = [images[place].path for place in positions]
    labelled = make_manifest(images.root, names, paths=paths, targets=targets)
    if "unused" in names:
        with pytest.warns(augseq.AugseqWarning, match="the model has no class 'unused'"):
            assert run.predict(labelled).labels is None
    else:
        found = run.predict(labelled)
        assert isinstance(found, augseq.ClassPredictions)
        assert found.labels is not None
        assert [run.names[number] for number in found.labels] == [path[0] for path in paths]


@pytest.mark.parametrize("option", ["shuffle", "drop_remainder"])
@pytest.mark.parametrize("is_array", [False, True])
def test_options_that_reorder_predictions_are_refused(
    run: TrainedRun, option: str, is_array: bool
) -> None:
    images = np.zeros((3, 8, 8, 3), np.uint8) if is_array else run.manifest
    with pytest.raises(ArgumentError, match=f"in the order of the images.*{option}"):
        run.predict(images, **{option: True})
    assert len(run.predict(images, **{option: False})) == len(images)


def test_several_views_are_those_of_predict(run: TrainedRun) -> None:
    flip = [A.HorizontalFlip(), A.RandomBrightnessContrast()]
    batches = run.batches(run.manifest, augment=flip)
    found = run.predict(run.manifest, views=2, augment=flip, batch_size=3)
    expected = augseq.predict(run.model, batches, views=2)
    assert isinstance(found, augseq.ClassPredictions)
    assert isinstance(expected, augseq.ClassPredictions)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    with pytest.raises(ArgumentError, match="pass `augment`"):
        run.predict(run.manifest, views=2)


def test_options_are_checked_for_arrays_too(run: TrainedRun) -> None:
    images = np.zeros((3, 8, 8, 3), np.uint8)
    with pytest.raises(ArgumentError, match=r"must be those of training.*'image_size'"):
        run.predict(images, image_size=(9, 9))
    with pytest.raises(ArgumentError, match="no argument `wokers`"):
        run.predict(images, wokers=2)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_file_name_that_is_not_utf8_is_refused(run: TrainedRun, tmp_path: Path) -> None:
    name = os.fsdecode(bytes(tmp_path) + b"/caf\xe9.png")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(name)
    with pytest.raises(ManifestError, match=r"valid UTF-8.*caf\\xe9\.png"):
        run.predict([name])


@pytest.mark.parametrize(
    ("images", "error", "text"),
    [
        ("nowhere.jpg", MissingFileError, r"no file 'nowhere\.jpg'"),
        (["nowhere.jpg"], MissingFileError, r"no file 'nowhere\.jpg'"),
        ([], ArgumentError, "at least one image"),
        (7, ArgumentError, "must be a manifest, a folder, a list of paths, or an array"),
        ([1, 2], ArgumentError, "Received: list"),
        (np.zeros((4, 4)), ArgumentError, "must be images of shape"),
    ],
)
def test_other_images_are_refused(
    run: TrainedRun, images: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        run.predict(images)


def test_a_damaged_file_is_named(run: TrainedRun, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DecodeError, match=r"broken\.jpg"):
        run.predict(tmp_path / "broken.jpg")


@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        (None, MissingFileError, "not a run folder: it has no settings.json"),
        ("{", ArgumentError, "is damaged"),
        ("{}", ArgumentError, "another version of augseq wrote it"),
    ],
)
def test_another_folder_is_not_a_run(
    tmp_path: Path, content: str | None, error: type[Exception], text: str
) -> None:
    if content is not None:
        (tmp_path / "settings.json").write_text(content)
    with pytest.raises(error, match=text):
        augseq.load_run(tmp_path)


@pytest.mark.parametrize("absent", ["model.keras", "manifest.parquet"])
def test_an_incomplete_run_folder_is_refused(tmp_path: Path, absent: str) -> None:
    (tmp_path / "settings.json").write_text('{"pixels": {}}')
    for name in {"model.keras", "manifest.parquet"} - {absent}:
        (tmp_path / name).touch()
    with pytest.raises(MissingFileError, match=f"incomplete: it has no '{absent}'"):
        augseq.load_run(tmp_path)


def test_predictions_are_written_as_csv(tmp_path: Path) -> None:
    probabilities = np.array([[0.25, 0.75], [0.9, 0.1]], np.float32)
    predictions = augseq.ClassPredictions(
        paths=("é, 1.jpg", "b.jpg"),
        class_names=("cat", 'dog "x"'),
        probabilities=probabilities,
        labels=np.array([1, 1]),
    )
    predictions.write_csv(tmp_path / "p.csv", all_classes=True)
    table = pyarrow.csv.read_csv(tmp_path / "p.csv").to_pydict()
    assert table == {
        "path": ["é, 1.jpg", "b.jpg"],
        "label": ['dog "x"', 'dog "x"'],
        "prediction": ['dog "x"', "cat"],
        "probability": [0.75, 0.9],
        "cat": [0.25, 0.9],
        'dog "x"': [0.75, 0.1],
    }
    assert predictions.accuracy == 0.5
    assert "accuracy 50.0%" in repr(predictions)


def test_a_model_of_another_number_of_classes_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"shape \(2, 3\) for 2 images and 2 of these"):
        augseq.ClassPredictions(
            paths=("a", "b"), class_names=("x", "y"), probabilities=np.zeros((2, 3), np.float32)
        )


def test_a_probability_that_is_not_a_number_names_the_image() -> None:
    probabilities = np.array([[0.5, 0.5], [np.nan, 0.5]], np.float32)
    with pytest.raises(augseq.errors.ArgumentError, match=r"contain NaN.*for 'b\.jpg'"):
        augseq.ClassPredictions(
            paths=("a.jpg", "b.jpg"), class_names=("x", "y"), probabilities=probabilities
        )


def test_a_class_can_be_named_like_a_column_of_the_table() -> None:
    predictions = augseq.ClassPredictions(
        paths=("a.jpg",),
        class_names=("path", "prediction", "cat"),
        probabilities=np.array([[0.25, 0.5, 0.25]], np.float32),
    )
    assert predictions.table(all_classes=True).to_pylist() == [
        {
            "path": "a.jpg",
            "prediction": "prediction",
            "probability": 0.5,
            "path probability": 0.25,
            "prediction probability": 0.5,
            "cat": 0.25,
        }
    ]
