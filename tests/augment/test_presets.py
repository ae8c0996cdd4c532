"""What a preset promises, whatever is in it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augseq
from augseq.augment.albumentations_transform import AlbumentationsTransform
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.augment.laws import check_augmentation
from augseq.augment.presets import PRESET_NAMES, preset
from augseq.types import Image

RGB = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
IMAGES = {
    "uint8 rgb": RGB,
    "uint8 grey": RGB[:, :, :1].copy(),
    "float32 rgb": RGB.astype(np.float32) / 255,
    "float32 grey": RGB[:, :, :1].astype(np.float32) / 255,
}


def mean_change(transforms: list[Any], image: Image, num_draws: int) -> float:
    """Return by how much pixels change on average."""
    steps = make_augmentation_list(transforms)
    changes = [
        np.abs(steps(image, np.random.default_rng(seed)).astype(float) - image).mean()
        for seed in range(num_draws)
    ]
    return float(np.mean(changes))


@pytest.mark.parametrize("name", ["", "Light", "heavy", None])
def test_an_unknown_name_raises_an_error_that_lists_the_known_ones(name: Any) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match="'light', 'standard', 'strong'"
    ) as caught:
        preset(name)
    assert f"name={name!r}" in str(caught.value)


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_each_call_returns_a_new_list_of_new_transforms(name: str) -> None:
    first, second = preset(name), preset(name)
    assert isinstance(first, list)
    assert first is not second
    assert not {id(transform) for transform in first} & {id(transform) for transform in second}
    assert repr(first) == repr(second)


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_preset_fulfils_all_laws(name: str, kind: str) -> None:
    check_augmentation(make_augmentation_list(preset(name)), IMAGES[kind])


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_preset_keeps_size_dtype_and_range(name: str, kind: str) -> None:
    image = IMAGES[kind]
    steps = make_augmentation_list(preset(name))
    for seed in range(20):
        result = steps(image, np.random.default_rng(seed))
        assert (result.shape, result.dtype) == (image.shape, image.dtype)
        assert np.isfinite(result).all()
        assert result.min() >= 0
        assert result.max() <= (255 if image.dtype == np.uint8 else 1)


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_no_element_of_a_preset_sets_the_size(name: str) -> None:
    assert [t for t in preset(name) if AlbumentationsTransform(t).sets_size] == []


def test_a_stronger_preset_changes_pixels_more(sample_images: Path) -> None:
    image = augseq.read_image(sample_images / "leaf" / "leaf_01.jpg", image_size=(48, 48))
    light, standard, strong = (mean_change(preset(name), image, 150) for name in PRESET_NAMES)
    assert 0 < 1.2 * light < standard
    assert 1.05 * standard < strong


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_preset_works_in_a_sequence(samples: augseq.Manifest, name: str) -> None:
    sequence = augseq.ImageSequence(
        samples, image_size=(24, 24), batch_size=8, augment=preset(name), dtype="uint8"
    )
    assert sequence[0][0].shape == (8, 24, 24, 3)
