"""Valid pixels after an odd header: read as in every viewer."""

import io
import itertools
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

import augseq

from .conftest import decode, encoded, exif, photo

UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    3: lambda stored: np.rot90(stored, 2),
    6: lambda stored: np.rot90(stored, -1),
    8: np.rot90,
}


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


# WebP


def webp(*chunks: bytes, flags: int, picture: Image.Image, **options: object) -> bytes:
    """Return an extended WebP file: a custom header around pixels that Pillow encoded."""
    plain = encoded(picture, "WEBP", **options)
    pixels = plain[12:] if plain[12:16] != b"VP8X" else plain[30:]
    size = b"".join((side - 1).to_bytes(3, "little") for side in picture.size)
    body = b"WEBPVP8X" + struct.pack("<IB3x", 10, flags) + size + pixels + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


@pytest.mark.parametrize("flags", [0x08, 0x04, 0x0C, 0x28, 0x2C])
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_webp_may_declare_blocks_that_it_lacks(mode: str, lossless: bool, flags: int) -> None:
    """EXIF, XMP and colour profiles, which web services remove."""
    picture = photo(10, 14).convert(mode)
    flags |= 0x10 if mode == "RGBA" else 0
    data = webp(flags=flags, picture=picture, lossless=lossless)
    expected = by_pillow(encoded(picture, "WEBP", lossless=lossless))
    np.testing.assert_array_equal(decode(data), expected)
    with pytest.raises(augseq.errors.DecodeError):
        decode(data[:-2])


DENIED = {
    "upright": exif(1),
    "unknown": exif(0),
    "turned": exif(6),
    "turned, without its prefix": exif(8)[6:],
    "mirrored": exif(2),
    "no orientation": exif(77),
    "torn": exif(6)[:12],
    "empty": b"",
    "zeros": bytes(20),
    "prefix only": b"Exif\0\0",
}


@pytest.mark.parametrize("block", DENIED.values(), ids=DENIED)
def test_a_block_that_a_webp_does_not_declare_is_skipped_as_in_viewers(block: bytes) -> None:
    data = webp(riff(b"EXIF", block), flags=0, picture=photo(10, 14))
    np.testing.assert_array_equal(decode(data), by_pillow(encoded(photo(10, 14), "WEBP")))


@pytest.mark.parametrize("name", [b"EXIX", b"Exif"])
@pytest.mark.parametrize("flags", [0, 8])
def test_a_webp_whose_orientation_is_lost_is_refused(name: bytes, flags: int) -> None:
    data = webp(riff(name, exif(6)), flags=flags, picture=photo(10, 14))
    with pytest.raises(
        augseq.errors.DecodeError, match=r"EXIF data is damaged.*exif_orientation=False"
    ):
        decode(data)


# Data after a JPEG


def _with_scans(count: int) -> bytes:
    return b"ftypmp42" + (b"\xff\xda\0\x08moov" * count)


TRAILERS = {
    "a film": b"\0\0\0\x18" + _with_scans(300),
    "a film with an end marker": _with_scans(200) + b"\xff\xd9",
    "a film that begins as a marker": b"\xff\xe1\0\0" + _with_scans(150),
    "further pictures": encoded(photo(16, 16), "JPEG", progressive=True) * 60,
    "further pictures behind zeros": bytes(999) + encoded(photo(16, 16), "JPEG") * 150,
    "a block of Samsung": b"\0\0\1\x0aImage_UTC_Data1" + b"\xff\xda" * 120 + b"SEFT",
    "noise": np.random.default_rng(5).integers(0, 256, 1 << 20, np.uint8).tobytes(),
    "0xff only": b"\xff" * 5000,
    "scans only": b"\xff\xda" * 5000,
    "text": b"made with love\n" * 50,
}


@pytest.mark.parametrize("name", TRAILERS)
@pytest.mark.parametrize("progressive", [False, True])
def test_data_appended_to_a_jpeg_is_ignored(name: str, progressive: bool) -> None:
    for mode in ("RGB", "L", "CMYK"):
        options = {"progressive": progressive, "restart_marker_rows": int(mode == "L")}
        data = encoded(photo(40, 56).convert(mode), "JPEG", exif=exif(6), **options)
        expected = np.rot90(by_pillow(data), -1)
        np.testing.assert_array_equal(decode(data + TRAILERS[name]), expected)


