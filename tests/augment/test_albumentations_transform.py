"""One object of albumentations as an augmentation: draws, copies, threads."""

import copy
import pickle
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import albumentations as A
import numpy as np
import pytest

import augseq
from augseq.augment.albumentations_parts import is_albumentations
from augseq.augment.albumentations_transform import AlbumentationsTransform, _Draws
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.sampling.randomness import Stream, record_rng

SQUARE = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)

FLIPS: dict[str, Callable[[], list[Any]]] = {
    "two elements": lambda: [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)],
    "one Compose": lambda: [A.Compose([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)])],
    "a seeded Compose": lambda: [A.Compose([A.HorizontalFlip(), A.VerticalFlip()], seed=3)],
    "a Sequential": lambda: [A.Sequential([A.HorizontalFlip(), A.VerticalFlip()], p=1)],
    "a Compose inside a Compose": lambda: [
        A.Compose([A.HorizontalFlip(), A.Compose([A.VerticalFlip()])])
    ],
    "two seeded Compose": lambda: [
        A.Compose([A.HorizontalFlip()], seed=3),
        A.Compose([A.VerticalFlip()], seed=3),
    ],
}

TEN_TRANSFORMS: list[Any] = [
    A.RandomResizedCrop((48, 48), scale=(0.3, 1)),
    A.HorizontalFlip(p=0.5),
    A.Affine(rotate=(-30, 30), scale=(0.8, 1.2), p=0.9),
    A.ElasticTransform(p=0.5),
    A.OneOf([A.GaussianBlur(p=1), A.MotionBlur(p=1)], p=0.5),
    A.RandomBrightnessContrast(p=0.8),
    A.ColorJitter(p=0.8),
    A.GaussNoise(p=0.7),
    A.CoarseDropout(p=0.7),
    A.ImageCompression(quality_range=(40, 90), p=0.5),
]


def generators(num_records: int, epoch: int = 0) -> list[np.random.Generator]:
    """Return the generators of the first records."""
    return [record_rng(7, Stream.AUGMENT, epoch=epoch, index=k) for k in range(num_records)]


def chi_square(counts: Counter[Any], num_cells: int) -> float:
    """Compare with equal counts in all cells."""
    expected = counts.total() / num_cells
    assert len(counts) <= num_cells
    return sum((n - expected) ** 2 / expected for n in counts.values()) + expected * (
        num_cells - len(counts)
    )


@pytest.mark.parametrize("kind", FLIPS)
def test_two_flips_fire_independently(kind: str) -> None:
    flips = make_augmentation_list(FLIPS[kind]())
    seen = Counter(tuple(flips(SQUARE, rng).ravel().tolist()) for rng in generators(800))
    # 16.3 is passed once in a thousand by chance (3 degrees of freedom).
    assert chi_square(seen, 4) < 16.3


def test_two_flips_of_a_sequence_fire_independently() -> None:
    images = np.broadcast_to(SQUARE, (400, 2, 2, 1))
    sequence = augseq.ImageSequence.from_arrays(
        images, batch_size=50, augment=[A.HorizontalFlip(), A.VerticalFlip()]
    )
    seen = Counter(
        tuple(image.ravel().tolist()) for k in range(len(sequence)) for image in sequence[k]
    )
    assert chi_square(seen, 4) < 16.3


def test_one_flip_fires_independently_in_two_epochs() -> None:
    flip = AlbumentationsTransform(A.HorizontalFlip())
    fired = [
        [bool(flip(SQUARE, rng)[0, 0, 0]) for rng in generators(800, epoch)] for epoch in (0, 1)
    ]
    assert chi_square(Counter(zip(*fired, strict=True)), 4) < 16.3


@pytest.mark.parametrize("seed", [0, 3, 2**31])
def test_the_seed_of_a_compose_has_no_effect(seed: int) -> None:
    transforms = [A.HorizontalFlip(), A.ColorJitter(p=1), A.GaussNoise(p=1)]
    plain = AlbumentationsTransform(A.Compose(transforms))
    seeded = AlbumentationsTransform(A.Compose(transforms, seed=seed))
    for one, other in zip(generators(10), generators(10), strict=True):
        assert np.array_equal(plain(NOISE, one), seeded(NOISE, other))


def test_later_changes_to_the_original_have_no_effect() -> None:
    original = A.Compose([A.HorizontalFlip(p=1)])
    kept = AlbumentationsTransform(original)
    original.transforms[0].p = 0
    original.transforms.append(A.VerticalFlip(p=1))
    assert np.array_equal(kept(NOISE, np.random.default_rng(0)), NOISE[:, ::-1])


