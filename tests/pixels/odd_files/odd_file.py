"""One odd file, and the expected result."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from ..conftest import encoded, photo


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OddFile:
    """A file.

    Attributes:
        name: What is odd about it.
        data: Its bytes.
        pixels: The upright image that it holds, in RGB; None where it must be refused.
        cause: A part of the refusal, as a pattern.
        tolerance: By how much a value may differ.
        may_fail: Whether a refusal is as correct as the pixels.
    """

    name: str
    data: bytes
    pixels: np.ndarray | None = None
    cause: str = ""
    tolerance: int = 0
    may_fail: bool = False


def by_pillow(data: bytes) -> np.ndarray:
    """Return the upright image on white, as Pillow alone decodes it."""
    with Image.open(io.BytesIO(data)) as picture:
        upright = ImageOps.exif_transpose(picture)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        white = Image.new("RGBA", upright.size, (255, 255, 255, 255))
        upright = Image.alpha_composite(white, upright)
    return np.asarray(upright.convert("RGB"))


def written(size: tuple[int, int] = (40, 56)) -> dict[str, bytes]:
    """Return an image in every format that Pillow writes, and its compressions."""
    picture = photo(*size)
    flat = picture.quantize(40)
    return {
        "baseline JPEG": encoded(picture, "JPEG"),
        "progressive JPEG": encoded(picture, "JPEG", progressive=True),
        "JPEG with restarts": encoded(picture, "JPEG", restart_marker_rows=1),
        "grey JPEG": encoded(picture.convert("L"), "JPEG"),
        "CMYK JPEG": encoded(picture.convert("CMYK"), "JPEG"),
        "PNG": encoded(picture),
        "palette PNG": encoded(flat),
        "lossy WebP": encoded(picture, "WEBP"),
        "lossless WebP": encoded(picture, "WEBP", lossless=True),
        "TIFF": encoded(picture, "TIFF"),
        "LZW TIFF": encoded(picture, "TIFF", compression="tiff_lzw"),
        "deflate TIFF": encoded(picture, "TIFF", compression="tiff_adobe_deflate"),
        "packbits TIFF": encoded(picture, "TIFF", compression="packbits"),
        "JPEG TIFF": encoded(picture, "TIFF", compression="jpeg"),
        "big TIFF": encoded(picture, "TIFF", big_tiff=True),
        "BMP": encoded(picture, "BMP"),
        "palette BMP": encoded(flat, "BMP"),
        "GIF": encoded(flat, "GIF"),
        "PPM": encoded(picture, "PPM"),
        "PGM": encoded(picture.convert("L"), "PPM"),
        "JPEG 2000": encoded(picture, "JPEG2000"),
        "AVIF": encoded(picture, "AVIF", speed=10),
    }
