"""Windows of TIFF files, compared with the same part of the whole image, bit for bit."""

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augseq.errors import DecodeError
from augseq.pixels.decode import open_image
from augseq.pixels.options import DecodeOptions
from augseq.pixels.region import Box, Region

from ..conftest import decode, encoded, photo
from .test_tiff_layouts import DEEP_KINDS, FLOAT_KINDS, layouts, lone, stored, written

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("imagecodecs")

BOXES: list[Box] = [(0, 0, 3, 4), (4, 9, 8, 9), (17, 2, 2, 21), (0, 16, 19, 7)]


class InParts:
    """The content of a file that must not be read whole."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, part: slice) -> bytes:
        found = self.data[part]
        assert len(found) < len(self.data), "the whole file was read"
        return found


def check_windows(data: bytes, name: str, boxes: list[Box] = BOXES, **options: Any) -> None:
    whole = decode(data, **options)
    image = open_image(InParts(data), DecodeOptions(**options))
    assert image.shape == whole.shape
    for top, left, height, width in boxes:
        part = image.read(Region(box=(top, left, height, width)))
        expected = whole[top : top + height, left : left + width]
        np.testing.assert_array_equal(part, expected, err_msg=name, strict=True)
        part[:] = 0
    # What the caller does to a window changes no other one.
    again = image.read(Region(box=boxes[-1]))
    np.testing.assert_array_equal(again, expected, err_msg=name)


def test_threads_share_an_image() -> None:
    data = written(stored("RGB", "u1"), "RGB", tile=(16, 16), compression="zlib")
    whole = decode(data)
    image = open_image(data, DecodeOptions())

    def read(number: int) -> bool:
        top, left, height, width = BOXES[number % len(BOXES)]
        part = image.read(Region(box=(top, left, height, width)))
        return np.array_equal(part, whole[top : top + height, left : left + width])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(read, range(400)))
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize(("kind", "depth"), DEEP_KINDS[::3])
def test_windows_of_integers_are_those_of_the_whole_image(kind: str, depth: str) -> None:
    for number, (name, data) in enumerate(layouts(kind, depth)):
        mode = ("rgb", "rgba", "grayscale")[number % 3]
        check_windows(data, name, full_depth=number % 2 > 0, color_mode=mode)


@pytest.mark.parametrize(("kind", "depth"), FLOAT_KINDS[::5])
def test_windows_of_floats_are_those_of_the_whole_image(kind: str, depth: str) -> None:
    for name, data in layouts(kind, depth):
        check_windows(data, name, full_depth=True)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_windows_are_upright(orientation: int, tile: tuple[int, int] | None) -> None:
    boxes = [(0, 0, 3, 4), (4, 9, 8, 9), (17, 2, 2, 17)]
    for kind, depth in (("RGB", "u1"), ("RGB and alpha", "u2")):
        tags = [(274, 3, 1, orientation, True)]
        data = written(stored(kind, depth), kind, extratags=tags, tile=tile, compression="zlib")
        for is_upright in (True, False):
            check_windows(data, f"{kind} {depth}", boxes, exif_orientation=is_upright)


@pytest.mark.parametrize("xmp", ["tiff:Orientation='6'", "<tiff:Orientation>3</tiff:Orientation>"])
@pytest.mark.parametrize("depth", ["u1", "u2"])
def test_windows_are_upright_where_only_xmp_has_the_orientation(xmp: str, depth: str) -> None:
    tags = [(700, 1, len(xmp), xmp.encode(), True)]
    data = written(stored("RGB", depth), "RGB", extratags=tags)
    plain = decode(written(stored("RGB", depth), "RGB"))
    upright = decode(data)
    assert np.array_equal(upright, plain[::-1, ::-1] if "3" in xmp else np.rot90(plain, -1))
    np.testing.assert_array_equal(decode(data, exif_orientation=False), plain)
    for is_upright in (True, False):
        check_windows(data, depth, BOXES[:2], exif_orientation=is_upright)


@pytest.mark.parametrize("depth", ["u2", "f4"])
def test_windows_of_colours_that_become_grey_have_the_same_bits(depth: str) -> None:
    data = lone(np.resize(stored("RGB", depth), (41, 14, 3)), photometric="rgb", rowsperstrip=5)
    boxes = [(0, 4, 41, 8), (3, 1, 7, 5), (40, 13, 1, 1)]
    check_windows(data, depth, boxes, full_depth=True, color_mode="grayscale")


@pytest.mark.parametrize("order", "<>")
def test_windows_of_a_big_tiff_are_those_of_the_whole_image(order: str) -> None:
    for kind, depth in (("RGB", "u1"), ("grey", "u2")):
        for tile in (None, (16, 16)):
            data = written(stored(kind, depth), kind, bigtiff=True, byteorder=order, tile=tile)
            check_windows(data, f"{kind} {depth} {tile}")


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "YCbCr", "LAB", "CMYK", "I;16"])
def test_windows_of_files_that_pillow_writes(mode: str, color_mode: Any) -> None:
    picture = Image.fromarray(np.asarray(photo(60, 80), "u2")[..., 0] * 257)
    if mode != "I;16":
        picture = photo(60, 80).convert(mode)
    boxes = [(0, 0, 5, 5), (30, 7, 20, 50), (59, 79, 1, 1)]
    compressions: list[dict[str, Any]] = [
        {},
        {"compression": "tiff_lzw", "tiffinfo": {278: 7}},
        {"compression": "group4" if mode == "1" else "packbits", "tiffinfo": {278: 16}},
    ]
    for options in compressions:
        data = encoded(picture, "TIFF", **options)
        whole = decode(data, color_mode=color_mode)
        image = open_image(data, DecodeOptions(color_mode=color_mode))
        for top, left, height, width in boxes:
            part = image.read(Region(box=(top, left, height, width)))
            expected = whole[top : top + height, left : left + width]
            np.testing.assert_array_equal(part, expected, err_msg=str(options), strict=True)


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("tile", [None, (32, 48)])
def test_windows_of_jpeg_inside_tiff_are_those_of_the_whole_image(
    subsampling: tuple[int, int], tile: tuple[int, int] | None
) -> None:
    values = np.asarray(photo(130, 150))
    layout: dict[str, Any] = {"tile": tile} if tile else {"rowsperstrip": 32}
    data = lone(values, photometric="rgb", compression="jpeg", subsampling=subsampling, **layout)
    boxes = [(0, 0, 5, 5), (30, 40, 50, 60), (31, 47, 2, 2), (129, 149, 1, 1)]
    check_windows(data, "", boxes)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("compression", [None, "lzw"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_a_window_of_a_damaged_file_is_an_error_or_the_same(
    compression: str | None, tile: tuple[int, int] | None
) -> None:
    rng = np.random.default_rng(4)
    data = written(stored("RGB", "u1"), "RGB", compression=compression, tile=tile)
    for _ in range(100):
        hurt = bytearray(data)
        # The directory, which says where everything is.
        for place in rng.integers(8, 240, 2):
            hurt[place] = int(rng.integers(256))
        try:
            whole = decode(bytes(hurt), max_pixels=10**6)
            window = open_image(bytes(hurt), DecodeOptions(max_pixels=10**6))
            part = window.read(Region(box=(2, 3, 1, 1)))
        except DecodeError:
            # Both fail alike, unless the damage is elsewhere.
            continue
        np.testing.assert_array_equal(part, whole[2:3, 3:4])


@pytest.mark.parametrize(
    ("tag", "change"),
    [
        pytest.param("Predictor", {2: b"\5\0"}, id="predictor that is a fraction"),
        pytest.param("PlanarConfiguration", {2: b"\20\0", 18: b"\1"}, id="more than 32 bits"),
        pytest.param("Compression", {0: b"\1\1"}, id="no compression"),
    ],
)
@pytest.mark.parametrize("mode", ["rgb", "bands"])
def test_a_damaged_tag_does_the_same_to_windows(
    tag: str, change: dict[int, bytes], mode: Any
) -> None:
    options = {"compression": "lzw", "predictor": 2, "bigtiff": True}
    data = bytearray(written(stored("RGB", "u1"), "RGB", **options))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        at = file.pages[0].tags[tag].offset
    for place, value in change.items():
        data[at + place : at + place + len(value)] = value
    found: list[Any] = []
    for region in (Region(), Region(box=(3, 5, 6, 7))):
        try:
            found.append(open_image(bytes(data), DecodeOptions(color_mode=mode)).read(region))
        except DecodeError as error:
            found.append(str(error))
    whole, part = found
    np.testing.assert_array_equal(part, whole if isinstance(whole, str) else whole[3:9, 5:12])


def test_a_table_of_parts_beyond_the_end_is_an_error() -> None:
    data = bytearray(written(stored("RGB", "u1"), "RGB", tile=(16, 16), compression="zlib"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        at = file.pages[0].tags["TileByteCounts"].offset + 8
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises(DecodeError):
        open_image(bytes(data), DecodeOptions()).read(Region(box=(2, 3, 4, 5)))
