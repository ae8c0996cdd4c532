"""Key points of one object or several in an image, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import augseq
from augseq.errors import ArgumentError, LabelError
from tests.loading.targets.detection_scenes import HEIGHT, WIDTH, batch_of, scene

FACE = [[10.25, 5, 2], [14, 6.5, 1], [0, 0, 0]]
OTHER = [[30, 31, 2], [40, 1, 2], [59.5, 39.75, 1]]
BLANK = [[0, 0, 0]] * 3
BOX = [1, 1, 20, 20]


def test_one_object_for_each_image_has_no_axis_of_its_own(tmp_path: Path) -> None:
    images = scene(tmp_path, [[BOX], [], [BOX, BOX]], points=[[FACE], [], [BLANK, OTHER]])
    y = batch_of(images, augseq.KeyPoints())
    assert y.dtype == np.float32
    assert y.shape == (3, 3, 3)
    np.testing.assert_array_equal(y, np.array([FACE, BLANK, OTHER], np.float32))


def test_several_objects_are_rows_in_the_order_of_the_annotations(tmp_path: Path) -> None:
    boxes = [[BOX, BOX, BOX], [], [BOX]]
    images = scene(tmp_path, boxes, points=[[OTHER, BLANK, FACE], [], [FACE]])
    y = batch_of(images, augseq.KeyPoints(max_objects=3))
    assert y.shape == (3, 3, 3, 3)
    expected = np.array([[OTHER, FACE, BLANK], [BLANK] * 3, [FACE, BLANK, BLANK]], np.float32)
    np.testing.assert_array_equal(y, expected)
    for option in (None, 1):
        with pytest.raises(ArgumentError, match=r"'0.png'. Pass max_objects=2"):
            batch_of(images, augseq.KeyPoints(max_objects=option))


def test_points_can_be_relative_to_the_size(tmp_path: Path) -> None:
    images = scene(tmp_path, [[BOX]], points=[[FACE]])
    y = batch_of(images, augseq.KeyPoints(relative=True), image_size=(8, 8))
    expected = np.array(FACE) / (WIDTH, HEIGHT, 1)
    np.testing.assert_allclose(y[0], expected, rtol=1e-6)


@pytest.mark.parametrize("centre", [0, 0.5])
def test_a_resized_point_stays_in_its_part_of_the_image(tmp_path: Path, centre: float) -> None:
    images = scene(tmp_path, [[BOX]], points=[[OTHER]])
    y = batch_of(images, augseq.KeyPoints(pixel_centre=centre), image_size=(80, 180))
    shift = 0.5 - centre
    expected = (np.array(OTHER)[:, :2] + shift) * (3, 2) - shift
    np.testing.assert_allclose(y[0, :, :2], expected, rtol=1e-6)


def test_a_point_that_a_crop_removes_is_zero(tmp_path: Path) -> None:
    points = [[9.75, 5, 2], [10.25, 6, 1], [50, 3, 2]]
    images = scene(tmp_path, [[BOX]], points=[[points]])
    y = batch_of(images, augseq.KeyPoints(), image_size=(40, 40), resize_mode="crop")
    np.testing.assert_allclose(y[0], [[0, 0, 0], [0.25, 6, 1], [40, 3, 2]])


def test_an_object_without_key_points_is_no_row(tmp_path: Path) -> None:
    columns = {
        "box_keypoints": pa.array([[3, 0, None], [0]], pa.list_(pa.int32())),
        "keypoints": pa.array([np.ravel(FACE), []], pa.list_(pa.float64())),
    }
    images = scene(tmp_path, [[BOX, BOX, BOX], [BOX]], columns=columns)
    y = batch_of(images, augseq.KeyPoints())
    np.testing.assert_array_equal(y, np.array([FACE, BLANK], np.float32))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no objects": ({"max_objects": 0}, "`max_objects` must be"),
    "a part of an object": ({"max_objects": 2.5}, "`max_objects` must be"),
    "another centre": ({"pixel_centre": 1}, "`pixel_centre` must be"),
    "text": ({"relative": "yes"}, "`relative` must be"),
    "a partner too many": ({"mirror": [0, 2, 3]}, "`mirror` must have"),
    "a partner twice": ({"mirror": [0, 1, 1]}, "`mirror` must have"),
    "a circle": ({"mirror": [1, 2, 0]}, "`mirror` must have"),
    "names": ({"mirror": ["left_eye", "right_eye"]}, "`mirror` must have"),
    "nothing": ({"mirror": []}, "`mirror` must have"),
    "one number": ({"mirror": 1}, "`mirror` must have"),
    "a negative number": ({"mirror": [-1, 0]}, "`mirror` must have"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        augseq.KeyPoints(**options)


def test_annotations_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    images = scene(tmp_path, [[BOX], [BOX]], points=[[FACE], [FACE[:2]]])
    with pytest.raises(LabelError, match=r"\[2, 3\] points"):
        batch_of(images, augseq.KeyPoints())
    with pytest.raises(ArgumentError, match="for each of the 3 points"):
        batch_of(images.select([0]), augseq.KeyPoints(mirror=[1, 0]))
    with pytest.raises(ArgumentError, match="'box_keypoints'"):
        batch_of(scene(tmp_path, [[BOX], []]), augseq.KeyPoints())


def test_images_without_key_points_have_the_number_of_the_dataset(tmp_path: Path) -> None:
    named = [{"id": 0, "name": "car", "keypoints": ["a", "b", "c", "d"]}]
    for info in ({"kpt_shape": [4, 3]}, {"categories": named}):
        images = scene(tmp_path, [[BOX], []], points=[[[]], []], info=info)
        y = batch_of(images, augseq.KeyPoints(max_objects=2))
        assert y.shape == (2, 2, 4, 3)
        assert not y.any()
    with pytest.raises(LabelError, match="none in any image"):
        batch_of(scene(tmp_path, [[BOX], []], points=[[[]], []]), augseq.KeyPoints())


def test_key_points_stand_beside_boxes(tmp_path: Path) -> None:
    images = scene(tmp_path, [[BOX]], points=[[FACE]])
    targets = {"boxes": augseq.Boxes(), "points": augseq.KeyPoints()}
    sequence = augseq.ImageSequence(images, image_size=(20, 30), targets=targets, workers=0)
    _, y = sequence[0]
    np.testing.assert_allclose(y["boxes"]["boxes"][0, 0], np.array(BOX) / 2)
    np.testing.assert_allclose(y["points"][0, 0], [10.25 / 2, 2.5, 2])
    assert "points: 3 key points, x, y and visibility, float32 (3, 3)" in repr(sequence)
