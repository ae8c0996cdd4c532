"""What a pasted rectangle leaves of boxes, next to painted pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augseq.augment.moved_shapes import corners_of
from augseq.loading.targets.pasted_boxes import (
    are_inside,
    corner_areas,
    inside_part,
    outside_part,
)

SIZE = (9, 12)


@st.composite
def rectangles(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a rectangle with at least one pixel."""
    left, top = draw(st.integers(0, SIZE[1] - 1)), draw(st.integers(0, SIZE[0] - 1))
    return left, top, draw(st.integers(left + 1, SIZE[1])), draw(st.integers(top + 1, SIZE[0]))


def painted(rectangle: tuple[int, int, int, int]) -> np.ndarray:
    left, top, right, bottom = rectangle
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def bounds(mask: np.ndarray) -> list[int]:
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@settings(max_examples=300, deadline=None)
@given(rectangles(), rectangles())
def test_the_visible_part_has_the_bounds_and_share_of_its_pixels(
    box: tuple[int, int, int, int], rectangle: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = rectangle
    pasted = (top, left, bottom - top, right - left)
    boxes, whole = np.array([box], np.float64), painted(box)
    covered = painted(rectangle)
    for part, mask in ((outside_part, whole & ~covered), (inside_part, whole & covered)):
        (found,), (share,) = part(boxes, pasted)
        assert share == pytest.approx(mask.sum() / whole.sum())
        if mask.any():
            assert found.tolist() == bounds(mask)
    (area,), (inside,) = corner_areas(corners_of(boxes), pasted, SIZE)
    assert (area, inside) == pytest.approx((whole.sum(), (whole & covered).sum()))


def test_an_oriented_box_counts_only_inside_the_image() -> None:
    # A diamond around the top left corner of the image: a quarter of it is inside.
    corners = np.array([[(0, -4), (4, 0), (0, 4), (-4, 0)]], np.float64)
    (area,), (inside,) = corner_areas(corners, (0, 0, 9, 2), SIZE)
    assert area == pytest.approx(8)
    assert inside == pytest.approx(8 - 2)


def test_points_on_the_left_and_top_edge_are_inside() -> None:
    points = np.array([(2, 1), (1.9, 1), (5, 1), (4.9, 3.9), (4, 4)], np.float64)
    assert are_inside(points, (1, 2, 3, 3)).tolist() == [True, False, False, True, False]


def test_no_boxes_give_no_boxes() -> None:
    none = np.zeros((0, 4))
    for part in (outside_part, inside_part):
        found, shares = part(none, (0, 0, 3, 3))
        assert (found.shape, shares.shape) == ((0, 4), (0,))
    areas, inside = corner_areas(np.zeros((0, 4, 2)), (0, 0, 3, 3), SIZE)
    assert (areas.shape, inside.shape) == ((0,), (0,))
