"""The image of a record that is only a part of the image in its file, such as a tile."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ChangedFileError
from augseq.manifest.record import Record, Window
from augseq.pixels.decode import open_image
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.local_file import FileContent
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import Box, Region, cut, scaled_box
from augseq.types import Image


@dataclass(frozen=True, slots=True)
class WindowImage:
    """A window of an image as an `OpenImage`.

    Attributes:
        whole: The image.
        window: The part of it.
    """

    whole: OpenImage
    window: Window

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the window."""
        return (*self.window.size, *self.whole.shape[2:])

    @property
    def scales(self) -> bool:
        """False: see `read`."""
        return False

    def read(self, region: Region) -> Image:
        """Return the pixels in the box of the window, always at full size.

        At another scale, the edges of the window could lie between two pixels.
        """
        window = self.window
        if inside_size(window) != window.size:
            pixels = padded(self.whole.read(Region(box=_inside(window))), window, 0)
            return cut(pixels, scaled_box(region.box, self.shape, 1))
        top, left, height, width = scaled_box(region.box, self.shape, 1)
        box = (window.top + top, window.left + left, height, width)
        pixels = self.whole.read(Region(box=box))
        if not pixels.flags.owndata:
            # A view of the whole image, of which the next tile is another part.
            pixels.flags.writeable = False
        return pixels


def window_image(whole: OpenImage, record: Record) -> OpenImage:
    """Return the image of a record, given the whole image in its file.

    Raises:
        ChangedFileError: It has another size than when its windows were chosen.
    """
    window = record.window
    if window is None:
        return whole
    if whole.shape[:2] != window.image_size:
        height, width = whole.shape[:2]
        raise ChangedFileError(
            f"The image in the file of {record} must have the size that it had when its tiles were "
            f"made: {window.image_height} x {window.image_width} pixels (height x width). "
            f"Received: {height} x {width}. Make the tiles again: augseq.tile_manifest(images)."
        )
    return WindowImage(whole, window)


class _LastImage(threading.local):
    """The image that a thread has opened last."""

    data: FileContent = b""
    options: DecodeOptions | None = None
    opened: OpenImage | None = None


_LAST = _LastImage()


def open_once(data: FileContent, options: DecodeOptions) -> OpenImage:
    """Do the same as `open_image`, but not again for the same file as before in this thread.

    Most formats are decoded whole when they are opened, and TIFF files hold the strips or tiles
    that were decoded last; otherwise, each tile would decode all of it again.
    """
    if _LAST.opened is None or _LAST.options != options or _LAST.data != data:
        # Before the next one is decoded, so that both are not in memory.
        _LAST.opened, _LAST.data = None, b""
        _LAST.opened = open_image(data, options)
        _LAST.data, _LAST.options = data, options
    return _LAST.opened


def in_window(values: npt.NDArray[Any], record: Record, fill: float) -> npt.NDArray[Any]:
    """Return the part of a map that belongs to the image of a record.

    Args:
        values: The map of the whole image, shape (height, width, ...).
        record: The record.
        fill: Value of pixels beyond the edges of the whole image.
    """
    if record.window is None:
        return values
    return padded(cut(values, _inside(record.window)), record.window, fill)


def inside_size(window: Window) -> tuple[int, int]:
    """Return (height, width) of the part of a window that is inside the image."""
    height = min(window.height, window.image_height - window.top)
    return height, min(window.width, window.image_width - window.left)


def padded(values: npt.NDArray[Any], window: Window, fill: float) -> npt.NDArray[Any]:
    """Return the part of a window that is inside the image, extended to the whole window."""
    height, width = values.shape[:2]
    if (height, width) == window.size:
        return values
    found = np.full((*window.size, *values.shape[2:]), fill, values.dtype)
    found[:height, :width] = values
    return found


def _inside(window: Window) -> Box:
    return (window.top, window.left, *inside_size(window))
