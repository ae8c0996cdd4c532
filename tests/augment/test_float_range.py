"""Float images outside 0 to 1: which transforms take them, and that no other clips them."""

import copy
import inspect
import random
import warnings
from collections.abc import Callable
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.augment.float_range import range_use
from augseq.augment.suitability import reason_against_parts
from tests.augment.test_laws import IMAGE, TRANSFORMS

UNIT = IMAGE.astype(np.float32) / 255
SCALE, SHIFT = 4.7, -2.1

# With those of the laws: all of albumentations that work on an image alone, and some options.
with warnings.catch_warnings():
    # Some names are old.
    warnings.simplefilter("ignore")
    MORE: list[Any] = [
        A.AtLeastOneBBoxRandomCrop(16, 16),
        A.BBoxSafeRandomCrop(),
        A.CoarseDropout(fill=0.5),
        A.CoarseDropout(fill="inpaint_telea"),
        A.CoarseDropout(fill="random_uniform"),
        A.ElasticTransform(interpolation=2),
        A.FrequencyMasking(),
        A.FromFloat(),
        A.GlassBlur(mode="exact"),
        A.GridDropout(fill="inpaint_telea"),
        A.Lambda(image=np.asarray),
        A.LongestMaxSize(20),
        A.Morphological(operation="erosion"),
        A.NoOp(),
        A.Pad(3, fill=0.3),
        A.PiecewiseAffine(),
        A.PixelDropout(drop_value=None),
        A.RandomResizedCrop((40, 50), interpolation=4),
        A.Resize(20, 60, interpolation=2),
        A.Resize(20, 60, interpolation=3),
        A.ShiftScaleRotate(),
        A.SmallestMaxSize(50),
        A.TimeMasking(),
        A.TimeReverse(),
        *(A.ToGray(method=name) for name in ("from_lab", "desaturation", "average", "max", "pca")),
        A.ToRGB(),
    ]


def call(transform: Any, image: np.ndarray, seed: int) -> np.ndarray:
    transform.set_random_state(np.random.default_rng(seed), random.Random(seed))
    result: np.ndarray = transform(image=image.copy())["image"]
    return result


def follows_scale(transform: Any) -> bool:
    """Measure whether `a * image + b` becomes `a * result + b`, except for overwritten pixels."""
    # This one fills its borders with 0, whatever it is asked.
    shift = 0 if isinstance(transform, A.GridElasticDeform) else SHIFT
    image = (UNIT * SCALE + shift).astype(np.float32)
    for seed in range(4):
        try:
            unit, wide = call(transform, UNIT, seed), call(transform, image, seed)
        except ValueError:
            return False
        expected = unit.astype(np.float64) * SCALE + shift
        if wide.dtype != np.float32 or not np.isfinite(wide).all():
            return False
        if np.abs(np.where(wide == unit, 0, wide - expected)).max() > 1e-4:
            return False
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("transform", [*TRANSFORMS, *MORE], ids=lambda part: type(part).__name__)
def test_exactly_the_scale_equivariant_transforms_accept_any_floats(
    transform: Any,
) -> None:
    if reason_against_parts(transform):
        return
    own = copy.deepcopy(transform)
    own.p = 1
    if hasattr(own, "border_mode"):
        # Else the border is a mixture of the image and the value that it is filled with.
        own.border_mode = 4
    if range_use(transform) != "changes":
        assert follows_scale(own) == (range_use(transform) == "keeps")
    else:
        assert type(transform).__name__ in ("Normalize", "Lambda")


def test_the_tables_list_all_transforms_that_need_only_an_image() -> None:
    kinds = {kind for _, kind in inspect.getmembers(A, inspect.isclass)}
    kinds = {kind for kind in kinds if issubclass(kind, A.BasicTransform)}
    bases = {A.BasicTransform, A.ImageOnlyTransform, A.DualTransform, A.Transform3D}
    tested = {type(transform) for transform in (*TRANSFORMS, *MORE)}
    untested = {kind.__name__ for kind in kinds - bases - tested}
    # Raises an error when the list is created: see test_suitability.
    assert untested == {
        *(
            "CenterCrop3D",
            "CoarseDropout3D",
            "ConstrainedCoarseDropout",
            "CropNonEmptyMaskIfExists",
        ),
        *("CubicSymmetry", "FDA", "HistogramMatching", "MaskDropout", "Mosaic", "OverlayElements"),
        *("Pad3D", "PadIfNeeded3D", "PixelDistributionAdaptation", "RandomCrop3D"),
        *("RandomCropNearBBox", "RandomSizedBBoxSafeCrop", "TextImage"),
        *({"ToTensor3D", "ToTensorV2"} & {kind.__name__ for kind in kinds}),
    }


