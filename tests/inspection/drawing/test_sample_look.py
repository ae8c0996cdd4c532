"""What is drawn of a sample: over, below and beside its image, and in the key."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augseq
from augseq.inspection.drawing.overlays import class_color, overlaid
from augseq.inspection.drawing.sample_look import SampleLook, key_of, look_at
from augseq.loading.targets.view import TargetView
from tests.inspection.scenes import AGE, CLASSES, DEPTH, MASK, TAGGED, scenes

PIXELS = np.arange(2 * 9 * 12 * 3, dtype=np.uint8).reshape(2, 9, 12, 3)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    return scenes(tmp_path_factory.mktemp("scenes"))


def look_of(images: augseq.Manifest, targets: Any, index: int = 1) -> SampleLook:
    sequence = augseq.ImageSequence(images, image_size=None, targets=targets, workers=0)
    sample = sequence.sample(index, epoch=0)
    return look_at(sample.image, sample.targets, sequence.pipeline.targets)


def test_one_mask_is_drawn_over_the_image(images: augseq.Manifest) -> None:
    look = look_of(images, MASK)
    plain = augseq.read_image(Path(images.root) / images[1].path)
    labels = np.rint(plain[:, :, 0] / 80).astype(int)
    colors = {0: "", 1: class_color(1), 2: class_color(2)}
    assert np.array_equal(look.image, overlaid(plain, labels, colors))
    assert not look.beside
    counts = {one.name: one.num_pixels for one in look.classes}
    assert counts == {name: int((labels == k).sum()) for k, name in enumerate(CLASSES)}


def test_a_one_hot_mask_looks_like_one_of_numbers(images: augseq.Manifest) -> None:
    one_hot = augseq.Mask("mask", classes=CLASSES, one_hot=True)
    assert np.array_equal(look_of(images, one_hot).image, look_of(images, MASK).image)


def test_several_masks_are_drawn_below_the_image_in_different_colours(
    images: augseq.Manifest,
) -> None:
    look = look_of(images, {"first": MASK, "second": augseq.Mask("mask", classes=["a", "b", "c"])})
    assert list(look.beside) == ["first", "second"]
    assert not np.array_equal(look.beside["first"].image, look.beside["second"].image)
    colors = [color for _, color in key_of([look]).classes if color]
    assert len(set(colors)) == len(colors) == 5


def test_numbers_and_tags_are_lines_of_text(images: augseq.Manifest) -> None:
    assert look_of(images, AGE).lines == ("age: 2.5",)
    assert look_of(images, {"years": AGE, "seen": TAGGED}).lines == ("years: 2.5", "seen: day")
    assert look_of(images, TAGGED, index=0).lines == ("tags: no label",)


def test_value_maps_and_images_are_below_the_image(images: augseq.Manifest) -> None:
    look = look_of(images, {"far": DEPTH, "same": augseq.InputImage(), "mask": MASK})
    assert list(look.beside) == ["far", "same"]
    plain = augseq.read_image(Path(images.root) / images[1].path)
    depth = plain[:, :, 1] / 2
    key = key_of([look])
    assert key.ranges == {"far": (depth.min(), depth.max())}
    assert np.array_equal(key.pictures(look)["same"], plain)


@pytest.mark.parametrize(
    ("y", "line"),
    [
        (np.array([3, 4]), "4"),
        (np.array([[0, 1], [1, 0]]), "0"),
        (np.array([[0.5], [-1e-9]], np.float32), "-1e-09"),
        (np.array([True, False]), "0"),
        (np.array([[1.5, 2], [3, 4]]), "3, 4"),
        (np.arange(200.0).reshape(2, 100), "100, 101, 102, 103, 104, 105 and 94 more"),
        (np.arange(20.0).reshape(2, 5, 2), "10, 11, 12, 13, 14, 15 and 4 more"),
        (np.array([0.1, 1e20], np.float32), "1e+20"),
        (np.array([2, 1234567]), "1234567"),
        (np.array([[2.25], [np.nan]], np.float32), "nan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_of_arrays_are_short_text(y: np.ndarray, line: str) -> None:
    batches = augseq.ImageSequence.from_arrays(PIXELS, y, workers=0)
    sample = batches.sample(1, epoch=0)
    look = look_at(sample.image, sample.targets, batches.pipeline.targets)
    assert look.lines == (line,)
    assert look.image is sample.image


def test_arrays_with_a_number_for_each_pixel_are_maps() -> None:
    y = {
        "mask": np.arange(2 * 9 * 12).reshape(2, 9, 12) % 4,
        "depth": np.linspace(1, 3, 2 * 9 * 12, dtype=np.float32).reshape(2, 9, 12, 1),
        "clean": PIXELS,
    }
    batches = augseq.ImageSequence.from_arrays(PIXELS, y, workers=0)
    sample = batches.sample(0, epoch=0)
    look = look_at(sample.image, sample.targets, batches.pipeline.targets)
    assert list(look.beside) == ["depth", "clean"]
    assert [one.name for one in look.classes] == ["0", "1", "2", "3"]
    assert key_of([look]).ranges["depth"][0] == 1


def test_a_key_of_many_classes_has_those_that_occur_and_counts_the_rest(
    images: augseq.Manifest,
) -> None:
    many = augseq.Mask("mask", classes=[f"class {k}" for k in range(150)])
    labels = np.full((9, 12), 140)
    labels[0, :3], labels[1, 0] = 7, 255
    targets = augseq.ImageSequence(images, targets=many, workers=0).pipeline.targets
    key = key_of([look_at(PIXELS[0], {"target": labels}, targets)])
    assert [name for name, _ in key.classes] == ["class 7", "class 140"]
    assert key.num_more == 148
    assert key.unknown == ("ignored",)


def test_samples_share_one_scale() -> None:
    looks = [
        SampleLook(image=PIXELS[0], beside={"far": TargetView(values=np.array(values, np.float32))})
        for values in ([[1.0, 2.0]], [[np.nan, 7.0]], [[np.nan, np.nan]])
    ]
    key = key_of(looks)
    assert key.ranges == {"far": (1.0, 7.0)}
    assert np.array_equal(key.pictures(looks[0])["far"][0, 0], [68, 1, 84])
    assert np.array_equal(key.pictures(looks[1])["far"][0, 1], [253, 231, 36])


@pytest.mark.parametrize(
    ("options", "is_marked"),
    [
        ({"missing": 0}, True),
        ({"missing": 0, "fill": -1}, True),
        ({"missing": float("nan"), "fill": float("nan")}, True),
        ({"fill": -1}, False),
        ({}, False),
    ],
)
def test_pixels_without_a_value_are_striped(
    tmp_path: Path, options: dict[str, Any], is_marked: bool
) -> None:
    images = scenes(tmp_path, count=1)
    values = np.ones((24, 32), np.float32)
    values[:4] = options.get("missing", 0)
    np.save(tmp_path / "depth" / "0.npy", values)
    images = images.with_column("far", pattern="../depth/{stem}.npy")
    look = look_of(images, augseq.ValueMap("far", **options), index=0)
    assert np.isnan(look.beside["far"].values).any() == is_marked
    assert key_of([look]).unknown == (("no value",) if is_marked else ())
