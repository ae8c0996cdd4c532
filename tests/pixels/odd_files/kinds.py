"""Valid files: every colour mode, depth, orientation, size and structure."""

import struct
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from ..conftest import XMP, chunk, encoded, exif, noise, photo, png, tiff
from . import written_elsewhere
from .odd_file import OddFile, by_pillow, written

_UPRIGHT = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: np.rot90,
}


def whole() -> Iterator[OddFile]:
    """Yield an image in every format, also with junk at its end."""
    for kind, data in written().items():
        yield OddFile(name=kind, data=data, pixels=by_pillow(data))
        more = data + b"junk" * 9
        yield OddFile(name=f"{kind}, and more", data=more, pixels=by_pillow(data), may_fail=True)


def turned() -> Iterator[OddFile]:
    """Yield all orientations in all formats that have them, in EXIF and in XMP."""
    picture = photo(16, 24)
    for file_format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        options = {"lossless": True} if file_format == "WEBP" else {}
        stored = by_pillow(encoded(picture, file_format, **options))
        for orientation, turn in _UPRIGHT.items():
            data = encoded(picture, file_format, exif=exif(orientation), **options)
            name = f"{file_format} with orientation {orientation}"
            yield OddFile(name=name, data=data, pixels=turn(stored))
    for color in ("L", "CMYK"):
        data = encoded(picture.convert(color), "JPEG", exif=exif(5))
        yield OddFile(name=f"turned JPEG in {color}", data=data, pixels=by_pillow(data))
    for compression in ("tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate"):
        data = encoded(picture, "TIFF", exif=exif(7), compression=compression)
        yield OddFile(name=f"turned TIFF, {compression}", data=data, pixels=by_pillow(data))
    data = encoded(picture, "JPEG", xmp=XMP)
    stored = by_pillow(encoded(picture, "JPEG"))
    yield OddFile(name="JPEG turned by XMP", data=data, pixels=_UPRIGHT[6](stored))
    little = exif(6)[:6] + b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, 6, 0, 0)
    data = encoded(picture, exif=little)
    yield OddFile(name="PNG with EXIF of the other order", data=data, pixels=by_pillow(data))
    # As ImageMagick writes it.
    raw = "\nexif\n      34\n" + exif(6).hex() + "\n"
    plain = encoded(picture)
    text = chunk(b"tEXt", b"Raw profile type exif\0" + raw.encode())
    data = plain[:33] + text + plain[33:]
    yield OddFile(name="PNG with EXIF as text", data=data, pixels=by_pillow(data))


def colours() -> Iterator[OddFile]:
    """Yield every mode that Pillow writes, and depths of PNG that it does not."""
    picture = photo(9, 13)
    modes = {
        "PNG": ("1", "L", "LA", "P", "RGB", "RGBA"),
        "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"),
        "WEBP": ("RGB", "RGBA"),
        "BMP": ("1", "L", "P", "RGB", "RGBA"),
        "GIF": ("1", "L", "P"),
        "JPEG": ("L", "RGB", "CMYK", "YCbCr"),
        "PPM": ("1", "L", "RGB"),
        "JPEG2000": ("L", "LA", "RGB", "RGBA"),
    }
    for file_format, names in modes.items():
        for mode in names:
            lab = Image.frombytes("LAB", (13, 9), noise(9, 13, 3).tobytes())
            image = lab if mode == "LAB" else picture.convert(mode)
            options = {"lossless": True} if file_format == "WEBP" else {}
            data = encoded(image, file_format, **options)
            yield OddFile(name=f"{file_format} in {mode}", data=data, pixels=by_pillow(data))
    for subsampling in ("4:4:4", "4:2:2", "4:2:0", "4:1:1"):
        data = encoded(photo(33, 47), "JPEG", subsampling=subsampling)
        yield OddFile(name=f"JPEG {subsampling}", data=data, pixels=by_pillow(data))
    # Four blocks of brightness above each other, where 4:2:0 has them as a square.
    data = encoded(photo(16, 16), "JPEG", subsampling="4:2:0")
    frame = data.index(b"\xff\xc0")
    data = data[: frame + 5] + b"\0\x20\0\x08\3\1\x14" + data[frame + 12 :]
    tables = data.index(b"\xff\xdb")
    untidy = data[:tables] + bytes(9) + data[tables:]
    for name, odd in {"JPEG 4:4:1": data, "untidy JPEG 4:4:1": untidy}.items():
        yield OddFile(name=name, data=odd, pixels=by_pillow(data))
    data = encoded(picture, "JPEG", keep_rgb=True)
    yield OddFile(name="JPEG that keeps RGB", data=data, pixels=by_pillow(data))


