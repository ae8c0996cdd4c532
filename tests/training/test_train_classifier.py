"""`train_classifier` caches images in memory by itself."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.training import train_classifier as module


def test_images_are_cached_in_memory_if_there_are_several_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        folder = tmp_path / "images" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(rng.integers(0, 256, (300, 400, 3), np.uint8))
        picture.save(folder / f"{number}.jpg", quality=98)
    images = augseq.index_folder(tmp_path / "images", progress=False)
    options = {"image_size": (8, 8), "batch_size": 4, "workers": 0, "val": 0.4}
    several = augseq.RunOptions(epochs=2, **options)

    cached = augseq.train_classifier(images, tmp_path / "cached", several)
    assert str(cached.cache).startswith("0.0 MB in memory, loaded ")
    once = augseq.RunOptions(epochs=1, **options)
    assert augseq.train_classifier(images, tmp_path / "once", once).cache is None

    monkeypatch.setattr(module, "choose_memory_cache", lambda plans: None)
    plain = augseq.train_classifier(images, tmp_path / "plain", several)
    assert plain.cache is None
    assert plain.history == cached.history
