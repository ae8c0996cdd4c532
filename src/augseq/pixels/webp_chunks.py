"""The chunks of a WebP file that Pillow does not hand on."""

from collections.abc import Iterator

from augseq.pixels.orientation import damaged_exif
from augseq.pixels.tiff_tags import is_tiff

_KNOWN = frozenset(
    {b"EXIF", b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"XMP "}
)


def check_webp_exif(data: bytes) -> None:
    """Raise for a file of which Pillow finds no EXIF data, but which lost an orientation.

    A header that announces a block although there is none is harmless: web services that remove
    the block leave it so. A block that the header denies is skipped by Pillow, OpenCV and browsers
    alike.

    Raises:
        DecodeError: Which side is up is not known.
    """
    if data[12:16] != b"VP8X":
        return
    for name, body in _chunks(data):
        if name not in _KNOWN and (is_tiff(body) or body.startswith(b"Exif")):
            raise damaged_exif(f"it has the name {name!r}")
    if data[20] & 8 and 8 + int.from_bytes(data[4:8], "little") > len(data):
        raise damaged_exif("it is announced, but the file ends before it")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