def depths() -> Iterator[OddFile]:
    """Yield grey and coloured files of 1 to 16 bits, with values known beforehand."""
    for bits in (1, 2, 4):
        values = np.arange(8) % (1 << bits)
        packed = np.packbits(((values[:, None] >> np.arange(bits)[::-1]) & 1).astype(np.uint8))
        expected = (values * 255 // ((1 << bits) - 1)).astype(np.uint8)
        data = png(8, bits, 0, packed.tobytes())
        yield OddFile(name=f"PNG of {bits} bits", data=data, pixels=_grey(expected))
        data = tiff("<", bits, packed.tobytes(), width=8)
        yield OddFile(name=f"TIFF of {bits} bits", data=data, pixels=_grey(expected))
    deep = np.array([0, 1, 255, 256, 257, 4095, 32768, 65279, 65280, 65535], np.uint16)
    high = _grey((deep >> 8).astype(np.uint8))
    for name, data in {
        "PNG": png(10, 16, 0, deep.astype(">u2").tobytes()),
        "RGB PNG": png(10, 16, 2, deep.repeat(3).astype(">u2").tobytes()),
        "TIFF": tiff("<", 16, deep.astype("<u2").tobytes(), width=10),
        "TIFF, big end first": tiff(">", 16, deep.astype(">u2").tobytes(), width=10),
        "TIFF, white is 0": tiff("<", 16, (~deep).astype("<u2").tobytes(), width=10, photometric=0),
        "PGM": b"P5\n10 1\n65535\n" + deep.astype(">u2").tobytes(),
        "PPM": b"P6\n10 1\n65535\n" + deep.repeat(3).astype(">u2").tobytes(),
    }.items():
        # Pillow rounds some, and truncates others.
        yield OddFile(name=f"{name} of 16 bits", data=data, pixels=high, tolerance=1)
    for most in (1, 7, 100, 254, 256, 1000, 4095):
        values = np.linspace(0, most, 10).astype(int)
        scaled = _grey(np.rint(values / most * 255).astype(np.uint8))
        body = values.astype(">u2" if most > 255 else "u1").tobytes()
        data = b"P5 10 1 %d\n" % most + body
        yield OddFile(name=f"PGM to {most}", data=data, pixels=scaled, tolerance=1)
        data = b"P2 # as text\n10 1 %d\n%s" % (most, b" ".join(b"%d" % value for value in values))
        yield OddFile(name=f"PGM to {most} as text", data=data, pixels=scaled, tolerance=1)
    for name, data in {
        "32-bit integers": encoded(Image.new("I", (2, 2)), "TIFF"),
        "floats": encoded(Image.new("F", (2, 2)), "TIFF"),
        "signed integers": tiff("<", 16, bytes(4), width=2, sample_format=2),
        "signed integers of 8 bits": tiff("<", 8, b"\xff\1", width=2, sample_format=2),
    }.items():
        yield OddFile(name=f"TIFF of {name}", data=data, cause="no fixed range")
    for channels in (3, 4):
        white = np.full((40, 50, channels), 0xFFFF, np.uint16)
        data = cv2.imencode(".jp2", white)[1].tobytes()
        name = f"JPEG 2000 of 16 bits and {channels} channels"
        # Pillow gives black.
        yield OddFile(name=name, data=data, cause="16 bits per channel")
    pfm = b"Pf\n1 1\n-1.0\n" + struct.pack("<f", 0.5)
    yield OddFile(name="PFM", data=pfm, cause="no fixed range")


def sizes() -> Iterator[OddFile]:
    """Yield the smallest and the thinnest images."""
    for height, width in ((1, 1), (1, 700), (700, 1), (2, 3), (7, 9), (17, 1)):
        picture = photo(height, width)
        for file_format in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000"):
            data = encoded(picture, file_format)
            name = f"{file_format} of {height} x {width}"
            yield OddFile(name=name, data=data, pixels=by_pillow(data))


def frames() -> Iterator[OddFile]:
    """Yield animations and multi-page files: the first frame or page is used."""
    first, *others = (photo(8, 8).rotate(angle) for angle in (0, 90, 180))
    for file_format in ("GIF", "PNG", "WEBP", "TIFF", "AVIF"):
        options = {"lossless": True} if file_format == "WEBP" else {}
        data = encoded(first, file_format, save_all=True, append_images=others, **options)
        yield OddFile(name=f"{file_format} of 3 frames", data=data, pixels=by_pillow(data))


def small_frames() -> Iterator[OddFile]:
    """Yield GIF files whose first frame leaves a border, with a colour for it and without."""
    picture = photo(8, 8).quantize(16)
    for name, options in {"transparent": {"transparency": 3}, "nameless": {}}.items():
        data = encoded(picture, "GIF", **options)
        data = data[:6] + struct.pack("<HH", 10, 9) + data[10:]
        pixels = by_pillow(data) if options else None
        cause = "first frame has 8 x 8 of 10 x 9"
        yield OddFile(name=f"GIF with a {name} border", data=data, pixels=pixels, cause=cause)


def profiles() -> Iterator[OddFile]:
    """Yield colour profiles, which change no pixel: right, broken and long."""
    picture = photo(9, 13)
    long = noise(300, 1000, 3).tobytes()
    for file_format in ("PNG", "JPEG", "WEBP", "TIFF"):
        for name, profile in {"broken": b"no profile", "long": long}.items():
            data = encoded(picture, file_format, icc_profile=profile)
            pixels = by_pillow(encoded(picture, file_format))
            yield OddFile(name=f"{file_format} with a {name} profile", data=data, pixels=pixels)


def elsewhere() -> Iterator[OddFile]:
    """Yield kinds of JPEG that Pillow does not write."""
    shades = written_elsewhere.SHADES
    for name, data in {
        "arithmetic": written_elsewhere.ARITHMETIC,
        "arithmetic progressive": written_elsewhere.ARITHMETIC_PROGRESSIVE,
    }.items():
        yield OddFile(name=f"{name} JPEG", data=data, pixels=shades, tolerance=20, may_fail=True)
        yield OddFile(name=f"half of an {name} JPEG", data=data[: len(data) * 3 // 4])
    data = written_elsewhere.LOSSLESS
    yield OddFile(name="lossless JPEG", data=data, pixels=shades, may_fail=True, cause="lossless")
    yield OddFile(name="12-bit JPEG", data=written_elsewhere.TWELVE_BITS, cause="12 bits")
    yield OddFile(name="16-bit JPEG", data=written_elsewhere.SIXTEEN_BITS, cause="16 bits")


def harmless() -> Iterator[OddFile]:
    """Yield files that decoders warn about although all pixels are correct."""
    data = encoded(photo(40, 56), "JPEG")
    pixels = by_pillow(data)
    tables, scan = data.index(b"\xff\xdb"), data.index(b"\xff\xda")
    for name, odd in {
        "zeros between segments": data[:tables] + bytes(9) + data[tables:],
        "an unknown revision of JFIF": data[:11] + b"\7\7" + data[13:],
        "wrong spectral limits": data[: scan + 11] + b"\0\0\0" + data[scan + 14 :],
        "bytes before its end": data[:-2] + b"\0" * 9 + data[-2:],
        "much of 0xff before a marker": data[:tables] + b"\xff" * 9 + data[tables:],
    }.items():
        yield OddFile(name=f"JPEG with {name}", data=odd, pixels=pixels)
        hurt = odd[: len(odd) - 300] + b"\xff\xd9"
        yield OddFile(name=f"damaged JPEG with {name}", data=hurt, cause="damaged")


def no_images() -> Iterator[OddFile]:
    """Yield files that are not images."""
    for name, data in {
        "nothing": b"",
        "a zero byte": b"\0",
        "zeros": bytes(4000),
        "text": b"this is a text\n" * 20,
        "noise": noise(20, 20, 3).tobytes(),
        "a web page": b"<!DOCTYPE html><html></html>",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "AppleDouble": b"\0\5\x16\7" + bytes(90),
        "a ZIP archive": b"PK\3\4" + bytes(60),
        "only a PNG signature": b"\x89PNG\r\n\x1a\n",
        "only a JPEG signature": b"\xff\xd8\xff",
        "two JPEG signatures": b"\xff\xd8\xff\xd8\xff\xd9",
        "only a GIF signature": b"GIF89a",
        "only a WebP signature": b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        "only a TIFF signature": b"II*\0",
        "an AVIF without boxes": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1",
        "a HEIC without boxes": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "only a JPEG XL signature": b"\xff\x0a",
        "an EPS": encoded(photo(8, 8), "EPS"),
        "an icon": encoded(photo(16, 16), "ICO"),
    }.items():
        yield OddFile(name=name, data=data)


def _grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[np.newaxis, :, np.newaxis], 3, axis=2)
