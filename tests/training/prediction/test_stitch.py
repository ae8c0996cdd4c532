"""Predictions for tiles become predictions for images again."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import augseq
from augseq.errors import ArgumentError

SIZE = (96, 80)


@pytest.fixture(scope="module")
def tiles(sample_images: Path) -> augseq.Manifest:
    images = augseq.index_folder(sample_images, labels=None, progress=False)
    return augseq.tile_manifest(images.select(range(0, 200, 40)), SIZE, overlap=17, pad=True)


def batches_of(tiles: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    return augseq.ImageSequence(tiles, image_size=None, label_mode=None, batch_size=7, **options)


@pytest.mark.parametrize("kind", ["serial", "threads", "processes"])
def test_a_model_that_returns_its_input_restores_each_image_bit_for_bit(
    kind: Any, tiles: augseq.Manifest
) -> None:
    batches = batches_of(tiles, dtype="uint8", worker_kind=kind, workers=2)
    found = dict(augseq.stitch(batches, tiles))
    assert list(found) == list(dict.fromkeys(tiles.column("path")))
    for path, pixels in found.items():
        expected = augseq.read_image(Path(tiles.root, path))
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels, expected)


def test_a_model_of_each_pixel_predicts_as_on_the_whole_image(tiles: augseq.Manifest) -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Rescaling(1 / 255, -0.5)])
    predictions = model.predict(batches_of(tiles), verbose=0)
    for path, values in augseq.stitch(predictions, tiles):
        whole = augseq.read_image(Path(tiles.root, path)).astype(np.float32)
        np.testing.assert_array_equal(values, model.predict(whole[np.newaxis], verbose=0)[0])


def test_only_the_middle_of_a_tile_is_used(tiles: augseq.Manifest) -> None:
    # Pixels at the edges, of which a convolution sees only half of the context, are marked.
    rows = np.zeros((len(tiles), *SIZE), np.int8)
    rows[:, 8:-8, 8:-8] = 1
    for path, values in augseq.stitch(rows, tiles):
        assert values.shape == augseq.read_image(Path(tiles.root, path)).shape[:2]
        assert values[8:-8, 8:-8].all(), path


def test_one_image_is_stitched_at_a_time(tiles: augseq.Manifest) -> None:
    asked = []

    def batches() -> Any:
        for batch in batches_of(tiles, workers=0):
            asked.append(len(batch))
            yield batch

    found = augseq.stitch(batches(), tiles)
    assert not asked
    next(found)
    assert 0 < sum(asked) < len(tiles)


def test_what_does_not_fit_is_refused(tiles: augseq.Manifest) -> None:
    rows = np.zeros((len(tiles), *SIZE, 1), np.float32)
    with pytest.raises(ArgumentError, match=r"each of \d+ tiles\. Received: more"):
        list(augseq.stitch(np.concatenate([rows, rows[:1]]), tiles))
    with pytest.raises(ArgumentError, match=rf"{len(tiles)} tiles\. Received: {len(tiles) - 1}"):
        list(augseq.stitch(rows[1:], tiles))
    with pytest.raises(ArgumentError, match=r"96 x 80 pixels.*Received: shape \(48, 40, 1\)"):
        list(augseq.stitch(rows[:, ::2, ::2], tiles))
    several = [tile.path for tile in tiles]
    missing = next(k for k in range(1, len(tiles)) if several[k] == several[k - 1])
    with pytest.raises(ArgumentError, match="do not cover"):
        augseq.stitch(rows[1:], tiles.select(np.arange(len(tiles)) != missing))
    with pytest.raises(ArgumentError, match="another order"):
        augseq.stitch(rows, tiles.select([*range(1, len(tiles)), 0]))
    images = augseq.index_folder(tiles.root, labels=None, progress=False)
    with pytest.raises(ArgumentError, match="requires a manifest of tiles"):
        augseq.stitch(rows, images)
