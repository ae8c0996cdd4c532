"""`train_classifier` caches images in memory by itself."""

from pathlib import Path

import numpy as np
from PIL import Image

import augseq


def test_images_are_cached_in_memory_if_there_are_several_epochs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        folder = tmp_path / "images" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(rng.integers(0, 256, (300, 400, 3), np.uint8))
        picture.save(folder / f"{number}.jpg", quality=98)
    images = augseq.index_folder(tmp_path / "images", progress=False)
    options = augseq.RunOptions(epochs=2, image_size=(8, 8), batch_size=8, workers=0)
    result = augseq.train_classifier(images, tmp_path / "run", options)
    assert str(result.cache).startswith("0.0 MB in memory, loaded ")
