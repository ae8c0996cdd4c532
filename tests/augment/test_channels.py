"""Images of any number of channels: transforms that fail or are wrong are refused or repaired."""

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import albumentations as A
import cv2
import numpy as np
import pytest

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.augment.catalogue import make_transform, transform_names
from augseq.augment.suitability import reason_against_channels
from augseq.errors import ArgumentError

from .test_laws import TRANSFORMS

RNG = np.random.default_rng(0)
# They mix channels on purpose, or draw for each of them.
_DEPENDING = {
    "AdditiveNoise", "ChannelDropout", "ChannelShuffle", "FancyPCA", "GaussNoise", "ShotNoise",
    "PlasmaBrightnessContrast", "Superpixels", "CoarseDropout", "PixelDropout",
    "MultiplicativeNoise", "FromFloat",
}  # fmt: skip
# RGBShift works for two channels by accident. ToSepia returns grey images unchanged.
_EXCEPTIONS = {("RGBShift", 2), ("ToSepia", 1)}
_TESTED = {type(transform).__name__ for transform in TRANSFORMS}
CATALOGUE = [make_transform(name, (32, 32)) for name in transform_names() if name not in _TESTED]


def image(number: int, dtype: str) -> np.ndarray:
    values = RNG.integers(0, 256, (6, 8, number), np.uint8)
    large = np.stack(
        [
            cv2.resize(values[:, :, k], (64, 48), interpolation=cv2.INTER_CUBIC)
            for k in range(number)
        ],
        axis=2,
    )
    return large if dtype == "uint8" else large / np.float32(255)


def call(transform: Any, pixels: np.ndarray) -> np.ndarray:
    own = copy.deepcopy(transform)
    own.p = 1
    own.set_random_state(np.random.default_rng(1), random.Random(1))
    result: np.ndarray = own(image=pixels.copy())["image"]
    return result


def works(transform: Any, pixels: np.ndarray) -> bool:
    """Return whether each channel becomes what it becomes in another place among the others."""
    try:
        result = call(transform, pixels)
    except Exception:
        return False
    if result.ndim != 3 or result.shape[2] != pixels.shape[2] or not np.isfinite(result).all():
        return False
    if type(transform).__name__ in _DEPENDING or pixels.shape[2] in (1, 3):
        return True
    turned = call(transform, np.ascontiguousarray(pixels[:, :, ::-1]))[:, :, ::-1]
    return np.allclose(turned.astype(float), result.astype(float), atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("number", "dtype"), [(1, "uint8"), (2, "uint8"), (3, "uint8"), (5, "float32"), (13, "uint8")]
)
def test_exactly_the_transforms_that_work_are_accepted(number: int, dtype: str) -> None:
    pixels = image(number, dtype)
    wrong = []
    for transform in [*CATALOGUE, *TRANSFORMS]:
        name = type(transform).__name__
        refused = reason_against_channels(transform, number) is not None
        if name == "Normalize":
            assert refused == (transform.normalization == "standard" and number != 3)
        elif refused == works(transform, pixels) and (name, number) not in _EXCEPTIONS:
            wrong.append(repr(transform))
    assert not wrong


