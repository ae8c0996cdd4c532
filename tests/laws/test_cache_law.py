"""Law 1 with a cache: it changes when pixels are decoded, never what they are."""

from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import augseq
from tests.pixels.conftest import encoded, exif, noise, photo

SIZE = (20, 24)


def write_over(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Break the contract: write to the image that came."""
    image[: rng.integers(1, 9)] = 77
    return image


def keep(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Files of many formats, orientations and depths; no two of one size."""
    folder = tmp_path_factory.mktemp("mixture") / "images"
    folder.mkdir()
    for turn in range(1, 9):
        data = encoded(photo(40 + turn, 70), "JPEG", exif=exif(turn), quality=90)
        (folder / f"turned-{turn}.jpg").write_bytes(data)
    deep = Image.fromarray(np.arange(50 * 40, dtype=np.uint16).reshape(50, 40) * 30)
    pictures = {
        "grey.jpg": photo(64, 50).convert("L"),
        "clear.png": Image.fromarray(noise(41, 52, 4)),
        "deep.png": deep,
        "few.gif": photo(45, 61).quantize(16),
        "small.png": photo(9, 11),
        "wide.webp": photo(33, 90),
        "turned.tif": photo(55, 35),
        "exact.png": photo(*SIZE),
    }
    for name, picture in pictures.items():
        picture.save(folder / name)
    return augseq.index_folder(folder, labels=None, progress=False)


STEPS = st.sampled_from(
    [
        A.RandomResizedCrop(SIZE),
        A.RandomCrop(5, 7),
        A.CenterCrop(5, 7),
        A.Resize(*SIZE),
        A.HorizontalFlip(),
        A.Compose([A.VerticalFlip(), A.RandomBrightnessContrast()]),
        write_over,
        keep,
    ]
)


def pixels(batches: augseq.ImageSequence) -> list[bytes]:
    return [batches.batch(k).images.tobytes() for k in range(len(batches))]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    augment=st.lists(STEPS, max_size=3),
    color_mode=st.sampled_from(["rgb", "grayscale", "rgba"]),
    exif_orientation=st.booleans(),
    resize_mode=st.sampled_from(["stretch", "crop", "pad"]),
    workers=st.sampled_from([0, 3]),
    max_bytes=st.sampled_from([None, 30_000, 1]),
    in_memory=st.booleans(),
)
@pytest.mark.filterwarnings("ignore:The cache in")
def test_pixels_are_those_without_a_cache(
    mixture: augseq.Manifest,
    tmp_path_factory: pytest.TempPathFactory,
    max_bytes: int | None,
    in_memory: bool,
    **options: Any,
) -> None:
    folder = "memory" if in_memory else tmp_path_factory.mktemp("cache")
    cache = augseq.ImageCache(folder=folder, max_bytes=max_bytes)
    options |= {"image_size": SIZE, "batch_size": 5, "label_mode": None, "dtype": "uint8"}
    plain = augseq.ImageSequence(mixture, **options)
    cached = augseq.ImageSequence(mixture, cache=cache, **options)
    for epoch in (0, 0, 1):
        plain.set_epoch(epoch)
        cached.set_epoch(epoch)
        assert pixels(cached) == pixels(plain)


@pytest.mark.parametrize("first", [[], [A.RandomCrop(8, 8)]], ids=["resized", "own size"])
def test_a_cache_keeps_the_full_depth(mixture: augseq.Manifest, first: list[Any]) -> None:
    options = {"image_size": SIZE, "label_mode": None, "full_depth": True, "augment": first}
    plain = augseq.ImageSequence(mixture, **options)
    cached = augseq.ImageSequence(mixture, cache="memory", **options)
    for _ in range(2):
        assert pixels(cached) == pixels(plain)
    assert cached.fill_cache(progress=False) == len(mixture)
    (deep,) = [record.index for record in mixture if record.path == "deep.png"]
    values = cached.sample(epoch=0, index=deep).image * 255
    assert (values != np.rint(values)).any()


@pytest.mark.parametrize("image_size", [SIZE, None], ids=["resized", "own size"])
@pytest.mark.parametrize(
    "first",
    [[], [A.CenterCrop(8, 8)], [A.RandomCrop(8, 8)], [A.RandomResizedCrop((8, 8))], [A.NoOp()]],
    ids=lambda steps: type(steps[0]).__name__ if steps else "nothing",
)
def test_augmentations_and_callers_get_pixels_of_their_own(
    mixture: augseq.Manifest, first: list[Any], image_size: tuple[int, int] | None
) -> None:
    def blacken(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        assert image.flags.writeable
        image[:] = 0
        return image

    options = {"image_size": image_size, "label_mode": None}
    batches = augseq.ImageSequence(mixture, cache="memory", augment=[*first, blacken], **options)
    looked_at = augseq.ImageSequence(mixture, cache="memory", augment=first, **options)
    plain = augseq.ImageSequence(mixture, augment=first, **options)
    batches.fill_cache()
    for record in mixture:
        assert not batches.sample(epoch=0, index=record.index).image.any()
        image = looked_at.sample(epoch=0, index=record.index).image
        expected = plain.sample(epoch=0, index=record.index).image
        np.testing.assert_array_equal(image, expected)
        image[:] = 1


@pytest.mark.parametrize("scaled_decode", [False, True])
@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
@pytest.mark.filterwarnings("ignore:The cache in")
def test_shrunk_images_are_the_same_whether_kept_or_not(
    mixture: augseq.Manifest, tmp_path: Path, color_mode: Any, scaled_decode: bool
) -> None:
    options = {"image_size": SIZE, "batch_size": 5, "label_mode": None, "color_mode": color_mode}
    limits = {"much": None, "some": 15_000, "nothing": 1}
    found = []
    for name, max_bytes in limits.items():
        cache = augseq.ImageCache(folder=tmp_path / name, shorter_side_px=12, max_bytes=max_bytes)
        batches = augseq.ImageSequence(
            mixture,
            cache=cache,
            scaled_decode=scaled_decode,
            augment=[A.HorizontalFlip()],
            **options,
        )
        found += [pixels(batches), pixels(batches)]
    assert all(other == found[0] for other in found)


def test_shrunk_images_keep_their_shape_and_are_antialiased(
    mixture: augseq.Manifest, tmp_path: Path
) -> None:
    cache = augseq.ImageCache(folder=tmp_path, shorter_side_px=20)
    options = {"image_size": None, "label_mode": None, "dtype": "uint8", "scaled_decode": False}
    plain = augseq.ImageSequence(mixture, **options)
    cached = augseq.ImageSequence(mixture, cache=cache, **options)
    for record in mixture:
        whole = plain.sample(epoch=0, index=record.index).image
        image = cached.sample(epoch=0, index=record.index).image
        height, width = whole.shape[:2]
        shorter = min(height, width)
        if shorter > 20:
            size = round(width * 20 / shorter), round(height * 20 / shorter)
            shrunk = Image.fromarray(whole).resize(size, Image.Resampling.BILINEAR)
            whole = np.asarray(shrunk)
        np.testing.assert_array_equal(image, whole)