def centred(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (image / np.float32(127.5) - 1).astype(np.float32)


def as_floats(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image.astype(np.float32)


def as_unit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image / np.float32(255)


def lambda_centred(image: np.ndarray, **params: Any) -> np.ndarray:
    return (image / np.float32(127.5) - 1).astype(np.float32)


class OwnContrast(A.RandomBrightnessContrast):  # type: ignore[misc]
    """A user's subclass of a transform that clips."""


class Halve(A.ImageOnlyTransform):  # type: ignore[misc]
    """A transform that a user wrote, which clips nothing."""

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        return img / np.float32(2)


class Widen(A.ImageOnlyTransform):  # type: ignore[misc]
    """A transform that a user wrote, whose result is beyond 0 to 1."""

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        return img.astype(np.float32) * 3


def run(augment: list[Any], image: np.ndarray = IMAGE) -> np.ndarray:
    batches = augseq.ImageSequence.from_arrays(image[None], augment=augment, workers=0)
    result: np.ndarray = batches[0][0]
    return result


CLIPPED: dict[str, tuple[list[Any], np.ndarray, str]] = {
    "a float array of -1 to 1": ([A.GaussNoise(p=1)], UNIT * 2 - 1, "GaussNoise"),
    "a float array of 0 to 255": ([A.ISONoise(p=1)], UNIT * 255, "ISONoise"),
    "a float array above 1 alone": ([A.CLAHE(p=1)], UNIT + 0.2, "CLAHE"),
    "a function before it": ([centred, A.RandomGamma(p=1)], IMAGE, "RandomGamma"),
    "a function that makes floats": ([as_floats, A.Sharpen(p=1)], IMAGE, "Sharpen"),
    "a flip between": ([centred, A.HorizontalFlip(p=1), A.Posterize(p=1)], IMAGE, "Posterize"),
    "a Compose": ([centred, A.Compose([A.Rotate(p=1), A.ToSepia(p=1)])], IMAGE, "ToSepia"),
    "a Compose in a Compose": (
        [A.Compose([A.Lambda(image=lambda_centred), A.Compose([A.Emboss(p=1)])])],
        IMAGE,
        "Emboss",
    ),
    "OneOf": ([centred, A.OneOf([A.FancyPCA(p=1)], p=1)], IMAGE, "FancyPCA"),
    "SomeOf": ([centred, A.SomeOf([A.Blur(p=1), A.UnsharpMask(p=1)], n=2)], IMAGE, "UnsharpMask"),
    "RandomOrder": ([centred, A.RandomOrder([A.RGBShift(p=1)], n=1, p=1)], IMAGE, "RGBShift"),
    "Sequential": ([centred, A.Sequential([A.MedianBlur(p=1)], p=1)], IMAGE, "MedianBlur"),
    "ReplayCompose": ([centred, A.ReplayCompose([A.Downscale(p=1)])], IMAGE, "Downscale"),
    "some channels": (
        [centred, A.SelectiveChannelTransform([A.GaussNoise(p=1)], channels=(0,))],
        IMAGE,
        "GaussNoise",
    ),
    "all channels after some": (
        [as_floats, A.SelectiveChannelTransform([A.ToFloat(p=1), Halve(p=1)]), A.Solarize(p=1)],
        IMAGE,
        "Solarize",
    ),
    "a subclass": ([centred, OwnContrast(p=1)], IMAGE, "OwnContrast"),
    "a transform of one's own before it": ([Widen(p=1), A.ColorJitter(p=1)], IMAGE, "ColorJitter"),
    "a fill": (
        [as_unit, A.Affine(rotate=(20, 30), fill=128, p=1), A.InvertImg(p=1)],
        IMAGE,
        "InvertImg",
    ),
    "a first crop": ([A.CenterCrop(9, 9), A.AutoContrast(p=1)], UNIT * 255, "AutoContrast"),
    "Normalize by chance": (
        [A.OneOf([A.OneOf([A.Normalize(p=1)], p=1)], p=0.5), as_floats, A.PlanckianJitter(p=1)],
        IMAGE,
        "PlanckianJitter",
    ),
}


@pytest.mark.parametrize("kind", CLIPPED)
def test_no_transform_clips_floats_silently(kind: str) -> None:
    augment, image, name = CLIPPED[kind]
    with pytest.raises(augseq.errors.AugmentationError) as caught:
        run(augment, image)
    text = str(caught.value)
    assert f"{name} takes float images from 0 to 1" in text or f"'{name}', takes float" in text
    assert f"Augmentation {len(augment)}, '" in text
    assert "Received: values from " in text
    assert "index 0" in text


def stretched(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    low, high = image.min(), image.max()
    return ((image - low) / np.float32(high - low)).astype(np.float32)


TAKEN: dict[str, list[Any]] = {
    "a flip": [A.HorizontalFlip(p=1)],
    "crops": [A.RandomCrop(20, 20), A.RandomResizedCrop((16, 16)), A.Resize(9, 9)],
    "turns and shifts": [A.Affine(rotate=(-9, 9), p=1), A.Rotate(p=1), A.Perspective(p=1)],
    "distortions": [A.ElasticTransform(p=1), A.GridDistortion(p=1), A.OpticalDistortion(p=1)],
    "dropouts": [A.CoarseDropout(p=1), A.GridDropout(p=1), A.XYMasking((1, 2), (1, 2), 5, 5, p=1)],
    "a Compose": [A.Compose([A.D4(p=1), A.Compose([A.PadIfNeeded(64, 64), A.Transpose(p=1)])])],
    "a choice": [A.OneOf([A.VerticalFlip(p=1), A.RandomRotate90(p=1)], p=1)],
    "some channels": [A.SelectiveChannelTransform([A.Blur(p=1)], channels=(1,), p=1)],
    "a transform of one's own": [Halve(p=1), A.HorizontalFlip(p=1)],
    "a Lambda": [A.Lambda(image=lambda_centred, p=1)],
    "Normalize": [A.Normalize()],
    "back to 0 to 1": [stretched, A.ColorJitter(p=1), A.GaussNoise(p=1)],
    "clipping that never fires": [A.ColorJitter(p=0), A.OneOf([A.ColorJitter(p=1)], p=0)],
}


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize("low_high", [(-2.1, 2.6), (0, 255), (-1, 1)])
def test_transforms_that_keep_the_range_accept_any_floats(
    kind: str, low_high: tuple[float, float]
) -> None:
    low, high = low_high
    image = (stretched(UNIT, np.random.default_rng()) * (high - low) + low).astype(np.float32)
    assert np.isfinite(run(TAKEN[kind], image)).all()


@pytest.mark.parametrize(
    "made",
    [
        lambda steps: [A.ToFloat(), *steps],
        lambda steps: [as_unit, *steps],
        lambda steps: [as_unit, A.Compose(steps)],
        lambda steps: [A.Compose([A.ToFloat(), *steps[:1]]), *steps[1:]],
        lambda steps: [A.Normalize(mean=0, std=1), A.Sequential(steps, p=1)],
    ],
)
@pytest.mark.parametrize("interpolation", [2, 4])
def test_bicubic_overshoot_of_floats_is_not_an_error(
    made: Callable[[list[Any]], list[Any]], interpolation: int
) -> None:
    steps = [A.Resize(90, 70, interpolation=interpolation), A.ColorJitter(p=1)]
    assert run([A.ToFloat(), steps[0]]).max() > 1
    assert run(made(steps)).max() <= 1
    assert run(steps, UNIT).max() <= 1


@pytest.mark.parametrize(
    ("low", "high", "advice"),
    [
        (0, 1.1, r"np\.clip\(image, 0, 1\)"),
        (-0.03, 1.04, r"np\.clip\(image, 0, 1\)"),
        (0, 255, "divide by 255"),
        (0, 40_000, "Divide by the largest possible value"),
        (-1, 1, "Normalize"),
    ],
)
def test_the_advice_depends_on_the_range(low: float, high: float, advice: str) -> None:
    with pytest.raises(augseq.errors.AugmentationError, match=advice):
        run([A.ColorJitter(p=1)], np.linspace(low, high, 48, dtype=np.float32).reshape(4, 4, 3))


@pytest.mark.parametrize(
    "normalization", ["image", "image_per_channel", "min_max", "min_max_per_channel"]
)
@pytest.mark.parametrize("inside", [False, True])
def test_every_kind_of_normalize_accepts_8_bits(normalization: str, inside: bool) -> None:
    steps: list[Any] = [A.Normalize(normalization=normalization), A.HorizontalFlip(p=1)]
    image = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)
    result = run([A.Compose(steps)] if inside else steps, image)
    pixels, axes = image.astype(np.float64), (0, 1) if "per_channel" in normalization else None
    if normalization.startswith("image"):
        expected = (pixels - pixels.mean(axes)) / pixels.std(axes)
    else:
        expected = (pixels - pixels.min(axes)) / (pixels.max(axes) - pixels.min(axes))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected[:, ::-1], atol=1e-3)
