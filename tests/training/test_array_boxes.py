"""Boxes and key points in arrays move with the images, or are refused."""

from typing import Any, get_args

import albumentations as A
import keras
import numpy as np
import pytest

import augseq
from augseq.errors import ArgumentError
from augseq.loading.targets.box_format import CORNERS, BoxFormat

NUM, HEIGHT, WIDTH = 5, 20, 30
RNG = np.random.default_rng(2)
# One or two boxes in each image; the other rows are padding.
BOXES = RNG.integers(1, 8, (NUM, 3, 4)) + np.array([0, 0, 9, 9])
LABELS = np.where(np.arange(3) < np.array([[1], [2], [2], [1], [0]]), [[2, 0, 1]], -1)
BOXES = np.where(LABELS[..., None] >= 0, BOXES, -1).astype(np.float32)
X = np.zeros((NUM, HEIGHT, WIDTH, 3), np.uint8)
for image, (left, top, right, bottom) in zip(X, BOXES[:, 0].astype(int), strict=True):
    image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 255
FLIP = [A.HorizontalFlip(p=1)]


def sequence(y: Any, augment: Any = None, **options: Any) -> augseq.ImageSequence:
    return augseq.ImageSequence.from_arrays(
        X, y, augment=augment, **{"batch_size": NUM, "workers": 0, **options}
    )


def test_boxes_stay_as_they_are_where_nothing_moves() -> None:
    target = augseq.Boxes(arrays={"boxes": BOXES, "labels": LABELS})
    _, y = sequence(target)[0]
    assert np.array_equal(y["boxes"], BOXES)
    assert np.array_equal(y["labels"], LABELS)


@pytest.mark.parametrize("name", sorted(set(get_args(BoxFormat)) - set(CORNERS)))
def test_boxes_of_each_format_move_with_the_images(name: Any) -> None:
    size = {"height": HEIGHT, "width": WIDTH}
    given = np.asarray(
        keras.utils.bounding_boxes.convert_format(BOXES, "xyxy", name, **size), np.float32
    )
    arrays = {"boxes": given, "labels": LABELS}
    _, y = sequence(augseq.Boxes(name, arrays=arrays), FLIP)[0]
    back = np.asarray(
        keras.utils.bounding_boxes.convert_format(y["boxes"], name, "xyxy", **size), np.float32
    )
    for row in range(NUM):
        for k, label in enumerate(LABELS[row]):
            left, top, right, bottom = BOXES[row, k]
            expected = [WIDTH - right, top, WIDTH - left, bottom]
            if label >= 0:
                np.testing.assert_allclose(back[row, k], expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["serial", "threads", "processes"])
def test_a_box_is_where_its_pixels_are_in_all_workers(kind: Any) -> None:
    arrays = {"boxes": BOXES, "labels": LABELS}
    augment = [A.D4(p=1), A.PadIfNeeded(32, 32), A.RandomCrop(26, 26)]
    workers = {"worker_kind": kind, "workers": 0 if kind == "serial" else 1}
    x, y = sequence(augseq.Boxes(arrays=arrays), augment, **workers)[0]
    for image, box, label in zip(x, y["boxes"][:, 0], y["labels"][:, 0], strict=True):
        if label == 2:
            rows, columns = np.nonzero(image[:, :, 0])
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(box, edges)


def test_oriented_boxes_and_key_points_are_arrays_too() -> None:
    corners = BOXES[..., [[0, 1], [2, 1], [2, 3], [0, 3]]]
    points = np.full((NUM, 3, 2, 3), 2, np.float32)
    points[..., 0, 0] = 7
    arrays = {"boxes": corners, "labels": LABELS, "keypoints": points}
    target = augseq.Boxes(
        "corners", arrays=arrays, key_points=augseq.KeyPoints(mirror=[1, 0]), max_boxes=2
    )
    _, y = sequence(target, FLIP)[0]
    assert y["boxes"].shape == (NUM, 2, 4, 2)
    assert y["keypoints"].shape == (NUM, 2, 2, 3)
    left, top, right, bottom = BOXES[0, 0]
    expected = [[WIDTH - right, top], [WIDTH - left, top], [WIDTH - left, bottom]]
    np.testing.assert_allclose(y["boxes"][0, 0, :3], expected)
    np.testing.assert_allclose(y["keypoints"][0, 0], [[WIDTH - 2, 2, 2], [WIDTH - 7, 2, 2]])