def test_the_original_is_not_changed() -> None:
    original = A.RandomBrightnessContrast(p=1)
    before = original.random_generator.bit_generator.state, original.py_random.getstate()
    AlbumentationsTransform(original)(NOISE, np.random.default_rng(0))
    after = original.random_generator.bit_generator.state, original.py_random.getstate()
    assert before == after
    assert not original.params


def test_all_draws_come_from_the_given_generator() -> None:
    jitter = AlbumentationsTransform(A.Compose([A.ColorJitter(p=1), A.GaussNoise(p=1)]))
    expected = jitter(NOISE, np.random.default_rng(5))
    random.seed(1)
    jitter(NOISE, np.random.default_rng(6))
    assert np.array_equal(jitter(NOISE, np.random.default_rng(5)), expected)
    assert not np.array_equal(jitter(NOISE, np.random.default_rng(6)), expected)


def test_grey_images_keep_their_channel_axis() -> None:
    grey = NOISE[:, :, :1]
    for transform in (A.Affine(rotate=(5, 9), p=1), A.GaussianBlur(p=1), A.Resize(8, 9)):
        result = AlbumentationsTransform(transform)(grey, np.random.default_rng(0))
        assert result.ndim == 3
        assert result.shape[2] == 1


@pytest.mark.parametrize(
    "transform",
    [
        A.RandomCrop(4, 4),
        A.CenterCrop(4, 4),
        A.RandomResizedCrop((4, 4)),
        A.RandomSizedCrop((4, 8), (4, 4)),
        A.Resize(4, 4),
        A.SmallestMaxSize(4),
        A.LongestMaxSize(4),
        A.RandomScale(),
        A.PadIfNeeded(64, 64),
        A.Compose([A.HorizontalFlip(), A.OneOf([A.RandomCrop(4, 4), A.Resize(4, 4)], p=1)]),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_crops_pads_and_resizes_set_the_size(transform: Any) -> None:
    assert AlbumentationsTransform(transform).sets_size


@pytest.mark.parametrize(
    "transform",
    [
        A.HorizontalFlip(),
        A.Affine(),
        A.Rotate(),
        A.ColorJitter(),
        A.CoarseDropout(),
        A.Perspective(),
        A.Compose([A.HorizontalFlip(), A.OneOf([A.Blur(), A.GaussNoise()])]),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_other_transforms_do_not_set_the_size(transform: Any) -> None:
    assert not AlbumentationsTransform(transform).sets_size


@pytest.mark.parametrize(
    ("transform", "size"),
    [
        (A.RandomResizedCrop((4, 5)), (4, 5)),
        (A.RandomSizedCrop((4, 8), (4, 5)), (4, 5)),
        (A.CenterCrop(4, 5), (4, 5)),
        (A.Resize(4, 5), (4, 5)),
        (A.Resize(4, 5, p=0.5), None),
        (A.LongestMaxSize(4), None),
        (A.PadIfNeeded(4, 5), None),
        (A.Compose([A.Resize(4, 5)]), None),
        (A.ColorJitter(), None),
    ],
    ids=lambda part: type(part).__name__,
)
def test_the_result_size_is_known_if_it_is_fixed(transform: Any, size: Any) -> None:
    assert AlbumentationsTransform(transform).result_size == size


class _Brighten(A.ImageOnlyTransform):  # type: ignore[misc]
    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        return np.minimum(img, 245) + np.uint8(10)


def test_users_own_albumentations_transforms_are_recognised() -> None:
    assert is_albumentations(_Brighten())
    assert is_albumentations(A.Compose([]))
    assert not is_albumentations(np.fliplr)
    assert not is_albumentations(random.Random())
    result = AlbumentationsTransform(_Brighten(p=1))(NOISE, np.random.default_rng(0))
    assert np.array_equal(result, np.minimum(NOISE, 245) + 10)


@pytest.mark.parametrize(
    "twin_of", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_gives_the_same_pixels(twin_of: Callable[[Any], Any]) -> None:
    transform = AlbumentationsTransform(A.Compose(TEN_TRANSFORMS))
    transform(NOISE, np.random.default_rng(9))
    twin = twin_of(transform)
    for seed in range(5):
        expected = transform(NOISE, np.random.default_rng(seed))
        assert np.array_equal(twin(NOISE, np.random.default_rng(seed)), expected)


def test_its_repr_is_that_of_the_transform() -> None:
    transform = A.HorizontalFlip(p=0.25)
    assert repr(AlbumentationsTransform(transform)) == repr(transform)
    assert make_augmentation_list([transform]).names == ["HorizontalFlip"]


def ten_transforms_over(samples: augseq.Manifest, workers: int) -> augseq.ImageSequence:
    return augseq.ImageSequence(
        samples,
        image_size=(48, 48),
        batch_size=5,
        augment=TEN_TRANSFORMS,
        shuffle=True,
        workers=workers,
    )


@pytest.fixture(scope="module")
def serial(samples: augseq.Manifest) -> list[bytes]:
    """All batches, one after the other in one thread."""
    sequence = ten_transforms_over(samples, workers=0)
    return [sequence[k][0].tobytes() for k in range(len(sequence))]


@pytest.mark.parametrize("workers", [0, 8])
def test_eight_threads_with_ten_transforms_give_the_same_pixels(
    samples: augseq.Manifest, serial: list[bytes], workers: int
) -> None:
    shared = ten_transforms_over(samples, workers)
    asked = np.random.default_rng(workers).permutation(len(serial)).tolist()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda k: shared[k][0].tobytes(), asked))
    wrong = [k for k, answer in zip(asked, answers, strict=True) if answer != serial[k]]
    assert wrong == []


CROPS = {
    "RandomResizedCrop": A.RandomResizedCrop((12, 14)),
    "RandomResizedCrop with area": A.RandomResizedCrop((5, 6), area_for_downscale="image"),
    "RandomSizedCrop": A.RandomSizedCrop(min_max_height=(5, 20), size=(16, 16)),
    "RandomCrop": A.RandomCrop(9, 11),
    "CenterCrop": A.CenterCrop(9, 11),
    "Resize": A.Resize(11, 9),
}


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_crop_drawn_before_decoding_is_the_crop_of_a_call(name: str, channels: int) -> None:
    augment = make_augmentation_list([CROPS[name], A.HorizontalFlip(), A.GaussNoise(p=1)])
    image = NOISE[:, :, :channels].copy()
    for index in range(50):
        one = record_rng(7, Stream.AUGMENT, epoch=0, index=index)
        other = record_rng(7, Stream.AUGMENT, epoch=0, index=index)
        crop = augment.draw_crop(image.shape, one)
        assert crop is not None
        top, left, height, width = crop.box or (0, 0, 20, 30)
        part = image[top : top + height, left : left + width].copy()
        np.testing.assert_array_equal(augment(part, one, crop), augment(image, other))


@pytest.mark.parametrize(
    "transform",
    [
        A.RandomResizedCrop((12, 14), p=0.5),
        A.RandomCrop(9, 11, pad_if_needed=True),
        A.Compose([A.RandomCrop(9, 11)]),
        A.RandomCropFromBorders(),
        A.HorizontalFlip(),
    ],
)
def test_a_transform_that_needs_the_whole_image_draws_nothing_before_decoding(
    transform: Any,
) -> None:
    rng = record_rng(7, Stream.AUGMENT, epoch=0, index=0)
    before = rng.bit_generator.state["state"]["counter"].tolist()
    assert make_augmentation_list([transform]).draw_crop((20, 30, 3), rng) is None
    assert rng.bit_generator.state["state"]["counter"].tolist() == before


def test_a_crop_larger_than_the_image_is_named_in_the_error() -> None:
    augment = make_augmentation_list([A.RandomCrop(100, 100)])
    rng = record_rng(7, Stream.AUGMENT, epoch=0, index=0)
    with pytest.raises(Exception, match="exceeds image dimensions") as caught:
        augment.draw_crop((20, 30, 3), rng)
    assert "augmentation 1, 'RandomCrop'" in caught.value.__notes__[0]


def test_normal_draws_do_not_depend_on_the_previous_image() -> None:
    """Python's `gauss` makes two numbers at a time and keeps one."""

    class Shift(A.ImageOnlyTransform):
        def apply(self, img: Any, **params: Any) -> Any:
            return np.full_like(img, 128 + 10 * self.py_random.gauss(0, 1))

    transform = AlbumentationsTransform(Shift(p=1))
    first = transform(SQUARE, record_rng(7, Stream.AUGMENT, epoch=0, index=0))
    transform(SQUARE, record_rng(7, Stream.AUGMENT, epoch=0, index=1))
    again = transform(SQUARE, record_rng(7, Stream.AUGMENT, epoch=0, index=0))
    np.testing.assert_array_equal(again, first)


def test_python_draws_are_uniform() -> None:
    draws = _Draws()
    draws.draw_from(record_rng(7, Stream.AUGMENT, epoch=0, index=0))
    counts = np.bincount([draws.randrange(10) for _ in range(10_000)], minlength=10)
    assert ((counts - 1000) ** 2 / 1000).sum() < 27.9  # chi-square, 9 degrees, p = 0.001
    numbers = np.array([draws.random() for _ in range(10_000)])
    assert abs(numbers.mean() - 0.5) < 0.01
    assert 0 <= numbers.min() < numbers.max() < 1
    for bits in (1, 31, 64, 65, 130):
        assert max(draws.getrandbits(bits) for _ in range(64)).bit_length() in (bits, bits - 1)
