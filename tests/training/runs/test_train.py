"""`train` caches images in memory by itself, and trains a model of one's own."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import augseq


def test_a_model_of_ones_own_is_trained_on_images_cached_in_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        folder = tmp_path / "images" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(rng.integers(0, 256, (300, 400, 3), np.uint8))
        picture.save(folder / f"{number}.jpg", quality=98)
    images = augseq.index_folder(tmp_path / "images", progress=False)
    options = augseq.RunOptions(epochs=2, image_size=(8, 8), batch_size=8, workers=0)
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")], name="mine")
    result = augseq.train(images, tmp_path / "run", options, model=model)
    assert str(result.cache).startswith("0.0 MB in memory, loaded ")

    assert result.model is model
    settings = json.loads((tmp_path / "run" / "settings.json").read_text("utf-8"))
    assert (settings["architecture"], settings["weights"]) == ("mine", "given")
    run = augseq.load_run(tmp_path / "run")
    for variable, other in zip(run.model.weights, model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(variable.value), np.asarray(other.value))
    with pytest.raises(augseq.ArgumentError, match="Its run is complete"):
        augseq.train(images, tmp_path / "run", options, model=model, resume=True)
