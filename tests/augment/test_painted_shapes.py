"""Boxes, oriented boxes and points are where painted masks of them are, after a transform.

A slanted corner of a thresholded mask has lost up to a pixel and a half. So images are painted at a
multiple of their size, where this is a fraction of a pixel. `painted_coordinates` measures without
this loss.
"""

from typing import Any

import albumentations as A
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augseq.augment.moved_shapes import move_boxes, move_points, move_polygons
from tests.augment.moved_images import moved_image

HEIGHT, WIDTH = 64, 80
TIMES = 8
RADIUS = 1.5
MOST_PX = 0.3

TRANSFORMS: dict[str, Any] = {
    "flip": A.HorizontalFlip(p=1),
    "transpose": A.Transpose(p=1),
    "crop": A.RandomResizedCrop((HEIGHT * TIMES, WIDTH * TIMES), scale=(0.3, 1), p=1),
    "rotation": A.Rotate(limit=180, p=1),
    "rotation of the whole image": A.SafeRotate(limit=90, p=1),
    "affine": A.Affine(scale=(0.6, 1.4), rotate=(-180, 180), shear=(-20, 20), p=1),
    "perspective": A.Perspective(scale=(0.05, 0.15), p=1),
    "grid": A.GridDistortion(distort_limit=0.2, p=1),
    "lens": A.OpticalDistortion(distort_limit=0.3, p=1),
    "fisheye": A.OpticalDistortion(mode="fisheye", p=1),
}

# A transform, the centre of a shape as a share of the image, its sides in pixels, angle, and seed.
CASES = st.tuples(
    st.sampled_from(sorted(TRANSFORMS)),
    st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7)),
    st.tuples(st.floats(6, 20), st.floats(6, 20)),
    st.floats(0, 90),
    st.integers(0, 2**32),
)


def painted(polygon: np.ndarray) -> np.ndarray:
    """Return the mask of a convex polygon, clockwise corners in pixels of the small image."""
    y, x = (np.mgrid[: HEIGHT * TIMES, : WIDTH * TIMES] + 0.5) / TIMES
    inside = np.ones(x.shape, np.bool_)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
    return np.where(inside, np.uint8(255), np.uint8(0))


def check(case: Any) -> None:
    name, centre, sides, angle, seed = case
    centre = np.array(centre) * (WIDTH, HEIGHT)
    turn = np.radians(angle)
    along = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(sides) / 2
    box = centre + along
    slanted = centre + along @ np.array(
        [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    )
    round_ = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    disc = centre + RADIUS * np.stack([np.cos(round_), np.sin(round_)], axis=-1)

    masks = np.stack([painted(box), painted(slanted), painted(disc)], axis=-1)
    geometry, image = moved_image([TRANSFORMS[name]], masks, seed)
    whole = np.concatenate([box[0], box[2]])[np.newaxis] * TIMES
    found_boxes = [
        move_boxes(geometry, whole),
        move_polygons(geometry, slanted[np.newaxis] * TIMES),
    ]
    for (found, shares), mask in zip(found_boxes, np.moveaxis(image, -1, 0), strict=False):
        rows, columns = np.nonzero(mask > 127)
        if not len(rows):
            assert shares[0] < 0.02
            continue
        bounds = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(found[0] / TIMES, np.array(bounds) / TIMES, atol=MOST_PX)
    (place,), (is_visible,) = move_points(geometry, centre[np.newaxis] * TIMES)
    rows, columns = np.nonzero(image[..., 2] > 127)
    edges = np.array([len(image[0]), len(image)])
    is_whole = (np.abs(place - edges / 2) < edges / 2 - 4 * RADIUS * TIMES).all()
    if is_visible and is_whole:
        centre_of_mass = np.array([columns.mean(), rows.mean()]) + 0.5
        np.testing.assert_allclose(place / TIMES, centre_of_mass / TIMES, atol=MOST_PX)


@settings(max_examples=60, deadline=None)
@given(CASES)
def test_shapes_are_where_their_masks_are(case: Any) -> None:
    check(case)


@pytest.mark.long
@settings(max_examples=1000, deadline=None)
@given(CASES)
def test_each_of_many_shapes_is_where_its_mask_is(case: Any) -> None:
    check(case)
