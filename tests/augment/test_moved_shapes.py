"""Boxes and points are where the pixels of their objects are, after every transform."""

from typing import Any

import albumentations as A
import numpy as np
import pytest

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.augment.geometry import Geometry
from augseq.augment.moved_shapes import corners_of, move_boxes, move_points
from augseq.augment.moving_map import MovingMap
from augseq.sampling.randomness import Stream, record_rng
from tests.augment.painted_coordinates import MovedCoordinates, coordinate_image

# Each always applied.
TRANSFORMS: dict[str, list[Any]] = {
    "nothing": [A.NoOp(p=1)],
    "HorizontalFlip": [A.HorizontalFlip(p=1)],
    "VerticalFlip": [A.VerticalFlip(p=1)],
    "Transpose": [A.Transpose(p=1)],
    "D4": [A.D4(p=1)],
    "SquareSymmetry": [A.SquareSymmetry(p=1)],
    "RandomRotate90": [A.RandomRotate90(p=1)],
    "Affine": [A.Affine(scale=(0.6, 1.6), rotate=(-180, 180), shear=(-20, 20),
                        translate_percent=(-0.2, 0.2), p=1)],
    "Affine, mirrored": [A.Affine(scale={"x": (-1.2, -0.8), "y": (0.8, 1.2)}, rotate=20, p=1)],
    "Affine of the whole image": [A.Affine(rotate=(-60, 60), fit_output=True, p=1)],
    "Rotate": [A.Rotate(limit=90, p=1)],
    "Rotate without borders": [A.Rotate(limit=40, crop_border=True, p=1)],
    "SafeRotate": [A.SafeRotate(limit=90, p=1)],
    "Perspective": [A.Perspective(scale=(0.05, 0.15), p=1)],
    "Perspective of another size": [A.Perspective(keep_size=False, p=1)],
    "Perspective of the whole image": [A.Perspective(fit_output=True, p=1)],
    "RandomCrop": [A.RandomCrop(24, 22, p=1)],
    "RandomCrop with padding": [A.RandomCrop(60, 40, pad_if_needed=True, p=1)],
    "CenterCrop": [A.CenterCrop(21, 24, p=1)],
    "CenterCrop with padding": [
        A.CenterCrop(70, 20, pad_if_needed=True, pad_position="top_left", p=1)
    ],
    "Crop": [A.Crop(3, 5, 25, 27, p=1)],
    "RandomResizedCrop": [A.RandomResizedCrop((40, 30), scale=(0.2, 1), p=1)],
    "RandomSizedCrop": [A.RandomSizedCrop((10, 25), (32, 32), p=1)],
    "RandomCropFromBorders": [A.RandomCropFromBorders(p=1)],
    "CropAndPad, cropped": [A.CropAndPad(percent=(-0.2, -0.1), p=1)],
    "CropAndPad, padded": [A.CropAndPad(px=(1, 9), keep_size=False, p=1)],
    "CropAndPad, both": [A.CropAndPad(px=((-5, 5), (-3, 4), (-6, 2), (-4, 8)), p=1)],
    "Pad": [A.Pad((3, 7, 2, 0), p=1)],
    "PadIfNeeded": [A.PadIfNeeded(70, 75, position="random", p=1)],
    "Resize": [A.Resize(45, 70, p=1)],
    "RandomScale": [A.RandomScale((-0.5, 0.5), p=1)],
    "LongestMaxSize": [A.LongestMaxSize(50, p=1)],
    "SmallestMaxSize": [A.SmallestMaxSize([20, 60], p=1)],
    "a crop that is padded again": [
        A.RandomCrop(20, 20, p=1), A.Pad(6, p=1), A.Rotate(limit=45, p=1)
    ],
    "ElasticTransform": [A.ElasticTransform(alpha=30, sigma=5, p=1)],
    "GridDistortion": [A.GridDistortion(distort_limit=0.3, p=1)],
    "GridDistortion, not normalized": [A.GridDistortion(num_steps=3, normalized=False, p=1)],
    "OpticalDistortion": [A.OpticalDistortion(distort_limit=0.4, p=1)],
    "OpticalDistortion of a fisheye": [A.OpticalDistortion(mode="fisheye", p=1)],
    "PiecewiseAffine": [A.PiecewiseAffine(p=1)],
    "a distortion between others": [
        A.Rotate(limit=30, p=1), A.GridDistortion(p=1), A.RandomResizedCrop((30, 30), p=1)
    ],
    "several crops": [A.RandomResizedCrop((40, 50), p=1), A.Rotate(limit=30, p=1),
                      A.RandomCrop(30, 30, p=1), A.HorizontalFlip(p=1), A.Resize(24, 48, p=1)],
    "some of several": [A.OneOf([A.Transpose(p=1), A.Rotate(p=1)], p=1),
                        A.SomeOf([A.HorizontalFlip(p=1), A.Affine(rotate=30, p=1)], n=1, p=1)],
}  # fmt: skip
MOST_PX = 0.6
MARGIN_PX = 0.25


