"""What a preset promises, whatever is in it."""

from collections import Counter
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
    light, standard, strong = (
        mean_change(preset(name), image, 150) for name in ("light", "standard", "strong")
    )
    assert 0 < 1.2 * light < standard
    assert 1.05 * standard < strong


def test_trivial_applies_one_of_14_operations_equally_often() -> None:
    (step,) = make_augmentation_list(preset("trivial")).details
    assert len(step.transform.transforms) == 14  # type: ignore[attr-defined]
    found: Counter[str] = Counter()
    for seed in range(1400):
        step(RGB, np.random.default_rng(seed))
        (fired,) = step.fired() or ()
        found[fired[0]] += 1
    # Rotation, two shears and two shifts; brightness, contrast and saturation.
    expected = dict.fromkeys(found, 100) | {"Affine": 500, "ColorJitter": 300}
    assert len(found) == 8
    assert all(abs(found[name] - times) < 4 * times**0.5 for name, times in expected.items())


def test_randaugment_applies_n_operations_of_strength_m(sample_images: Path) -> None:
    image = augseq.read_image(sample_images / "leaf" / "leaf_01.jpg", image_size=(48, 48))
    changes = [mean_change(preset("randaugment", m=m), image, 150) for m in (1, 9, 30)]
    assert changes == sorted(changes)
    assert changes[2] > 1.5 * changes[0]
    assert [len(preset("randaugment", n=n)) for n in (1, 2, 5)] == [1, 2, 5]


@pytest.mark.parametrize("options", [{"n": 0}, {"m": -1}, {"m": 31}, {"n": 1.5}])
def test_an_invalid_number_or_strength_raises_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=f"`{next(iter(options))}`"):
        preset("randaugment", **options)


def test_number_and_strength_of_operations_are_refused_where_they_mean_nothing() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"only for the preset.*'trivial', n=3"):
        preset("trivial", n=3)


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_a_preset_works_in_a_sequence(samples: augseq.Manifest, name: str) -> None:
    sequence = augseq.ImageSequence(
        samples, image_size=(24, 24), batch_size=8, augment=preset(name), dtype="uint8"
    )
    assert sequence[0][0].shape == (8, 24, 24, 3)
