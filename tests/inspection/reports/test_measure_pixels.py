"""Statistics of pixels, compared with numpy on pixels that Pillow decodes."""

from pathlib import Path
from typing import Any

import albumentations as A
import keras
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.inspection.reports import measure_pixels
from tests.test_documents import PROJECT, blocks


@pytest.fixture
def images(tmp_path: Path) -> augseq.Manifest:
    """Images of different sizes and modes; the last is 16 bits deep."""
    rng = np.random.default_rng(0)
    for number, shape in enumerate([(7, 5, 3), (1, 1, 3), (300, 400, 3), (9, 4), (6, 6, 4)]):
        pixels = rng.integers(0, 256, shape, np.uint8) // (number + 1)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    deep = rng.integers(0, 65536, (12, 8), np.uint16)
    Image.fromarray(deep).save(tmp_path / "5.png")
    return augseq.index_folder(tmp_path, labels=None, progress=False)


def expected(images: augseq.Manifest, **options: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Mean, standard deviation and number of the pixels in batches without augmentations."""
    pixels = []
    for record in images:
        one = images.select([position_of(images, record)])
        batch = augseq.ImageSequence(one, label_mode=None, workers=0, **options)[0]
        pixels.append(np.asarray(batch, np.float64).reshape(-1, np.shape(batch)[-1]))
    together = np.concatenate(pixels)
    return together.mean(axis=0), together.std(axis=0), len(together)


def position_of(images: augseq.Manifest, record: augseq.Record) -> int:
    return [other.index for other in images].index(record.index)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        {"background": (0, 10, 200)},
        {"full_depth": True},
        {"full_depth": True, "color_mode": "grayscale", "image_size": (5, 6)},
        {"image_size": (8, 8)},
        {"image_size": (8, 6), "resize_mode": "pad"},
        {"image_size": (6, 8), "resize_mode": "crop", "interpolation": "bicubic"},
        {"image_size": (1, 1), "interpolation": "nearest"},
    ],
)
def test_they_are_those_of_batches_without_augmentations(
    images: augseq.Manifest, options: dict[str, Any]
) -> None:
    found = images.statistics(progress=False, **options)
    mean, std, num_pixels = expected(images, **{"image_size": None, **options})
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.std, std, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.variance, std**2, rtol=1e-9, atol=1e-9)
    white = 1 if options.get("full_depth") else 255
    np.testing.assert_allclose(found.unit_mean, mean / white, rtol=1e-12)
    np.testing.assert_allclose(found.unit_std, std / white, rtol=1e-9, atol=1e-9)
    assert (found.num_images, found.num_pixels) == (6, num_pixels)


def test_sums_are_exact_whatever_the_order_and_the_number_of_threads(
    images: augseq.Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_options: list[dict[str, Any]] = [{}, {"full_depth": True}]
    for options in all_options:
        results = []
        for num_threads in (1, 2, 7):
            monkeypatch.setattr(measure_pixels, "num_readers", lambda _, n=num_threads: n)
            results += [images.statistics(progress=False, **options)]
            results += [images[::-1].statistics(progress=False, **options)]
        assert len(set(results)) == 1


def test_integer_sums_do_not_lose_digits(tmp_path: Path) -> None:
    """A variance from sums of floats would be wrong in the fourth digit, or negative."""
    pixels = np.full((1000, 1000, 3), 255, np.uint8)
    pixels[0, 0] = 254
    Image.fromarray(pixels).save(tmp_path / "white.png")
    found = augseq.index_folder(tmp_path, labels=None, progress=False).statistics(progress=False)
    share = 1e-6
    np.testing.assert_allclose(found.mean, 255 - share, rtol=1e-15)
    np.testing.assert_allclose(found.variance, share * (1 - share), rtol=1e-15)
    Image.new("RGB", (30, 20), (7, 7, 7)).save(tmp_path / "white.png")
    flat = augseq.index_folder(tmp_path, labels=None, progress=False).statistics(progress=False)
    assert (flat.mean, flat.std) == ((7, 7, 7), (0, 0, 0))


def test_the_example_of_the_page_on_manifests_normalizes(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [text for text in blocks(PROJECT / "docs/manifests.md", "python") if "A.Norm" in text]
    monkeypatch.chdir(PROJECT)
    names: dict[str, Any] = {}
    exec(code.replace(".statistics()", ".statistics(image_size=(16, 16), progress=False)"), names)
    batches = augseq.ImageSequence(names["train"], image_size=(16, 16), batch_size=200)
    pixels = batches[0][0]
    layer = keras.layers.Normalization(
        mean=names["pixels"].mean, variance=names["pixels"].variance, dtype="float64"
    )
    transform = A.Normalize(names["pixels"].unit_mean, names["pixels"].unit_std)
    each = np.stack([transform(image=image.astype(np.uint8))["image"] for image in pixels])
    for normalized in (np.asarray(layer(pixels)), each):
        np.testing.assert_allclose(normalized.mean((0, 1, 2)), 0, atol=1e-4)
        np.testing.assert_allclose(normalized.std((0, 1, 2)), 1, atol=1e-4)


def test_wrong_inputs_are_named(images: augseq.Manifest) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="at least one image"):
        images.select([]).statistics()
    with pytest.raises(augseq.errors.ArgumentError, match="`color_mode` must be one of"):
        images.statistics(color_mode="bgr")
    with pytest.raises(augseq.errors.ArgumentError, match="need an `image_size`"):
        images.statistics(resize_mode="pad")
    with pytest.raises(augseq.errors.DecodeError, match="max_pixels=20"):
        images.statistics(max_pixels=20, progress=False)
    Path(images.root, "3.png").write_bytes(b"\x89PNG")
    with pytest.raises(augseq.errors.DecodeError, match=r"'3\.png'"):
        images.statistics(progress=False)


def test_they_are_shown_in_one_line(images: augseq.Manifest) -> None:
    text = repr(images.statistics(progress=False))
    assert text.startswith("PixelStatistics(mean=(")
    assert text.endswith("6 images)")
    assert len(text) <= 80
