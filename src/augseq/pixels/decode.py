"""Bytes of an image file become one upright uint8 array, or an error that says why not."""

from dataclasses import dataclass
from typing import Protocol

from PIL import ImageFile

from augseq.errors import DecodeError
from augseq.pixels.jpeg_decoder import open_jpeg
from augseq.pixels.options import DecodeOptions
from augseq.pixels.pillow_decoder import decode_with_pillow
from augseq.pixels.region import WHOLE, Region, cut, scaled_box
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
    """Open the bytes of one image file.

    The first frame of animated files and the first page of a TIFF count. Pixels of 16 bits are
    scaled to 8, as Pillow scales 16-bit colour: by their upper byte. This is the one place
    that picks a decoder.

    Ordinary JPEG files are decoded by libjpeg-turbo, when their pixels are asked for, and all
    others by Pillow at once.

    Not every damage shows. AVIF, BMP, GIF, JPEG, JPEG 2000, PPM, WebP and most TIFF files have
    no checksum over their pixels; and of a JPEG file of which a part is wanted, only that part
    and the end are looked at.

    Args:
        data: The whole file.
        options: Colour mode, orientation, background, limit.

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
    jpeg = open_jpeg(data, options)
    return DecodedImage(decode_with_pillow(data, options)) if jpeg is None else jpeg


def decode_image(data: bytes, options: DecodeOptions) -> Image:
    """Decode the bytes of one image file; see `open_image`.

    Returns:
        Pixels, shape (height, width, channels), uint8, 0 to 255; a new array that may be
        written to. 3, 1 or 4 channels for "rgb", "grayscale", "rgba".

    Raises:
        DecodeError: As in `open_image`.
    """
    return open_image(data, options).read(WHOLE)
