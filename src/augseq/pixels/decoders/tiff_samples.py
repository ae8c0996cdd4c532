"""Read the samples of a TIFF file of any depth and layout, with an extra."""

import functools
import io
import logging
from typing import Any

import numpy as np

from augseq.errors import DecodeError
from augseq.pixels.decoders.extra import Extra
from augseq.pixels.decoders.tiff_colors import Samples
from augseq.pixels.decoders.tiff_layout import TiffLayout
from augseq.pixels.decoders.tiff_strips import NONE, unpack_strip
from augseq.pixels.options import MAX_PIXELS, DecodeOptions, to_read_it

_EXTRA = Extra(name="tiff", library="tifffile", reads="TIFF")
# Bytes of samples that each pixel of `max_pixels` allows.
_BYTES_PER_PIXEL = 4


def check_sample_bytes(layout: TiffLayout, num_pixels: int, options: DecodeOptions) -> None:
    """Raise if the samples of `num_pixels` pixels take too much memory."""
    # Three copies are in memory at times: the file, its samples, and the pixels.
    num_bytes = num_pixels * sum(max(8, bits) for bits in layout.bits) // 8
    most = _BYTES_PER_PIXEL * max(options.max_pixels, MAX_PIXELS)
    if num_bytes > most:
        needed = max(num_pixels, -(-num_bytes // _BYTES_PER_PIXEL))
        raise DecodeError(
            f"its samples take {num_bytes} bytes, more than the {most} that "
            f"max_pixels={options.max_pixels} allows{to_read_it('max_pixels', needed)}"
        )


def read_samples(data: bytes, layout: TiffLayout, options: DecodeOptions) -> Samples:
    """Decode all samples as stored.

    Returns:
        Shape (height, width, samples); unsigned integers or floats, in native byte order.
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
        for index in range(num_planes * num_down * num_across):
            # The last strip may be shorter; tiles are always whole.
            num_rows = rows if page.is_tiled else min(rows, height - index % num_down * rows)
            packed = unpack_strip(
                _part(page, data, index),
                layout.compression,
                row_bytes,
                num_rows,
                is_bit_reversed=layout.is_bit_reversed,
            )
            part, (plane, _, top, left, _), _ = page.decode(packed, index)
            bottom, right = min(top + rows, height), min(left + columns, width)
            samples[plane, top:bottom, left:right] = part[0, : bottom - top, : right - left]
    return samples[0] if num_planes == 1 else np.moveaxis(samples[..., 0], 0, 2)


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
