"""A cache of images that the pipeline resizes first: it holds what comes out of the resize."""

import os
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import AugseqWarning
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import WHOLE
from tests.pixels.conftest import encoded, exif, photo

from .conftest import RECORDS, cached, check_pixels, entries, num_bytes, pixels


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Images larger and smaller than the sizes below; the JPEG files can be downscaled."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(3):
        picture = photo(200 + 31 * number, 240)
        (folder / f"{number}.jpg").write_bytes(encoded(picture, "JPEG", exif=exif(1 + 2 * number)))
        (folder / f"{number}.png").write_bytes(encoded(photo(30, 20 + number)))
    return augseq.index_folder(folder, labels=None, progress=False)


def loaded(images: augseq.Manifest, **options: Any) -> list[np.ndarray]:
    batches = augseq.ImageSequence(images, label_mode=None, workers=0, batch_size=4, **options)
    return [batches.batch(number).images for number in range(len(batches))]


OPTIONS: list[dict[str, Any]] = [
    {},
    {"image_size": (64, 48)},
    {"image_size": (64, 48), "resize_mode": "crop"},
    {"image_size": (64, 48), "resize_mode": "pad"},
    {"image_size": (64, 48), "interpolation": "nearest"},
    {"image_size": (64, 48), "interpolation": "area"},
    {"image_size": (64, 48), "interpolation": "lanczos3", "resize_mode": "crop"},
    {"image_size": (64, 48), "color_mode": "grayscale"},
    {"image_size": (64, 48), "color_mode": "rgba"},
    {"image_size": (64, 48), "scaled_decode": False},
    {"image_size": (64, 48), "exif_orientation": False},
    {"image_size": (64, 48), "dtype": "uint8", "augment": [A.HorizontalFlip(), A.ColorJitter()]},
    {"image_size": (48, 64)},
]


def test_all_ways_of_resizing_share_a_folder_and_give_the_pixels_without_a_cache(
    images: augseq.Manifest, tmp_path: Path
) -> None:
    plain = [loaded(images, **options) for options in OPTIONS]
    for _ in range(2):
        for options, expected in zip(OPTIONS, plain, strict=True):
            found = loaded(images, cache=tmp_path, **options)
            for image, wanted in zip(found, expected, strict=True):
                np.testing.assert_array_equal(image, wanted)
    # The augmentations come after the cache, so their pipeline shares the entries of the second.
    assert len(entries(tmp_path)) == (len(OPTIONS) - 1) * len(images)


def test_the_files_hold_the_resized_pixels(root: Path, tmp_path: Path) -> None:
    source = cached(root, tmp_path, resize=ResizeOptions(image_size=(10, 14)))
    check_pixels(root, source)
    assert {path.stat().st_size for path in entries(tmp_path)} == {64 + 10 * 14 * 3}
    assert source.folder.usage.num_bytes == num_bytes(tmp_path) == len(RECORDS) * 484


