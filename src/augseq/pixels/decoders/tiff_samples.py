"""Read the samples of a TIFF file of any depth and layout, with an extra."""

import functools
import importlib.util
import io
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from augseq.errors import DecodeError, install_command
from augseq.pixels.decoders.extra import Extra
from augseq.pixels.decoders.tiff_colors import Samples
from augseq.pixels.decoders.tiff_layout import TiffLayout
from augseq.pixels.decoders.tiff_strips import NONE, unpack_strip
from augseq.pixels.options import DecodeOptions

_EXTRA = Extra(name="tiff", library="tifffile", reads="TIFF")


def check_sample_bytes(layout: TiffLayout, num_pixels: int, options: DecodeOptions) -> None:
    """Raise if the samples of `num_pixels` pixels take too much memory."""
    num_bytes = num_pixels * sum(max(8, bits) for bits in layout.bits) // 8
    options.check_sample_bytes(num_bytes, num_pixels)


def has_libraries() -> bool:
    """Return whether the libraries that `read_samples` needs are installed."""
    return all(map(importlib.util.find_spec, ("imagecodecs", "tifffile")))


def missing_libraries(layout: TiffLayout) -> DecodeError:
    """Return the error for a file that `read_samples` cannot decode without them."""
    # tifffile alone is enough for some of these files, but not for others.
    return DecodeError(
        f"it is a {layout.name}, which needs a library; to read it, {install_command('tiff')}"
    )


def read_samples(data: bytes, layout: TiffLayout, options: DecodeOptions) -> Samples:
    """Decode samples as stored.

    Args:
        data: The whole file.
        layout: Its layout.
        options: How to decode it.

    Returns:
        Shape (height, width, samples); integers or floats, in native byte order.
    """
    with load_tifffile().TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        num_planes, depth, height, width, num_interleaved = page.shaped
        shape = (height, width, num_planes * num_interleaved)
        if depth != 1 or shape != (layout.height, layout.width, len(layout.bits)):
            raise DecodeError("its directory is damaged, so the shape of its pixels is unknown")
        if page.dtype is None:
            raise DecodeError(f"it is a {layout.name}, which is not supported")
        rows, columns = page.rowsperstrip, width
        if page.is_tiled:
            rows, columns = page.tilelength, page.tilewidth
            # A whole tile is decoded, however small the image is.
            check_sample_bytes(layout, rows * columns * page.tiledepth, options)
        if rows < 1 or columns < 1:
            raise DecodeError("its directory is damaged, so the size of its strips is unknown")
        # tifffile then only unpacks numbers, undoes predictors, and locates each part.
        page.compression, page.fillorder = NONE, 1
        row_bytes = (columns * num_interleaved * layout.bits[0] + 7) // 8
        num_down, num_across = -(-height // rows), -(-width // columns)
        samples = np.empty((num_planes, height, width, num_interleaved), page.dtype)
        for plane, row, column in _triples(num_planes, num_down, num_across):
            index = (plane * num_down + row) * num_across + column
            top, left = row * rows, column * columns
            bottom, right = min(top + rows, height), min(left + columns, width)
            # The last strip may be shorter; tiles are always whole.
            num_rows = rows if page.is_tiled else bottom - top
            packed = unpack_strip(
                _part(page, data, index),
                layout.compression,
                row_bytes,
                num_rows,
                is_bit_reversed=layout.is_bit_reversed,
            )
            part, _, _ = page.decode(packed, index)
            samples[plane, top:bottom, left:right] = part[0, : bottom - top, : right - left]
    return samples[0] if num_planes == 1 else np.moveaxis(samples[..., 0], 0, 2)


def _triples(*counts: int) -> Iterator[tuple[int, int, int]]:
    # Unlike `itertools.product`, it makes no lists of numbers, of which a header can declare many.
    planes, rows, columns = map(range, counts)
    for plane in planes:
        for row in rows:
            for column in columns:
                yield plane, row, column


def _part(page: Any, data: bytes, index: int) -> bytes:
    """Return the bytes of a strip or tile; tifffile would fill in missing ones."""
    if index < min(len(page.dataoffsets), len(page.databytecounts)):
        start, length = page.dataoffsets[index], page.databytecounts[index]
        if start > 0 < length and start + length <= len(data):
            return data[start : start + length]
    kind = "tile" if page.is_tiled else "strip"
    raise DecodeError(f"it is truncated or damaged: {kind} {index} of its pixels is missing")


@functools.cache
def load_tifffile() -> Any:
    """Return tifffile, with its log silenced."""
    # What it logs about damaged files is an error here, and must not be printed too.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    return _EXTRA.load()