REFUSED: dict[str, Callable[[], Any]] = {
    "cannot fill 13 channels": lambda: A.Affine(fill=(1, 2, 3), border_mode=0),
    "Use one number for all": lambda: A.CoarseDropout(fill=(1, 2, 3)),
    "draws one of the numbers": lambda: A.CropAndPad(px=9, fill=(1, 2, 3)),
    "Use a number as fill": lambda: A.GridDropout(fill="inpaint_telea"),
    "as mean, or one for each": lambda: A.Normalize(),
    "as num_bits, or one for each": lambda: A.Posterize(num_bits=[(1, 1), (2, 2), (3, 3)]),
    "is for grey or RGB": lambda: A.Compose([A.OneOf([A.Blur(), A.ToSepia()])]),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_part_or_option_for_three_channels_is_refused(text: str) -> None:
    steps = make_augmentation_list([A.HorizontalFlip(), REFUSED[text]()])
    if "draws" not in text:
        steps.require_channels(3)
    with pytest.raises(ArgumentError, match=rf"^Element 2 of `augment`, .*{text}"):
        steps.require_channels(13)


@pytest.mark.parametrize(
    "transform",
    [
        A.CoarseDropout(fill=tuple(range(13)), p=1),
        A.Affine(rotate=(30, 30), fill=9, border_mode=0, p=1),
        A.Normalize(mean=(0.5,) * 13, std=(0.2,) * 13),
        A.Normalize(normalization="image"),
        A.SelectiveChannelTransform([A.ToSepia(p=1)], channels=(3, 2, 1), p=1),
        A.ColorJitter(p=0),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_works_is_accepted(transform: Any) -> None:
    steps = make_augmentation_list([transform])
    steps.require_channels(13)
    result = steps(image(13, "uint8"), np.random.default_rng(0))
    assert result.shape[2] == 13
    if isinstance(transform, A.Affine):
        # Uncovered corners have the fill in every channel.
        np.testing.assert_array_equal(result[0, 0], [9] * 13)


@pytest.mark.parametrize(
    ("transform", "number", "text"),
    [
        (A.Normalize(), 1, "needs one number as mean, since these images have one channel"),
        (A.Affine(fill=(255, 0, 0)), 1, "cannot fill one channel"),
        (A.Pad(9, fill=(114,)), 3, "cannot fill 3 channels"),
        (A.CoarseDropout(fill=(1, 2)), 3, "cannot fill 3 channels"),
        (A.PixelDropout(drop_value=(1, 2)), 3, "as drop_value, or one for each of the 3"),
        (A.OneOf([A.ToSepia(), A.Blur()]), 1, "for RGB images, but these have one channel"),
    ],
    ids=repr,
)
def test_numbers_for_other_channels_are_refused(transform: Any, number: int, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        make_augmentation_list([transform]).require_channels(number)


@pytest.mark.parametrize("transform", [A.Spatter(p=1), A.CropAndPad(px=9, fill=9, p=1)])
def test_ranges_and_numbers_for_all_channels_are_accepted(transform: Any) -> None:
    make_augmentation_list([transform]).require_channels(3)


def exactly(**options: Any) -> dict[str, Any]:
    return {"p": 1, "interpolation": cv2.INTER_NEAREST, **options}


# Each uncovers or overwrites some pixels of an image of 40 x 40.
FILLING: dict[str, Callable[[Any], Any]] = {
    "Affine": lambda fill: A.Affine(rotate=(30, 30), fill=fill, **exactly()),
    "CenterCrop": lambda fill: A.CenterCrop(60, 60, pad_if_needed=True, fill=fill, p=1),
    "CoarseDropout": lambda fill: A.CoarseDropout(fill=fill, p=1),
    "Crop": lambda fill: A.Crop(0, 0, 60, 60, pad_if_needed=True, fill=fill, p=1),
    "CropAndPad": lambda fill: A.CropAndPad(px=(5, 5, 5, 5), fill=fill, **exactly()),
    "ElasticTransform": lambda fill: A.ElasticTransform(300, 4, fill=fill, **exactly()),
    "Erasing": lambda fill: A.Erasing(fill=fill, p=1),
    "GridDistortion": lambda fill: A.GridDistortion(
        distort_limit=(0.7, 0.7), normalized=False, fill=fill, **exactly()
    ),
    "GridDropout": lambda fill: A.GridDropout(fill=fill, p=1),
    "OpticalDistortion": lambda fill: A.OpticalDistortion((0.9, 0.9), fill=fill, **exactly()),
    "Pad": lambda fill: A.Pad(6, fill=fill, p=1),
    "PadIfNeeded": lambda fill: A.PadIfNeeded(60, 60, fill=fill, p=1),
    "Perspective": lambda fill: A.Perspective(0.3, fit_output=True, fill=fill, **exactly()),
    "PixelDropout": lambda fill: A.PixelDropout(drop_value=fill, p=1),
    "RandomCrop": lambda fill: A.RandomCrop(60, 60, pad_if_needed=True, fill=fill, p=1),
    "Rotate": lambda fill: A.Rotate((45, 45), fill=fill, **exactly()),
    "SafeRotate": lambda fill: A.SafeRotate((45, 45), fill=fill, **exactly()),
    "ThinPlateSpline": lambda fill: A.ThinPlateSpline((0.9, 0.9), fill=fill, **exactly()),
    "XYMasking": lambda fill: A.XYMasking((2, 2), (2, 2), (5, 5), (5, 5), fill=fill, p=1),
}
_ALIKE = ("CropAndPad",)
_OVERWRITING = ("CoarseDropout", "Erasing", "GridDropout", "PixelDropout", "XYMasking")


@pytest.mark.parametrize("name", FILLING)
def test_a_fill_is_the_same_or_its_own_number_in_every_channel(name: str) -> None:
    for number in (1, 2, 3, 4, 5, 8):
        one, each = 114, tuple(range(10, 10 * number + 1, 10))
        takes_each = name not in _ALIKE and (number <= 4 or name in _OVERWRITING)
        for fill in (one, each) if takes_each else (one,):
            steps = make_augmentation_list([FILLING[name](fill)])
            steps.require_channels(number)
            pixels = np.full((40, 40, number), 200, np.uint8)
            result = steps(pixels, np.random.default_rng(3))
            is_filled = (result != 200).any(axis=2)
            assert is_filled.any()
            assert (result[is_filled] == fill).all(), (number, fill)
            # Worker processes fill in the same way, and displays show what was written.
            again = pickle.loads(pickle.dumps(steps))(pixels, np.random.default_rng(3))
            np.testing.assert_array_equal(again, result)
            assert fill != one or "=114" in steps.details[0].settings


def test_floats_are_filled_in_every_channel_too() -> None:
    steps = make_augmentation_list([FILLING["Perspective"](0.25)])
    result = steps(np.full((40, 40, 3), 0.5, np.float32), np.random.default_rng(3))
    assert {tuple(pixel) for pixel in result.reshape(-1, 3)} == {(0.25,) * 3, (0.5,) * 3}


class _OwnFill(A.Perspective):  # type: ignore[misc]
    """A user's transform that reads its own fill."""

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        return np.full_like(img, self.fill + 1)


def test_the_fill_of_a_transform_that_a_user_wrote_stays() -> None:
    steps = make_augmentation_list([_OwnFill(fill=8, p=1)])
    assert (steps(np.zeros((4, 4, 3), np.uint8), np.random.default_rng(0)) == 9).all()
