"""Previews equal the samples of the run."""

from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.inspection.explorer.choices import Choices, items_of
from augseq.inspection.explorer.preview import MOST_SIDE_PX, Preview, Timing
from tests.inspection.scenes import AGE, DEPTH, MASK, scenes


def invert(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image if rng.random() < 0.5 else 255 - image


MODES = ("same", "geometry", "own")
MIXED = [
    A.HorizontalFlip(),
    invert,
    A.OneOf([A.GaussNoise(), A.Rotate()], p=0.7),
    A.CoarseDropout(p=0.8),
]
CROPS = [A.RandomResizedCrop((40, 48), scale=(0.3, 0.8)), A.ColorJitter(p=0.9), invert]


@pytest.mark.parametrize(
    ("augment", "options"),
    [
        (MIXED, {}),
        (MIXED, {"resize_mode": "crop", "interpolation": "lanczos3", "dtype": "uint8"}),
        (MIXED, {"color_mode": "grayscale"}),
        (MIXED, {"image_size": None}),
        (CROPS, {}),
        ([A.Blur(p=1), *CROPS], {}),
        ([], {"cache": "memory"}),
    ],
)
def test_the_pixels_of_an_untouched_list_are_those_of_the_sequence(
    samples: augseq.Manifest, augment: list[Any], options: dict[str, Any]
) -> None:
    sequence = augseq.ImageSequence(
        samples, **{"image_size": (48, 56), "seed": 11, "augment": augment, **options}
    )
    preview, choices = Preview(sequence.pipeline), Choices(items_of(sequence.pipeline.augment))
    for record in samples.records([0, 77, 199]):
        for epoch in (0, 3, 2**40):
            image = preview.sample(record, choices.augment, seed=11, epoch=epoch).image
            expected = sequence.sample(epoch=epoch, index=record.index).image
            np.testing.assert_array_equal(image, expected)
            assert image.dtype == expected.dtype
            assert not preview.is_shrunk(record, choices.augment)


def test_the_pixels_of_a_moved_list_are_those_of_a_sequence_with_its_code(
    samples: augseq.Manifest,
) -> None:
    choices = Choices([A.HorizontalFlip(), A.RandomResizedCrop((48, 48)), A.Rotate(p=1), invert])
    preview = Preview(augseq.ImageSequence(samples, image_size=(48, 48)).pipeline)
    choices.move(1, "scale", (0.1, 0.4))
    choices.move(2, "limit", (20, 30))
    choices.switch(0, False)
    augment = eval(choices.code.removeprefix("augment="), {"A": A, "invert": invert})
    sequence = augseq.ImageSequence(samples, image_size=(48, 48), seed=5, augment=augment)
    image = preview.sample(samples[9], choices.augment, seed=5, epoch=1).image
    np.testing.assert_array_equal(image, sequence.sample(epoch=1, index=9).image)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """A drawn photo of 12 megapixels."""
    folder = tmp_path_factory.mktemp("large")
    patches = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    drawn = Image.fromarray(patches).resize((4000, 3000), Image.Resampling.BILINEAR)
    drawn.save(folder / "large.jpg", quality=85)
    return augseq.index_folder(folder, labels=None, progress=False)


def test_a_large_image_is_resized_once_to_the_pixels_of_the_sequence(
    large: augseq.Manifest,
) -> None:
    sequence = augseq.ImageSequence(
        large, image_size=(64, 64), label_mode=None, augment=MIXED, seed=2
    )
    preview = Preview(sequence.pipeline)
    expected = [sequence.sample(epoch=epoch, index=0).image for epoch in range(2)]
    record, augment = large[0], sequence.pipeline.augment
    first = preview.sample(record, augment, seed=2, epoch=0).image
    path = Path(large.root) / record.path
    data = path.read_bytes()
    path.unlink()
    try:
        second = preview.sample(record, augment, seed=2, epoch=1).image
    finally:
        path.write_bytes(data)
    np.testing.assert_array_equal(first, expected[0])
    np.testing.assert_array_equal(second, expected[1])


def test_a_list_that_sets_the_size_starts_from_a_shrunk_image(large: augseq.Manifest) -> None:
    sizes = []

    def measure(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sizes.append(image.shape)
        return image

    augment = Choices([measure, A.RandomResizedCrop((64, 64))]).augment
    preview = Preview(augseq.ImageSequence(large, image_size=(64, 64), label_mode=None).pipeline)
    image = preview.sample(large[0], augment, seed=0, epoch=0).image
    assert preview.is_shrunk(large[0], augment)
    assert sizes == [(768, MOST_SIDE_PX, 3)]
    assert image.shape == (64, 64, 3)
    assert not preview.is_shrunk(large[0], Choices([invert]).augment)


def test_a_step_cannot_spoil_the_image_that_is_held(samples: augseq.Manifest) -> None:
    def blacken(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        image[:] = 0
        return image

    sequence = augseq.ImageSequence(samples, image_size=None)
    preview = Preview(sequence.pipeline)
    preview.sample(samples[3], Choices([blacken]).augment, seed=0, epoch=0)
    after = preview.sample(samples[3], Choices([]).augment, seed=0, epoch=0).image
    np.testing.assert_array_equal(after, sequence.sample(epoch=0, index=3).image)


def test_the_time_of_each_step_excludes_the_slowest_image() -> None:
    timing = Timing()
    timing.seconds[1] += [0.5, 0.002, 0.004]
    timing.seconds[3] += [0.001]
    assert timing.mean_ms() == pytest.approx({1: 3, 3: 1})


def test_crops_are_timed_as_well(samples: augseq.Manifest) -> None:
    preview = Preview(augseq.ImageSequence(samples, image_size=(48, 48)).pipeline)
    timing = Timing()
    for epoch in range(4):
        preview.sample(samples[0], Choices(CROPS).augment, seed=0, epoch=epoch, timing=timing)
    assert set(timing.mean_ms()) == {1, 2, 3}
    assert all(0 < value < 10_000 for value in timing.mean_ms().values())


@pytest.mark.parametrize(
    ("augment", "options"),
    [
        ([A.HorizontalFlip(), A.Rotate(p=1), A.GaussNoise()], {"image_size": (20, 28)}),
        ([A.HorizontalFlip(), A.Rotate(p=1)], {"image_size": (20, 20), "resize_mode": "pad"}),
        ([A.HorizontalFlip(), A.D4(p=1)], {"image_size": None}),
        ([A.RandomResizedCrop((16, 12), scale=(0.2, 0.6)), A.Rotate(p=1)], {"image_size": (9, 9)}),
        ([A.Rotate(p=1), A.RandomCrop(9, 9)], {"image_size": (18, 18)}),
        ([A.HorizontalFlip()], {"image_size": (20, 28), "cache": "cached"}),
    ],
)
def test_the_targets_of_an_untouched_list_are_those_of_the_sequence(
    tmp_path: Path,
    augment: list[Any],
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    images = scenes(tmp_path / "scenes")
    clean = augseq.InputImage(clean=True)
    sequence = augseq.ImageSequence(
        images, targets={"mask": MASK, "depth": DEPTH, "clean": clean, "age": AGE},
        augment=augment, seed=3, workers=0, **options,
    )  # fmt: skip
    preview, choices = Preview(sequence.pipeline), Choices(items_of(sequence.pipeline.augment))
    for epoch in (0, 1, 0):
        sample = preview.sample(images[1], choices.augment, seed=3, epoch=epoch)
        expected = sequence.sample(1, epoch=epoch)
        np.testing.assert_array_equal(sample.image, expected.image)
        for name, values in expected.targets.items():
            np.testing.assert_array_equal(sample.targets[name], values)


@pytest.mark.parametrize(
    ("augment", "options"),
    [
        ([A.HorizontalFlip(), A.Rotate(p=1), A.GaussNoise()], {"image_size": (20, 28)}),
        (
            [A.RandomResizedCrop((16, 12), scale=(0.2, 0.6)), A.ColorJitter(p=1)],
            {"image_size": None},
        ),
    ],
)
def test_further_inputs_of_an_untouched_list_are_those_of_the_sequence(
    tmp_path: Path, augment: list[Any], options: dict[str, Any]
) -> None:
    images = scenes(tmp_path)
    images = images.with_column("next", images.column("path")[::-1])
    kinds: Any = {mode: augseq.PairedImage("next", augment=mode) for mode in MODES}
    # With the list, and with a list that was emptied in the panel.
    listed, plain = (
        augseq.ImageSequence(
            images, augment=steps, seed=3, workers=0, **options,
            inputs={**kinds, "mask": MASK, "age": AGE},
            targets={"again": augseq.PairedImage("path", augment="own"), "depth": DEPTH},
        )
        for steps in (augment, [])
    )  # fmt: skip
    preview = Preview(listed.pipeline)
    for sequence, epoch in ((listed, 0), (plain, 0), (listed, 1), (listed, 0)):
        steps = Choices(items_of(sequence.pipeline.augment)).augment
        sample = preview.sample(images[1], steps, seed=3, epoch=epoch)
        expected = sequence.sample(1, epoch=epoch)
        for shown, wanted in ((sample.inputs, expected.inputs), (sample.targets, expected.targets)):
            assert shown.keys() == wanted.keys()
            for name, values in wanted.items():
                np.testing.assert_array_equal(shown[name], values, name)


def test_maps_shrink_with_a_large_image(tmp_path: Path) -> None:
    images = scenes(tmp_path, size=(60, 3 * MOST_SIDE_PX), count=1)
    sequence = augseq.ImageSequence(
        images, image_size=(10, 400), targets={"mask": MASK, "depth": DEPTH},
        augment=[A.RandomCrop(10, 400)], workers=0,
    )  # fmt: skip
    choices = Choices(items_of(sequence.pipeline.augment))
    sample = Preview(sequence.pipeline).sample(images[0], choices.augment, seed=0, epoch=0)
    is_same = np.abs(sample.targets["mask"] * 80 - sample.image[:, :, 0]) < 20
    assert is_same.mean() > 0.95
    depth = sample.targets["depth"][:, :, 0] * 2
    assert np.abs(depth - sample.image[:, :, 1]).mean() < 2
