"""Valid files that were truncated, padded, or had bits flipped."""

import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..conftest import chunk, encoded, exif, photo, png
from .odd_file import OddFile, by_pillow, written

# The very end of these comes after the last pixel and its checksum.
_TRAILER_BYTES = {"GIF": 2, "PNG": 4, "palette PNG": 4}


def truncated() -> Iterator[OddFile]:
    """Yield files that end too early."""
    for kind, data in written().items():
        end = len(data) - _TRAILER_BYTES.get(kind, 0)
        for length in (1, 3, 11, 30, end // 4, end // 2, end * 3 // 4, end - 40, end - 1):
            yield OddFile(name=f"{kind} of {length} bytes", data=data[:length])


def filled_up() -> Iterator[OddFile]:
    """Yield files whose second half was never written, as on a full disk."""
    for kind in ("baseline JPEG", "progressive JPEG", "PNG", "GIF", "LZW TIFF"):
        data = written()[kind]
        half = len(data) // 2
        yield OddFile(name=f"{kind} with zeros", data=data[:half] + bytes(len(data) - half))
    for kind in ("baseline JPEG", "grey JPEG", "CMYK JPEG", "JPEG with restarts"):
        data = written()[kind]
        ended = data[: len(data) - 150] + b"\xff\xd9"
        yield OddFile(name=f"{kind} ended early", data=ended, cause="truncated or damaged")


def flipped() -> Iterator[OddFile]:
    """Yield files with bits flipped where it can be detected."""
    data = encoded(photo(40, 56))
    for place in range(8, len(data) - 12, len(data) // 24):
        hurt = bytearray(data)
        hurt[place] ^= 4
        yield OddFile(name=f"PNG with a bit flipped at {place}", data=bytes(hurt))
    data = encoded(photo(40, 56), "JPEG")
    tables = data.index(b"\xff\xc4")
    for place in range(tables + 5, tables + 21):
        hurt = bytearray(data)
        hurt[place] ^= 0x40
        yield OddFile(name=f"JPEG with a bad Huffman table at {place}", data=bytes(hurt))
    frame = data.index(b"\xff\xc0")
    for name, at, value in (
        ("no height", 5, b"\0\0"),
        ("no width", 7, b"\0\0"),
        ("bits", 4, b"\7"),
    ):
        hurt = data[: frame + at] + value + data[frame + at + len(value) :]
        yield OddFile(name=f"JPEG with wrong {name}", data=hurt)


def torn() -> Iterator[OddFile]:
    """Yield files whose parts are present, but inconsistent."""
    row = bytes(range(12))
    short = png(4, 8, 2, row, height=50)
    yield OddFile(name="PNG with one row of fifty", data=short, cause="truncated: 13 of 650")
    packed = zlib.compress(b"\0" + row)
    header = struct.pack(">IIBBBBB", 4, 1, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    end = chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    yield OddFile(name="PNG without pixels", data=start + chunk(b"IEND", b""))
    yield OddFile(name="PNG without a header", data=start[:8] + end)
    yield OddFile(name="PNG without an end", data=start + chunk(b"IDAT", packed))
    bad = chunk(b"tEXt", b"Comment\0x")
    yield OddFile(name="PNG with a bad text checksum", data=start + bad[:-1] + b"?" + end)
    interlaced = struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 1)
    data = start[:8] + chunk(b"IHDR", interlaced) + chunk(b"IDAT", zlib.compress(b"\0\1\0\2"))
    yield OddFile(name="interlaced PNG, first passes", data=data + chunk(b"IEND", b""))

    whole = encoded(photo(40, 56), "TIFF")
    rows = re.search(rb"\x16\x01[\x03\x04]\x00\x01\x00\x00\x00", whole)
    assert rows
    few = whole[: rows.end()] + struct.pack("<I", 9) + whole[rows.end() + 4 :]
    yield OddFile(name="TIFF with rows in no strip", data=few, cause="strips hold")
    for most, values in ((100, [50, 101]), (1000, [1001, 3])):
        kind = ">u2" if most > 255 else "u1"
        data = b"P5 2 1 %d\n" % most + np.array(values).astype(kind).tobytes()
        yield OddFile(name=f"PGM with more than its {most}", data=data, cause="above its maximum")


def beyond_palettes() -> Iterator[OddFile]:
    """Yield files with a pixel colour that their palette lacks; Pillow makes it grey."""
    colours = b"\x09\x08\x07\xff\0\0"
    data = png(2, 8, 3, b"\1\2", chunk(b"PLTE", colours))
    yield OddFile(name="PNG beyond its palette", data=data, cause="colour 2, but a palette of 2")
    size = struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 8, 0, 4, 0, 0, 2, 0)
    palette = b"\x07\x08\x09\0\0\0\xff\0"
    data = b"BM" + struct.pack("<IHHI", 66, 0, 0, 62) + size + palette + b"\1\2\0\0"
    yield OddFile(name="BMP beyond its palette", data=data, cause="colour 2, but a palette of 2")
    few = np.array([[0, 1, 2, 3]], np.uint8)
    picture = Image.fromarray(few, "L")
    picture.putpalette(bytes(range(1, 13)))
    data = encoded(picture, "GIF", optimize=False)
    # A global palette of 2 colours instead of 4.
    start = data.index(bytes(range(1, 13)))
    shorter = data[:10] + bytes([data[10] & ~7]) + data[11 : start + 6] + data[start + 12 :]
    yield OddFile(name="GIF beyond its palette", data=shorter, cause="colour 3, but a palette of 2")


def damaged_exif() -> Iterator[OddFile]:
    """Yield files whose orientation is lost, and files that only lost something else."""
    picture = photo(20, 30)
    good = exif(6)
    hurt = {
        "no magic": good.replace(b"MM\0*", b"XX\0*"),
        "cut after its magic": good[:12],
        "cut in its directory": good[:22],
        "a directory beyond its end": good[:10] + b"\0\0\xff\0" + good[14:],
        "an orientation as text": good.replace(b"\x01\x12\0\3", b"\x01\x12\0\2"),
    }
    for file_format in ("JPEG", "PNG", "WEBP"):
        for name, block in hurt.items():
            data = encoded(picture, file_format, exif=block)
            yield OddFile(name=f"{file_format} EXIF with {name}", data=data, cause="EXIF data")
        plain = encoded(picture, file_format)
        for name, block in {
            "only its prefix": b"Exif\0\0",
            "zeros": b"Exif\0\0" + bytes(40),
            "a broken count, but an orientation": good[:14] + b"\0\x09" + good[16:],
            "an orientation of 77": good.replace(b"\0\1\0\6", b"\0\1\0\x4d"),
            "a broken next directory": good[:-4] + b"\0\0\xff\xff",
            "another tag with its value beyond the end": _with_lost_tag(),
        }.items():
            data = encoded(picture, file_format, exif=block)
            is_turned = "broken" in name or "another" in name
            turned = np.rot90(by_pillow(plain), -1) if is_turned else by_pillow(plain)
            yield OddFile(name=f"{file_format} EXIF with {name}", data=data, pixels=turned)
    data = encoded(picture, "JPEG", exif=good)
    for name, old, new in (
        ("under another marker", b"\xff\xe1", b"\xff\xe5"),
        ("without its marker", b"\xff\xe1", b"\1\2"),
        ("with a broken prefix", b"Exif", b"Exxf"),
    ):
        torn_data = data.replace(old, new, 1)
        yield OddFile(name=f"JPEG EXIF {name}", data=torn_data, cause="EXIF data")
    data = encoded(picture, "WEBP", exif=good)
    hidden = data[:20] + bytes([data[20] & ~8]) + data[21:]
    stored = by_pillow(encoded(picture, "WEBP"))
    yield OddFile(name="WebP EXIF that its header denies", data=hidden, pixels=stored)


def _with_lost_tag() -> bytes:
    """Return EXIF data with an orientation of 6 and a maker's name beyond the end."""
    entries = struct.pack(">HHII", 0x010F, 2, 400, 5000) + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    return b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + entries + bytes(4)
