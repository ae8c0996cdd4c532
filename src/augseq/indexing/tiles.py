"""Cover large images with tiles."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from augseq.errors import ArgumentError
from augseq.indexing.image_sizes import image_sizes
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.schema import WINDOW_FIELD, with_values
from augseq.manifest.windows import check_whole_images, has_windows, tile_starts
from augseq.terminal_text import first_few
from augseq.types import Positions
from augseq.validation import check_bool, check_whole, is_whole

_SHOWN = 3
IMAGE_INDEX = "image_index"


def tile_manifest(
    manifest: Manifest,
    size: tuple[int, int] = (512, 512),
    *,
    overlap: int = 64,
    pad: bool = False,
    progress: bool = True,
) -> Manifest:
    """Cover each image with tiles of one size, and return a manifest of the tiles.

    Each tile is a record whose image is a window of the upright image. Its path, label and columns
    are those of the image. All pixels are covered. Tiles are `size - overlap` apart; the last ones
    of a row or column are shifted inward, to the edge of the image, so that none is cut off.

    `ImageSequence` loads only the window of each tile. Masks, value maps, paired images, boxes and
    key points are cut in the same way. `stitch` puts predictions for tiles together again.

    Args:
        manifest: The images. Sizes are those of their probes, or read from the headers of local
            files.
        size: (height, width) of a tile in pixels.
        overlap: Number of pixels that neighbours share at least, less than `size`. `stitch` uses
            each tile up to the middle of the overlap, so half of it should be as much context as
            the model needs.
        pad: Whether tiles extend beyond the bottom and right edge of images that are smaller than
            a tile; these pixels are black, and ignored in masks. Otherwise such images are an
            error.
        progress: Whether long work shows a progress bar.

    Returns:
        The tiles, image by image and row by row, numbered from 0, with their `Record.window` and a
        column `image_index`: the index of the image. `split` never separates tiles of an image.

    Raises:
        ArgumentError: An option is invalid, an image is smaller than a tile and `pad` is False, the
            manifest consists of tiles already, or its images are remote and not probed.
        AugseqError: The header of a file cannot be read.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False).select([0])
        >>> tiles = augseq.tile_manifest(images, (128, 128), overlap=32)
        >>> len(tiles), tiles[1].window
        (4, Window(128 x 128 px at top 0, left 67, of 215 x 195 px))
    """
    check_manifest(manifest)
    check_whole_images(manifest.table, "tile_manifest")
    size = _check_size(size)
    check_whole("overlap", overlap, least=0, most=min(size) - 1)
    check_bool("pad", pad)
    sizes = image_sizes(manifest, "`tile_manifest`", progress=progress)
    if not pad:
        _check_large(manifest, sizes, size)
    grids = [_grid(image, size, overlap) for image in sizes.tolist()]
    positions = np.repeat(np.arange(len(manifest)), [len(grid) for grid in grids])
    places = np.concatenate([np.empty((0, 2), np.int64), *grids])
    windows = _windows(places, size, sizes[positions])
    table = manifest.table.take(pa.array(positions))
    table = with_values(table, IMAGE_INDEX, table.column("index"))
    table = with_values(table, "index", pa.array(np.arange(len(positions))))
    table = with_values(table, WINDOW_FIELD.name, windows)
    return replace(manifest, table=table, excluded=None)


def check_tiles(manifest: Manifest, *, exif_orientation: bool, shorter_side_px: int | None) -> None:
    """Raise `ArgumentError` if tiles cannot be cut from images that are loaded in this way.

    Args:
        manifest: The records.
        exif_orientation: Whether images are turned upright.
        shorter_side_px: Shorter side that a cache downscales images to; None for full size.
    """
    if not has_windows(manifest.table):
        return
    if not exif_orientation:
        raise ArgumentError(
            "Tiles are parts of upright images, so they require exif_orientation=True. "
            "Received: exif_orientation=False"
        )
    if shorter_side_px is not None:
        raise ArgumentError(
            "Tiles are parts of images at full size, which a cache of shrunk images does not have. "
            "Remove `shorter_side_px` from the cache. "
            f"Received: shorter_side_px={shorter_side_px}"
        )


def _check_size(size: Any) -> tuple[int, int]:
    is_pair = isinstance(size, tuple | list) and len(size) == 2
    if not is_pair or not all(is_whole(side) and side > 0 for side in size):
        raise ArgumentError(
            f"`size` must be (height, width) of a tile in pixels, both > 0. Received: size={size!r}"
            + (f". Write size=({size}, {size})." if is_whole(size) and size > 0 else "")
        )
    return int(size[0]), int(size[1])


def _check_large(manifest: Manifest, sizes: Positions, size: tuple[int, int]) -> None:
    small = np.flatnonzero((sizes < size).any(axis=1))
    if len(small):
        paths = manifest.table.column("path")
        shown = [
            f"{paths[k].as_py()!r} ({sizes[k][0]} x {sizes[k][1]})" for k in small.tolist()[:_SHOWN]
        ]
        raise ArgumentError(
            f"Each image must be at least as large as a tile, {size[0]} x {size[1]} pixels (height "
            f"x width). Smaller: {first_few(shown, _SHOWN)}{_more(len(small))}. Pass pad=True to "
            "extend them with black pixels, a smaller `size`, or select the larger images."
        )


def _more(num_small: int) -> str:
    return f" and {num_small - _SHOWN:,} more" if num_small > _SHOWN else ""


def _grid(image: tuple[int, int], size: tuple[int, int], overlap: int) -> Positions:
    """Return (top, left) of each tile of an image, shape (n, 2)."""
    tops, lefts = (tile_starts(image[axis], size[axis], overlap) for axis in (0, 1))
    rows, columns = np.meshgrid(tops, lefts, indexing="ij")
    return np.stack([rows.ravel(), columns.ravel()], axis=1)


def _windows(places: Positions, size: tuple[int, int], images: Positions) -> pa.StructArray:
    shape = np.broadcast_to(size, places.shape)
    numbers = np.concatenate([places, shape, images.reshape(-1, 2)], axis=1).astype(np.int32)
    columns = [pa.array(np.ascontiguousarray(column)) for column in numbers.T]
    return pa.StructArray.from_arrays(columns, fields=list(WINDOW_FIELD.type))
