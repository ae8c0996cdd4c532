"""WebP, decoded with Pillow."""

from collections.abc import Iterator

from augseq.pixels.decoders.orientation import damaged_exif
from augseq.pixels.decoders.pillow import (
    PillowDecoder,
    PillowFile,
    pillow_format,
    tagged_orientation,
)
from augseq.pixels.decoders.tiff_tags import is_tiff

_KNOWN = frozenset(
    {b"EXIF", b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"XMP "}
)


def _matches(data: bytes) -> bool:
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


def _orientation(file: PillowFile) -> int:
    if not file.picture.info.get("exif"):
        _check_exif(file.data)
    return tagged_orientation(file)


def _check_exif(data: bytes) -> None:
    """Raise if Pillow finds no EXIF data, but an orientation was lost.

    A header that declares a missing block is harmless: web services that remove the block leave
    the header as it was. A block that the header does not declare is skipped by Pillow, OpenCV
    and browsers alike.
    """
    if data[12:16] != b"VP8X":
        return
    for name, body in _chunks(data):
        if name not in _KNOWN and (is_tiff(body) or body.startswith(b"Exif")):
            raise damaged_exif(f"its chunk is named {name!r}")
    if data[20] & 8 and 8 + int.from_bytes(data[4:8], "little") > len(data):
        raise damaged_exif("the header declares it, but the file ends before it")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


WEBP = pillow_format(
    # An image of 89 million pixels took 1.9 GB.
    PillowDecoder(name="WEBP", weight=2, orientation=_orientation),
    title="WebP",
    endings=(".webp",),
    matches=_matches,
)
