"""Cut a small file out of that of a mask or value map: the part that a crop needs."""

import io

import numpy as np

from augseq.errors import DecodeError
from augseq.pixels.decoders.npy import is_npy, open_npy
from augseq.pixels.decoders.orientation import read_orientation
from augseq.pixels.decoders.tiff_layout import read_layout
from augseq.pixels.decoders.tiff_parts import find_parts
from augseq.pixels.decoders.tiff_tags import is_tiff
from augseq.pixels.local_file import FileContent
from augseq.pixels.region import Box


def cut_file(data: FileContent, shape: tuple[int, ...], box: Box) -> tuple[bytes, Box] | None:
    """Return a file with a part of a map, which is decoded to the same values.

    Args:
        data: The whole file.
        shape: (height, width, ...) that the map must have.
        box: The part that is needed.

    Returns:
        The file, and the part of the map that it holds, which contains the box. None if the whole
        file must be decoded: it is damaged, turned, of another size, or of a format of which parts
        cannot be decoded.
    """
    try:
        if is_npy(data):
            return _cut_npy(data, shape, box)
        return _cut_tiff(data, shape, box) if is_tiff(data[:8]) else None
    except DecodeError:
        # The same error follows from the whole file.
        return None


def _cut_npy(data: FileContent, shape: tuple[int, ...], box: Box) -> tuple[bytes, Box] | None:
    file = open_npy(data)
    if file.is_fortran or file.shape[:2] != shape[:2]:
        return None
    small = io.BytesIO()
    np.save(small, file.read(box))
    return small.getvalue(), box


def _cut_tiff(data: FileContent, shape: tuple[int, ...], box: Box) -> tuple[bytes, Box] | None:
    layout = read_layout(data)
    if layout is None or (layout.height, layout.width) != shape[:2] or read_orientation(data) != 1:
        return None
    parts = find_parts(data, layout)
    return None if parts is None else parts.cut(box)
