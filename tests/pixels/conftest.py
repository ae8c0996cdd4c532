"""Make image files in memory, with Pillow or byte by byte."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from augseq.pixels.decode import decode_image
from augseq.pixels.options import DecodeOptions

ORIENTATION = 0x0112
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'


def photo(height: int, width: int) -> Image.Image:
    """Return an image that is smooth and colourful, as photographs are."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8 + 2, width // 8 + 2, 3))
    image = Image.fromarray(coarse.astype(np.uint8))
    return image.resize((width, height), Image.Resampling.BICUBIC)


def noise(height: int, width: int, channels: int) -> np.ndarray:
    """Return pixels of random noise."""
    return np.random.default_rng(1).integers(0, 256, (height, width, channels), np.uint8)


def encoded(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    """Return the bytes of an image file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    """Return an EXIF block."""
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block.tobytes()


def chunk(name: bytes, content: bytes) -> bytes:
    """Return one chunk of a PNG file."""
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png(
    width: int, depth: int, colour_type: int, row: bytes, *chunks: bytes, height: int = 1
) -> bytes:
    """Return a PNG file with one row; more rows are only declared."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(b"\0" + row))
        + chunk(b"IEND", b"")
    )


def tiff(order: str, bits: int, content: bytes, *, width: int, **tags: int) -> bytes:
    """Return a grey TIFF file with one row; `order` is "<" or ">"."""
    entries = {
        256: width,
        257: 1,
        258: bits,
        259: 1,
        262: tags.get("photometric", 1),
        273: 8 + 2 + 10 * 12 + 4,
        277: 1,
        278: 1,
        279: len(content),
        339: tags.get("sample_format", 1),
    }
    file = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, len(entries))
    for tag, value in entries.items():
        file += struct.pack(order + "HHII", tag, 4, 1, value)
    return file + struct.pack(order + "I", 0) + content


def huge_file(path: Path) -> Path:
    """Write a grey image of 30000 x 40000 pixels, black except one, without using the disk."""
    height, width = 30_000, 40_000
    if path.suffix == ".npy":
        header = io.BytesIO()
        shape = {"descr": "|u1", "fortran_order": False, "shape": (height, width)}
        np.lib.format.write_array_header_1_0(header, shape)
        head = header.getvalue()
    else:
        head = tiff("<", 8, b"", width=width)
        for tag, number in ((257, height), (278, height), (279, height * width)):
            at = head.index(struct.pack("<HHI", tag, 4, 1)) + 8
            head = head[:at] + struct.pack("<I", number) + head[at + 4 :]
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + height * width)
        file.seek(len(head) + 20_000 * width + 30_000)
        file.write(b"\xff")
    return path


def claiming(width: int, height: int) -> bytes:
    """Return a small JPEG file whose header declares a size."""
    data = encoded(photo(16, 16), "JPEG")
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def decode(data: bytes, **options: Any) -> np.ndarray:
    """Decode the bytes of an image file."""
    return decode_image(data, DecodeOptions(**options))