@pytest.mark.parametrize("name", TRAILERS)
def test_a_jpeg_of_thousands_of_scans_is_refused_whatever_follows(name: str) -> None:
    data = encoded(photo(16, 16), "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    scans = data[:-2] + data[scan:-2] * 3000 + b"\xff\xd9"
    with pytest.raises(augseq.errors.DecodeError, match="scans, more than"):
        decode(scans + TRAILERS[name])


# Orientations


def oriented(order: str, kind: int, orientation: int, *, first: bytes = b"") -> bytes:
    """Return an EXIF block whose orientation has a given TIFF type."""
    letter = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}[kind]
    value = struct.pack(order + letter, orientation).ljust(4, b"\0")
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + value
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return b"Exif\0\0" + magic + struct.pack(order + "IH", 8, 1) + entry + bytes(4) + first


@pytest.mark.parametrize("kind", [1, 3, 4, 6, 8, 9, 13])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_an_orientation_may_have_any_integer_type(file_format: str, kind: int) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    stored = by_pillow(encoded(photo(10, 14), file_format, **options))
    for order, (orientation, turn) in itertools.product("<>", UPRIGHT.items()):
        block = oriented(order, kind, orientation)
        data = encoded(photo(10, 14), file_format, exif=block, **options)
        np.testing.assert_array_equal(decode(data), turn(stored))


# By name: the type, the count, and the numbers themselves.
STORED = {
    "9": (3, 1, [9]),
    "77": (3, 1, [77]),
    "the greatest of 16 bits": (3, 1, [0xFFFF]),
    "9 as a byte": (1, 1, [9]),
    "255 as a byte": (1, 1, [255]),
    "9 in 32 bits": (4, 1, [9]),
    "-6 as a byte": (6, 1, [-6]),
    "-6 in 16 bits": (8, 1, [-6]),
    "-1 in 32 bits": (9, 1, [-1]),
    "several, of which the first is 1": (3, 2, [1, 6]),
    "many, of which the first is 0": (3, 3, [0, 6, 6]),
    "several, of which the first is 9": (4, 2, [9, 6]),
    "none, and 0 in its place": (3, 0, [0]),
}
# What Pillow, OpenCV and browsers show differently.
LOST = {
    "several": (3, 2, [6, 1]),
    "many": (3, 3, [6, 6, 6]),
    "several of 32 bits": (4, 2, [8, 1]),
    "none, and 6 in its place": (3, 0, [6]),
    "beyond its end": (3, 50176, [6]),
    "two halves": (4, 1, [0x00060006]),
    "two halves below 0": (9, 1, [-65530]),
}
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF"]


def with_numbers(file_format: str, order: str, kind: int, count: int, numbers: list[int]) -> bytes:
    """Return an image of 10 x 14 pixels whose orientation has given numbers of a given type."""
    letter = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}[kind]
    values = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
    entry = struct.pack(order + "HHI", 0x0112, kind, count)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    if file_format != "TIFF":
        # After the directory with one tag.
        place = values.ljust(4, b"\0") if len(values) <= 4 else struct.pack(order + "I", 26)
        block = b"Exif\0\0" + magic + struct.pack(order + "IH", 8, 1) + entry + place + bytes(4)
        options = {"lossless": True} if file_format == "WEBP" else {}
        return encoded(photo(10, 14), file_format, exif=block + values, **options)
    pixels = np.asarray(photo(10, 14)).tobytes()
    place = values.ljust(4, b"\0") if len(values) <= 4 else struct.pack(order + "I", 8)
    tags = {256: 14, 257: 10, 258: 8, 259: 1, 262: 2, 273: 64, 0x0112: None, 277: 3, 278: 10,
            279: len(pixels)}  # fmt: skip
    entries = b"".join(
        entry + place if value is None else struct.pack(order + "HHII", tag, 4, 1, value)
        for tag, value in tags.items()
    )
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    start = 64 + len(pixels)
    return (magic + struct.pack(order + "I", start) + values).ljust(64, b"\0") + pixels + directory


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("file_format", FORMATS)
def test_an_orientation_that_no_viewer_applies_is_upright(file_format: str, name: str) -> None:
    expected = decode(with_numbers(file_format, "<", 3, 1, [1]))
    for order in "<>":
        data = with_numbers(file_format, order, *STORED[name])
        np.testing.assert_array_equal(decode(data), expected)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("file_format", FORMATS)
def test_an_orientation_that_viewers_read_differently_is_damage(
    file_format: str, name: str
) -> None:
    stored = decode(with_numbers(file_format, "<", 3, 1, [1]))
    for order in "<>":
        data = with_numbers(file_format, order, *LOST[name])
        with pytest.raises(augseq.errors.DecodeError, match=r"so its orientation is unknown"):
            decode(data)
        np.testing.assert_array_equal(decode(data, exif_orientation=False), stored)


# Data between the segments of a JPEG

