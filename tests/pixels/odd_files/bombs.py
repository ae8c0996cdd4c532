"""Small files that would take much memory or time."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..conftest import chunk, claiming, encoded, photo, png, tiff
from .odd_file import OddFile

_HUGE = 60_000


def huge_claims() -> Iterator[OddFile]:
    """Yield files of a few hundred bytes that declare 3.6 billion pixels."""
    small = encoded(Image.new("L", (1, 1)), "BMP")
    size = struct.pack("<II", _HUGE, _HUGE)
    claims = {
        "JPEG": claiming(_HUGE, _HUGE),
        "PNG": png(_HUGE, 8, 0, b"\0", height=_HUGE),
        "PNG of 2**31 - 1": png(2**31 - 1, 8, 0, b"\0", height=2**31 - 1),
        "BMP": small[:18] + size + small[26:],
        "BMP of negative height": small[:18] + struct.pack("<ii", 9, -(2**31)) + small[26:],
        "GIF": b"GIF89a" + struct.pack("<HHBBB", _HUGE, _HUGE, 0, 0, 0) + b";",
        "TIFF": tiff("<", 8, b"\0", width=_HUGE * _HUGE),
        "PPM": b"P6 %d %d 255 " % (_HUGE, _HUGE),
        "PPM of 10 digits": b"P5 9999999999 9999999999 255 ",
        "WebP": (
            (b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4))
            + struct.pack("<I", 16382)[:3] * 2
        ),
    }
    for kind, data in claims.items():
        yield OddFile(name=f"{kind} that claims too much", data=data)


def huge_tiles() -> Iterator[OddFile]:
    """Yield a TIFF file of one pixel, in a tile of 1.6 GB."""
    packer, size = zlib.compressobj(9), 40_000
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1600)) + packer.flush()
    entries = {256: 1, 257: 1, 258: 8, 259: 8, 262: 1, 277: 1, 322: size, 323: size,
               324: 8 + 2 + 10 * 12 + 4, 325: len(packed)}  # fmt: skip
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    data = b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + bytes(4) + packed
    yield OddFile(name="TIFF with a huge tile", data=data, cause="declares tiles of 40000 x 40000")


def repeated_tags() -> Iterator[OddFile]:
    """Yield TIFF files of 1 MB in which 3000 tags are the same megabyte."""
    shared, base = 1 << 20, tiff("<", 8, b"\7", width=1)
    entries, content = base[10:-5], 8 + 2 + (10 + 3000) * 12 + 4
    moved = entries.replace(struct.pack("<I", len(base) - 1), struct.pack("<I", content))
    tags = (struct.pack("<HHII", 0x9000 + tag, 7, shared, content) for tag in range(3000))
    start = base[:8] + struct.pack("<H", 10 + 3000)
    data = start + moved + b"".join(tags) + bytes(4) + b"\7" + bytes(shared)
    yield OddFile(name="TIFF of repeated tags", data=data, cause="its tags declare")


def unpacking() -> Iterator[OddFile]:
    """Yield PNG files with texts and profiles that inflate to 100 MB and more."""
    pixels = photo(4, 4)
    plain = encoded(pixels)
    body, packed = plain[33:], zlib.compress(bytes(100 << 20), 9)
    bombs = {
        "zTXt": chunk(b"zTXt", b"Comment\0\0" + packed),
        "iTXt": chunk(b"iTXt", b"Comment\0\1\0\0\0" + packed),
        "iCCP": chunk(b"iCCP", b"profile\0\0" + packed),
        "many texts": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(900_000))) * 100,
    }
    for name, bomb in bombs.items():
        yield OddFile(name=f"PNG with a bomb in {name}", data=plain[:33] + bomb + body)


def endless() -> Iterator[OddFile]:
    """Yield files with circles, and with thousands of scans, frames and chunks."""
    base = tiff("<", 8, b"\7", width=1)
    # The next directory is the first one again.
    circle = base[:-5] + struct.pack("<I", 8) + base[-1:]
    pixel = Image.new("L", (1, 1), 7).convert("RGB")
    seven = np.full((1, 1, 3), 7, np.uint8)
    yield OddFile(name="TIFF whose directories go in a circle", data=circle, pixels=seven)
    progressive = encoded(photo(16, 16), "JPEG", progressive=True)
    scan = progressive.rindex(b"\xff\xda")
    scans = progressive[:-2] + progressive[scan:-2] * 3000 + b"\xff\xd9"
    yield OddFile(name="JPEG in thousands of scans", data=scans, cause="scans, more than")
    frames = [Image.new("L", (1, 1), value) for value in (7, *range(8, 200))] * 12
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    yield OddFile(name="GIF with many frames", data=data, pixels=seven)
    # By hand, since Pillow goes through all pages for each that it adds.
    directory, stops = base[8:-5], range(len(base), 2300 * len(base), len(base) - 9)
    pages = (directory + struct.pack("<I", stop) for stop in (*stops[1:], 0))
    data = base[:-5] + struct.pack("<I", stops[0]) + base[-1:] + b"".join(pages)
    yield OddFile(name="TIFF with many pages", data=data, pixels=seven)
    plain = encoded(pixel)
    chunks = plain[:33] + chunk(b"tEXt", b"a\0b") * 20_000 + plain[33:]
    yield OddFile(name="PNG with thousands of texts", data=chunks, pixels=seven)


def large_but_allowed() -> Iterator[OddFile]:
    """Yield files of some kB whose pixels are many, but below the limit."""
    picture = Image.new("RGB", (5000, 5000), (9, 8, 7))
    yield OddFile(name="PNG of 25 megapixels", data=encoded(picture, compress_level=1))
    data = encoded(picture, "WEBP", lossless=True, quality=0, method=0)
    yield OddFile(name="WebP of 25 megapixels", data=data)
