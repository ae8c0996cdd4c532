"""Large JPEG files are decoded at a smaller scale by default, everywhere and by every decoder."""

import tracemalloc
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.errors import DecodeError
from augseq.pixels import native
from augseq.pixels.decode import open_image
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import Region
from tests.pixels.conftest import encoded, photo
from tests.pixels.odd_files.kinds import (
    colours,
    elsewhere,
    frames,
    harmless,
    turned,
    whole,
)

SIZE = (30, 40)


def by_pillow(path: Path, size: tuple[int, int], scale: int) -> np.ndarray:
    """Return what Pillow gives for a JPEG file decoded at a scale and then resized."""
    picture = Image.open(path)
    if scale > 1:
        picture.draft("RGB", (picture.width // scale, picture.height // scale))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))


def test_of_a_jpeg_only_the_window_of_a_crop_or_tile_is_decoded(tmp_path: Path) -> None:
    if not native.decodes_jpeg():
        pytest.skip("the compiled decoder is not installed")
    photo(1200, 1600).save(tmp_path / "photo.jpg")
    images = augseq.index_folder(tmp_path, labels=None, progress=False)
    options: Any = {"label_mode": None, "dtype": "uint8", "workers": 0}
    crops = augseq.ImageSequence(
        images, image_size=(64, 64), augment=[A.RandomCrop(64, 64)], **options
    )
    tiles = augseq.tile_manifest(images, (64, 64), overlap=8).select(range(40, 48))
    for batches in (crops, augseq.ImageSequence(tiles, image_size=None, **options)):
        batches.batch(0)
        tracemalloc.start()
        batches.batch(0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1200 * 1600 * 3 / 4


@pytest.mark.parametrize(
    ("height", "width", "scale"),
    [
        # Less than twice, exactly, more; each axis decides; up to an eighth.
        (30, 40, 1),
        (59, 90, 1),
        (60, 80, 2),
        (60, 79, 1),
        (119, 1000, 2),
        (120, 160, 4),
        (241, 330, 8),
        (1000, 1000, 8),
        (29, 400, 1),
        (60, 30, 1),
        (480, 640, 8),
    ],
)
def test_the_scale_still_covers_the_size_in_training_and_in_read_image(
    height: int, width: int, scale: int, tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    photo(height, width).save(path)
    image = augseq.read_image(path, image_size=SIZE)
    np.testing.assert_array_equal(image, by_pillow(path, SIZE, scale))
    images = augseq.index_folder(tmp_path, labels=None, progress=False)
    options: dict[str, Any] = {"image_size": SIZE, "label_mode": None, "workers": 0}
    np.testing.assert_array_equal(augseq.ImageSequence(images, **options)[0][0], image)
    exact = augseq.read_image(path, image_size=SIZE, scaled_decode=False)
    np.testing.assert_array_equal(exact, by_pillow(path, SIZE, 1))
    batch = augseq.ImageSequence(images, scaled_decode=False, **options)[0]
    np.testing.assert_array_equal(batch[0], exact)


@pytest.mark.skipif(not native.decodes_jpeg(), reason="compares with the compiled decoder")
@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
def test_no_pixel_depends_on_the_decoder_that_ran(
    color_mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        file.data
        for generate in (whole, turned, colours, frames, elsewhere, harmless)
        for file in generate()
        if file.data.startswith(b"\xff\xd8\xff")
    ]
    files += [
        encoded(photo(48, 64), "JPEG", subsampling=number % 3, progressive=number > 3)
        for number in range(6)
    ]
    options = DecodeOptions(color_mode=color_mode)

    def decoded() -> list[np.ndarray | str]:
        found: list[np.ndarray | str] = []
        for data in files:
            try:
                image = open_image(data, options)
                height, width = image.shape[:2]
                found.append(image.read(Region(covers=(height // 3, width // 2))))
                box = (1, 3, height - 3, width - 5)
                found.append(image.read(Region(box=box, covers=(height // 9, width // 9))))
            except DecodeError as error:
                found.append(str(error))
        return found

    images = decoded()
    assert sum(not isinstance(image, str) for image in images) > 60
    monkeypatch.setattr(native, "module", None)
    for image, other in zip(images, decoded(), strict=True):
        np.testing.assert_array_equal(image, other)
