"""All image formats. To add one, write a file here and add its row to `FORMATS`."""

from collections.abc import Collection

from augseq.pixels.decoders.avif import AVIF
from augseq.pixels.decoders.bmp import BMP
from augseq.pixels.decoders.gif import GIF
from augseq.pixels.decoders.heif import HEIF
from augseq.pixels.decoders.image_format import ImageFormat
from augseq.pixels.decoders.jpeg import JPEG
from augseq.pixels.decoders.jpeg2000 import JPEG2000
from augseq.pixels.decoders.jxl import JXL
from augseq.pixels.decoders.png import PNG
from augseq.pixels.decoders.pnm import PNM
from augseq.pixels.decoders.tiff import TIFF
from augseq.pixels.decoders.webp import WEBP

# The first match decodes, so the most frequent formats come first, and HEIF before AVIF, which
# matches more brands.
FORMATS: tuple[ImageFormat, ...] = (
    JPEG,
    PNG,
    WEBP,
    TIFF,
    GIF,
    BMP,
    PNM,
    HEIF,
    AVIF,
    JPEG2000,
    JXL,
)

HEAD_BYTES = 512
"""Enough of a file to recognize its format."""


def find_format(data: bytes) -> ImageFormat | None:
    """Return the format that decodes a file, by its first bytes; None for no image.

    Args:
        data: The whole file, or its first `HEAD_BYTES` bytes.
    """
    for image_format in FORMATS:
        if image_format.matches(data):
            return image_format
    return None


def recognize_format(head: bytes) -> ImageFormat | None:
    """Return the format of a file that may not be an image; None if it is not one.

    Unlike `find_format`, it never mistakes text for an image.

    Args:
        head: Its first `HEAD_BYTES` bytes, or all.
    """
    found = find_format(head)
    is_certain = found is None or found.is_certain is None or found.is_certain(head)
    return found if is_certain else None


def format_named(name: str | None) -> ImageFormat | None:
    """Return the format with a name as in probes; None for an unknown name."""
    for image_format in FORMATS:
        if name == image_format.name or name in image_format.aliases:
            return image_format
    return None


def readable_endings() -> tuple[str, ...]:
    """Return the file extensions that this installation can read, sorted."""
    readable = (image_format for image_format in FORMATS if image_format.can_be_read)
    return tuple(sorted(ending for image_format in readable for ending in image_format.endings))


def all_endings() -> tuple[str, ...]:
    """Return the file extensions of all formats, including those that need an extra."""
    return tuple(ending for image_format in FORMATS for ending in image_format.endings)


def missing_extras(endings: Collection[str]) -> list[str]:
    """Return the names of the extras that are missing to read some file extensions."""
    return sorted(
        {
            image_format.extra.name
            for image_format in FORMATS
            if image_format.extra is not None
            and not image_format.extra.is_installed
            and any(ending in endings for ending in image_format.endings)
        }
    )


def decoder_libraries() -> tuple[str, ...]:
    """Return the libraries of extras that decode whole formats, installed or not."""
    extras = (image_format.extra for image_format in FORMATS)
    return tuple(extra.library for extra in extras if extra is not None)
