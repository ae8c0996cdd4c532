"""A move of the points of an image by a map of where each pixel was before."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Points, Size

_MOST_ROUNDS = 20
_PRECISE_PX = 0.01
_MOST_STEP_PX = 16.0
_STRIDE_PX = 4


@dataclass(frozen=True, slots=True, eq=False)
class WarpStep:
    """A move by a map of where each pixel was before, such as an elastic one.

    Where the map folds the image, so that a point has several places, one of them is found.

    Attributes:
        sources: x and y of each pixel of the result before the move, as numbers of pixels, float32,
            shape (height, width, 2).
    """

    sources: npt.NDArray[np.float32]

    @property
    def size(self) -> Size:
        """Size of the image, before and after it."""
        return self.sources.shape[0], self.sources.shape[1]

    @property
    def is_straight(self) -> bool:
        """False: lines become curves."""
        return False

    @property
    def mirrors(self) -> bool:
        """False."""
        return False

    @property
    def cuts(self) -> bool:
        """True: parts of the image can be outside after it."""
        return True

    def move(self, points: Points) -> Points:
        """Return points after the step, by Newton's method, a new array of the same shape."""
        wanted = points.reshape(-1, 2) - 0.5
        found, error = self._solved(wanted, wanted, 1.0)
        for share in (1.0, 0.5):
            is_far = np.abs(error).max(axis=1, initial=0) > _PRECISE_PX
            if not is_far.any():
                break
            far = wanted[is_far]
            # Full steps can go back and forth between two places where the slope changes.
            start = self._nearest(far) if share == 1 else far
            again, rest = self._solved(far, start, share)
            is_better = np.abs(rest).max(axis=1) < np.abs(error[is_far]).max(axis=1)
            chosen = is_better[:, np.newaxis]
            found[is_far] = np.where(chosen, again, found[is_far])
            error[is_far] = np.where(chosen, rest, error[is_far])
        return found.reshape(points.shape) + 0.5

    def _solved(self, wanted: Points, start: Points, share: float) -> tuple[Points, Points]:
        """Return the places whose sources are some points, and what is missing to them.

        Args:
            wanted: The points, shape (n, 2).
            start: Where to start, shape (n, 2).
            share: Share of each step that is taken.
        """
        found = start.copy()
        best, least = found, wanted - self._source(found)[0]
        for _ in range(round(_MOST_ROUNDS / share)):
            source, slopes = self._source(found)
            error = wanted - source
            is_better = (np.abs(error).max(axis=1) < np.abs(least).max(axis=1))[:, np.newaxis]
            best, least = np.where(is_better, found, best), np.where(is_better, error, least)
            if np.abs(error).max(initial=0) < _PRECISE_PX:
                break
            step = np.clip(_solve(slopes, error), -_MOST_STEP_PX, _MOST_STEP_PX)
            found = found + share * step
        return best, least

    def _source(self, places: Points) -> tuple[Points, npt.NDArray[np.float64]]:
        """Return where places of the result were, (n, 2), and their slopes, (n, 2, 2).

        The move continues beyond the edges of the result as it is there.
        """
        height, width = self.size
        inside = np.clip(places, 0, (width - 1, height - 1))
        low = np.minimum(inside.astype(np.int64), (max(width - 2, 0), max(height - 2, 0)))
        (x, y), (right, below) = low.T, np.minimum(low + 1, (width - 1, height - 1)).T
        across, down = (inside - low).T[:, :, np.newaxis]
        # One row of the table for each pixel: a third of the time of two indices.
        table = self.sources.reshape(-1, 2)
        a, b = table[y * width + x], table[y * width + right]
        c, d = table[below * width + x], table[below * width + right]
        upper, lower = a + across * (b - a), c + across * (d - c)
        source = upper + down * (lower - upper) + (places - inside)
        slopes = np.stack([(b - a) + down * (d - c - b + a), lower - upper], axis=2)
        # Outside, and in an image of one pixel, there is nothing to compare.
        is_unknown = (places != inside) | (np.array([width, height]) == 1)
        slopes = np.where(is_unknown[:, np.newaxis, :], np.eye(2), slopes)
        return source, slopes

    def _nearest(self, wanted: Points) -> Points:
        """Return the pixels, of every fourth, that were nearest to some points."""
        sources = self.sources[::_STRIDE_PX, ::_STRIDE_PX]
        flat = sources.reshape(-1, 2)
        found = [int(((flat - point) ** 2).sum(axis=1).argmin()) for point in wanted]
        rows, columns = np.divmod(np.array(found, np.int64), sources.shape[1])
        return np.stack([columns, rows], axis=1).astype(np.float64) * _STRIDE_PX


def _solve(slopes: npt.NDArray[np.float64], error: Points) -> Points:
    """Return the moves that remove errors, (n, 2), for linear slopes, (n, 2, 2)."""
    (a, b), (c, d) = np.moveaxis(slopes, 0, -1)
    determinant = a * d - b * c
    # Where an image is folded, the error itself is the better direction.
    is_folded = determinant < 0.1
    determinant = np.where(is_folded, 1, determinant)
    x, y = error.T
    moves = np.stack([d * x - b * y, a * y - c * x], axis=1) / determinant[:, np.newaxis]
    return np.where(is_folded[:, np.newaxis], error, moves)


def warp_step(map_x: npt.NDArray[Any], map_y: npt.NDArray[Any]) -> WarpStep:
    """Return the step of a move by maps, as OpenCV's `remap` takes them.

    Args:
        map_x: x of each pixel before the move, shape (height, width).
        map_y: The same for y.
    """
    return WarpStep(np.stack([map_x, map_y], axis=2).astype(np.float32))
