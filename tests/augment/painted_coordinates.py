"""Images whose pixels are their own coordinates, to measure where a transform moves points.

Nothing here uses the code that is tested: what a transform does to the pixels of such an image
says, for each place of the result, where it was before.
"""

from typing import Any

import numpy as np

# Places measured in each pixel of a result, in each direction.
FINE = 4


def coordinate_image(height: int, width: int) -> np.ndarray:
    """Return an image of x, y and 1, at the centres of its pixels, float32."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([x, y, np.ones_like(x)], axis=2).astype(np.float32)


class MovedCoordinates:
    """A coordinate image after transforms.

    Args:
        image: The result, shape (height, width, 3).
    """

    def __init__(self, image: np.ndarray) -> None:
        self.height, self.width = image.shape[:2]
        self._image = np.asarray(image, np.float64)
        x = (np.arange(self.width * FINE) + 0.5) / FINE
        y = (np.arange(self.height * FINE) + 0.5) / FINE
        self._x, self._y = np.meshgrid(x, y)
        self._before, self._weight = self.before(self._x, self._y)

    def before(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return where places of the result were, (..., 2), and how much of it is the image."""
        values = self._interpolated(np.asarray(x, np.float64), np.asarray(y, np.float64))
        weight = values[..., 2]
        # Beyond the centre of its last pixel, an image is mixed with what is beside it.
        return values[..., :2] / np.maximum(weight, 1e-3)[..., np.newaxis], weight

    def bounds(self, polygon: Any, *, least_weight: float = 0.5) -> np.ndarray | None:
        """Return left, top, right and bottom of what was in a convex polygon.

        None if nothing of it is in the result.

        Args:
            polygon: Corners, clockwise, shape (k, 2).
            least_weight: How much of the image a place must show, next to the border.
        """
        inside = self._weight > least_weight
        corners = np.asarray(polygon, np.float64)
        for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            px, py = self._before[..., 0], self._before[..., 1]
            inside &= (bx - ax) * (py - ay) - (by - ay) * (px - ax) >= 0
        if not inside.any():
            return None
        x, y, half = self._x[inside], self._y[inside], 0.5 / FINE
        return np.array([x.min() - half, y.min() - half, x.max() + half, y.max() + half])

    def place_of(self, point: Any) -> tuple[np.ndarray, float]:
        """Return the place of the result that was nearest to a point, and how far it was."""
        distances = np.hypot(*np.moveaxis(self._before - np.asarray(point), -1, 0))
        distances[self._weight <= 0.5] = np.inf
        nearest = np.unravel_index(distances.argmin(), distances.shape)
        return np.array([self._x[nearest], self._y[nearest]]), float(distances[nearest])

    def shows(self, place: Any) -> bool:
        """Return whether a place is in the result, and shows the image rather than a border."""
        x, y = place
        is_inside = 0 <= x <= self.width and 0 <= y <= self.height
        return bool(is_inside and self.before(x, y)[1] > 0.6)

    def _interpolated(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        column = np.clip(x - 0.5, 0, self.width - 1)
        row = np.clip(y - 0.5, 0, self.height - 1)
        left = np.minimum(column.astype(int), max(self.width - 2, 0))
        top = np.minimum(row.astype(int), max(self.height - 2, 0))
        right = np.minimum(left + 1, self.width - 1)
        bottom = np.minimum(top + 1, self.height - 1)
        across, down = (column - left)[..., np.newaxis], (row - top)[..., np.newaxis]
        image = self._image
        upper = image[top, left] * (1 - across) + image[top, right] * across
        lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
        return np.asarray(upper * (1 - down) + lower * down)
