"""PNG, decoded with Pillow, which checks neither checksums nor for missing data."""

import io

from PIL import Image as PillowImage

from augseq.errors import DecodeError
from augseq.pixels.decoders.image_format import begins_with
from augseq.pixels.decoders.pillow import (
    PillowDecoder,
    PillowFile,
    pillow_format,
    tagged_orientation,
)
from augseq.pixels.decoders.png_truncation import check_png_rows


def _check_checksums(file: PillowFile) -> None:
    """Raise if a checksum is wrong or the end is missing."""
    # A picture cannot be loaded after it was verified.
    with PillowImage.open(io.BytesIO(file.data), formats=("PNG",)) as again:
        again.verify()


def _finish(file: PillowFile) -> None:
    check_png_rows(file.picture, file.data)
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


PNG = pillow_format(
    PillowDecoder(
        name="PNG",
        check_stored=_check_checksums,
        finish=_finish,
        orientation=_orientation,
        channel_bits=_bit_depth,
        has_deep_colors=True,
        has_palette=True,
        wide_mode_is_grey=True,
    ),
    title="PNG",
    endings=(".apng", ".png"),
    matches=begins_with(b"\x89PNG\r\n\x1a\n"),
)
