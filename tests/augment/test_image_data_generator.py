"""The arguments of Keras' `ImageDataGenerator`, as a list of augmentations."""

import inspect
from typing import Any

import numpy as np
import pytest

import augseq
from tests.augment.old_generator import (
    most_by_place,
    old_class,
    old_pixels,
    without_warnings_of_scipy,
)

# As people write them.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "blog": {"rotation_range": 40, "width_shift_range": 0.2, "height_shift_range": 0.2,
             "shear_range": 0.2, "zoom_range": 0.2, "horizontal_flip": True},
    "only flips": {"horizontal_flip": True, "vertical_flip": True},
    "bright": {"brightness_range": [0.4, 1.7], "horizontal_flip": True},
    "dark": {"brightness_range": (0, 0.5), "rotation_range": 5},
    "brighter": {"brightness_range": (1.0, 1.0)},
    "shifts": {"width_shift_range": [-5, 5], "height_shift_range": 3, "fill_mode": "reflect"},
    "medical": {"rotation_range": 15, "zoom_range": [0.9, 1.1], "fill_mode": "constant",
                "cval": 0.0, "vertical_flip": True},
    "wrapped": {"width_shift_range": 0.5, "fill_mode": "wrap", "shear_range": 20},
    "nearest": {"rotation_range": 90, "interpolation_order": 0, "horizontal_flip": True},
    "nothing": {},
}  # fmt: skip

