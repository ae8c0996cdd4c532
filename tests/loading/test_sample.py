"""The pipeline: one record becomes one image, and nothing but its arguments matters."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image, ImageOps

import augseq
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.loading.pipeline import Pipeline
from augseq.loading.sample import load_sample
from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.region import WHOLE
from augseq.pixels.source import ArraySource, FileSource
from augseq.sampling.randomness import Stream, record_rng

ROWS = np.random.default_rng(0).integers(0, 256, (5, 12, 20, 3), dtype=np.uint8)


def add_draw(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image + rng.integers(0, 256, dtype=np.uint8)


def scale_to_one(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image.astype(np.float32) / 255


class NotesShapes:
    """Keep the shapes of the images that come by."""

    def __init__(self, *, sets_size: bool) -> None:
        self.sets_size = sets_size
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        self.shapes.append(image.shape)
        return image


def pipeline_of(
    augment: list[Any] | None = None,
    *,
    size: tuple[int, int] | None = (6, 8),
    source: Any = None,
    dtype: Any = "uint8",
) -> Pipeline:
    return Pipeline(
        source=source or ArraySource(ROWS),
        augment=make_augmentation_list(augment),
        resize=size and ResizeOptions(image_size=size),
        dtype=dtype,
    )


def image_of(pipeline: Pipeline, index: int = 2, *, seed: int = 7, epoch: int = 4) -> np.ndarray:
    record = Record(index=index, path=f"x[{index}]")
    sample = load_sample(record, pipeline, seed=seed, epoch=epoch)
    assert sample.record is record
    return sample.image


def first_draw(seed: int, epoch: int, index: int) -> int:
    """Draw by the published rule: Philox, key = seed, counter = (0, 2, epoch, index)."""
    philox = np.random.Philox(key=seed, counter=[0, 2, epoch, index])
    return int(np.random.Generator(philox).integers(0, 256, dtype=np.uint8))


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
@pytest.mark.parametrize("epoch", [0, 1, 10**6])
@pytest.mark.parametrize("index", [0, 1, 4])
def test_the_draws_of_a_record_come_from_seed_epoch_and_index(
    seed: int, epoch: int, index: int
) -> None:
    image = image_of(pipeline_of([add_draw], size=None), index, seed=seed, epoch=epoch)
    assert np.array_equal(image, ROWS[index] + np.uint8(first_draw(seed, epoch, index)))


@pytest.mark.parametrize("changed", ["seed", "epoch", "index"])
def test_a_different_seed_epoch_or_index_gives_different_draws(changed: str) -> None:
    black = pipeline_of(
        [add_draw], size=None, source=ArraySource(np.zeros((64, 1, 1, 1), np.uint8))
    )
    keys = [{"seed": 7, "epoch": 4, "index": 2} | {changed: k} for k in range(64)]
    draws = {int(image_of(black, **key).item()) for key in keys}
    # Of 64 draws among 256 values, 57 differ on average.
    assert len(draws) > 40


def test_a_file_is_decoded_as_by_pillow(samples: augseq.Manifest) -> None:
    source = FileSource(root=samples.root, options=DecodeOptions())
    pipeline = replace(pipeline_of(size=(32, 24), source=source), scaled_decode=False)
    for record in samples[::13]:
        sample = load_sample(record, pipeline, seed=0, epoch=0)
        with Image.open(Path(samples.root) / record.path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            expected = np.asarray(upright.resize((24, 32), Image.Resampling.BILINEAR))
        assert np.array_equal(sample.image, expected)


@pytest.mark.parametrize(
    ("augment", "first"),
    [
        ([], True),
        ([add_draw, A.HorizontalFlip()], True),
        ([A.Affine(), A.RandomCrop(4, 4)], False),
        ([A.Compose([A.OneOf([A.Resize(4, 4)], p=1)])], False),
        ([NotesShapes(sets_size=False)], True),
        ([NotesShapes(sets_size=True)], False),
    ],
)
def test_images_are_resized_first_unless_an_element_sets_the_size(
    augment: list[Any], first: bool
) -> None:
    assert pipeline_of(augment).resizes_first is first
    assert pipeline_of(augment, size=None).resizes_first is False
    assert image_of(pipeline_of(augment)).shape == (6, 8, 3)


def test_an_element_that_sets_the_size_sees_the_whole_image() -> None:
    for sets_size, seen in ((True, (12, 20, 3)), (False, (6, 8, 3))):
        notes = NotesShapes(sets_size=sets_size)
        image_of(pipeline_of([notes]))
        assert notes.shapes == [seen]


def test_a_crop_is_cut_from_the_whole_image_and_then_resized() -> None:
    cropped = image_of(pipeline_of([A.CenterCrop(8, 8, p=1)], size=(4, 4)))
    expected = Image.fromarray(ROWS[2][2:10, 6:14]).resize((4, 4), Image.Resampling.BILINEAR)
    assert np.array_equal(cropped, np.asarray(expected))


def test_a_crop_of_the_right_size_is_not_resized() -> None:
    image = image_of(pipeline_of([A.CenterCrop(6, 8, p=1)]))
    assert np.array_equal(image, ROWS[2][3:9, 6:14])


def test_without_image_size_an_image_keeps_its_size() -> None:
    assert np.array_equal(image_of(pipeline_of(size=None)), ROWS[2])


def test_the_source_is_not_written_to() -> None:
    before = ROWS.copy()

    def blacken(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        image[:] = 0
        return image

    image_of(pipeline_of([blacken], size=None))
    assert np.array_equal(ROWS, before)


def test_floats_raise_an_error_with_dtype_uint8() -> None:
    with pytest.raises(
        augseq.errors.AugmentationError, match='dtype="uint8" requires uint8'
    ) as caught:
        image_of(pipeline_of([scale_to_one]))
    text = str(caught.value)
    assert "Received: float32" in text
    assert "'x[2]' (index 2), epoch 4, seed 7" in text
    assert image_of(pipeline_of([scale_to_one], dtype="float32")).max() <= 1


@pytest.mark.parametrize("dtype", ["float16", "int8", np.uint8, None])
def test_an_unknown_dtype_raises_an_error(dtype: Any) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match="`dtype` must be one of 'float32', 'uint8'"
    ):
        pipeline_of(dtype=dtype)


def test_the_error_for_a_missing_file_names_the_record(tmp_path: Path) -> None:
    source = FileSource(root=str(tmp_path), options=DecodeOptions())
    record = Record(index=17, path="cats/gone.jpg")
    with pytest.raises(augseq.errors.MissingFileError, match=r"'cats/gone\.jpg' \(index 17\)"):
        load_sample(record, pipeline_of(source=source), seed=0, epoch=0)


def test_the_error_for_a_damaged_file_has_record_path_and_index(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    source = FileSource(root=str(tmp_path), options=DecodeOptions())
    with pytest.raises(augseq.errors.DecodeError, match=r"'bad\.png' \(index 3\)") as caught:
        load_sample(Record(index=3, path="bad.png"), pipeline_of(source=source), seed=0, epoch=0)
    assert (caught.value.path, caught.value.index) == ("bad.png", 3)


def photo_folder(folder: Path, size: tuple[int, int] = (300, 200)) -> Path:
    y, x, channel = np.mgrid[0 : size[1], 0 : size[0], 0:3]
    waves = 128 + 90 * np.sin(x / 17) * np.cos(y / (11 + 5 * channel))
    Image.fromarray(waves.astype(np.uint8)).save(folder / "a.jpg", quality=95)
    return folder


@pytest.mark.parametrize(
    "crop", [A.RandomResizedCrop((32, 32)), A.RandomCrop(50, 60), A.CenterCrop(50, 60)]
)
def test_decoding_only_the_crop_gives_the_same_pixels(tmp_path: Path, crop: Any) -> None:
    source = FileSource(root=str(photo_folder(tmp_path)), options=DecodeOptions())
    whole = source.open(Record(index=0, path="a.jpg")).read(WHOLE)
    augment = [crop, A.HorizontalFlip()]
    files = replace(pipeline_of(augment, size=None, source=source), scaled_decode=False)
    rows = pipeline_of(augment, size=None, source=ArraySource(whole[np.newaxis]))
    for epoch in range(20):
        sample = load_sample(Record(index=0, path="a.jpg"), files, seed=7, epoch=epoch)
        np.testing.assert_array_equal(sample.image, image_of(rows, 0, epoch=epoch))


@pytest.mark.parametrize("mode", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(
    "augment", [[], [A.RandomResizedCrop((32, 32), scale=(0.5, 1))], [A.Resize(32, 32)]]
)
def test_scaled_decoding_comes_close_and_keeps_every_size(
    tmp_path: Path, augment: list[Any], mode: Any
) -> None:
    source = FileSource(root=str(photo_folder(tmp_path)), options=DecodeOptions())
    resize = ResizeOptions(image_size=(20, 24), resize_mode=mode)
    scaled = replace(pipeline_of(augment, source=source), resize=resize)
    exact = replace(scaled, scaled_decode=False)
    record = Record(index=0, path="a.jpg")
    for epoch in range(5):
        images = [load_sample(record, p, seed=7, epoch=epoch).image for p in (exact, scaled)]
        assert images[0].shape == images[1].shape
        difference = np.abs(images[0].astype(float) - images[1])
        # Without smoothing beforehand, albumentations' shrinking is the one that is off.
        assert 0 < difference.mean() < 12
    opened = source.open(record)
    assert scaled.region(opened, scaled.draw_crop(opened.shape, rng())).scale(opened.shape) > 1


def rng() -> np.random.Generator:
    return record_rng(7, Stream.AUGMENT, epoch=0, index=0)