def test_resized_images_are_read_from_the_cache_only(root: Path, tmp_path: Path) -> None:
    source = cached(root, tmp_path / "cache", resize=ResizeOptions(image_size=(10, 14)))
    first = pixels(source)
    for record in RECORDS:
        status = os.stat(root / record.path)
        (root / record.path).write_bytes(b"x" * status.st_size)
        os.utime(root / record.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    for image, expected in zip(pixels(source), first, strict=True):
        np.testing.assert_array_equal(image, expected)


def test_an_image_keeps_its_shape_and_its_whole_pixels_for_displays(
    root: Path, tmp_path: Path
) -> None:
    source = cached(root, tmp_path, resize=ResizeOptions(image_size=(10, 14)))
    for _ in range(2):
        for record in RECORDS:
            opened = source.open(record)
            assert opened.shape == (30 + 3 * record.index, 40, 3)
            whole = np.asarray(Image.open(root / record.path).convert("RGB"))
            np.testing.assert_array_equal(opened.read(WHOLE), whole)
        pixels(source)


def test_lists_that_set_the_size_get_whole_images(images: augseq.Manifest, tmp_path: Path) -> None:
    crop = [A.RandomResizedCrop((24, 24))]
    options: dict[str, Any] = {"image_size": (24, 24), "augment": crop, "scaled_decode": False}
    expected = loaded(images, **options)
    for _ in range(2):
        for image, wanted in zip(loaded(images, cache=tmp_path, **options), expected, strict=True):
            np.testing.assert_array_equal(image, wanted)
    shapes = [(200 + 31 * n, 240) for n in range(3)] + [(30, 20 + n) for n in range(3)]
    sizes = [64 + height * width * 3 for height, width in shapes]
    assert sorted(path.stat().st_size for path in entries(tmp_path)) == sorted(sizes)


def test_whole_images_of_an_earlier_version_stay_valid(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    source = cached(root, folder)
    pixels(source)
    for path in entries(folder):
        data = bytearray(path.read_bytes())
        # Height and width before resizing, which that version did not write.
        data[52:60] = bytes(8)
        path.write_bytes(data)
    times = {path: path.stat().st_mtime_ns for path in entries(folder)}
    check_pixels(root, cached(root, folder))
    # A pipeline that resizes leaves them alone.
    check_pixels(root, cached(root, folder, resize=ResizeOptions(image_size=(10, 14))))
    assert times.items() <= {path: path.stat().st_mtime_ns for path in entries(folder)}.items()
    assert len(entries(folder)) == 2 * len(RECORDS)


def test_a_full_cache_of_resized_images_is_reported_with_what_helps(
    root: Path, tmp_path: Path
) -> None:
    resize = ResizeOptions(image_size=(10, 14))
    source = cached(root, tmp_path, resize=resize, max_bytes=5 * 484)
    with pytest.warns(AugseqWarning, match=r"max_bytes=\.\.\.\)\.$") as caught:
        check_pixels(root, source)
    assert "shorter_side_px" not in str(caught[0].message)
    assert len(entries(tmp_path)) == 5
    check_pixels(root, source)


def test_images_are_shrunk_to_the_shorter_side_and_then_resized(
    images: augseq.Manifest, tmp_path: Path
) -> None:
    found = []
    for name, max_bytes in {"all": None, "none": 1}.items():
        cache = augseq.ImageCache(folder=tmp_path / name, shorter_side_px=50, max_bytes=max_bytes)
        with pytest.warns(AugseqWarning) if max_bytes else pytest.MonkeyPatch.context():
            found += [loaded(images, cache=cache, image_size=(20, 30)) for _ in range(2)]
    for other in found[1:]:
        for image, expected in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(image, expected)
    assert {path.stat().st_size for path in entries(tmp_path / "all")} == {64 + 20 * 30 * 3}


def test_an_explanation_shows_the_image_before_the_resize(
    images: augseq.Manifest, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"label_mode": None, "image_size": (20, 30), "workers": 0}
    options["augment"] = [A.HorizontalFlip(p=1)]
    plain = augseq.ImageSequence(images, **options)
    batches = augseq.ImageSequence(images, cache=tmp_path, **options)
    batches.fill_cache(progress=False)
    for record in images:
        stages = batches.explain(record.index, epoch=0).stages
        expected = plain.explain(record.index, epoch=0).stages
        assert [stage.name for stage in stages] == [stage.name for stage in expected]
        for stage, wanted in zip(stages, expected, strict=True):
            np.testing.assert_array_equal(stage.image, wanted.image)


def test_the_plan_shows_the_cache_where_it_stands(images: augseq.Manifest, tmp_path: Path) -> None:
    names = {}
    for name, augment in {"resized": [], "cropped": [A.RandomCrop(9, 9)]}.items():
        batches = augseq.ImageSequence(
            images, cache=tmp_path, augment=augment, image_size=(20, 20), label_mode=None
        )
        lines = repr(batches).splitlines()[1:]
        names[name] = [line.split()[0] for line in lines]
        assert ("after resizing" in repr(batches)) == (name == "resized")
    assert names["resized"][:5] == ["order", "source", "resize", "cache", "augment"]
    assert names["cropped"][:5] == ["order", "source", "cache", "augment", "resize"]