COLOR_JITTER, SHIFT = "ColorJitter", "RandomBrightnessContrast"


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def picture(seed: int = 0) -> np.ndarray:
    return rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def drawn_by(augment: Any, image: np.ndarray, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a result of the list, and its draws with the names of Keras."""
    batches = augseq.ImageSequence.from_arrays(image[np.newaxis], augment=augment, seed=seed)
    explanation = batches.explain(0, epoch=0)
    drawn: dict[str, Any] = {}
    for stage in explanation.stages:
        for name, found in stage.fired or ():
            if name == "KerasAffine":
                drawn |= found
            elif name == "HorizontalFlip":
                drawn["flip_horizontal"] = True
            elif name == "VerticalFlip":
                drawn["flip_vertical"] = True
            elif name == COLOR_JITTER:
                drawn["brightness"] = found["brightness"]
    return explanation.stages[-1].image, drawn


@pytest.mark.parametrize("options", ARGUMENTS.values(), ids=list(ARGUMENTS))
def test_pixels_are_those_of_keras_for_the_same_draws(options: dict[str, Any]) -> None:
    augment = augseq.image_data_generator(**options)
    results = []
    for seed in range(4):
        found, drawn = drawn_by(augment, picture(seed), seed)
        expected = old_pixels(picture(seed), drawn, **options)
        # Keras rounds once, after the interpolation, or truncates if it changes the brightness.
        factor = max([1, *options.get("brightness_range", [])])
        most = 1 + factor * (1 + most_by_place())
        assert np.abs(found.astype(float) - expected).max() <= most
        results.append(drawn)
    assert len({repr(one) for one in results}) > 1 or options in ({}, ARGUMENTS["brighter"])


@pytest.mark.parametrize("options", ARGUMENTS.values(), ids=list(ARGUMENTS))
def test_the_printed_code_makes_the_same_list(options: dict[str, Any]) -> None:
    augment = augseq.image_data_generator(**options)
    names: dict[str, Any] = {}
    exec(str(augment), names)
    assert [repr(item) for item in names["augment"]] == [repr(item) for item in augment]
    assert max(map(len, str(augment).splitlines())) <= 100


def halved(image: np.ndarray) -> np.ndarray:
    image /= 2
    return image


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"preprocessing_function": halved}, lambda x: x / 2),
        ({"preprocessing_function": lambda x: x[:, ::-1]}, lambda x: x[:, ::-1]),
        ({"samplewise_center": True}, lambda x: x - x.mean()),
        (
            {"samplewise_center": True, "samplewise_std_normalization": True},
            lambda x: (x - x.mean()) / (x.std() + 1e-6),
        ),
        (
            {"preprocessing_function": halved, "samplewise_center": True},
            lambda x: x / 2 - (x / 2).mean(),
        ),
    ],
)
def test_functions_of_an_image_come_last(options: Any, expected: Any) -> None:
    image = picture()
    augment = augseq.image_data_generator(**options)
    batches = augseq.ImageSequence.from_arrays(image[np.newaxis], augment=augment)
    found = batches[0][0]
    assert found.dtype == np.float32
    assert np.allclose(found, expected(image.astype(np.float32)), atol=1e-3)
    old = old_class()(**options).standardize(image.astype(np.float32))
    assert np.allclose(found, old, atol=1e-3)
    names: dict[str, Any] = {"halved": halved}
    exec(str(augment), names | {"preprocessing_function": options.get("preprocessing_function")})
    for item in augment:
        augseq.check_augmentation(item)
        # Also written to run folders, where an address would say nothing.
        assert " at 0x" not in repr(item)


def test_the_list_takes_and_gives_what_a_list_does() -> None:
    import albumentations as A

    augment = augseq.image_data_generator(rotation_range=10, vertical_flip=True)
    assert len(augment) == 2
    assert isinstance(augment[0], augseq.KerasAffine)
    longer = [*augment, A.Blur()]
    batches = augseq.ImageSequence.from_arrays(np.zeros((2, 8, 8, 3), np.uint8), augment=longer)
    assert batches.pipeline.augment.names == ["KerasAffine", "VerticalFlip", "Blur"]


@pytest.mark.parametrize(
    ("options", "name", "words"),
    [
        ({"rescale": 1 / 255}, "rescale", "keras.layers.Rescaling(1 / 255)"),
        ({"rescale": 1.0 / 127.5}, "rescale", "keras.layers.Rescaling(1 / 127.5)"),
        ({"rescale": 2}, "rescale", "keras.layers.Rescaling(2)"),
        ({"featurewise_center": True}, "featurewise_center", "variance=[1.0] * len(found.mean)"),
        (
            {"featurewise_std_normalization": True, "rescale": 1 / 255},
            "featurewise_std_normalization",
            "found = train.statistics()",
        ),
        ({"validation_split": 0.2}, "validation_split", "images.split(val=0.2)"),
        ({"dtype": "float16"}, "dtype", "mixed_float16"),
        ({"dtype": "uint8"}, "dtype", 'ImageSequence(dtype="uint8")'),
    ],
)
def test_an_argument_with_another_place_warns_and_names_it(
    options: dict[str, Any], name: str, words: str
) -> None:
    with pytest.warns(augseq.AugseqWarning, match=f"`{name}` has no effect") as caught:
        augment = augseq.image_data_generator(horizontal_flip=True, **options)
    assert caught[0].filename == __file__
    assert len(augment) == 1
    assert words in " ".join(augment.notes)
    assert "\n".join(line for line in str(augment).splitlines() if line[:1] != "#").strip() == (
        augment.code
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width_shift_range": 0.1, "height_shift_range": 0.3}, "Keras 3 swaps them"),
        ({"zoom_range": 0.1}, "a zoom above 1 shrinks"),
        ({"width_shift_range": 4.0}, "others pixels"),
        ({"shear_range": 0.2}, "0.2 changes almost nothing"),
        ({"rotation_range": 3}, "about their centre"),
        ({"channel_shift_range": 0.1}, "less than one level"),
        ({"preprocessing_function": abs}, "validation sequence too"),
    ],
)
def test_what_differs_is_said(options: dict[str, Any], words: str) -> None:
    augment = augseq.image_data_generator(**options)
    assert words in " ".join(augment.notes)


def test_a_channel_shift_adds_the_same_number_to_all_pixels() -> None:
    augment = augseq.image_data_generator(channel_shift_range=20)
    image = np.full((6, 6, 3), 100, np.uint8)
    batches = augseq.ImageSequence.from_arrays(np.stack([image] * 40), augment=augment)
    values = np.unique(batches[0])
    assert len(values) > 10
    assert 80 <= values.min() < values.max() <= 120


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"zca_whitening": True}, "f(image, rng)"),
        ({"data_format": "channels_first"}, "keras.layers.Permute((3, 1, 2))"),
        ({"rotations_range": 3}, "Did you mean `rotation_range`?"),
        ({"brightness_range": 0.5}, "(low, high)"),
        ({"brightness_range": (1.5, 0.5)}, "(low, high)"),
        ({"channel_shift_range": 300}, "channel_shift_range"),
        ({"preprocessing_function": "vgg16"}, "a function of an image"),
        ({"validation_split": 20}, "validation_split"),
        ({"rescale": "1/255"}, "rescale"),
        ({"fill_mode": "edge"}, "fill_mode"),
    ],
)
def test_an_argument_without_an_equivalent_is_an_error(options: Any, words: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError) as caught:
        augseq.image_data_generator(**options)
    assert words in str(caught.value)


def test_every_argument_of_keras_is_known() -> None:
    # One that only sets a detail of `zca_whitening` is unknown.
    theirs = set(inspect.signature(old_class()).parameters) - {"zca_epsilon"}
    assert theirs == set(inspect.signature(augseq.image_data_generator).parameters)


def test_keras_moves_by_the_height_sideways() -> None:
    # As a note of `image_data_generator` says.
    image = np.zeros((9, 9, 1), np.float32)
    image[4, 4] = 1
    with without_warnings_of_scipy():
        moved = old_class()(height_shift_range=[2]).random_transform(image, seed=0)
    row, column = np.argwhere(moved)[0, :2]
    assert row == 4
    assert abs(column - 4) == 2
