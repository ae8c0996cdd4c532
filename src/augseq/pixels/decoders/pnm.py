"""PNM: portable bitmaps, greymaps, pixmaps and floatmaps, with Pillow.

Binary files whose maximum value is not 255 are decoded here, exactly and fast: Pillow reads them
value by value in Python, 9 s for 12 megapixels, and clips values that are too large.
"""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageFile

from augseq.errors import DecodeError
from augseq.pixels.decoded_image import DecodedImage, OpenImage
from augseq.pixels.decoders.color_modes import convert_bands
from augseq.pixels.decoders.full_depth import finish_deep
from augseq.pixels.decoders.image_format import ImageFormat, begins_with
from augseq.pixels.decoders.pillow import PillowDecoder, PillowFile
from augseq.pixels.options import DecodeOptions
from augseq.types import Image

# Followed by a number, unlike most text that begins with "P1".
_HEADER = re.compile(rb"P[1-6][ \t\r\n]+(?:#|\d+[ \t\r\n])|P[Ff]\r?\n\d")


def _open(data: bytes, options: DecodeOptions) -> OpenImage:
    with _DECODER.opened(data, options) as file:
        found = _read_values(file.picture, data)
        if found is None:
            return DecodedImage(_DECODER.decode(file))
        values, most = found
        if options.full_depth:
            return DecodedImage(finish_deep(values / np.float32(most), options))
        return DecodedImage(_eight_bits(values, most, options))


def _eight_bits(values: npt.NDArray[Any], most: int, options: DecodeOptions) -> Image:
    def band(top: int, bottom: int) -> PillowImage.Image:
        rows = values[top:bottom].astype(np.uint32)
        # The upper byte of 16-bit values, and the nearest value for any other range.
        scaled = rows >> 8 if most == 0xFFFF else (rows * 255 + most // 2) // most
        pixels = scaled.astype(np.uint8)
        return PillowImage.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)

    return convert_bands((values.shape[0], values.shape[1]), band, options, 1)


def _channel_bits(file: PillowFile) -> int:
    # Text files, with the maximum value.
    arguments = file.picture.tile[0].args
    return 16 if isinstance(arguments, tuple) and int(arguments[1]) > 255 else 8


def _read_values(picture: ImageFile.ImageFile, data: bytes) -> tuple[npt.NDArray[Any], int] | None:
    """Return the values of a binary file whose maximum value is not 255.

    Args:
        picture: The image as Pillow opened it, not loaded.
        data: The whole file.

    Returns:
        Shape (height, width, channels), uint8 or uint16, and the maximum value; None for text
        files, and if it is 255.

    Raises:
        DecodeError: The file is truncated, or has larger values.
    """
    decoder, _, offset, arguments = picture.tile[0]
    is_wide = arguments == "I;16B"
    if decoder != "ppm" and not is_wide:
        return None
    most = 0xFFFF if is_wide else int((arguments or ())[1])
    shape = picture.height, picture.width, len(picture.getbands())
    kind = np.dtype(">u2" if most > 0xFF else "u1")
    needed = int(np.prod(shape)) * kind.itemsize
    if len(data) - offset < needed:
        raise DecodeError(f"it is truncated: {len(data) - offset} of {needed} bytes are there")
    values = np.frombuffer(data, kind, needed // kind.itemsize, offset).reshape(shape)
    if most < np.iinfo(kind).max and int(values.max()) > most:
        raise DecodeError(f"it has a value of {int(values.max())}, above its maximum of {most}")
    return values, most


_DECODER = PillowDecoder(name="PPM", channel_bits=_channel_bits, wide_mode_is_grey=True)

PNM = ImageFormat(
    name=_DECODER.name,
    title="PNM",
    endings=(".pbm", ".pfm", ".pgm", ".pnm", ".ppm"),
    # Including Pillow's own kinds.
    matches=begins_with(*(b"P%c" % kind for kind in b"0123456Ffy")),
    is_certain=_HEADER.match,
    open=_open,
    describe=_DECODER.describe,
    find_losses=_DECODER.find_losses,
)
