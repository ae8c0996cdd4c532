"""Read the stored values of a mask: palette indices, grey values or colours, never converted."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageFile

from augseq.errors import DecodeError
from augseq.pixels.decoders.decoder_errors import UnidentifiedError, explaining
from augseq.pixels.decoders.orientation import read_orientation, turn
from augseq.pixels.decoders.png_rows import load_rows, read_rows
from augseq.pixels.decoders.png_truncation import check_png_rows
from augseq.pixels.file_kinds import EMPTY, name_kind

_LOSSLESS = ("PNG", "TIFF", "BMP", "GIF", "PPM")
# By Pillow's mode: whether the values are indices or grey values.
_GREY = ("1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N")
_GREY_AND_ALPHA = {"LA": "L", "PA": "P", "RGBA": "RGB"}


def read_mask(data: bytes, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return the values of a mask as they are stored.

    Args:
        data: The whole file.
        shape: (height, width, ...) that it must have, upright: those of the image.

    Returns:
        Palette indices or grey values, shape (height, width), uint8, uint16 or int32; or colours,
        uint8, shape (height, width, 3).

    Raises:
        DecodeError: It has another size, is not lossless, or is damaged.
    """
    with naming_kind(data):
        return _read(data, shape)


@contextmanager
def naming_kind(data: bytes) -> Iterator[None]:
    """Describe the content of a file in the error if it is not an image.

    Args:
        data: The whole file.
    """
    if not data:
        raise DecodeError(EMPTY)
    try:
        yield
    except UnidentifiedError as error:
        raise DecodeError(name_kind(data)) from error


def _read(data: bytes, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    with explaining(), PillowImage.open(io.BytesIO(data)) as picture:
        if picture.format not in _LOSSLESS:
            raise DecodeError(
                f"a mask must be in a lossless format, such as PNG, but it is {picture.format}, "
                "which changes the values of pixels. Save the original mask as PNG"
            )
        orientation = read_orientation(picture.info.get("exif") or b"")
        width, height = picture.size if orientation < 5 else picture.size[::-1]
        # Before the pixels are decoded: the limit of the image then holds for its mask too.
        if (height, width) != tuple(shape[:2]):
            raise DecodeError(other_size("mask", (height, width), shape))
        values = turn(stored_values(picture, data, kind="mask"), orientation)
    return values if values.shape[2] == 3 else values[:, :, 0]


def other_size(kind: str, size: tuple[int, int], shape: tuple[int, ...]) -> str:
    """Return why a map of another size than its image cannot be used.

    Args:
        kind: What it is, such as "mask".
        size: Its (height, width) in pixels, upright.
        shape: (height, width, ...) of the upright image.
    """
    height, width = shape[:2]
    turned = ""
    if size == (width, height):
        turned = (
            f": rotate the {kind} upright; if it fits the image before EXIF orientation is "
            "applied, pass exif_orientation=False"
        )
    return (
        f"it has {size[0]} x {size[1]} pixels, but its image has {height} x {width}, upright "
        f"(height x width){turned}"
    )


def stored_values(picture: ImageFile.ImageFile, data: bytes, *, kind: str) -> npt.NDArray[Any]:
    """Return the values of a picture as they are stored, without opaque alpha.

    Args:
        picture: The opened file.
        data: The same file.
        kind: What it is, such as "mask".

    Returns:
        Palette indices or grey values, shape (height, width, 1); or colours, uint8, shape
        (height, width, 3).

    Raises:
        DecodeError: It is damaged, partly transparent, or of another kind of colours.
    """
    if picture.format != "PNG":
        picture.load()
    elif (rows := read_rows(picture, data)) is None:
        picture.load()
        check_png_rows(picture, data)
    elif picture.tile[0].args in ("L", "P"):
        # One byte for each pixel: the value itself.
        return rows[:, :, np.newaxis]
    else:
        load_rows(picture, rows)
    mode = picture.mode
    if mode in _GREY_AND_ALPHA:
        if np.asarray(picture.getchannel("A")).min() < 255:
            raise DecodeError(f"a {kind} must not have transparent pixels. Save it without alpha")
        mode = _GREY_AND_ALPHA[mode]
    if mode not in (*_GREY, "F", "RGB") or (mode == "F" and kind == "mask"):
        raise DecodeError(
            f"a {kind} must have palette indices, grey values or RGB colours. Pillow calls its "
            f"pixel format {picture.mode}: save it as an 8- or 16-bit PNG"
        )
    values = np.asarray(picture)
    if values.ndim == 3:
        return values[:, :, :3] if mode == "RGB" else values[:, :, :1]
    if values.dtype == bool:
        values = values.astype(np.uint8)
    bits, color_type = (data[24], data[25]) if picture.format == "PNG" else (8, 0)
    if color_type == 0 and bits in (2, 4):
        # Pillow stretches grey values of 2 and 4 bits to 0 to 255.
        values = values // (255 // (2**bits - 1))
    return values[:, :, np.newaxis]
