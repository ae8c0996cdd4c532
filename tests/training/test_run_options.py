"""Options of a training run are checked when they are made."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augseq
from augseq.augment.augmentation_list import AugmentationList
from augseq.training.runs.run_settings import read_options, read_settings, write_settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"mixed_precision": "False"},
        *({"epochs": value} for value in (0, -1, 1.5, True)),
        *({"early_stopping": value} for value in (0, -1, 1.5)),
        *({"head_epochs": value, "weights": "imagenet"} for value in (-1, 51, 0.5)),
        {"head_epochs": 1},
        *({"color_mode": value} for value in ("gray", "rgba", None)),
        *({"weights": value} for value in ("", None, 3)),
        *({"cache": value} for value in ("", None, True)),
        *({"batch_size": value} for value in (0, 2.0, None)),
        *({"workers": value} for value in (-1, 1.5)),
        *({"image_size": value} for value in ((8, 0), (8,), 8, (8.0, 8), None)),
        *({"seed": value} for value in (-1, 2**64, 1.0, None)),
        *({"val": value} for value in (0, 1, -0.2, 1.5, float("nan"), True, "1")),
        *({"learning_rate": value} for value in (0, -1e-3, float("nan"), True, float("inf"), "1")),
    ],
)
def test_an_invalid_option_is_named_with_its_value(wrong: dict[str, Any]) -> None:
    (name, value), *_ = wrong.items()
    with pytest.raises(augseq.errors.ArgumentError, match=name) as caught:
        augseq.RunOptions(**wrong)
    assert repr(value) in str(caught.value)


def test_an_invalid_augmentation_raises_an_error_immediately() -> None:
    with pytest.raises(augseq.AugseqError, match="3"):
        augseq.RunOptions(augment=[3])


def test_the_defaults_are_valid_and_the_augmentations_are_one_list() -> None:
    options = augseq.RunOptions(val=0.5, learning_rate=1e-3)
    assert isinstance(options.augment, AugmentationList)
    assert (options.epochs, options.batch_size, options.image_size) == (50, 16, (128, 128))


def test_numpy_numbers_are_converted_for_json() -> None:
    options = augseq.RunOptions(
        image_size=(np.int64(8), np.int64(9)),  # type: ignore[arg-type]
        epochs=np.int64(3),  # type: ignore[arg-type]
        learning_rate=np.float32(0.5),  # type: ignore[arg-type]
        val=np.float64(0.25),
        seed=np.uint64(7),  # type: ignore[arg-type]
    )
    numbers = [options.image_size, options.epochs, options.learning_rate, options.val, options.seed]
    assert json.loads(json.dumps(numbers)) == [[8, 9], 3, 0.5, 0.25, 7]


def write_run_settings(
    options: augseq.RunOptions, batches: augseq.ImageSequence, folder: Path
) -> None:
    write_settings(
        options,
        batches.manifest,
        batches.pipeline,
        folder,
        target=augseq.Label(),
        class_names=(),
        backend="jax",
    )


def test_options_survive_the_settings_of_a_run(tmp_path: Path) -> None:
    options = augseq.RunOptions(
        architecture="MobileNetV2",
        weights="local.weights.h5",
        image_size=(8, 9),
        color_mode="grayscale",
        full_depth=True,
        epochs=3,
        head_epochs=2,
        batch_size=5,
        learning_rate=0.5,
        early_stopping=4,
        sampling="balanced",
        mixed_precision=True,
        val=0.3,
        seed=1,
        cache="none",
        workers=0,
        tensorboard=True,
        max_pixels=10**6,
        max_file_bytes=10**7,
        exif_orientation=False,
    )
    folder = Path("sample_images")
    images = augseq.index_folder(folder, progress=False)
    pixels = {
        name: getattr(options, name)
        for name in ("image_size", "color_mode", "full_depth", "max_pixels", "max_file_bytes")
    }
    batches = augseq.ImageSequence(images, exif_orientation=False, **pixels)
    write_run_settings(options, batches, tmp_path)
    assert None not in json.loads((tmp_path / "settings.json").read_text()).values()
    assert read_options(read_settings(tmp_path), augment=[]) == options
    assert options.weights == str(Path("local.weights.h5").absolute())


class Brighter:
    """Has Python's own `repr`, with a memory address."""

    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image + self.by


@dataclass
class Applied:
    function: Callable[[np.ndarray], np.ndarray]

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self.function(image)


def test_settings_describe_augmentations_without_memory_addresses(tmp_path: Path) -> None:
    images = augseq.index_folder("sample_images", progress=False)
    batches = augseq.ImageSequence(images, image_size=(8, 8))
    options = augseq.RunOptions(augment=[Brighter(3), Applied(np.fliplr), Applied(Brighter(5))])
    write_run_settings(options, batches, tmp_path)
    assert json.loads((tmp_path / "settings.json").read_text())["augment"] == [
        "Brighter(by=3)",
        "Applied(function=<function fliplr>)",
        "Applied(function=<tests.training.test_run_options.Brighter object>)",
    ]