def moved(name: str, height: int, width: int, seed: int) -> tuple[Geometry, MovedCoordinates]:
    """Return the geometry of an image after transforms, and its coordinates."""
    augment = make_augmentation_list(TRANSFORMS[name])
    augment.require_maps({"points"})
    points = MovingMap(Geometry((height, width)), "points")
    rng = record_rng(seed, Stream.AUGMENT, epoch=0, index=0)
    image = augment(coordinate_image(height, width), rng, None, [points])
    assert points.values.size == image.shape[:2]
    return points.values, MovedCoordinates(image)


def check_box(name: str, height: int, width: int, ends: list[float], seed: int) -> None:
    """Compare a moved box with what is painted of a slightly smaller and a slightly larger one.

    Where a slanted side meets the edge of the image, a little of the one is much of the other, so
    a single painted box would have no sharp bounds.
    """
    geometry, coordinates = moved(name, height, width, seed)
    x, y = sorted((ends[0] * width, ends[1] * width)), sorted((ends[2] * height, ends[3] * height))
    box = np.array([x[0], y[0], max(x[1], x[0] + 2), max(y[1], y[0] + 2)])
    box = np.minimum(box, [width, height, width, height])
    if (box[2:] - box[:2] < 1).any():
        return
    (found,), (share,) = move_boxes(geometry, box[np.newaxis])
    assert 0 <= share <= 1 + 1e-9
    margin = np.array([1, 1, -1, -1]) * MARGIN_PX
    smaller = coordinates.bounds(corners_of((box + margin)[np.newaxis])[0])
    larger = coordinates.bounds(corners_of((box - margin)[np.newaxis])[0])
    if smaller is not None:
        assert share > 0
        edges = np.array(smaller[0])
        assert (found[:2] <= edges[:2] + MOST_PX).all()
        assert (found[2:] >= edges[2:] - MOST_PX).all()
    if larger is not None and share > 0:
        edges = np.array(larger[0])
        assert (found[:2] >= edges[:2] - MOST_PX).all()
        assert (found[2:] <= edges[2:] + MOST_PX).all()
    if larger is None:
        # A part that is narrower than what is measured.
        assert share == 0 or (found[2:] - found[:2]).min() < MOST_PX


def check_points(name: str, height: int, width: int, ends: list[float], seed: int) -> None:
    geometry, coordinates = moved(name, height, width, seed)
    points = np.array([(ends[0] * width, ends[1] * height), (ends[2] * width, ends[3] * height)])
    found, is_visible = move_points(geometry, points)
    for point, place, visible in zip(points, found, is_visible, strict=True):
        # Where the place came from; the centre of the outermost pixel for the edge of an image.
        near = np.clip(point, 0.5, (width - 0.5, height - 0.5))
        if visible:
            before, _ = coordinates.before(*place)
            assert np.abs(before - near).max() < 2 * MOST_PX
            assert coordinates.nearest(near) < MOST_PX
        else:
            assert coordinates.nearest(near) > 1e-3


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_each_transform_moves_a_box_and_a_point(name: str) -> None:
    for seed in range(2):
        check_box(name, 41, 33, [0.2, 0.7, 0.1, 0.6], seed)
        check_points(name, 41, 33, [0.3, 0.4, 0.6, 0.55], seed)
