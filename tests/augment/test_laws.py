"""Every kind of augmentation keeps the laws, and each law catches an offender."""

import inspect
import random
import threading
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.augment import laws
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.augment.laws import LAWS, Law, check_augmentation
from augseq.types import Image

Rng = np.random.Generator


def _photo(height: int, width: int) -> np.ndarray:
    """Draw smooth colours with an edge and some noise, so that every transform has work to do."""
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.stack([rows * 6, columns * 5, (rows + columns) * 3], axis=2) + 20
    image[height // 3 : height // 2, width // 4 : width // 2] = (240, 60, 10)
    noise = np.random.default_rng(0).integers(0, 20, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


IMAGE = _photo(32, 40)

TRANSFORMS: list[Any] = [
    A.AdditiveNoise(p=1),
    A.AdvancedBlur(p=1),
    A.Affine(rotate=(-40, 40), scale=(0.7, 1.3), shear=(-9, 9), p=1),
    A.AutoContrast(p=0.5),
    A.Blur(p=1),
    A.CLAHE(p=1),
    A.CenterCrop(16, 20, p=1),
    A.ChannelDropout(p=0.7),
    A.ChannelShuffle(p=1),
    A.ChromaticAberration(p=1),
    A.CoarseDropout(p=1),
    A.ColorJitter(p=1),
    A.Crop(2, 2, 20, 20, p=1),
    A.CropAndPad(percent=(-0.2, 0.2), p=1),
    A.D4(p=1),
    A.Defocus(p=1),
    A.Downscale(p=1),
    A.ElasticTransform(p=1),
    A.Emboss(p=1),
    A.Equalize(p=0.5),
    A.Erasing(p=1),
    A.FancyPCA(alpha=0.5, p=1),
    A.GaussNoise(p=1),
    A.GaussianBlur(p=1),
    A.GlassBlur(p=1),
    A.GridDistortion(p=1),
    A.GridDropout(random_offset=True, p=1),
    A.GridElasticDeform(num_grid_xy=(3, 3), magnitude=4, p=1),
    A.HEStain(p=1),
    A.HorizontalFlip(p=0.5),
    A.HueSaturationValue(p=1),
    A.ISONoise(p=1),
    A.Illumination(p=1),
    A.ImageCompression(quality_range=(20, 90), p=1),
    A.InvertImg(p=0.5),
    A.MedianBlur(p=1),
    A.Morphological(p=1),
    A.MotionBlur(p=1),
    A.MultiplicativeNoise(elementwise=True, p=1),
    A.Normalize(p=1),
    A.OpticalDistortion(p=1),
    A.PadIfNeeded(64, 64, position="random", p=1),
    A.Perspective(p=1),
    A.PixelDropout(p=1),
    A.PlanckianJitter(p=1),
    A.PlasmaBrightnessContrast(p=1),
    A.PlasmaShadow(p=1),
    A.Posterize(p=1),
    A.RGBShift(p=1),
    A.RandomBrightnessContrast(p=1),
    A.RandomCrop(16, 16, p=1),
    A.RandomCropFromBorders(p=1),
    A.RandomFog(p=1),
    A.RandomGamma(p=1),
    A.RandomGravel(p=1),
    A.RandomGridShuffle(p=1),
    A.RandomRain(p=1),
    A.RandomResizedCrop((24, 24), p=1),
    A.RandomRotate90(p=1),
    A.RandomScale(scale_limit=0.4, p=1),
    A.RandomShadow(p=1),
    A.RandomSizedCrop((10, 20), (24, 24), p=1),
    A.RandomSnow(p=1),
    A.RandomSunFlare(p=1),
    A.RandomToneCurve(p=1),
    A.Resize(16, 16, p=0.5),
    A.RingingOvershoot(p=1),
    A.Rotate(p=1),
    A.SafeRotate(p=1),
    A.SaltAndPepper(p=1),
    A.Sharpen(p=1),
    A.ShotNoise(p=1),
    A.Solarize(p=1),
    A.Spatter(p=1),
    A.SquareSymmetry(p=1),
    A.Superpixels(n_segments=(4, 9), p=1),
    A.ThinPlateSpline(p=1),
    A.ToFloat(p=1),
    A.ToGray(p=0.5),
    A.ToSepia(p=0.5),
    A.Transpose(p=0.5),
    A.UnsharpMask(p=1),
    A.VerticalFlip(p=0.5),
    A.XYMasking((1, 3), (1, 3), mask_x_length=(3, 9), mask_y_length=(3, 9), p=1),
    A.ZoomBlur(p=1),
]


def some() -> list[Any]:
    """Return transforms that draw much, to be combined."""
    return [A.HorizontalFlip(), A.ColorJitter(p=0.7), A.GaussNoise(p=0.7), A.Rotate(p=0.7)]


def tint(image: Image, rng: Rng) -> Image:
    """Be a function that keeps the contract."""
    return (image / np.float32(255) * rng.uniform(0.5, 1, 3)).astype(np.float32)


class Roll:
    """Be an object that keeps the contract."""

    def __call__(self, image: Image, rng: Rng) -> Image:
        return np.roll(image, rng.integers(20), axis=1)


KINDS: dict[str, Any] = {
    "a transform": A.ColorJitter(p=0.8),
    "Compose": A.Compose(some()),
    "Compose with a seed": A.Compose(some(), seed=5),
    "OneOf": A.OneOf(some(), p=0.9),
    "SomeOf": A.SomeOf(some(), n=2, p=0.9),
    "RandomOrder": A.RandomOrder(some(), n=3, p=1),
    "OneOrOther": A.OneOrOther(A.HorizontalFlip(p=1), A.GaussNoise(p=1)),
    "Sequential": A.Sequential(some(), p=0.9),
    "SelectiveChannelTransform": A.SelectiveChannelTransform(
        [A.GaussNoise(p=1)], channels=(0, 2), p=1
    ),
    "ReplayCompose": A.ReplayCompose(some()),
    "Compose of all": A.Compose([A.OneOf(some(), p=1), A.SomeOf(some(), n=2), A.Compose(some())]),
    "a function": tint,
    "a function that is declared still": augseq.photometric(lambda image, _: image // 2),
    "an object": Roll(),
    "a mixed list": make_augmentation_list([Roll(), *some(), tint, A.Compose(some())]),
    "an empty list": make_augmentation_list([]),
}


# One class runs all transforms of albumentations; below it is tested with all draws and threads.
@pytest.mark.parametrize(
    ("num_draws", "num_threads"),
    [(4, 2), pytest.param(laws._NUM_DRAWS, laws._NUM_THREADS, marks=pytest.mark.long)],
)
@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: type(transform).__name__)
def test_an_albumentations_transform_fulfils_all_laws(
    transform: Any, num_draws: int, num_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(laws, "_NUM_DRAWS", num_draws)
    monkeypatch.setattr(laws, "_NUM_THREADS", num_threads)
    check_augmentation(transform, IMAGE)


def test_every_transform_in_the_table_draws_something() -> None:
    """A transform that changes nothing would keep every law without showing anything."""
    idle = []
    for transform in TRANSFORMS:
        steps = make_augmentation_list([transform])
        results = (steps(IMAGE.copy(), np.random.default_rng(seed)) for seed in range(4))
        if all(np.array_equal(result, IMAGE) for result in results):
            idle.append(type(transform).__name__)
    assert idle == []


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_fulfils_every_law(kind: str, law: Law) -> None:
    law(make_augmentation_list([KINDS[kind]]), IMAGE, 3)


@pytest.mark.parametrize(
    "image",
    [
        IMAGE[:, :, :1],
        IMAGE.astype(np.float32) / 255,
        IMAGE[:, ::-1],
        np.dstack([IMAGE] * 2)[..., :4],
    ],
    ids=["grey", "float32", "a view", "rgba"],
)
def test_the_laws_hold_for_other_images(image: Image) -> None:
    check_augmentation(
        [A.Compose([A.HorizontalFlip(), A.Rotate(p=1), A.GaussNoise(p=1)])][0], image
    )
    check_augmentation(Roll(), image)


class Remembers:
    """Return something different on every other call."""

    def __init__(self) -> None:
        self.num_calls = 0

    def __call__(self, image: Image, rng: Rng) -> Image:
        self.num_calls += 1
        return image if self.num_calls % 2 else 255 - image


class KeepsAGenerator:
    """Draw from its own generator."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __call__(self, image: Image, rng: Rng) -> Image:
        return np.roll(image, self.rng.integers(20), axis=1)


class KeepsItsDraw:
    """Keep what it drew on itself while others run, as albumentations does."""

    def __call__(self, image: Image, rng: Rng) -> Image:
        self.shift = rng.integers(1, 256, dtype=np.uint8)
        threading.Event().wait(0.0002)
        return image + self.shift


class Forgets:
    """Lose what it was made with when it is pickled."""

    def __init__(self, amount: int = 0) -> None:
        self.amount = amount

    def __call__(self, image: Image, rng: Rng) -> Image:
        return image + np.uint8(self.amount)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Forgets, ())


class HoldsALock:
    """Keep something that does not pickle."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __call__(self, image: Image, rng: Rng) -> Image:
        return image


def roll_with_python(image: Image, rng: Rng) -> Image:
    return np.roll(image, random.randrange(20), axis=1)


def roll_with_numpy(image: Image, rng: Rng) -> Image:
    return np.roll(image, np.random.randint(20), axis=1)


def draws_in_vain(image: Image, rng: Rng) -> Image:
    random.random()
    return image


def inverts_in_place(image: Image, rng: Rng) -> Image:
    np.subtract(255, image, out=image)
    return image


def changes_one_pixel_at_times(image: Image, rng: Rng) -> Image:
    if rng.random() < 0.3:
        image[0, 0, 0] ^= 1
    return image.copy()


def _holds_a_generator() -> Any:
    numbers = (k for k in range(3))

    def unchanged(image: Image, _: Rng) -> Image:
        assert numbers
        return image

    return unchanged


class DrawsAnotherCrop(augseq.DetailedAugmentation):
    """Draws a crop before decoding that differs from that of a call."""

    sets_size = True

    def __call__(self, image: Image, rng: Rng) -> Image:
        return image[int(rng.integers(8)) :][:4]

    def draw_crop(self, shape: tuple[int, ...], rng: Rng) -> augseq.Crop:
        box = (int(rng.integers(7)), 0, 4, shape[1])
        return augseq.Crop(box=box, covers=None, finish=lambda image: image)


@augseq.photometric
def mirrors_although_declared_still(image: Image, rng: Rng) -> Image:
    return image[:, ::-1] if rng.random() < 0.5 else image


class MovesTheMaskAlone(augseq.DetailedAugmentation):
    """Says that it can move masks, and does not move the image."""

    reason_against_maps = None

    def __call__(self, image: Image, rng: Rng) -> Image:
        return image

    def vary_with(self, image: Image, maps: Any, rng: Rng, floats: Any) -> Image:
        for moving in maps:
            moving.values = np.roll(moving.values, 15, axis=1)
        return image


@augseq.photometric
def depends_on_pixels_in_its_draws(image: Image, rng: Rng) -> Image:
    # Brighter pixels take more numbers from `rng`, so that all pixels after them differ.
    dark = rng.poisson(image / 20) * 20
    return np.clip(dark, 0, 255).astype(image.dtype)


OFFENDERS: list[tuple[Law, Any]] = [
    (laws.crops_before_decoding_as_in_a_call, DrawsAnotherCrop()),
    (laws.moves_masks_with_the_image, mirrors_although_declared_still),
    (laws.moves_masks_with_the_image, MovesTheMaskAlone()),
    (laws.returns_an_image, lambda *_: None),
    (laws.returns_an_image, lambda image, _: {"image": image}),
    (laws.returns_an_image, lambda image, _: image[:, :, 0]),
    (laws.returns_an_image, lambda image, _: image[:, :, :2]),
    (laws.returns_an_image, lambda image, _: image / 255),
    (laws.returns_an_image, lambda image, _: image.astype(np.int32)),
    (laws.equal_rng_gives_equal_pixels, Remembers()),
    (laws.equal_rng_gives_equal_pixels, KeepsAGenerator()),
    (laws.equal_rng_gives_equal_pixels, roll_with_python),
    (laws.equal_rng_gives_equal_pixels, roll_with_numpy),
    (laws.leaves_its_input_alone, inverts_in_place),
    (laws.leaves_its_input_alone, changes_one_pixel_at_times),
    (laws.uses_no_global_generator, roll_with_python),
    (laws.uses_no_global_generator, roll_with_numpy),
    (laws.uses_no_global_generator, draws_in_vain),
    (laws.threads_may_share_it, KeepsItsDraw()),
    (laws.survives_pickling, HoldsALock()),
    (laws.survives_pickling, Forgets(7)),
    (laws.survives_pickling, _holds_a_generator()),
]


@pytest.mark.parametrize(
    ("law", "offender"),
    OFFENDERS,
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_law_detects_its_offender(law: Law, offender: Any) -> None:
    with pytest.raises(augseq.errors.AugmentationError):
        law(make_augmentation_list([offender]), IMAGE, 0)
    with pytest.raises(augseq.errors.AugmentationError):
        check_augmentation(offender, IMAGE)


def test_noise_that_depends_on_the_pixels_moves_none() -> None:
    check_augmentation(depends_on_pixels_in_its_draws, IMAGE)


def test_each_law_has_an_offender() -> None:
    assert {law for law, _ in OFFENDERS} == set(LAWS)


@pytest.mark.parametrize(
    ("offender", "law"),
    [
        (draws_in_vain, laws.uses_no_global_generator),
        (KeepsItsDraw(), laws.threads_may_share_it),
        (Forgets(7), laws.survives_pickling),
        (changes_one_pixel_at_times, laws.leaves_its_input_alone),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_an_offender_of_one_law_passes_the_other_laws(offender: Any, law: Law) -> None:
    for other in LAWS:
        if other is not law:
            other(make_augmentation_list([offender]), IMAGE, 0)


def test_the_laws_are_all_functions_of_the_module_that_take_an_augmentation() -> None:
    written = [
        value
        for name, value in vars(laws).items()
        if inspect.isfunction(value)
        and not name.startswith("_")
        and value.__module__ == laws.__name__
        and value is not check_augmentation
    ]
    assert list(LAWS) == written
    assert all(law.__doc__ for law in LAWS)


def test_an_invalid_augmentation_raises_an_error_before_any_law() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="write HorizontalFlip"):
        check_augmentation(A.HorizontalFlip)


def test_checking_changes_neither_global_generators_nor_the_image() -> None:
    before = random.getstate(), np.random.get_state(legacy=False), IMAGE.copy()
    check_augmentation(A.Compose(some()), IMAGE)
    assert random.getstate() == before[0]
    np.testing.assert_equal(np.random.get_state(legacy=False), before[1])
    assert np.array_equal(IMAGE, before[2])
