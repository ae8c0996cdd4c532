"""Large images that crops need at several scales: the same pixels with a cache as without."""

from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from tests.pixels.conftest import photo

SUFFIXES = ("jpg", "png", "webp")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Images of 300 x 200 pixels in three formats, one turned, one of few pixels, one grey."""
    folder = tmp_path_factory.mktemp("photos")
    for number, suffix in enumerate(SUFFIXES):
        photo(200, 300).save(folder / f"{number}.{suffix}")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(199, 301).save(folder / "turned.jpg", exif=exif)
    photo(9, 7).save(folder / "small.jpg")
    photo(150, 150).convert("L").save(folder / "grey.jpg")
    return augseq.index_folder(folder, labels=None, progress=False)


def sequence_of(photos: augseq.Manifest, cache: Any, **options: Any) -> augseq.ImageSequence:
    # Crops of 1/50 of the image to all of it: from full size to an eighth.
    augment = [A.RandomResizedCrop((20, 24), scale=(0.02, 1)), A.HorizontalFlip()]
    options = {"image_size": (20, 24), "label_mode": None, "workers": 0, **options}
    return augseq.ImageSequence(photos, cache=cache, augment=augment, **options)


def images_of(batches: augseq.ImageSequence, num_epochs: int = 12) -> list[np.ndarray]:
    return [
        batches.sample(record.index, epoch=epoch).image
        for epoch in range(num_epochs)
        for record in batches.manifest
    ]


@pytest.mark.filterwarnings("ignore:The cache in")
@pytest.mark.parametrize("max_bytes", [None, 200_000, 30_000, 1])
@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
@pytest.mark.parametrize("is_filled", [False, True])
def test_crops_of_every_scale_are_the_same_with_a_cache(
    photos: augseq.Manifest,
    max_bytes: int | None,
    color_mode: Any,
    is_filled: bool,
    tmp_path: Path,
) -> None:
    plain = sequence_of(photos, None, color_mode=color_mode)
    cache = augseq.ImageCache(folder=tmp_path / "cache", max_bytes=max_bytes)
    cached = sequence_of(photos, cache, color_mode=color_mode)
    if is_filled:
        cached.fill_cache(progress=False)
    expected = images_of(plain)
    for _ in range(2):
        for image, other in zip(images_of(cached), expected, strict=True):
            np.testing.assert_array_equal(image, other)


def test_every_scale_is_decoded_once(photos: augseq.Manifest, tmp_path: Path) -> None:
    cached = sequence_of(photos, tmp_path / "cache")
    images_of(cached, 40)
    source = cached.pipeline.source
    usage = source.folder.usage  # type: ignore[union-attr]
    # Four scales of the five larger images, and the small one.
    assert len(photos) < usage.num_files <= 4 * len(photos)
    images_of(cached, 40)
    assert source.folder.usage == usage  # type: ignore[union-attr]


def test_full_size_decoding_caches_full_size_alone(photos: augseq.Manifest, tmp_path: Path) -> None:
    plain = sequence_of(photos, None, scaled_decode=False)
    cached = sequence_of(photos, tmp_path / "cache", scaled_decode=False)
    for image, other in zip(images_of(cached, 5), images_of(plain, 5), strict=True):
        np.testing.assert_array_equal(image, other)
    assert cached.pipeline.source.folder.usage.num_files == len(photos)  # type: ignore[union-attr]
