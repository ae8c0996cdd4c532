"""PNG files give Pillow's pixels, whichever decoder reads them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from augseq.errors import DecodeError
from augseq.pixels import native
from augseq.pixels.decoders.png_rows import load_rows, read_rows

from ..conftest import chunk, decode, encoded, exif, photo

needs_compiler = pytest.mark.skipif(native.module is None, reason="not compiled")

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
KINDS = [
    *((depth, GREY) for depth in (1, 2, 4, 8, 16)),
    *((depth, PALETTE) for depth in (1, 2, 4, 8)),
    *((depth, kind) for kind in (RGB, GREY_ALPHA, RGBA) for depth in (8, 16)),
]
NUM_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
COLORS = chunk(b"PLTE", np.random.default_rng(5).bytes(256 * 3))
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
          (1, 0, 2, 1)]  # fmt: skip
TRANSPARENT = {
    GREY: chunk(b"tRNS", b"\0\1"),
    RGB: chunk(b"tRNS", b"\0\1\0\2\0\3"),
    PALETTE: chunk(b"tRNS", bytes([0, 128])),
}


def write(depth: int, kind: int, *chunks: bytes, size: tuple[int, int], interlaced: bool = False,
          part_bytes: int = 1 << 20, has_areas: bool = False) -> bytes:  # fmt: skip
    """Return a PNG file of random pixels in which each row has a random filter."""
    rng = np.random.default_rng([depth, kind, *size])
    height, width = size
    samples = rng.integers(0, 2**depth, (height, width, NUM_CHANNELS[kind]))
    # Smooth parts, so that all branches of the predictions are taken.
    samples[: height // 2] = samples[: height // 2, :1] // 2
    if has_areas:
        samples = samples.repeat(7, axis=0).repeat(11, axis=1)[:height, :width]
    parts = [samples]
    if interlaced:
        parts = [samples[top::down, left::right] for top, left, down, right in PASSES]
    rows = b"".join(filtered(part, depth, rng) for part in parts if part.size)
    packed = zlib.compress(rows)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    pixels = [packed[at : at + part_bytes] for at in range(0, len(packed), part_bytes)]
    colors = [COLORS] if kind == PALETTE else []
    content = [chunk(b"IHDR", header), *colors, *chunks, *(chunk(b"IDAT", part) for part in pixels)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(content) + chunk(b"IEND", b"")


def filtered(samples: np.ndarray, depth: int, rng: np.random.Generator) -> bytes:
    """Return rows as section 9 of the specification filters them, byte by byte."""
    step = max(1, samples.shape[2] * depth // 8)
    above, lines = [0] * 4096, []
    for row in samples.reshape(len(samples), -1):
        line = packed_row(row, depth)
        kind, line_out = int(rng.integers(5)), bytearray()
        for at, byte in enumerate(line):
            left, corner = (line[at - step], above[at - step]) if at >= step else (0, 0)
            up = above[at]
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda value: abs(guess - value))
            prediction = (0, left, up, (left + up) // 2, paeth)[kind]
            line_out.append((byte - prediction) % 256)
        lines.append(bytes([kind, *line_out]))
        above = list(line)
    return b"".join(lines)


def packed_row(row: np.ndarray, depth: int) -> bytes:
    """Return the samples of a row in bytes, the first sample in the upper bits."""
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = (row[:, np.newaxis] >> np.arange(depth)[::-1]) & 1
    return np.packbits(bits.reshape(-1).astype(np.uint8)).tobytes()


def by_pillow(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture


@needs_compiler
@pytest.mark.parametrize("size", [(1, 1), (9, 7), (5, 33)])
@pytest.mark.parametrize(
    ("depth", "kind", "keys"),
    [(*both, []) for both in KINDS]
    + [(*both, [TRANSPARENT[both[1]]]) for both in KINDS if both[1] in TRANSPARENT],
)
def test_every_kind_of_png_has_the_pixels_of_pillow(
    depth: int, kind: int, keys: list[bytes], size: tuple[int, int]
) -> None:
    data = write(depth, kind, *keys, size=size, part_bytes=50)
    expected = by_pillow(data)

    with Image.open(io.BytesIO(data)) as picture:
        rows = read_rows(picture, data)
        assert rows is not None
        load_rows(picture, rows)
        assert (picture.mode, picture.tobytes()) == (expected.mode, expected.tobytes())
        if depth < 16:
            shown, wanted = (one.convert("RGBA") for one in (picture, expected))
            assert shown.tobytes() == wanted.tobytes()


@needs_compiler
@pytest.mark.parametrize("size", [(90, 61), (61, 8), (20, 400)])
@pytest.mark.parametrize("kind", [GREY, PALETTE])
def test_areas_of_one_value_as_in_masks_have_the_pixels_of_pillow(
    kind: int, size: tuple[int, int]
) -> None:
    data = write(8, kind, size=size, has_areas=True)
    with Image.open(io.BytesIO(data)) as picture:
        rows = read_rows(picture, data)
    assert rows is not None
    assert rows.tobytes() == by_pillow(data).tobytes()


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("kind", "color_mode", "mode"),
    [
        (RGB, "rgb", "RGB"),
        (RGB, "grayscale", "L"),
        (RGB, "rgba", "RGBA"),
        (GREY, "grayscale", "L"),
        (GREY, "rgb", "RGB"),
        (RGBA, "rgba", "RGBA"),
        (PALETTE, "rgb", "RGB"),
        (PALETTE, "rgba", "RGBA"),
    ],
)
def test_png_is_converted_as_pillow_converts_it(
    kind: int, color_mode: str, mode: str, interlaced: bool
) -> None:
    data = write(8, kind, size=(13, 10), interlaced=interlaced)
    expected = np.asarray(by_pillow(data).convert(mode)).reshape(13, 10, -1)
    np.testing.assert_array_equal(decode(data, color_mode=color_mode), expected)


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_png_is_turned_upright(mode: str, turned: int) -> None:
    color_mode = {"RGB": "rgb", "RGBA": "rgba", "L": "grayscale"}[mode]
    stored = photo(6, 11).convert(mode)
    data = encoded(stored, exif=exif(turned))
    plain = np.asarray(stored).reshape(6, 11, -1)
    # From the definition of the tag: mirrored, upside down, rows and columns swapped.
    swapped = plain.swapaxes(0, 1)
    upright = {
        1: plain, 2: plain[:, ::-1], 3: plain[::-1, ::-1], 4: plain[::-1],
        5: swapped, 6: swapped[:, ::-1], 7: swapped[::-1, ::-1], 8: swapped[::-1],
    }[turned]  # fmt: skip
    np.testing.assert_array_equal(decode(data, color_mode=color_mode), upright)
    as_stored = decode(data, color_mode=color_mode, exif_orientation=False)
    np.testing.assert_array_equal(as_stored, plain)


@pytest.mark.parametrize("kind", [GREY, RGB, PALETTE, RGBA])
def test_a_flipped_bit_anywhere_in_the_pixels_is_an_error(kind: int) -> None:
    data = bytearray(write(8, kind, size=(6, 5), part_bytes=40))
    start, end = data.index(b"IDAT"), data.index(b"IEND") - 4
    for at in range(start, end):
        for bit in (0, 7):
            data[at] ^= 1 << bit
            with pytest.raises(DecodeError):
                decode(bytes(data))
            data[at] ^= 1 << bit


DAMAGE = {
    "a wrong sum of the inflated bytes": lambda rows: zlib.compress(rows)[:-1] + b"?",
    "one row too few": lambda rows: zlib.compress(rows[: -len(rows) // 6]),
    "one byte too few": lambda rows: zlib.compress(rows[:-1]),
    "an unknown filter": lambda rows: zlib.compress(b"\5" + rows[1:]),
    "nothing": lambda rows: rows[:0],
    "no compressed data": lambda rows: rows,
    "half of the compressed data": lambda rows: zlib.compress(rows)[: len(rows) // 3],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_with_correct_checksums_is_an_error(name: str) -> None:
    rows = b"".join(bytes([1, *range(k, k + 15)]) for k in range(6))
    header = struct.pack(">IIBBBBB", 5, 6, 8, RGB, 0, 0, 0)
    pixels = chunk(b"IDAT", DAMAGE[name](rows))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")
    with pytest.raises(DecodeError):
        decode(data)


@pytest.mark.parametrize("name", ["more data", "a text", "a second header", "an animation"])
def test_what_only_pillow_reads_has_the_same_pixels(name: str) -> None:
    plain = write(8, RGB, size=(6, 5))
    expected = np.asarray(by_pillow(plain))
    body, end = plain[:-12], plain[-12:]
    odd = {
        "more data": plain + b"after the end",
        "a text": body + chunk(b"tEXt", b"Author\0me") + end,
        "a second header": plain[:33] + plain[8:33] + plain[33:],
        "an animation": plain[:33] + chunk(b"acTL", struct.pack(">II", 1, 0)) + plain[33:],
    }[name]
    np.testing.assert_array_equal(decode(odd), expected)
