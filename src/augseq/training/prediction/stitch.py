"""Put predictions for tiles together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.record import Record, Window
from augseq.manifest.windows import has_windows, own_parts
from augseq.types import Positions


def stitch(
    predictions: npt.NDArray[Any] | Iterable[npt.NDArray[Any]], tiles: Manifest
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Put the predictions for the tiles of each image together.

    Each pixel comes from one tile: that of the two or four which overlap there in whose middle it
    lies. So nothing is averaged, values and dtype stay as they are, and the pixels at the edges of
    tiles, for which the model saw the least context, are not used, except at the edges of an image.

    Args:
        predictions: An array with a value, or several, for each pixel of each tile: shape
            (num_tiles, height, width, ...), height and width as of the tiles. Or its batches, from
            an iterator, so that only one image is in memory at a time.
        tiles: From `tile_manifest`, in its order. Whole images can be missing, single tiles not.

    Yields:
        The path of each image, and its predictions, shape (image height, image width, ...); a new
        array of the dtype of the predictions.

    Raises:
        ArgumentError: The predictions do not fit the tiles, or the tiles do not cover an image.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", labels=None, progress=False).select([0])
        >>> tiles = augseq.tile_manifest(images, (128, 128), overlap=32)
        >>> batches = augseq.ImageSequence(tiles, image_size=None, label_mode=None, batch_size=4)
        >>> path, whole = next(augseq.stitch(batches, tiles))
        >>> whole.shape, bool((whole == augseq.read_image(f"sample_images/{path}")).all())
        ((215, 195, 3), True)
    """
    check_manifest(tiles)
    if not has_windows(tiles.table):
        raise ArgumentError(
            f"`stitch` requires a manifest of tiles, from augseq.tile_manifest. Received: {tiles!r}"
        )
    grids = _grids(tiles)
    return _stitched(_rows(predictions), grids)


@dataclass(frozen=True, slots=True)
class _Grid:
    """The tiles of one image.

    Attributes:
        path: Path of the image.
        windows: Its tiles.
        tops: Where the rows of tiles begin, ascending.
        lefts: Where the columns of tiles begin.
    """

    path: str
    windows: list[Window]
    tops: Positions
    lefts: Positions

    def part(self, window: Window) -> tuple[slice, slice]:
        """Return rows and columns of the image for which a tile is used."""
        places = (
            (self.tops, window.top, window.height, window.image_height),
            (self.lefts, window.left, window.width, window.image_width),
        )
        found = []
        for starts, start, size, length in places:
            ends = own_parts(starts, size, length)
            number = int(np.searchsorted(starts, start))
            found.append(slice(int(ends[number]), int(ends[number + 1])))
        return found[0], found[1]


def _grids(tiles: Manifest) -> list[_Grid]:
    """Return the tiles of each image, after checking that they cover it."""
    found: list[tuple[str, list[Window]]] = []
    for record in tiles:
        path, window = record.path, _window_of(record)
        if not found or found[-1][0] != path:
            found.append((path, []))
        found[-1][1].append(window)
    if len({path for path, _ in found}) < len(found):
        raise ArgumentError(
            "`stitch` requires the tiles of an image one after the other, as tile_manifest returns "
            "them. Received: tiles in another order"
        )
    return [_grid(path, windows) for path, windows in found]


def _window_of(record: Record) -> Window:
    if record.window is None:
        raise ArgumentError(f"Each record must be a tile. Received: {record}, a whole image")
    return record.window


def _grid(path: str, windows: list[Window]) -> _Grid:
    tops = np.unique([window.top for window in windows])
    lefts = np.unique([window.left for window in windows])
    first = windows[0]
    is_complete = len(set(windows)) == len(windows) == len(tops) * len(lefts)
    is_covered = all(
        starts[0] == 0 and starts[-1] + size >= length and (np.diff(starts) <= size).all()
        for starts, size, length in (
            (tops, first.height, first.image_height),
            (lefts, first.width, first.image_width),
        )
    )
    if not is_complete or not is_covered or len({window.size for window in windows}) > 1:
        raise ArgumentError(
            "`stitch` requires all tiles of an image, as tile_manifest returns them. "
            f"Received: {len(windows)} tiles that do not cover {path!r} evenly"
        )
    return _Grid(path, windows, tops, lefts)


def _rows(
    predictions: npt.NDArray[Any] | Iterable[npt.NDArray[Any]],
) -> Iterator[npt.NDArray[Any]]:
    """Yield the prediction for each tile."""
    for batch in [predictions] if hasattr(predictions, "shape") else predictions:
        yield from np.asarray(batch)


def _stitched(
    rows: Iterator[npt.NDArray[Any]], grids: list[_Grid]
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    num_tiles = sum(len(grid.windows) for grid in grids)
    number = 0
    for grid in grids:
        whole: npt.NDArray[Any] | None = None
        for window in grid.windows:
            row = next(rows, None)
            if row is None:
                raise _wrong_number(num_tiles, f"{number:,}")
            if row.shape[:2] != window.size:
                raise ArgumentError(
                    "Predictions must have the size of the tiles, "
                    f"{window.height} x {window.width} pixels (height x width): shape "
                    f"(num_tiles, {window.height}, {window.width}, ...). Received: shape "
                    f"{row.shape} for tile {number} of {grid.path!r}"
                )
            if whole is None:
                whole = np.empty((*window.image_size, *row.shape[2:]), row.dtype)
            down, across = grid.part(window)
            whole[down, across] = row[
                down.start - window.top : down.stop - window.top,
                across.start - window.left : across.stop - window.left,
            ]
            number += 1
        assert whole is not None
        yield grid.path, whole
    if next(rows, None) is not None:
        raise _wrong_number(num_tiles, "more")


def _wrong_number(expected: int, received: str) -> ArgumentError:
    return ArgumentError(
        f"There must be one prediction for each of {expected:,} tiles. Received: {received}"
    )