JUNK = {
    "zero": b"\0",
    "low bytes": b"\1\2\3",
    "letters": b"junk",
    "0xff and zero": b"\xff\xff\0\xff",
    "ends of lines": b"\r\n" * 40,
    "an address": b"http://example.com/",
    "much": b"\x80" * 700,
    "half of a JFIF block": b"JFIF\0\1\1",
    "two letters of TIFF": b"II",
    "stuffed bytes": b"\xff\0\xff\0",
    "zeros and a bell": b"\0" * 30 + b"\7",
    "half of a Photoshop block": b"Photoshop 3.0",
}


@pytest.mark.parametrize("name", JUNK)
@pytest.mark.parametrize("progressive", [False, True])
def test_junk_between_segments_changes_nothing(name: str, progressive: bool) -> None:
    junk = JUNK[name]
    data = encoded(photo(40, 56), "JPEG", progressive=progressive)
    frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    for place in (data.index(b"\xff\xdb"), frame, data.index(b"\xff\xda")):
        odd = data[:place] + junk + data[place:]
        np.testing.assert_array_equal(decode(odd), by_pillow(data))
        with pytest.raises(augseq.errors.DecodeError):
            decode(odd[:-300] + b"\xff\xd9")
    turned = encoded(photo(40, 56), "JPEG", progressive=progressive, exif=exif(6))
    tables = turned.index(b"\xff\xdb")
    odd = turned[:tables] + junk + turned[tables:]
    np.testing.assert_array_equal(decode(odd), np.rot90(by_pillow(data), -1))


@pytest.mark.parametrize("lost", [b"\xff\xe1", b"\xff\xe1\0", b"\xff"])
def test_junk_that_was_exif_data_is_damage(lost: bytes) -> None:
    data = encoded(photo(40, 56), "JPEG", exif=exif(6))
    at = data.index(b"\xff\xe1")
    assert data[at:].startswith(lost)
    torn = data[:at] + b"\1" * len(lost) + data[at + len(lost) :]
    with pytest.raises(augseq.errors.DecodeError, match="EXIF data is damaged"):
        decode(torn)


# BMP

RGB_MASKS = (0xFF0000, 0xFF00, 0xFF)
BGR_MASKS = (0xFF, 0xFF00, 0xFF0000)


def bmp(rgba: np.ndarray, *, header: int, masks: tuple[int, ...], top_down: bool) -> bytes:
    """Return a 32-bit BMP file; a `header` of 40 bytes is followed by the masks."""
    height, width = rgba.shape[:2]
    order = [2, 1, 0, 3] if masks[0] == 0xFF0000 else [0, 1, 2, 3]
    rows = rgba[:, :, order] if top_down else rgba[::-1, :, order]
    fields = struct.pack(
        "<IiiHHIIiiII", header, width, -height if top_down else height, 1, 32, 3, rows.nbytes,
        2835, 2835, 0, 0,
    )  # fmt: skip
    fields += struct.pack("<III", *masks)
    if header > 40:
        fields += struct.pack("<I", 0xFF000000)
    fields = fields.ljust(max(header, 52), b"\0")
    start = 14 + len(fields)
    return b"BM" + struct.pack("<IHHI", start + rows.nbytes, 0, 0, start) + fields + rows.tobytes()


@pytest.mark.parametrize(
    ("header", "masks"),
    # Pillow does not know the other order with the oldest header.
    [(40, RGB_MASKS), *itertools.product((56, 108, 124), (RGB_MASKS, BGR_MASKS))],
)
@pytest.mark.parametrize("top_down", [False, True])
def test_a_bmp_without_any_alpha_is_opaque(
    header: int, masks: tuple[int, ...], top_down: bool
) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (6, 9, 4), np.uint8)
    rgba[..., 3] = 0
    data = bmp(rgba, header=header, masks=masks, top_down=top_down)
    np.testing.assert_array_equal(decode(data), rgba[..., :3])
    with_alpha = decode(data, color_mode="rgba")
    np.testing.assert_array_equal(with_alpha[..., :3], rgba[..., :3])
    assert (with_alpha[..., 3] == 255).all()


@pytest.mark.parametrize("header", [56, 108, 124])
def test_a_bmp_with_some_alpha_keeps_it(header: int) -> None:
    rgba = np.zeros((4, 5, 4), np.uint8)
    rgba[1, 2] = 10, 20, 30, 255
    data = bmp(rgba, header=header, masks=RGB_MASKS, top_down=False)
    np.testing.assert_array_equal(decode(data, color_mode="rgba"), rgba)
    assert decode(data)[0, 0].tolist() == [255, 255, 255]
