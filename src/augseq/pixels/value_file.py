"""Read the stored numbers of a value map, such as depth: of any depth, never scaled."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from augseq.errors import DecodeError
from augseq.pixels.decoders.decoder_errors import explaining
from augseq.pixels.decoders.full_depth import read_deep_colors
from augseq.pixels.decoders.isolated.decoder_process import call_in_decoder_process
from augseq.pixels.decoders.npy import is_npy, read_npy
from augseq.pixels.decoders.orientation import read_orientation, read_tiff_orientation, turn
from augseq.pixels.decoders.tiff_layout import TiffLayout, read_layout
from augseq.pixels.decoders.tiff_samples import check_sample_bytes, read_samples
from augseq.pixels.mask_file import naming_kind, other_size, stored_values
from augseq.pixels.options import DecodeOptions


def read_values(data: bytes, shape: tuple[int, ...], channels: int) -> npt.NDArray[np.float32]:
    """Return the numbers of a value map as they are stored.

    Args:
        data: The whole file: PNG of 8 or 16 bits, TIFF of any depth, .npy, or another image.
        shape: (height, width, ...) that it must have, upright: those of the image.
        channels: Channels that it must have. One is also read from greys stored as colours.

    Returns:
        Shape (height, width, channels).

    Raises:
        DecodeError: It has another size or other channels, or is damaged.
    """
    with naming_kind(data), explaining():
        values = _read_array(data, shape) if is_npy(data) else _read_picture(data, shape)
        if values.dtype.kind not in "biuf":
            raise DecodeError(f"its values are not numbers, but of the type {values.dtype}")
    if channels == 1 and values.shape[2] == 3 and (values == values[:, :, :1]).all():
        values = values[:, :, :1]
    if values.shape[2] != channels:
        raise DecodeError(_other_channels(values.shape[2], channels))
    # Larger 64-bit floats become infinite, which the caller refuses.
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _other_channels(found: int, expected: int) -> str:
    text = f"it has {found} channel{'s' * (found != 1)} per pixel, but channels={expected}"
    if found == 3 and expected == 1:
        return (
            f"{text}: it contains colours. Use the file with the numbers themselves, not a "
            "coloured picture of them; or, if its channels are the values, pass channels=3"
        )
    return f"{text}. Pass channels={found}"


def _check_size(size: tuple[int, ...], shape: tuple[int, ...]) -> None:
    # Before the values are decoded: the limit of the image then holds for its map too.
    if tuple(size[:2]) != tuple(shape[:2]):
        raise DecodeError(other_size("value map", (size[0], size[1]), shape))


def _read_array(data: bytes, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    values = read_npy(data)
    _check_size(values.shape, shape)
    return values


def _read_picture(data: bytes, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    layout = read_layout(data)
    if layout is not None and _needs_tifffile(layout):
        orientation = read_tiff_orientation(data)
        size = (layout.height, layout.width)
        _check_size(size if orientation < 5 else size[::-1], shape)
        options = DecodeOptions()
        return turn(call_in_decoder_process("TIFF", _read_samples, data, options), orientation)
    with PillowImage.open(io.BytesIO(data)) as picture:
        orientation = read_orientation(picture.info.get("exif") or b"")
        _check_size(picture.size[::-1] if orientation < 5 else picture.size, shape)
        if picture.format == "PNG" and data[24] == 16 and data[25] != 0:
            # Pillow reads colours as 8 bits.
            return turn(_opaque(read_deep_colors(data)), orientation)
        if picture.mode == "P":
            picture.load()
            colors = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
            return turn(_opaque(np.asarray(colors)), orientation)
        return turn(stored_values(picture, data, kind="value map"), orientation)


def _needs_tifffile(layout: TiffLayout) -> bool:
    return len(layout.bits) > 1 and (max(layout.bits) > 8 or len(layout.bits) > 4)


def _read_samples(data: bytes, options: DecodeOptions) -> npt.NDArray[Any]:
    layout = read_layout(data)
    assert layout is not None
    with explaining():
        check_sample_bytes(layout, layout.height * layout.width, options)
        return read_samples(data, layout, options)


def _opaque(colors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return colours without alpha.

    Raises:
        DecodeError: Some pixels are transparent.
    """
    if colors.shape[2] < 4:
        return colors
    if (colors[:, :, 3] < np.iinfo(colors.dtype).max).any():
        raise DecodeError("a value map must not have transparent pixels. Save it without alpha")
    return colors[:, :, :3]
