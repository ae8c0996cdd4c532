"""A folder of images, and caches of them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augseq.manifest.record import Record
from augseq.pixels.cache.image_cache import ImageCache
from augseq.pixels.cache.source import CachedSource, make_source
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.region import WHOLE, Region
from augseq.pixels.resize import resize_image
from tests.pixels.conftest import encoded, photo

RECORDS = [Record(index=index, path=f"{index}.png") for index in range(12)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of twelve images, of 3 to 14 kB as pixels."""
    folder = tmp_path / "images"
    folder.mkdir()
    for record in RECORDS:
        (folder / record.path).write_bytes(encoded(photo(30 + 3 * record.index, 40), "PNG"))
    return folder


def cached(
    root: Path, folder: Any, *, resize: ResizeOptions | None = None, **options: Any
) -> CachedSource:
    """Return a source with a cache, as a sequence makes it."""
    choice = ImageCache(folder=folder, **options)
    source = make_source(str(root), DecodeOptions(), choice, scaled_decode=False, resize=resize)
    assert isinstance(source, CachedSource)
    return source


def pixels(source: Any) -> list[np.ndarray]:
    """Return the images of all records as samples start from them: whole, or resized."""
    resize = getattr(source, "resize", None)
    region = WHOLE if resize is None else Region(resize=resize)
    return [source.open(record).read(region) for record in RECORDS]


def check_pixels(root: Path, source: Any) -> None:
    """Compare all images with those that are decoded without a cache."""
    plain = make_source(str(root), DecodeOptions(), None, scaled_decode=False)
    for image, whole in zip(pixels(source), pixels(plain), strict=True):
        expected = whole if source.resize is None else resize_image(whole, source.resize)
        np.testing.assert_array_equal(image, expected)


def entries(folder: Path) -> list[Path]:
    """Return the files of a cache that hold images."""
    return sorted(path for path in folder.glob("pixels-*/*/*"))


def leftovers(folder: Path) -> list[str]:
    """Return the files in a cache that are neither images nor counts."""
    names = {path.name for path in folder.iterdir()}
    return sorted(name for name in names if name != "tally" and not name.startswith("pixels-"))


def num_bytes(folder: Path) -> int:
    """Return the total size of the images in a cache."""
    return sum(os.path.getsize(path) for path in entries(folder))
