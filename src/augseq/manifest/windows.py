"""Manifests whose records are windows of images: how they cover an image, and what refuses them."""

import numpy as np
import pyarrow as pa

from augseq.errors import ArgumentError
from augseq.manifest.schema import WINDOW_FIELD
from augseq.types import Positions


def has_windows(table: pa.Table) -> bool:
    """Return whether records are windows of images, such as tiles."""
    return WINDOW_FIELD.name in table.column_names


def check_whole_images(table: pa.Table, function: str) -> None:
    """Raise `ArgumentError` if records are tiles, in which an image occurs several times.

    Args:
        table: The columns of a manifest.
        function: What needs whole images, such as "write_coco".
    """
    if has_windows(table):
        raise ArgumentError(
            f"`{function}` requires a manifest of whole images. Received: {len(table)} tiles, "
            f"from tile_manifest. Call `{function}` with the manifest that they were made from."
        )


def tile_starts(length: int, size: int, overlap: int) -> Positions:
    """Return where the tiles along one side of an image begin, in pixels.

    All but the last are `size - overlap` apart; the last one ends at the edge.

    Args:
        length: Length of the side in pixels.
        size: Length of a tile.
        overlap: Pixels that two tiles share at least.
    """
    count = 1 + max(0, -(-(length - size) // (size - overlap)))
    starts = np.arange(count, dtype=np.int64) * (size - overlap)
    return np.minimum(starts, max(0, length - size))


def own_parts(starts: Positions, size: int, length: int) -> Positions:
    """Return where the part of each tile begins that no other tile is the source of, and the end.

    Two tiles meet in the middle of their overlap.

    Args:
        starts: Where tiles begin, ascending, shape (n,).
        size: Length of a tile.
        length: Length of the side of the image.

    Returns:
        Shape (n + 1,); part k is from the k-th to the next number.
    """
    middles = (starts[1:] + starts[:-1] + size) // 2
    return np.concatenate([[0], middles, [length]]).astype(np.int64)
