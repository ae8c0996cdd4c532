"""How files of images begin."""

import re

from augseq.pixels.formats import is_heif, is_jxl

HEAD_BYTES = 512
"""Enough of a file for `is_image`."""

# JPEG; PNG; GIF; TIFF and BigTIFF of both byte orders; WebP; JPEG 2000 with and without boxes;
# BMP, with one of the known sizes of its second header; PNM and PFM, with a number behind.
_START = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|II[*+]\0|MM\0[*+]|RIFF.{4}WEBP|"
    rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51|"
    rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0|"
    rb"P[1-6][ \t\r\n]+(?:#|\d+[ \t\r\n])|P[Ff]\r?\n\d",
    re.DOTALL,
)
_AVIF = re.compile(rb".{4}ftyp(?:.{4})*?(?:avif|avis)", re.DOTALL)


def is_image(head: bytes) -> bool:
    """Tell whether a file begins like an image of a format that is read, perhaps with an extra.

    Args:
        head: Its first `HEAD_BYTES` bytes, or all.
    """
    if _START.match(head) or is_heif(head) or is_jxl(head):
        return True
    # Brands stand in the first box alone.
    return bool(_AVIF.match(head[: min(int.from_bytes(head[:4], "big"), HEAD_BYTES)]))
