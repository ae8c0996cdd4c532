"""Images of 13 bands: equal bits everywhere, from a folder to `fit` and prediction."""

from pathlib import Path
from typing import Any

import albumentations as A
import keras
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, AugmentationError, DecodeError
from tests.pixels.decoders.test_band_files import npy, tif

BANDS = 13
SIZE = (24, 20)


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """Scenes of two classes, which differ in band 7."""
    rng = np.random.default_rng(0)
    scenes = {}
    for number in range(16):
        name = f"{'crop' if number % 2 else 'water'}/{number:02}"
        values = rng.normal(3000, 800, (40, 36, BANDS))
        values[:, :, 7] += 1500 * (number % 2)
        scenes[name] = values.clip(0, 20_000).astype(np.uint16)
    return scenes


@pytest.fixture(scope="module")
def scenes(
    arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> augseq.Manifest:
    """The same in files: arrays, tiled TIFF, and a preview that is not an image of bands."""
    folder = tmp_path_factory.mktemp("scenes") / "images"
    for number, (name, values) in enumerate(arrays.items()):
        path = folder / f"{name}.{'npy' if number % 3 else 'tif'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(npy(values) if number % 3 else tif(values, tile=(16, 16)))
    (folder / "crop" / "preview.jpg").write_bytes(b"not read")
    return augseq.index_folder(folder, color_mode="bands", probe=True, progress=False)


def sequence(scenes: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    options = {"image_size": SIZE, "batch_size": 5, "workers": 0, **options}
    return augseq.ImageSequence(scenes, color_mode="bands", **options)


def pixels(batches: augseq.ImageSequence) -> list[np.ndarray]:
    return [batches.batch(number).images for number in range(len(batches))]


STEPS: dict[str, tuple[list[Any], tuple[int, int] | None]] = {
    "nothing": ([], None),
    "a crop": ([A.RandomCrop(20, 16), A.D4()], (20, 16)),
    "after resizing": ([A.Affine(rotate=30, border_mode=4, p=1), A.CoarseDropout(p=1)], SIZE),
}


@pytest.mark.parametrize("kind", STEPS)
def test_workers_and_caches_give_the_same_bits(
    scenes: augseq.Manifest, arrays: dict[str, np.ndarray], kind: str, tmp_path: Path
) -> None:
    augment, size = STEPS[kind]
    options = {"augment": augment, "image_size": size, "shuffle": kind == "a crop", "seed": 3}
    if kind == "nothing":
        options["batch_size"] = 1
    expected = pixels(sequence(scenes, **options))
    assert expected[0].shape[1:] == (*(size or (40, 36)), BANDS)
    if kind == "nothing":
        for image, record in zip(expected, scenes, strict=True):
            np.testing.assert_array_equal(image[0], arrays[record.path.rpartition(".")[0]])
    for further in (
        {"workers": 2, "worker_kind": "threads"},
        {"workers": 2, "worker_kind": "processes"},
        {"cache": "memory"},
        {"cache": tmp_path / "cache", "workers": 2, "worker_kind": "threads"},
    ):
        if "processes" in further.values() and kind == "nothing":
            continue
        batches = sequence(scenes, **options, **further)
        for _ in range(2 if "cache" in further else 1):
            for found, image in zip(pixels(batches), expected, strict=True):
                np.testing.assert_array_equal(found, image)
        if "cache" in further:
            assert batches.fill_cache(progress=False) == len(scenes)


def test_chosen_bands_are_the_channels_in_this_order(
    scenes: augseq.Manifest, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    for bands in ([3, 2, 1], [12, 3], [7], np.array([0, 12, 0])):
        # One folder for all: pixels of other bands are not taken from it.
        for cache in (None, tmp_path / "cache"):
            options: dict[str, Any] = {"image_size": None, "batch_size": 1, "cache": cache}
            batches = sequence(scenes, bands=bands, **options)
            for image, record in zip(pixels(batches), scenes, strict=True):
                whole = arrays[record.path.rpartition(".")[0]]
                np.testing.assert_array_equal(image[0], whole[:, :, bands])
    crop = sequence(scenes, bands=[12, 3], augment=[A.RandomCrop(20, 16)], image_size=(20, 16))
    plain = sequence(scenes, augment=[A.RandomCrop(20, 16)], image_size=(20, 16))
    np.testing.assert_array_equal(crop.batch(1).images, plain.batch(1).images[..., [12, 3]])
    found = scenes.statistics(color_mode="bands", bands=[12, 3], progress=False)
    everything = scenes.statistics(color_mode="bands", progress=False)
    assert found.mean == (everything.mean[12], everything.mean[3])
    heading = sequence(scenes, bands=[7, 3, 12, 0]).show(num_images=1).get_suptitle()
    assert heading.startswith("bands 7, 3, 12 of 13,")
    path = next(Path(scenes.root).rglob("*.tif"))
    image = augseq.read_image(path, color_mode="bands", bands=(5, 0))
    np.testing.assert_array_equal(image, arrays[f"{path.parent.name}/{path.stem}"][:, :, [5, 0]])


def test_bands_that_do_not_exist_are_an_error(scenes: augseq.Manifest) -> None:
    with pytest.raises(DecodeError, match=r"band 13.*check \S+ --color-mode bands\."):
        sequence(scenes, bands=[3, 13])
    for bands in ([], [-1], [1.5], "321", 3):
        with pytest.raises(ArgumentError, match=r"from 0, such as \[3, 2, 1\].*--bands 3,2,1"):
            sequence(scenes, bands=bands)
    with pytest.raises(ArgumentError, match='`bands` requires color_mode="bands"'):
        augseq.ImageSequence(scenes, bands=[3, 2, 1])


def test_the_statistics_are_those_of_the_arrays(
    scenes: augseq.Manifest, arrays: dict[str, np.ndarray]
) -> None:
    found = scenes.statistics(color_mode="bands", progress=False)
    values = np.stack(list(arrays.values())).astype(np.float64)
    np.testing.assert_allclose(found.mean, values.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(found.variance, values.var((0, 1, 2)), rtol=1e-10)


def test_a_probe_tells_the_bands(scenes: augseq.Manifest) -> None:
    kinds = {(record.probe.format, record.probe.mode) for record in scenes if record.probe}
    assert kinds == {("NPY", "13 x uint16"), ("TIFF", "13 x uint16")}


def test_tiles_and_displays_show_the_same_numbers(
    scenes: augseq.Manifest, arrays: dict[str, np.ndarray]
) -> None:
    # Sizes are read from headers.
    plain = augseq.index_folder(scenes.root, color_mode="bands", progress=False)
    tiles = augseq.tile_manifest(plain, (20, 20), overlap=4, progress=False)
    for image, tile in zip(
        pixels(sequence(tiles, image_size=None, batch_size=1)), tiles, strict=True
    ):
        window, whole = tile.window, arrays[tile.path.rpartition(".")[0]]
        assert window is not None
        expected = whole[window.top : window.top + 20, window.left : window.left + 20]
        np.testing.assert_array_equal(image[0], expected)
    for shown in (sequence(scenes), plain):
        heading = shown.show(num_images=1).get_suptitle().replace("\n", " ")
        assert heading == "bands 0, 1, 2 of 13, each from its 2nd to its 98th percentile"
    assert [len(axes.images) for axes in plain.show(num_images=2).axes] == [1, 1]


def test_a_mask_moves_with_its_bands(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(3):
        values = rng.integers(0, 3, (30, 34, 6), np.uint8)
        np.save(tmp_path / f"{number}.npy", values)
        Image.fromarray(values[:, :, 4]).save(tmp_path / f"{number}.png")
    images = augseq.index_folder(tmp_path, labels=None, color_mode="bands", progress=False)
    images = images.with_column("mask", pattern="{stem}.png")
    mask = augseq.Mask("mask", classes=["low", "middle", "high"])
    augment = [A.RandomCrop(16, 16), A.D4()]
    batches = sequence(images, targets=mask, augment=augment, dtype="uint8", image_size=(16, 16))
    found, masks = batches[0]
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[..., 4], masks)
    assert sum(images.class_counts(mask, progress=False).pixels.values()) == 3 * 30 * 34
    with pytest.raises(ArgumentError, match=r"6 channels in '0\.npy'"):
        batches.write_augmented(tmp_path / "written", progress=False)


def test_an_image_of_other_bands_is_an_error_everywhere(
    scenes: augseq.Manifest, tmp_path: Path
) -> None:
    for name, number in (("a", 3), ("b", 3), ("c", 4)):
        (tmp_path / f"{name}.npy").write_bytes(npy(np.zeros((4, 5, number), np.uint16)))
    options: dict[str, Any] = {"labels": None, "color_mode": "bands", "progress": False}
    images = augseq.index_folder(tmp_path, **options)
    expected = r"'c\.npy' \(index 2\).* has 4 bands, float32, .* first one has 3 bands, float32"
    with pytest.raises(DecodeError, match=expected):
        pixels(sequence(images, batch_size=3, label_mode=None))
    with pytest.raises(DecodeError, match="4 bands"):
        images.statistics(color_mode="bands", progress=False)
    with pytest.warns(augseq.errors.AugseqWarning, match="4 bands"):
        kept = augseq.index_folder(tmp_path, unreadable="exclude", **options)
    assert len(kept) == 2
    report = augseq.check_images(images, color_mode="bands", progress=False)
    assert "it has 4 bands" in report.to_text()


def test_what_does_not_fit_bands_is_refused_when_the_sequence_is_made(
    scenes: augseq.Manifest, arrays: dict[str, np.ndarray]
) -> None:
    with pytest.raises(ArgumentError, match="ColorJitter', is for grey or RGB images, but these"):
        sequence(scenes, augment=[A.HorizontalFlip(), A.ColorJitter()])
    with pytest.raises(ArgumentError, match="Equalize', is for grey or RGB images, but these"):
        augseq.ImageSequence.from_arrays(np.stack(list(arrays.values())), augment=[A.Equalize()])
    with pytest.raises(ArgumentError, match=r"13 bands, float32.*dtype='uint8'"):
        sequence(scenes, dtype="uint8")
    with pytest.raises(AugmentationError, match="takes float images from 0 to 1"):
        pixels(sequence(scenes, augment=[A.RandomBrightnessContrast(p=1)]))


def test_a_model_is_trained_and_predicts(scenes: augseq.Manifest, tmp_path: Path) -> None:
    options = augseq.RunOptions(
        color_mode="bands", bands=[7, 3], image_size=SIZE, epochs=1, batch_size=4, workers=0
    )
    result = augseq.train(scenes, tmp_path / "run", options)
    assert result.model.input_shape == (None, *SIZE, 2)
    # It begins with the numbers of the images, as they are stored.
    normalized = keras.Model(result.model.input, result.model.layers[1].output)
    values = normalized.predict(sequence(scenes, bands=[7, 3], label_mode=None), verbose=0)
    assert 0.5 < values.std() < 1.5
    run = augseq.load_run(tmp_path / "run")
    assert run.settings["pixels"]["bands"] == [7, 3]
    readme = (tmp_path / "run/README.md").read_text("utf-8")
    assert "pixels as stored in the files, of the bands 7, 3" in readme
    found = run.predict(scenes.root, workers=0)
    assert len(found.names) == len(scenes)
    with pytest.raises(ArgumentError, match="or pass `model` to train"):
        augseq.RunOptions(color_mode="bands", weights="imagenet")
