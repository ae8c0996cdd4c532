"""Where the pixels of an affine transform come from, with the conventions of Keras."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


class AffinePositions:
    """Where in the image each pixel of the result comes from.

    Attributes:
        x: Column of each pixel, shape (height, width), float32, inside the image.
        y: Row of each pixel.
        is_uncovered: Which pixels come from outside the image.
    """

    def __init__(self, matrix: Floats, shape: tuple[int, ...], fill_mode: str) -> None:
        self._matrix = matrix
        height, width = shape[:2]
        columns, rows = np.arange(width), np.arange(height)[:, np.newaxis]
        x = matrix[0, 0] * columns + matrix[0, 1] * rows + matrix[0, 2]
        y = matrix[1, 0] * columns + matrix[1, 1] * rows + matrix[1, 2]
        self.is_uncovered = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
        self.x = _inside(x, width, fill_mode).astype(np.float32)
        self.y = _inside(y, height, fill_mode).astype(np.float32)

    @property
    def of_points(self) -> Floats:
        """The matrix that moves points (x, y, 1) of the image, as in `Geometry`, shape (3, 3)."""
        # Points are measured from the edge of the first pixel, and pixels from its centre.
        to_edge = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        return np.asarray(to_edge @ np.linalg.inv(self._matrix) @ np.linalg.inv(to_edge))


def _inside(position: Floats, size: int, fill_mode: str) -> Floats:
    """Return where to read instead of positions outside the image, as scipy does for Keras."""
    last = size - 1
    if fill_mode == "reflect":
        # The border is at half a pixel from the first and last centre.
        folded = np.mod(position + 0.5, 2 * size)
        position = np.minimum(folded, 2 * size - folded) - 0.5
    elif fill_mode == "wrap" and last:
        is_inside = (position >= 0) & (position <= last)
        position = np.where(is_inside, position, np.mod(position, last))
    return np.clip(position, 0, last)


def affine_matrix(
    shape: tuple[int, ...],
    *,
    theta: float,
    tx: float,
    ty: float,
    shear: float,
    zx: float,
    zy: float,
) -> Floats:
    """Return the matrix from (x, y, 1) in the result to (x, y, 1) in the image, shape (3, 3).

    Source:
        `apply_affine_transform` of `keras.src.legacy.preprocessing.image`, Keras 3.15.
    """
    sin, cos = np.sin(np.deg2rad(theta)), np.cos(np.deg2rad(theta))
    slant = np.deg2rad(shear)
    rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    shearing = np.array([[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]])
    to_centre = np.array([[1, 0, (shape[1] - 1) / 2], [0, 1, (shape[0] - 1) / 2], [0, 0, 1]])
    moved = to_centre @ rotation @ shift @ shearing @ np.diag([zx, zy, 1])
    return np.asarray(moved @ np.linalg.inv(to_centre), np.float64)
