"""TIFF and .npy files of any number of bands, compared with the arrays that were written."""

import io
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from augseq.errors import ArgumentError, DecodeError, install_command
from augseq.pixels.decode import describe_image, open_image
from augseq.pixels.options import Bands, DecodeOptions
from augseq.pixels.region import Region

from ..conftest import decode, encoded, photo
from .test_tiff_layouts import lone
from .test_tiff_parts import InParts

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("imagecodecs")

ORIENTATION = 274
BANDS = DecodeOptions(color_mode="bands")


def numbers(bands: int, dtype: str, *, height: int = 37, width: int = 50) -> np.ndarray:
    """Return different numbers in each band, some of them negative if there are such."""
    rng = np.random.default_rng(bands)
    values = rng.integers(0, 120, (height, width, bands)).astype(dtype)
    return values - 60 if np.dtype(dtype).kind in "fi" else values


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def tif(values: np.ndarray, *, is_planar: bool = False, **options: Any) -> bytes:
    if values.shape[2] == 1:
        return lone(values[:, :, 0], photometric="minisblack", **options)
    return lone(
        np.moveaxis(values, 2, 0) if is_planar else values,
        photometric="minisblack",
        planarconfig="separate" if is_planar else "contig",
        **options,
    )


KINDS = [(2, "u1"), (5, "<u2"), (13, ">u2"), (8, "i2"), (13, "f4"), (40, "u1"), (1, "f8")]
LAYOUTS: list[dict[str, Any]] = [
    {},
    {"is_planar": True, "rowsperstrip": 7, "compression": "lzw"},
    {"tile": (16, 32), "compression": "zlib", "predictor": True},
    {"tile": (16, 16), "is_planar": True, "compression": "zstd"},
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("options", LAYOUTS, ids=str)
def test_every_layout_of_tiff_has_the_numbers_that_were_written(
    kind: tuple[int, str], options: dict[str, Any]
) -> None:
    values = numbers(*kind)
    data = tif(values, extratags=[(ORIENTATION, 3, 1, 6, True)], **options)
    upright = np.rot90(values, -1)
    image = open_image(InParts(data), BANDS)
    pixels = decode(data, color_mode="bands")
    assert image.shape == upright.shape
    assert pixels.dtype == ("uint8" if kind[1] == "u1" else "float32")
    np.testing.assert_array_equal(pixels, upright.astype(pixels.dtype))
    for top, left, height, width in [(0, 0, 5, 5), (10, 3, 20, 30), (49, 36, 1, 1)]:
        part = image.read(Region(box=(top, left, height, width)))
        np.testing.assert_array_equal(part, pixels[top : top + height, left : left + width])
    np.testing.assert_array_equal(
        decode(data, color_mode="bands", exif_orientation=False), values.astype(pixels.dtype)
    )
    chosen = [kind[0] - 1, 0, kind[0] // 2]
    part = open_image(data, replace(BANDS, bands=chosen)).read(Region(box=(10, 3, 20, 30)))
    np.testing.assert_array_equal(part, pixels[10:30, 3:33, chosen])
    name = np.dtype(kind[1]).newbyteorder("=").name
    mode = f"{kind[0]} x {name}"
    assert describe_image(data, BANDS)["mode"] == mode


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "i1", "i2", "f4", "f8", "?", "i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_has_its_numbers(dtype: str, order: Any) -> None:
    values = np.asarray(numbers(13, dtype), order=order)
    data = npy(values)
    image = open_image(InParts(data) if order == "C" else data, BANDS)
    pixels = decode(data, color_mode="bands")
    assert pixels.dtype == ("uint8" if dtype in ("u1", "?") else "float32")
    np.testing.assert_array_equal(pixels, values.astype(pixels.dtype))
    np.testing.assert_array_equal(image.read(Region(box=(3, 4, 5, 6))), pixels[3:8, 4:10])
    assert pixels.flags.writeable


def test_an_array_of_two_axes_has_one_band() -> None:
    values = numbers(1, "<u2")
    np.testing.assert_array_equal(decode(npy(values[:, :, 0]), color_mode="bands"), values)


def test_a_part_of_a_tiled_file_needs_only_its_tiles() -> None:
    data = bytearray(tif(numbers(5, "<u2", height=64, width=64), tile=(32, 32)))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        last = file.pages[0].dataoffsets[3]
    # The last tile is cut off.
    image = open_image(bytes(data[:last]), BANDS)
    assert image.read(Region(box=(0, 0, 32, 64))).shape == (32, 64, 5)
    with pytest.raises(DecodeError, match="tile 3 of its pixels is missing"):
        image.read(Region())


def test_overviews_are_not_pages_of_bands() -> None:
    values = numbers(5, "<u2")
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        plain = {"photometric": "minisblack", "planarconfig": "contig", "metadata": None}
        writer.write(values, **plain)
        writer.write(values[::2, ::2], subfiletype=1, **plain)
    np.testing.assert_array_equal(decode(file.getvalue(), color_mode="bands"), values)


def with_header(text: str, version: int = 1) -> bytes:
    """Return an .npy file of 100 bytes of zeros, with any header."""
    header = text.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + bytes(100)


HOSTILE: dict[str, tuple[bytes, str]] = {
    "declares terabytes": (
        with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (9999, 9999, 9999)}"),
        r"declares 3\d+ bytes of numbers, but only 100",
    ),
    "declares terabytes of bits": (
        with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (99, 99, 99999999999)}", 2),
        "but only 100 are there",
    ),
    "is truncated": (npy(numbers(3, "<u2"))[:-1], "truncated"),
    "ends in its header": (npy(numbers(3, "<u2"))[:20], "header"),
    "holds a pickle": (
        with_header("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2)}"),
        "Python objects",
    ),
    "holds a program": (
        with_header("{'descr': __import__('os').abort(), 'fortran_order': False, 'shape': (2,2)}"),
        "header",
    ),
    "has fields": (
        with_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 2)}"),
        "not numbers",
    ),
    "has no pixels": (npy(np.zeros((0, 4, 3))), r"but it has \(0, 4, 3\)"),
    "has four axes": (npy(np.zeros((2, 2, 2, 2))), "height, width"),
    "is complex": (npy(np.zeros((2, 2), "c8")), "complex"),
    "is not a number": (npy(np.full((2, 2), np.nan)), "NaN or infinite"),
    "exceeds float32": (npy(np.full((2, 2), 1e300)), "NaN or infinite"),
    "has large integers": (npy(np.full((2, 2), 2**24 + 1)), "holds only those up to 16777216"),
    "has pages": (
        lone(np.zeros((13, 4, 5), "u2"), photometric="minisblack"),
        "more than one page",
    ),
    "is a complex TIFF": (tif(np.zeros((4, 5, 5), "c8")), "must be integers or floating"),
    "is compressed as a photo": (
        lone(np.zeros((16, 16, 3), "u1"), photometric="rgb", compression="jpeg2000"),
        "JPEG 2000, which is not supported",
    ),
    "is a photo": (encoded(photo(8, 8), "JPEG"), 'is a JPEG file; color_mode="rgb" reads it'),
    "is nothing": (b"nothing at all", "text that begins with"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_has_no_bands_is_refused_by_its_cause(kind: str) -> None:
    data, cause = HOSTILE[kind]
    with pytest.raises(DecodeError, match=cause):
        decode(data, color_mode="bands")


@pytest.mark.parametrize("write", [npy, tif])
def test_the_limits_hold_and_name_the_number_that_reads_the_file(
    monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    monkeypatch.setattr("augseq.pixels.options.MAX_PIXELS", 9)
    data = write(numbers(13, "<u2"))
    with pytest.raises(DecodeError, match="50 x 37 pixels, more than max_pixels=9;"):
        decode(data, color_mode="bands", max_pixels=9)
    # 13 floats for each pixel, where 4 bytes for each are allowed.
    with pytest.raises(DecodeError, match="to read it, pass max_pixels=24050 "):
        decode(data, color_mode="bands", max_pixels=37 * 50)
    assert decode(data, color_mode="bands", max_pixels=24050).shape == (37, 50, 13)


def test_other_bands_than_those_of_the_first_image_are_refused() -> None:
    expected = {"color_mode": "bands", "alike": Bands(13, "float32")}
    assert decode(npy(numbers(13, "<u2")), **expected).shape[2] == 13
    with pytest.raises(DecodeError, match=r"has 12 bands, float32, .* first one has 13 bands"):
        decode(npy(numbers(12, "<u2")), **expected)
    with pytest.raises(DecodeError, match=r"has 13 bands, uint8, .* first one has 13 bands"):
        decode(tif(numbers(13, "u1")), **expected)


def test_colour_modes_name_the_mode_that_reads_bands() -> None:
    for data in (npy(numbers(13, "<u2")), tif(numbers(13, "<u2"))):
        with pytest.raises(DecodeError, match='color_mode="bands" reads'):
            decode(data)
    with pytest.raises(ArgumentError, match="`full_depth` must be False"):
        DecodeOptions(color_mode="bands", full_depth=True)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DecodeError) as caught:
        decode(tif(numbers(5, "<u2")), color_mode="bands")
    assert install_command("tiff") in str(caught.value)
    # Arrays need nothing.
    assert decode(npy(numbers(5, "<u2")), color_mode="bands").shape == (37, 50, 5)
