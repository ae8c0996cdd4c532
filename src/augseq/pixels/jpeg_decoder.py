"""Decode ordinary JPEG files faster than Pillow, with the same pixels and more loudly.

libjpeg mends what it can and only warns, and Pillow does not hand the warning on; in strict mode
simplejpeg makes it an error. It also writes into an array at once, where Pillow's picture must be
copied: 1.34 against 2.1 ms for a file of 500 x 375 pixels and 114 kB.
"""

from collections.abc import Callable

import numpy as np
import simplejpeg

from augseq.errors import DecodeError
from augseq.pixels.options import DecodeOptions
from augseq.pixels.pillow_decoder import read_orientation
from augseq.types import Image

# By colour mode and the colours of the file. From colours to grey Pillow rounds in a way of its
# own, so that is left to it.
_COLORSPACES = {
    ("rgb", "YCbCr"): "RGB",
    ("rgb", "Gray"): "RGB",
    ("grayscale", "Gray"): "GRAY",
}
# Warnings that mean wrong pixels. Others, such as of extraneous bytes before a marker, come with
# files of real cameras whose pixels are right.
_DAMAGE = ("premature end", "bad huffman code", "found marker")

_TURNS: dict[int, Callable[[Image], Image]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


def decode_jpeg(data: bytes, options: DecodeOptions) -> Image | None:
    """Decode an ordinary JPEG file: 8 bits, grey or YCbCr, within the limit of pixels.

    Returns:
        Pixels, shape (height, width, channels), uint8, 0 to 255; a new array. None where the
        file is of another kind, and Pillow must decide.

    Raises:
        DecodeError: Data is missing or damaged, or the EXIF data is.
    """
    if not data.startswith(b"\xff\xd8"):
        return None
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    colorspace = _COLORSPACES.get((options.color_mode, colors))
    if colorspace is None or height * width > options.max_pixels:
        return None
    orientation = read_orientation(data) if options.exif_orientation else 1
    try:
        pixels: Image = simplejpeg.decode_jpeg(data, colorspace=colorspace, strict=True)
    except ValueError as error:
        if any(damage in str(error).lower() for damage in _DAMAGE):
            raise DecodeError(f"its JPEG data is truncated or damaged ({error})") from error
        return None
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))
