"""Where the points of an image are after it was cropped, resized or otherwise moved."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Points: TypeAlias = npt.NDArray[np.float64]
"""Points (x, y) in pixels, shape (..., 2).

They are measured from the left and top edge of the image: the first pixel extends from 0 to 1, and
its centre is 0.5.
"""

Size: TypeAlias = tuple[int, int]
"""(height, width) of an image in pixels."""

Matrix: TypeAlias = npt.NDArray[np.float64]
"""Moves points (x, y, 1) of an image, shape (3, 3)."""

# Points that rounding alone moves outside are inside.
_ROUNDING_PX = 1e-6


class Step(Protocol):
    """A move of all points of an image."""

    @property
    def size(self) -> Size:
        """Size of the image after it."""
        ...

    @property
    def is_aligned(self) -> bool:
        """Whether horizontal and vertical lines stay horizontal or vertical."""
        ...

    @property
    def is_straight(self) -> bool:
        """Whether straight lines stay straight."""
        ...

    @property
    def mirrors(self) -> bool:
        """Whether left and right change sides."""
        ...

    @property
    def cuts(self) -> bool:
        """Whether a part of the image can be outside the image after it."""
        ...

    def move(self, points: Points) -> Points:
        """Return points after the step, a new array of the same shape."""
        ...


@dataclass(frozen=True, slots=True)
class MatrixStep:
    """A move by a matrix: every crop, flip, rotation, resizing, shear and perspective.

    Attributes:
        matrix: How points move.
        before: Size of the image before it.
        size: Size of the image after it.
    """

    matrix: Matrix
    before: Size
    size: Size

    @property
    def is_straight(self) -> bool:
        """True."""
        return True

    @property
    def is_aligned(self) -> bool:
        """Whether horizontal and vertical lines stay horizontal or vertical."""
        (a, b, _), (c, d, _), (e, f, _) = self.matrix.tolist()
        return not (e or f) and (a == d == 0 or b == c == 0)

    @property
    def mirrors(self) -> bool:
        """Whether left and right change sides."""
        (a, b, x), (c, d, y), (e, f, g) = self.matrix.tolist()
        determinant: float = a * (d * g - y * f) - b * (c * g - y * e) + x * (c * f - d * e)
        return determinant < 0

    @property
    def cuts(self) -> bool:
        """Whether a part of the image is outside the image after it."""
        height, width = self.before
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
        return not is_inside(self.move(corners), self.size).all()

    def move(self, points: Points) -> Points:
        """Return points after the step, a new array of the same shape."""
        matrix = self.matrix
        moved: Points = points @ matrix[:2, :2].T + matrix[:2, 2]
        if matrix[2, 0] or matrix[2, 1]:
            moved /= points @ matrix[2:, :2].T + matrix[2, 2]
        return moved


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the points of an image have moved so far; immutable.

    Attributes:
        first_size: Size of the image before all moves.
        steps: The moves, in order; none if nothing has moved.
    """

    first_size: Size
    steps: tuple[Step, ...] = ()

    @property
    def size(self) -> Size:
        """Size of the image now."""
        return self.steps[-1].size if self.steps else self.first_size

    @property
    def is_mirrored(self) -> bool:
        """Whether left and right have changed sides."""
        return sum(step.mirrors for step in self.steps) % 2 == 1

    def after(self, step: Step) -> "Geometry":
        """Return the geometry after one more step."""
        return Geometry(self.first_size, (*self.steps, step))

    def moved(self, matrix: Matrix, size: Size) -> "Geometry":
        """Return the geometry after a move by a matrix; itself if that moves nothing.

        Args:
            matrix: How the points of the image move.
            size: Size of the image after it.
        """
        if size == self.size and np.array_equal(matrix, _UNMOVED):
            return self
        return self.after(MatrixStep(matrix, self.size, size))


_UNMOVED = np.eye(3)


def scaling(scale_x: float, scale_y: float, offset_x: float = 0.0, offset_y: float = 0.0) -> Matrix:
    """Return the matrix that scales points, and then moves them by an offset."""
    return np.array([(scale_x, 0, offset_x), (0, scale_y, offset_y), (0, 0, 1)], np.float64)


def is_inside(points: Points, size: Size) -> npt.NDArray[np.bool_]:
    """Return which points are in an image or on its edge, shape (...,)."""
    height, width = size
    low, high = -_ROUNDING_PX, (width + _ROUNDING_PX, height + _ROUNDING_PX)
    return np.asarray(((points >= low) & (points <= high)).all(axis=-1), np.bool_)
