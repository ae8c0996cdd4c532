"""PNG: Pillow's pixels, with verified checksums and no missing data, neither of which it checks."""

import io

import numpy as np
from PIL import Image as PillowImage

from augseq.errors import DecodeError
from augseq.pixels.decoded_image import DecodedImage, OpenImage
from augseq.pixels.decoders.image_format import ImageFormat, begins_with
from augseq.pixels.decoders.orientation import turn
from augseq.pixels.decoders.pillow import PillowDecoder, PillowFile, tagged_orientation
from augseq.pixels.decoders.png_rows import load_rows, read_rows
from augseq.pixels.decoders.png_truncation import check_png_rows
from augseq.pixels.options import DecodeOptions
from augseq.types import Image

# Pillow's raw mode of the pixels of each colour mode.
_STORED = {"rgb": "RGB", "grayscale": "L", "rgba": "RGBA"}


def _load(file: PillowFile) -> None:
    """Decode the pixels, strictly."""
    rows = read_rows(file.picture, file.data)
    if rows is not None:
        load_rows(file.picture, rows)
        return
    _check_checksums(file)
    file.picture.load()
    check_png_rows(file.picture, file.data)


def _check_checksums(file: PillowFile) -> None:
    """Raise if a checksum is wrong or the end is missing."""
    # A picture cannot be loaded after it was verified.
    with PillowImage.open(io.BytesIO(file.data), formats=("PNG",)) as again:
        again.verify()


def _finish(file: PillowFile) -> None:
    _scale_transparency(file.picture, _bit_depth(file))


def _bit_depth(file: PillowFile) -> int:
    return file.data[24]


def _scale_transparency(picture: PillowImage.Image, depth: int) -> None:
    """Scale the transparent colour to 8 bits, as Pillow scales the pixels."""
    transparent = picture.info.get("transparency")
    if transparent is None:
        return
    if picture.mode == "L" and depth < 8:
        picture.info["transparency"] = transparent * 255 // (2**depth - 1)
    elif picture.mode == "RGB" and depth == 16:
        raise DecodeError("it marks one 16-bit colour as transparent, which is ambiguous in 8 bits")


def _orientation(file: PillowFile) -> int:
    # How ImageMagick stores EXIF data in a PNG: three lines, then hexadecimal digits.
    lines = (file.picture.info.get("Raw profile type exif") or "").split("\n")
    return tagged_orientation(file, exif=bytes.fromhex("".join(lines[3:])))


_PILLOW = PillowDecoder(
    name="PNG",
    load=_load,
    finish=_finish,
    orientation=_orientation,
    channel_bits=_bit_depth,
    has_deep_colors=True,
    has_palette=True,
    wide_mode_is_grey=True,
)


def _open(data: bytes, options: DecodeOptions) -> OpenImage:
    with _PILLOW.opened(data, options) as file:
        pixels = _read_unconverted(file)
        return DecodedImage(_PILLOW.decode(file) if pixels is None else pixels)


def _read_unconverted(file: PillowFile) -> Image | None:
    """Decode a file that stores what is requested; None for all others.

    Pillow's copies to and from its own format take 0.7 ms more, most of it with the lock.
    """
    picture, options = file.picture, file.options
    stored = picture.tile[0].args if picture.tile else None
    if stored != _STORED[options.color_mode] or "transparency" in picture.info:
        return None
    rows = read_rows(picture, file.data)
    if rows is None:
        return None
    orientation = _orientation(file) if options.exif_orientation else 1
    pixels = rows.reshape(picture.height, picture.width, options.num_channels)
    return np.ascontiguousarray(turn(pixels, orientation))


PNG = ImageFormat(
    name=_PILLOW.name,
    title="PNG",
    endings=(".apng", ".png"),
    matches=begins_with(b"\x89PNG\r\n\x1a\n"),
    open=_open,
    describe=_PILLOW.describe,
    find_losses=_PILLOW.find_losses,
)