def test_boxes_as_plain_arrays_are_refused_where_images_move() -> None:
    y = {"boxes": BOXES, "labels": LABELS}
    assert np.array_equal(sequence(y)[0][1]["boxes"], BOXES)
    with pytest.raises(ArgumentError, match=r"HorizontalFlip.*augseq.Boxes\(arrays=y\)"):
        sequence(y, FLIP)


def test_boxes_in_pixels_are_refused_where_images_are_resized() -> None:
    with pytest.raises(ArgumentError, match=r"images are resized.*augseq.Boxes\(arrays=y\)"):
        sequence({"boxes": BOXES, "labels": LABELS}, image_size=(HEIGHT * 2, WIDTH * 2))
    relative = np.where(LABELS[..., None] >= 0, BOXES / [WIDTH, HEIGHT, WIDTH, HEIGHT], -1)
    y = {"boxes": relative, "labels": LABELS}
    assert np.array_equal(sequence(y, image_size=(40, 60))[0][1]["boxes"], relative)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no arrays": ({}, "must be augseq.Boxes"),
    "no labels": ({"arrays": {"boxes": BOXES}}, "must be augseq.Boxes"),
    "another array": ({"arrays": {"boxes": BOXES, "labels": LABELS, "x": X}}, "must be augseq"),
    "a list": ({"arrays": [BOXES, LABELS]}, "must be augseq.Boxes"),
    "too few images": ({"arrays": {"boxes": BOXES[:4], "labels": LABELS[:4]}}, "of the 5 images"),
    "other numbers of boxes": ({"arrays": {"boxes": BOXES[:, :2], "labels": LABELS}}, "5 images"),
    "corners": (
        {"arrays": {"boxes": BOXES[..., None], "labels": LABELS}},
        r"\(images, boxes, 4\)",
    ),
    "points without an axis": (
        {"arrays": {"boxes": BOXES, "labels": LABELS, "keypoints": BOXES}},
        "keypoints",
    ),
    "parts of labels": ({"arrays": {"boxes": BOXES, "labels": LABELS + 0.5}}, "whole numbers"),
    "boxes of different numbers": (
        {"arrays": {"boxes": [[[1, 2, 3, 4]], []], "labels": LABELS}},
        "must have the same shape",
    ),
    "lists of another length": (
        {"arrays": {"boxes": [[[1, 2, 3, 4]]], "labels": [[0]]}},
        "5 image",
    ),
    "another format": (
        {"format": "xywh", "arrays": {"boxes": BOXES + 8, "labels": LABELS}},
        r"inside the images of 20 x 30 .* 'xywh'.* boxes\[\d, 0\]",
    ),
    "pixels as shares": (
        {"format": "rel_xyxy", "arrays": {"boxes": BOXES, "labels": LABELS}},
        "inside the images",
    ),
    "edges in another order": (
        {"arrays": {"boxes": BOXES[..., [2, 1, 0, 3]], "labels": LABELS}},
        r"width and a height above 0.* boxes\[0, 0\]",
    ),
    "zeros as padding": (
        {"arrays": {"boxes": np.zeros_like(BOXES), "labels": LABELS * 0}},
        "rows without a box have the label -1",
    ),
    "flat oriented boxes": (
        {
            "format": "corners",
            "arrays": {"boxes": BOXES[..., [[0, 1], [2, 1], [2, 1], [0, 1]]], "labels": LABELS},
        },
        "height above 0",
    ),
    "points that are no numbers": (
        {
            "arrays": {
                "boxes": BOXES,
                "labels": LABELS,
                "keypoints": np.full((NUM, 3, 2, 3), np.nan),
            },
            "key_points": augseq.KeyPoints(),
        },
        "visibility of 0, 1 or 2",
    ),
    "unknown labels": (
        {"arrays": {"boxes": BOXES, "labels": LABELS}, "classes": ["a"]},
        "whole numbers below 1",
    ),
    "no number": ({"arrays": {"boxes": BOXES * np.nan, "labels": LABELS}}, "finite boxes"),
    "too many boxes": (
        {"arrays": {"boxes": BOXES, "labels": LABELS}, "max_boxes": 1},
        "up to 2",
    ),
    "flags": ({"arrays": {"boxes": BOXES, "labels": LABELS}, "exclude": ["crowd"]}, "`exclude`"),
    "points without an array": (
        {"arrays": {"boxes": BOXES, "labels": LABELS}, "key_points": augseq.KeyPoints()},
        "`key_points` only with",
    ),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_arrays_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        sequence(augseq.Boxes(**options))
