"""Boxes and key points of a sequence move with its images: augmented, cropped first, cached."""

from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, LabelError
from tests.loading.targets.detection_scenes import HEIGHT, WIDTH, batch_of, scene

BOX = [10, 5, 30, 20]
SQUARE = [[20, 10], [30, 20], [20, 30], [10, 20]]


def painted(box: Any, size: tuple[int, int]) -> np.ndarray:
    """Return a dark image with a bright box."""
    pixels = np.full((*size, 3), 10, np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = 240
    return pixels


def bounds(image: np.ndarray) -> list[float]:
    """Return left, top, right and bottom of the bright pixels of an image."""
    rows, columns = np.nonzero(image[:, :, 0] > 125)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


# A list that begins with a crop decodes only that; one without a crop gets a resized image.
LISTS: dict[str, list[Any]] = {
    "nothing": [],
    "flips": [A.HorizontalFlip(), A.VerticalFlip(), A.Transpose()],
    "a crop first": [A.RandomResizedCrop((60, 72), scale=(0.4, 1.0)), A.HorizontalFlip()],
    "a crop later": [A.HorizontalFlip(), A.RandomCrop(150, 150), A.RandomRotate90()],
    "a resize first": [A.Resize(60, 72), A.VerticalFlip()],
    "a centre crop": [A.CenterCrop(160, 170)],
    "colours": [A.RandomBrightnessContrast(0.1, 0.1, p=1), A.HorizontalFlip()],
    "padding": [A.PadIfNeeded(300, 310), A.HorizontalFlip()],
    "a function": [augseq.photometric(lambda image, _: image // 2 + 60), A.Transpose(p=1)],
}


MODES = [
    (name, mode)
    for name in LISTS
    for mode in ("stretch", "crop", "pad")
    if mode == "stretch" or name in ("flips", "a crop later")
]


@pytest.mark.parametrize(("name", "mode"), MODES)
@pytest.mark.parametrize("cached", [False, True], ids=["read", "cached"])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_box_is_where_its_pixels_are(
    tmp_path: Path, name: str, suffix: str, cached: bool, mode: Any
) -> None:
    """Large enough that JPEG files are decoded at a smaller scale."""
    boxes = [[83, 64, 150, 131], [90, 80, 171, 140], [70, 90, 140, 150]]
    size = (211, 243)
    images = scene(
        tmp_path,
        [[box] for box in boxes],
        size=size,
        pixels=[painted(box, size) for box in boxes],
        suffix=suffix,
    )
    sequence = augseq.ImageSequence(
        images,
        image_size=(60, 72),
        resize_mode=mode,
        augment=LISTS[name],
        targets=augseq.Boxes(),
        cache="memory" if cached else None,
        workers=0,
    )
    for epoch in range(4):
        sequence.set_epoch(epoch)
        x, y = sequence[0]
        for image, box, label in zip(x, y["boxes"][:, 0], y["labels"][:, 0], strict=True):
            if label < 0 or (box[2:] - box[:2]).min() < 2:
                continue
            np.testing.assert_allclose(box, bounds(image), rtol=0, atol=0.6)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("name", ["nothing", "a crop first"])
def test_boxes_fit_images_that_a_cache_has_shrunk(tmp_path: Path, name: str, suffix: str) -> None:
    box, size = [83, 64, 150, 131], (211, 243)
    (tmp_path / "images").mkdir()
    images = scene(
        tmp_path / "images",
        [[box]] * 2,
        size=size,
        pixels=[painted(box, size)] * 2,
        suffix=suffix,
        columns={"image_height": [size[0]] * 2, "image_width": [size[1]] * 2},
    )
    cache = augseq.ImageCache(folder=tmp_path / "cache", shorter_side_px=100)
    options: dict[str, Any] = {"image_size": (60, 72), "augment": LISTS[name], "cache": cache}
    sequence = augseq.ImageSequence(images, targets=augseq.Boxes(), workers=0, **options)
    for epoch in range(3):
        sequence.set_epoch(epoch)
        x, y = sequence[0]
        for image, found in zip(x, y["boxes"][:, 0], strict=True):
            np.testing.assert_allclose(found, bounds(image), rtol=0, atol=1)
    unknown = images.with_column("image_width", pa.array([243, None], pa.int32()))
    with pytest.raises(LabelError, match=r"'1.jpg|'1.png"):
        augseq.ImageSequence(unknown, targets=augseq.Boxes(), **options)


def test_boxes_are_exact_where_nothing_fired(tmp_path: Path) -> None:
    exact = [1 / 3, 2 / 7, 41.123456789, 20.987654321]
    images = scene(tmp_path, [[exact]] * 20)
    augment = [A.HorizontalFlip(p=0.5), A.Affine(rotate=30, p=0.3), A.RandomGamma(p=1)]
    boxes = batch_of(images, augseq.Boxes(), augment=augment)["boxes"][:, 0]
    is_same = (boxes == np.array(exact, np.float32)).all(axis=1)
    assert 2 <= is_same.sum() <= 15


def test_an_image_that_loses_its_boxes_is_kept(tmp_path: Path) -> None:
    images = scene(tmp_path, [[[0, 0, 5, 5]], [BOX]])
    augment = [A.Crop(8, 4, 40, 36)]
    y = batch_of(images, augseq.Boxes(max_boxes=2), augment=augment)
    assert y["labels"].tolist() == [[-1, -1], [0, -1]]
    np.testing.assert_array_equal(y["boxes"][1, 0], [2, 1, 22, 16])


def test_what_a_crop_removed_stays_removed(tmp_path: Path) -> None:
    images = scene(tmp_path, [[BOX]], points=[[[[12, 8, 2], [28, 8, 2]]]])
    augment = [A.Crop(0, 0, 20, 40), A.Pad(20), A.Crop(20, 20, 60, 60)]
    targets = {"boxes": augseq.Boxes(), "points": augseq.KeyPoints(mirror=[0, 1])}
    y = batch_of(images, targets, augment=augment)
    np.testing.assert_allclose(y["boxes"]["boxes"][0, 0], [10, 5, 20, 20])
    np.testing.assert_allclose(y["points"][0], [[12, 8, 2], [0, 0, 0]])


@pytest.mark.parametrize("least", [0.0, 0.3, 0.49, 0.51, 0.8, 1.0])
def test_visibility_counts_once_against_the_first_area(tmp_path: Path, least: float) -> None:
    """Each of two crops removes less than half of what it gets, together they leave 0.5."""
    images = scene(tmp_path, [[[10, 10, 30, 30]]])
    augment = [A.Crop(15, 0, 60, 40), A.Resize(80, 90), A.Crop(0, 0, 20, 80), A.HorizontalFlip(p=1)]
    y = batch_of(images, augseq.Boxes(min_visibility=least), augment=augment)
    assert y["labels"].tolist() == [[0 if least <= 0.5 else -1]]


@pytest.mark.parametrize("name", ["flips", "a crop first", "a resize first"])
def test_a_box_that_is_whole_counts_as_fully_visible(tmp_path: Path, name: str) -> None:
    boxes = [[0, 0, 243, 211], [0.1, 0.2, 242.7, 210.9]]
    images = scene(tmp_path, [boxes], size=(211, 243))
    augment = LISTS[name] if name != "a crop first" else [A.CenterCrop(211, 243), A.Transpose(p=1)]
    y = batch_of(images, augseq.Boxes(min_visibility=1.0), augment=augment)
    assert y["labels"].tolist() == [[0, 0]]


def test_a_rotated_polygon_has_tighter_bounds_than_its_box(tmp_path: Path) -> None:
    """A square on its corner becomes one on its side: its box shrinks by the root of 2."""
    images = scene(tmp_path, [[[10, 10, 30, 30]]], polygons=[[[SQUARE]]], size=(40, 40))
    augment = [A.Rotate(limit=(45, 45), p=1)]
    loose = batch_of(images, augseq.Boxes(), augment=augment)["boxes"][0, 0]
    tight = batch_of(images, augseq.Boxes(tight=True), augment=augment)["boxes"][0, 0]
    side, half = 10 * np.sqrt(2), 10 / np.sqrt(2)
    np.testing.assert_allclose(loose, [20 - side, 20 - side, 20 + side, 20 + side], rtol=1e-5)
    np.testing.assert_allclose(tight, [20 - half, 20 - half, 20 + half, 20 + half], rtol=1e-5)
    still = batch_of(images, augseq.Boxes(tight=True))["boxes"][0, 0]
    assert still.tolist() == [10, 10, 30, 30]


def test_an_object_of_several_polygons_is_one_box(tmp_path: Path) -> None:
    left, right = [[0, 0], [10, 0], [10, 10], [0, 10]], [[20, 0], [40, 0], [30, 10]]
    boxes = [[0, 0, 40, 10], [1, 1, 3, 3]]
    images = scene(tmp_path, [boxes], [[1, 0]], polygons=[[[left, right], []]])
    y = batch_of(images, augseq.Boxes(tight=True), augment=[A.Crop(5, 0, 60, 40)])
    # Half of the first, of 100 square pixels, and all of the second, of 100, is visible.
    np.testing.assert_allclose(y["boxes"][0], [[0, 0, 35, 10], [-1] * 4])
    for least, label in ((0.74, 1), (0.76, -1)):
        target = augseq.Boxes(tight=True, min_visibility=least)
        found = batch_of(images, target, augment=[A.Crop(5, 0, 60, 40)])
        assert found["labels"][0, 0] == label


def test_a_polygon_without_an_area_is_visible(tmp_path: Path) -> None:
    line = [[10, 10], [30, 20], [20, 15]]
    images = scene(tmp_path, [[[10, 10, 30, 20]]], polygons=[[[line]]])
    y = batch_of(images, augseq.Boxes(tight=True), augment=[A.HorizontalFlip(p=1)])
    np.testing.assert_allclose(y["boxes"][0, 0], [30, 10, 50, 20])


def test_oriented_boxes_are_four_corners(tmp_path: Path) -> None:
    images = scene(
        tmp_path, [[[10, 10, 30, 30], [2, 3, 6, 9]]], [[2, 1]], polygons=[[[SQUARE], []]]
    )
    plain = batch_of(images, augseq.Boxes("corners", max_boxes=3))
    assert plain["boxes"].shape == (1, 3, 4, 2)
    expected = [SQUARE, [[2, 3], [6, 3], [6, 9], [2, 9]], [[-1, -1]] * 4]
    np.testing.assert_array_equal(plain["boxes"][0], np.array(expected, np.float32))
    assert plain["labels"].tolist() == [[2, 1, -1]]
    relative = batch_of(images, augseq.Boxes("rel_corners"), image_size=(8, 8))
    np.testing.assert_allclose(relative["boxes"][0, 0], np.array(SQUARE) / (WIDTH, HEIGHT))
    # Rotated, they are still rectangles, and partly outside.
    turned = batch_of(images, augseq.Boxes("corners"), augment=[A.Rotate((30, 30), p=1)])
    corners = turned["boxes"][0, 0].astype(np.float64)
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    np.testing.assert_allclose(sides, [np.sqrt(200)] * 4, rtol=1e-5)


def test_mirrored_oriented_boxes_keep_their_direction(tmp_path: Path) -> None:
    images = scene(tmp_path, [[[10, 10, 30, 30]]], polygons=[[[SQUARE]]])
    y = batch_of(images, augseq.Boxes("corners"), augment=[A.HorizontalFlip(p=1)])
    flipped = [[WIDTH - x, y] for x, y in SQUARE]
    expected = [flipped[1], flipped[0], flipped[3], flipped[2]]
    np.testing.assert_allclose(y["boxes"][0, 0], expected)


def test_other_polygons_are_no_oriented_boxes(tmp_path: Path) -> None:
    triangle = [[1, 1], [9, 1], [1, 9]]
    images = scene(tmp_path, [[BOX], [BOX]], [[0], [1]], polygons=[[[SQUARE]], [[triangle]]])
    with pytest.raises(LabelError, match=r"other polygons in '1.png'"):
        batch_of(images, augseq.Boxes("corners"))
    only = augseq.Boxes("corners", classes=["car"], other_classes="exclude")
    assert batch_of(images, only)["labels"].tolist() == [[0], [-1]]


def test_attempts_repeat_a_crop_that_loses_all_boxes(tmp_path: Path) -> None:
    boxes: list[Any] = [[[2, 2, 5, 5]], [], [[50, 30, 55, 36]]] * 5
    images = scene(tmp_path, boxes)
    options: dict[str, Any] = {"augment": [A.RandomCrop(12, 12)], "shuffle": False, "seed": 3}
    once = augseq.ImageSequence(images, image_size=None, targets=augseq.Boxes(), **options)
    often = augseq.ImageSequence(
        images, image_size=None, targets=augseq.Boxes(attempts=100), **options
    )
    (first, y), (repeated, z) = once[0], often[0]
    has_boxes = np.array([bool(found) for found in boxes])
    is_left = y["labels"][:, 0] >= 0
    assert is_left.sum() < has_boxes.sum()
    assert np.array_equal(z["labels"][:, 0] >= 0, has_boxes)
    # The first attempt has the draws of a sequence without attempts.
    same = is_left | ~has_boxes
    np.testing.assert_array_equal(z["boxes"][same], y["boxes"][same])
    np.testing.assert_array_equal(repeated[same], first[same])
    # An explanation shows the attempt that is used.
    lost = int(np.flatnonzero(~same)[0])
    explained = often.explain(lost, epoch=0)
    np.testing.assert_array_equal(explained.image, often.sample(lost, epoch=0).image)
    assert [stage.name for stage in explained.stages] == ["decoded", "RandomCrop"]


MIRRORS: dict[str, tuple[dict[str, Any], dict[str, Any], list[int]]] = {
    "given": ({}, {"mirror": [1, 0, 2]}, [1, 0, 2]),
    "of YOLO": ({"flip_idx": [2, 1, 0]}, {}, [2, 1, 0]),
    "by names": (
        {"categories": [{"id": 1, "name": "car", "keypoints": ["left_eye", "nose", "right_eye"]}]},
        {},
        [2, 1, 0],
    ),
    "by capitalized names": (
        {"categories": [{"id": 1, "name": "car", "keypoints": ["RightHip", "LeftHip", "tail"]}]},
        {},
        [1, 0, 2],
    ),
    "by letters": (
        {"categories": [{"id": 1, "name": "car", "keypoints": ["ear.L", "ear.R", "lip"]}]},
        {},
        [1, 0, 2],
    ),
    "names without sides": (
        {"categories": [{"id": 1, "name": "car", "keypoints": ["a", "b", "c"]}]},
        {},
        [0, 1, 2],
    ),
    "given against names": (
        {"categories": [{"id": 1, "name": "car", "keypoints": ["left_a", "right_a", "c"]}]},
        {"mirror": [0, 1, 2]},
        [0, 1, 2],
    ),
}
SIDES: dict[str, tuple[list[Any], bool]] = {
    "flipped": ([A.HorizontalFlip(p=1)], True),
    "flipped upside down": ([A.VerticalFlip(p=1)], True),
    "transposed": ([A.Transpose(p=1)], True),
    "flipped twice": ([A.HorizontalFlip(p=1), A.VerticalFlip(p=1)], False),
    "rotated": ([A.Rotate((90, 90), p=1)], False),
    "mirrored by a scale": ([A.Affine(scale={"x": -1.0, "y": 1.0}, p=1)], True),
    "cropped": ([A.Crop(0, 0, 60, 40, p=1)], False),
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", MIRRORS)
def test_left_and_right_points_change_places_in_a_mirrored_image(
    tmp_path: Path, kind: str, side: str
) -> None:
    info, options, partners = MIRRORS[kind]
    augment, is_mirrored = SIDES[side]
    points = [[25, 20, 2], [30, 18, 1], [31, 22, 2]]
    images = scene(tmp_path, [[BOX]], points=[[points]], info=info)
    in_place = batch_of(images, augseq.KeyPoints(mirror=[0, 1, 2]), augment=augment)
    y = batch_of(images, augseq.KeyPoints(**options), augment=augment)
    np.testing.assert_array_equal(y[0], in_place[0][partners if is_mirrored else [0, 1, 2]])
    assert sorted(y[0, :, 2]) == [1, 2, 2]


def test_a_mirrored_image_of_unknown_partners_is_an_error(tmp_path: Path) -> None:
    images = scene(tmp_path, [[BOX]], points=[[[[25, 20, 2], [30, 18, 1]]]])
    batch_of(images, augseq.KeyPoints(), augment=[A.Rotate(p=1)])
    with pytest.raises(LabelError, match=r"'0.png' .*Pass `mirror` to augseq.KeyPoints"):
        batch_of(images, augseq.KeyPoints(), augment=[A.HorizontalFlip(p=1)])


def test_boxes_have_the_key_points_of_their_objects(tmp_path: Path) -> None:
    """The rows stay together, whichever objects a crop or an option removes."""
    boxes = [[[0, 0, 6, 6], [10, 5, 30, 20], [20, 20, 40, 35]], [[1, 1, 9, 9]]]
    points = [[[[1, 1, 2], [3, 3, 1]], [[12, 8, 2], [28, 18, 2]], []], [[[2, 2, 0], [5, 5, 2]]]]
    images = scene(tmp_path, boxes, [[0, 1, 2], [1]], points=points)
    target = augseq.Boxes(key_points=augseq.KeyPoints(mirror=[1, 0]), max_boxes=4)
    y = batch_of(images, target)
    sample = augseq.ImageSequence(images, image_size=None, targets=target).sample(0, epoch=0)
    assert "target keypoints  (4, 2, 3) float32, 0 to 28" in repr(sample)
    assert y["keypoints"].dtype == np.float32
    assert y["keypoints"].shape == (2, 4, 2, 3)
    blank = [[0, 0, 0]] * 2
    expected = [[*points[0][:2], blank, blank], [[[0, 0, 0], [5, 5, 2]], blank, blank, blank]]
    np.testing.assert_array_equal(y["keypoints"], expected)
    augment = [A.Crop(8, 0, 60, 40), A.HorizontalFlip(p=1)]
    moved = batch_of(images, target, augment=augment)
    assert moved["labels"].tolist() == [[1, 2, -1, -1], [1, -1, -1, -1]]
    flipped = [[60 - 28, 18, 2], [60 - 12, 8, 2]]
    np.testing.assert_allclose(moved["keypoints"][0], [flipped, blank, blank, blank])
    only = augseq.Boxes(
        classes=["person"], other_classes="exclude", key_points=augseq.KeyPoints(mirror=[1, 0])
    )
    found = batch_of(images, only)
    np.testing.assert_array_equal(found["keypoints"][0, 0], points[0][1])
    assert "with 2 key points" in repr(augseq.ImageSequence(images, targets=target, workers=0))
    with pytest.raises(ArgumentError, match="must be None"):
        batch_of(images, augseq.Boxes(key_points=augseq.KeyPoints(max_objects=3)))
    with pytest.raises(ArgumentError, match="`key_points` of Boxes must be"):
        augseq.Boxes(key_points=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("centre", [0, 0.5])
def test_a_point_in_the_last_pixel_goes_to_the_first(tmp_path: Path, centre: float) -> None:
    first = centre
    points = [[WIDTH - 1 + centre, HEIGHT - 1 + centre, 2]]
    images = scene(tmp_path, [[BOX]], points=[[points]])
    target = augseq.KeyPoints(mirror=[0], pixel_centre=centre)
    flips = [A.HorizontalFlip(p=1), A.VerticalFlip(p=1)]
    assert batch_of(images, target, augment=flips)[0].tolist() == [[first, first, 2]]


def _flipped(image: np.ndarray, **_: Any) -> np.ndarray:
    return image[:, ::-1]


REFUSED: dict[str, tuple[Any, str]] = {
    "RandomGridShuffle": (A.RandomGridShuffle(), "takes objects apart"),
    "Morphological": (A.Morphological(), "grow or shrink"),
    "ThinPlateSpline": (A.ThinPlateSpline(), "folds the image"),
    "a grid that is not normalized": (A.GridDistortion(normalized=False), "tears the image"),
    "SelectiveChannelTransform": (
        A.SelectiveChannelTransform([A.HorizontalFlip()]),
        "only some channels",
    ),
    "Lambda": (A.Lambda(image=_flipped), "whether it moves pixels"),
    "inside a Compose": (A.Compose([A.Blur(), A.OneOf([A.RandomGridShuffle()])]), "apart"),
    "a function": (lambda image, _: image, "may move pixels, and cannot move masks or boxes"),
}


@pytest.mark.parametrize(("transform", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_move_boxes_is_refused_by_name(
    tmp_path: Path, transform: Any, reason: str
) -> None:
    images = scene(tmp_path, [[BOX]])
    with pytest.raises(ArgumentError, match=rf"Element 2 of `augment`, .*{reason}"):
        batch_of(images, augseq.Boxes(), augment=[A.Blur(), transform])


class _Halved(A.DualTransform):  # type: ignore[misc]
    """A user's own transform."""

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        return img[::2, ::2]


class _Slight(A.Affine):  # type: ignore[misc]
    """A user's own parameters for a transform that is known."""


def test_own_transforms_are_known_by_what_moves_the_image(tmp_path: Path) -> None:
    images = scene(tmp_path, [[BOX]])
    with pytest.raises(ArgumentError, match="_Halved does not say where it moves"):
        batch_of(images, augseq.Boxes(), augment=[_Halved(p=1)])
    y = batch_of(images, augseq.Boxes(), augment=[_Slight(translate_px=(2, 2), p=1)])
    np.testing.assert_allclose(y["boxes"][0, 0], [12, 7, 32, 22])


def test_dropout_and_what_never_fires_move_nothing(tmp_path: Path) -> None:
    images = scene(tmp_path, [[BOX]])
    augment = [A.CoarseDropout(p=1), A.RandomGridShuffle(p=0), A.PixelDropout(p=1), A.NoOp()]
    assert batch_of(images, augseq.Boxes(), augment=augment)["boxes"][0, 0].tolist() == BOX


def test_a_mask_and_boxes_move_together(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "images").mkdir()
    images = scene(tmp_path / "images", [[BOX]])
    Image.fromarray((painted(BOX, (HEIGHT, WIDTH))[..., 0] > 99).astype(np.uint8)).save(
        tmp_path / "masks" / "0.png"
    )
    images = images.with_column("mask", pattern="../masks/{stem}.png")
    targets = {"m": augseq.Mask("mask", classes=["no", "yes"]), "b": augseq.Boxes()}
    augment = [A.RandomResizedCrop((30, 30), scale=(0.5, 1)), A.HorizontalFlip(), A.Transpose()]
    sequence = augseq.ImageSequence(
        images, image_size=(30, 30), targets=targets, augment=augment, workers=0
    )
    for epoch in range(8):
        sequence.set_epoch(epoch)
        y = sequence[0][1]
        rows, columns = np.nonzero(y["m"][0] == 1)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(y["b"]["boxes"][0, 0], edges, atol=0.6)
