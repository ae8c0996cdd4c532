"""Bytes of an image file become one upright array, or an error that says why not."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import ImageFile

from augseq.errors import DecodeError
from augseq.pixels.decoder_process import call_safely
from augseq.pixels.formats import is_jxl, risky_kind
from augseq.pixels.full_depth import decode_deep
from augseq.pixels.jpeg_decoder import open_jpeg
from augseq.pixels.jxl_decoder import decode_jxl
from augseq.pixels.options import DecodeOptions
from augseq.pixels.pillow_decoder import decode_with_pillow
from augseq.pixels.region import WHOLE, Region, cut, scaled_box
from augseq.pixels.tiff_decoder import decode_tiff
from augseq.types import Image


class OpenImage(Protocol):
    """An image whose size is known, and whose pixels are decoded when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the whole upright image."""
        ...

    def read(self, region: Region) -> Image:
        """Return the pixels of a region, shape (height, width, channels); may be read-only.

        Without `region.covers`, that is the part of the whole image that the box names, bit for
        bit, whichever decoder runs. With it, a decoder that can scale may divide the image by
        2, 4 or 8, and the box is widened to whole pixels of the result.
        """
        ...


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An image in memory as an `OpenImage`."""

    pixels: Image

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the whole image."""
        return self.pixels.shape

    def read(self, region: Region) -> Image:
        """Return the pixels in the box, as a view."""
        return cut(self.pixels, scaled_box(region.box, self.shape, 1))


def open_image(data: bytes, options: DecodeOptions) -> OpenImage:
    """Open the bytes of one image file; this is the one place that picks a decoder.

    JPEG files are decoded by libjpeg-turbo, when their pixels are asked for; JPEG XL at once by
    libjxl, TIFF files of layouts that Pillow does not read rightly by tifffile, and all others by
    Pillow, with plug-ins for HEIC. Decoders that may crash run in a
    process of their own, see `decoder_process`. The first frame of animated files
    and the first page of a TIFF count; colour profiles are not applied.

    Pixels of 16 bits are scaled to 8, as Pillow scales 16-bit colour: by their upper byte.
    With `options.full_depth`, 65535 becomes 1.0, as does 255 in files of 8 bits, and floats
    keep their values. Files of AVIF and HEIC in colour that have more than 8 bits are then
    refused, and those of JPEG 2000 always.

    Not every damage shows. AVIF, BMP, GIF, HEIC, JPEG, JPEG 2000, PPM, WebP and most TIFF files
    have no checksum over their pixels; and of a JPEG file of which a part is wanted, only that
    part and the end are looked at.

    Args:
        data: The whole file.
        options: Colour mode, orientation, background, limits, depth.

    Raises:
        DecodeError: The data is not an image, is damaged or truncated, claims too many
            pixels, or has pixels without a fixed range. The message says which. Where pixels
            are decoded later, `read` raises it.
    """
    if not data:
        raise DecodeError("the file is empty (0 bytes)")
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise DecodeError(
            "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is on in this process, so a damaged file would "
            "be filled up silently; set it to False"
        )
    if risky_kind(data) is not None:
        return DecodedImage(call_safely(_decode, data, options))
    return _open(data, options)


def _decode(data: bytes, options: DecodeOptions) -> Image:
    return _open(data, options).read(WHOLE)


def _open(data: bytes, options: DecodeOptions) -> OpenImage:
    if is_jxl(data):
        return DecodedImage(decode_jxl(data, options))
    jpeg = open_jpeg(data, options)
    opened = DecodedImage(_decode_other(data, options)) if jpeg is None else jpeg
    return _FloatImage(opened) if options.full_depth else opened


def _decode_other(data: bytes, options: DecodeOptions) -> Image:
    pixels = decode_tiff(data, options)
    if pixels is None and options.full_depth:
        pixels = decode_deep(data, options)
    return decode_with_pillow(data, options) if pixels is None else pixels


@dataclass(frozen=True, slots=True)
class _FloatImage:
    """An image whose pixels become floats from 0 to 1, unless they are floats already."""

    opened: OpenImage

    @property
    def shape(self) -> tuple[int, ...]:
        return self.opened.shape

    def read(self, region: Region) -> Image:
        pixels = self.opened.read(region)
        return pixels if pixels.dtype == np.float32 else pixels / np.float32(255)


def decode_image(data: bytes, options: DecodeOptions) -> Image:
    """Decode the bytes of one image file; see `open_image`.

    Returns:
        Pixels, shape (height, width, channels); a new array that may be written to. uint8,
        0 to 255; float32 with `options.full_depth`. 3, 1 or 4 channels for "rgb",
        "grayscale", "rgba".

    Raises:
        DecodeError: As in `open_image`.
    """
    return open_image(data, options).read(WHOLE)
