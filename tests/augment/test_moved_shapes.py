"""Boxes and points are where the pixels of their objects are, after every transform."""

import warnings
from typing import Any

import albumentations as A
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augseq.augment.albumentations_parts import parts_of
from augseq.augment.geometry import Geometry, Size
from augseq.augment.moved_shapes import (
    corners_of,
    move_boxes,
    move_points,
    move_polygons,
)
from augseq.augment.point_moves import MOVES
from tests.augment.moved_images import moved_image
from tests.augment.painted_coordinates import MovedCoordinates, coordinate_image


def quietly(kind: Any) -> Any:
    """Return a transform that warns that it is slow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(p=1)


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
    "GridDistortion": [A.GridDistortion(distort_limit=0.2, p=1)],
    "OpticalDistortion": [A.OpticalDistortion(distort_limit=0.4, p=1)],
    "OpticalDistortion of a fisheye": [A.OpticalDistortion(mode="fisheye", p=1)],
    "PiecewiseAffine": [quietly(A.PiecewiseAffine)],
    "a distortion between others": [
        A.Rotate(limit=30, p=1), A.GridDistortion(p=1), A.RandomResizedCrop((30, 30), p=1)
    ],
    "several crops": [A.RandomResizedCrop((40, 50), p=1), A.Rotate(limit=30, p=1),
                      A.RandomCrop(30, 30, p=1), A.HorizontalFlip(p=1), A.Resize(24, 48, p=1)],
    "some of several": [A.OneOf([A.Transpose(p=1), A.Rotate(p=1)], p=1),
                        A.SomeOf([A.HorizontalFlip(p=1), A.Affine(rotate=30, p=1)], n=1, p=1)],
}  # fmt: skip


def cases_of(names: list[str]) -> Any:
    """Return cases: a transform, height and width of an image, ends of a box, and a seed."""
    return st.tuples(
        st.sampled_from(names),
        st.integers(28, 60),
        st.integers(28, 60),
        st.lists(st.floats(0, 1, width=16), min_size=4, max_size=4),
        st.integers(0, 2**32),
    )


CASES = cases_of(sorted(TRANSFORMS))
DISTORTIONS = cases_of(["GridDistortion", "a distortion between others"])
MOST_PX = 0.6
# Of distortions, and in the outermost half pixel, which has one colour.
UNSURE_PX = 1.0
MARGIN_PX = 0.25
LEAST_PX = 4


def moved(name: str, height: int, width: int, seed: int) -> tuple[Geometry, MovedCoordinates]:
    """Return the geometry of an image after transforms, and its coordinates."""
    geometry, image = moved_image(TRANSFORMS[name], coordinate_image(height, width), seed)
    return geometry, MovedCoordinates(image)


def is_warped(geometry: Geometry) -> bool:
    return not all(step.is_straight for step in geometry.steps)


def check_box(
    geometry: Geometry, coordinates: MovedCoordinates, ends: list[float], size: Size
) -> None:
    """Compare a moved box with what is painted of a slightly smaller and a slightly larger one.

    Where a slanted side meets the edge of the image, a little of the one is much of the other, so
    a single painted box would have no sharp bounds.
    """
    height, width = size
    x, y = sorted((ends[0] * width, ends[1] * width)), sorted((ends[2] * height, ends[3] * height))
    box = np.array([x[0], y[0], max(x[1], x[0] + LEAST_PX), max(y[1], y[0] + LEAST_PX)])
    box += np.minimum(np.tile(np.array([width, height]) - box[2:], 2), 0)
    # A coordinate image has one colour in the outermost half pixel.
    box = np.clip(box, 1, (width - 1, height - 1, width - 1, height - 1))
    (found,), (share,) = move_boxes(geometry, box[np.newaxis])
    assert 0 <= share <= 1 + 1e-9
    doubt = 1 if share > 0.9 else 2 if share > 0.1 else 4
    if is_warped(geometry):
        # A pixel of the distorted image can be one and a half of the original.
        doubt = 3 if share > 0.9 else 6
    margin = np.array([1, 1, -1, -1]) * MARGIN_PX * doubt
    inner = box + margin
    has_inner = (inner[2:] > inner[:2]).all()
    smaller = coordinates.bounds(corners_of(inner[np.newaxis])[0]) if has_inner else None
    # `GridDistortion` cuts off up to two rows at the edge, and mixes the last one with the border.
    least_weight = 0.05 if is_warped(geometry) else 0.5
    larger = coordinates.bounds(
        corners_of((box - margin)[np.newaxis])[0], least_weight=least_weight
    )
    if smaller is not None:
        assert share > 0
        assert (found[:2] <= smaller[:2] + MOST_PX).all()
        assert (found[2:] >= smaller[2:] - MOST_PX).all()
    if larger is not None and share > 0:
        assert (found[:2] >= larger[:2] - MOST_PX).all()
        assert (found[2:] <= larger[2:] + MOST_PX).all()
    if larger is None:
        # A part that is narrower than what is measured.
        assert share == 0 or (found[2:] - found[:2]).min() < MOST_PX


def check_points(
    geometry: Geometry, coordinates: MovedCoordinates, ends: list[float], size: Size
) -> None:
    """Compare moved points with where their coordinates are found."""
    # From the centre of the first pixel to that of the last: a coordinate image has no others. A
    # distortion can tear off the outermost pixels.
    rim = 2.5 if is_warped(geometry) else 0.5
    points = rim + np.array(ends).reshape(2, 2) * (np.array(size[::-1]) - 2 * rim)
    found, is_visible = move_points(geometry, points)
    for point, place, visible in zip(points, found, is_visible, strict=True):
        painted, distance = coordinates.place_of(point)
        if visible and is_warped(geometry) and not coordinates.shows(place):
            # Cut off, as above.
            assert distance < 3
        elif visible:
            # In the outermost half pixel, and where a pixel is repeated, several places show it.
            last = np.array(geometry.size[::-1]) - 0.5
            apart = np.clip(place, 0.5, last) - np.clip(painted, 0.5, last)
            before, _ = coordinates.before(*place)
            is_inner = ((place >= 0.5) & (place <= last)).all()
            most = MOST_PX if is_inner and not is_warped(geometry) else UNSURE_PX
            assert min(np.abs(apart).max(), np.abs(before - point).max()) < most
        else:
            assert distance > 0.2 or not coordinates.shows(place)


def check(case: Any) -> None:
    name, height, width, ends, seed = case
    geometry, coordinates = moved(name, height, width, seed)
    # Most transforms also get images without objects.
    assert move_boxes(geometry, np.zeros((0, 4)))[0].shape == (0, 4)
    assert move_polygons(geometry, np.zeros((0, 5, 2)))[0].shape == (0, 4)
    assert move_points(geometry, np.zeros((0, 3, 2)))[0].shape == (0, 3, 2)
    check_box(geometry, coordinates, ends, (height, width))
    check_points(geometry, coordinates, ends, (height, width))


@settings(max_examples=100, deadline=None)
@given(CASES)
def test_boxes_and_points_are_where_their_pixels_are(case: Any) -> None:
    check(case)


@pytest.mark.long
@settings(max_examples=1000, deadline=None)
@given(CASES)
def test_each_of_many_boxes_and_points_is_where_its_pixels_are(case: Any) -> None:
    check(case)


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_bounds_of_boxes_are_those_of_their_moved_corners(case: Any) -> None:
    name, height, width, _, seed = case
    geometry, _ = moved(name, height, width, seed)
    ends = np.sort(np.random.default_rng(seed).random((20, 2, 2)), axis=1) * (width, height)
    boxes = ends.reshape(20, 4)
    found, shares = move_boxes(geometry, boxes)
    expected, visible = move_polygons(geometry, corners_of(boxes))
    np.testing.assert_allclose(shares, visible, atol=1e-9)
    np.testing.assert_allclose(found[shares > 0], expected[shares > 0], atol=1e-6)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=3000, deadline=None)
@given(DISTORTIONS)
def test_grids_are_measured_often_since_they_cut_off_the_edge(case: Any) -> None:
    check(case)


def test_every_known_move_is_measured() -> None:
    parts = [part for steps in TRANSFORMS.values() for step in steps for part in parts_of(step)]
    moving = [kind for part in parts for kind in type(part).__mro__ if "apply" in vars(kind)]
    assert set(MOVES) <= {kind.__name__ for kind in moving}


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_each_transform_moves_a_box_and_points(name: str) -> None:
    for seed in range(2):
        check((name, 41, 33, [0.2, 0.7, 0.1, 0.6], seed))
