"""Crops and tiles decode only their part of masks and value maps, with the same values."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import LabelError

SIZE = (301, 243)
CLASSES = [str(number) for number in range(20)]
RNG = np.random.default_rng(8)
IDS = RNG.integers(0, 20, SIZE).astype(np.uint8)
DEPTH = np.where(RNG.random(SIZE) < 0.1, np.nan, RNG.normal(size=SIZE)).astype(np.float32)


def tiles(values: np.ndarray, path: Path) -> None:
    pytest.importorskip("tifffile").imwrite(path, values, tile=(32, 48), compression="zlib")


def strips(values: np.ndarray, path: Path) -> None:
    pytest.importorskip("tifffile").imwrite(path, values, rowsperstrip=7)


def turned(values: np.ndarray, path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(values[::-1, ::-1]).save(path, exif=exif)


def by_pillow(values: np.ndarray, path: Path) -> None:
    Image.fromarray(values).save(path)


def fortran(values: np.ndarray, path: Path) -> None:
    np.save(path, np.asfortranarray(values))


def npy(values: np.ndarray, path: Path) -> None:
    np.save(path, values)


def manifest_of(folder: Path, values: np.ndarray, store: Any, end: str) -> augseq.Manifest:
    """Return a manifest of a JPEG file with a map."""
    for name in ("images", "maps"):
        (folder / name).mkdir(parents=True)
    Image.new("RGB", SIZE[::-1]).save(folder / "images/a.jpg")
    store(values, folder / f"maps/a.{end}")
    images = augseq.index_folder(folder / "images", labels=None, progress=False)
    return images.with_column("map", pattern=f"../maps/{{stem}}.{end}")


def batches_of(images: augseq.Manifest, target: Any, **options: Any) -> augseq.ImageSequence:
    options = {"image_size": None, "seed": 4, "workers": 0, "batch_size": 1, **options}
    return augseq.ImageSequence(images, targets=target, **options)


MASK = augseq.Mask("map", classes=CLASSES)
MAP = augseq.ValueMap("map", scale=0.1, missing=float("nan"))
STORED: dict[str, tuple[Any, np.ndarray, Callable[..., None], str]] = {
    "a mask in tiles": (MASK, IDS, tiles, "tif"),
    "a mask in strips": (MASK, IDS, strips, "tiff"),
    "a turned mask": (MASK, IDS, turned, "tif"),
    "a mask in one strip": (MASK, IDS, by_pillow, "tif"),
    "16 bits in tiles": (
        augseq.Mask("map", classes=CLASSES, coding={300 * k: str(k) for k in range(20)}),
        300 * IDS.astype(np.uint16),
        tiles,
        "tif",
    ),
    "a map in tiles": (MAP, DEPTH, tiles, "tif"),
    "a map as .npy": (MAP, DEPTH, npy, "npy"),
    "a map by columns": (MAP, DEPTH, fortran, "npy"),
}
CROPS = {
    "a crop": {"augment": [A.RandomCrop(70, 90)]},
    "a high crop": {"augment": [A.RandomCrop(295, 90), A.HorizontalFlip(p=1)]},
    # Parts of a JPEG that is decoded at reduced size extend beyond its edge.
    "a reduced crop": {"augment": [A.RandomResizedCrop((20, 20), scale=(0.1, 0.4))]},
}


@pytest.mark.parametrize(("target", "values", "store", "end"), STORED.values(), ids=STORED)
def test_a_part_has_the_values_of_the_whole_map(
    tmp_path: Path, target: Any, values: np.ndarray, store: Any, end: str
) -> None:
    images = manifest_of(tmp_path / "files", values, store, end)
    for options in CROPS.values():
        batches = batches_of(images, target, **options)
        # A cache decodes whole maps.
        whole = batches_of(images, target, **options, cache=tmp_path / "cache")
        for epoch in range(4):
            found, expected = (s.sample(0, epoch=epoch).targets["target"] for s in (batches, whole))
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
    tiled = augseq.tile_manifest(images, (64, 64), overlap=5, pad=True, progress=False)
    for k, sample in enumerate(batches_of(tiled, target)):
        expected = batches_of(tiled, target, cache=tmp_path / "cache")[k]
        np.testing.assert_array_equal(sample[1], expected[1])


@pytest.mark.parametrize(
    ("target", "values", "store", "end"),
    [STORED["a mask in tiles"], STORED["a map in tiles"], STORED["a map as .npy"]],
    ids=["mask", "tiff", "npy"],
)
def test_a_wrong_value_beyond_a_tile_does_not_matter_but_one_in_it_is_named(
    tmp_path: Path, target: Any, values: np.ndarray, store: Any, end: str
) -> None:
    wrong = values.copy()
    wrong[290, 230] = 77 if values is IDS else np.inf
    images = manifest_of(tmp_path, wrong, store, end)
    tiled = augseq.tile_manifest(images, (50, 60), overlap=0, progress=False)
    batches = batches_of(tiled, target)
    _, y = batches[0]
    if values is IDS:
        np.testing.assert_array_equal(y[0], IDS[:50, :60])
    named = re.escape(f"maps/a.{end}") + ".* row 290, column 230"
    with pytest.raises(LabelError, match=named):
        batches[len(batches) - 1]
