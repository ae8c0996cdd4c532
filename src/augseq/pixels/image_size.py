"""Read the size of an image from the header of its file."""

import os
import sys
from dataclasses import dataclass

from PIL import Image as PillowImage

from augseq.pixels.decode import describe_image, open_image
from augseq.pixels.decoders.decoder_errors import explaining
from augseq.pixels.decoders.npy import is_npy, open_npy
from augseq.pixels.decoders.orientation import read_orientation, read_tiff_orientation
from augseq.pixels.decoders.registry import HEAD_BYTES, find_format
from augseq.pixels.decoders.tiff_layout import read_layout
from augseq.pixels.local_file import FileContent, find_large_file
from augseq.pixels.options import DecodeOptions
from augseq.pixels.read import read_bytes
from augseq.storage.path_encoding import for_system

# Formats whose header Pillow reads without the pixels, and without turning the image upright.
_PLAIN = ("JPEG", "PNG", "GIF", "BMP", "PPM")


@dataclass(frozen=True, slots=True)
class ImageSize:
    """The size of an image, as stored in its file.

    Attributes:
        height: Height in pixels before the EXIF orientation is applied.
        width: Width in pixels before the EXIF orientation is applied.
        orientation: EXIF orientation, 1 (upright) to 8.
    """

    height: int
    width: int
    orientation: int

    @property
    def stored(self) -> tuple[int, int]:
        """(height, width) in pixels as stored."""
        return self.height, self.width

    @property
    def upright(self) -> tuple[int, int]:
        """(height, width) in pixels of the upright image."""
        return self.stored if self.orientation < 5 else self.stored[::-1]


def read_image_size(path: str) -> ImageSize:
    """Return the size of an image without decoding it, except for rare formats.

    Args:
        path: A local file.

    Raises:
        MissingFileError: The file does not exist.
        UnreadableError: The system refuses to read it.
        DecodeError: It is not an image. The message does not name the file.
    """
    plain = _read_plain(path)
    if plain is not None:
        return plain
    file = find_large_file(path, sys.maxsize)
    data: FileContent = read_bytes(path) if file is None else file
    if is_npy(data):
        height, width, _ = open_npy(data).shape
        return ImageSize(height, width, 1)
    layout = read_layout(data)
    if layout is not None:
        return ImageSize(layout.height, layout.width, read_tiff_orientation(data))
    options = DecodeOptions()
    upright = open_image(data, options).shape[:2]
    orientation = describe_image(data[:], options).get("orientation") or 1
    height, width = upright if orientation < 5 else upright[::-1]
    return ImageSize(height, width, orientation)


def _read_plain(path: str) -> ImageSize | None:
    """Return the size of an image of a plain format; None for any other file."""
    place = for_system(path)
    if not os.path.isfile(place):
        return None
    try:
        with open(place, "rb") as file:
            image_format = find_format(file.read(HEAD_BYTES))
            if image_format is None or image_format.name not in _PLAIN:
                return None
            with explaining(), PillowImage.open(file, formats=_PLAIN) as picture:
                if "Raw profile type exif" in picture.info:
                    # How ImageMagick stores EXIF data in a PNG; its decoder reads it.
                    return None
                width, height = picture.size
                xmp = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or b""
                xmp = xmp.encode() if isinstance(xmp, str) else xmp
                orientation = read_orientation(picture.info.get("exif") or b"", xmp)
                return ImageSize(height, width, orientation)
    except OSError:
        # Reading the whole file explains it.
        return None
