"""Where the points of an image are after it was cropped, resized or otherwise moved."""

from typing import NamedTuple, Protocol, TypeAlias

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
ROUNDING_PX = 1e-6


class Step(Protocol):
    """A move of all points of an image."""

    @property
    def size(self) -> Size:
        """Size of the image after it."""
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


class Aligned(NamedTuple):
    """A move that keeps horizontal and vertical lines: crops, flips, resizing, quarter turns.

    Of plain numbers, since arrays of two or three numbers take ten times as long.

    Attributes:
        scale_x: x of a moved point is `scale_x * x + offset_x`.
        scale_y: The same for y.
        offset_x: In pixels.
        offset_y: In pixels.
        swaps: Whether x and y of a point change places before that.
        before: Size of the image before it.
        size: Size of the image after it.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    swaps: bool
    before: Size
    size: Size

    @property
    def is_straight(self) -> bool:
        """True."""
        return True

    @property
    def mirrors(self) -> bool:
        """Whether left and right change sides."""
        return (self.scale_x * self.scale_y < 0) != self.swaps

    @property
    def cuts(self) -> bool:
        """Whether a part of the image is outside the image after it."""
        height, width = self.before[::-1] if self.swaps else self.before
        end_x = self.scale_x * width + self.offset_x
        end_y = self.scale_y * height + self.offset_y
        low = min(self.offset_x, self.offset_y, end_x, end_y)
        return (
            low < -ROUNDING_PX
            or max(self.offset_x, end_x) > self.size[1] + ROUNDING_PX
            or max(self.offset_y, end_y) > self.size[0] + ROUNDING_PX
        )

    def move(self, points: Points) -> Points:
        """Return points after the step, a new array of the same shape."""
        found = points[..., ::-1] if self.swaps else points
        moved: Points = found * (self.scale_x, self.scale_y) + (self.offset_x, self.offset_y)
        return moved


class Projected(NamedTuple):
    """A move by a matrix: every rotation, shear and perspective.

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
    def is_affine(self) -> bool:
        """Whether parallel lines stay parallel."""
        last_row: list[float] = self.matrix[2].tolist()
        return last_row == [0, 0, 1]

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
        (a, b, x), (c, d, y), (e, f, g) = self.matrix.tolist()
        for end_x, end_y in ((0, 0), (width, 0), (width, height), (0, height)):
            depth = e * end_x + f * end_y + g
            moved_x = (a * end_x + b * end_y + x) / depth
            moved_y = (c * end_x + d * end_y + y) / depth
            if min(moved_x, moved_y) < -ROUNDING_PX:
                return True
            if moved_x > self.size[1] + ROUNDING_PX or moved_y > self.size[0] + ROUNDING_PX:
                return True
        return False

    def move(self, points: Points) -> Points:
        """Return points after the step, a new array of the same shape."""
        matrix, flat = self.matrix, points.reshape(-1, 2)
        moved: Points = flat @ matrix[:2, :2].T + matrix[:2, 2]
        if matrix[2, 0] or matrix[2, 1]:
            moved /= flat @ matrix[2:, :2].T + matrix[2, 2]
        return moved.reshape(points.shape)


class Geometry(NamedTuple):
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

    def scaled(
        self,
        size: Size,
        scale_x: float = 1.0,
        scale_y: float = 1.0,
        offset_x: float = 0.0,
        offset_y: float = 0.0,
        *,
        swaps: bool = False,
    ) -> "Geometry":
        """Return the geometry after an aligned move; itself if that moves nothing.

        Args:
            size: Size of the image after it.
            scale_x: As in `Aligned`.
            scale_y: As in `Aligned`.
            offset_x: As in `Aligned`.
            offset_y: As in `Aligned`.
            swaps: As in `Aligned`.
        """
        before = self.size
        is_moved = swaps or scale_x != 1 or scale_y != 1 or offset_x != 0 or offset_y != 0
        if not is_moved and size == before:
            return self
        return self.after(Aligned(scale_x, scale_y, offset_x, offset_y, swaps, before, size))

    def moved(self, matrix: Matrix, size: Size) -> "Geometry":
        """Return the geometry after a move by a matrix; itself if that moves nothing.

        Args:
            matrix: How the points of the image move.
            size: Size of the image after it.
        """
        before = self.size
        is_moved = size != before or matrix.tolist() != _UNMOVED
        return self.after(Projected(matrix, before, size)) if is_moved else self


_UNMOVED = np.eye(3).tolist()


def is_inside(points: Points, size: Size) -> npt.NDArray[np.bool_]:
    """Return which points are in an image or on its edge, shape (...,)."""
    height, width = size
    low, high = -ROUNDING_PX, (width + ROUNDING_PX, height + ROUNDING_PX)
    return np.asarray(((points >= low) & (points <= high)).all(axis=-1), np.bool_)
