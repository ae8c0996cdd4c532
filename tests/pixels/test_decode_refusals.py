"""Files that are refused: too large, damaged, or not an image."""

import struct
import threading
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile

from augseq.errors import DecodeError
from augseq.pixels.options import MAX_PIXELS

from .conftest import chunk, claiming, decode, encoded, photo, png, tiff


@pytest.mark.parametrize("side", [32_000, 60_000])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_a_bomb_is_refused_before_its_pixels_take_memory(kind: str, side: int) -> None:
    small = encoded(Image.new("L", (1, 1)), kind)
    data = {
        "JPEG": lambda: claiming(side, side),
        "PNG": lambda: png(side, 8, 0, b"\0", height=side),
        "BMP": lambda: small[:18] + struct.pack("<ii", side, side) + small[26:],
        "GIF": lambda: small[:6] + struct.pack("<HH", side, side) + small[10:],
        "TIFF": lambda: tiff("<", 8, b"\0", width=side * side),
        "WEBP": lambda: (
            (b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4))
            + struct.pack("<I", side - 1)[:3] * 2
        ),
        "PPM": lambda: b"P5\n%d %d\n255\n\0" % (side, side),
    }[kind]()
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match=rf"{side * side} .*(exceeds|more than) max_pixels="):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("interlaced", [0, 1])
def test_what_follows_the_last_row_of_a_png_is_not_inflated(interlaced: int) -> None:
    """As in Pillow and libpng, which return the pixels and ignore the rest."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, interlaced)
    packed = zlib.compress(bytes(100 << 20), 9)
    data = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )
    tracemalloc.start()
    try:
        assert decode(data).tolist() == [[[0, 0, 0]]]
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_the_limit_is_the_last_size_that_passes() -> None:
    data = encoded(Image.new("L", (30, 20)))
    assert decode(data, max_pixels=600).shape == (20, 30, 3)
    with pytest.raises(DecodeError, match="declares 30 x 20 pixels, more than max_pixels=599"):
        decode(data, max_pixels=599)


@pytest.fixture
def pillow_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A low limit for Pillow, restored afterwards."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)


@pytest.mark.usefixtures("pillow_limit")
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP", "GIF"])
@pytest.mark.parametrize("side", [40, 90])
def test_pillow_neither_warns_nor_refuses_below_our_limit(file_format: str, side: int) -> None:
    """Here Pillow warns above 1000 pixels, and refuses above 2000."""
    data = encoded(Image.new("L", (side, side)), file_format)
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda _: decode(data, max_pixels=10_000), range(8)))
    assert [image.shape for image in images] == [(side, side, 3)] * 8


@pytest.mark.parametrize("handling", ["error", "ignore"])
def test_between_pillows_two_limits_ours_is_named(handling: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(handling)  # type: ignore[arg-type]
        with pytest.raises(DecodeError, match=f"max_pixels={MAX_PIXELS}"):
            decode(claiming(12_000, 9_000))


def test_a_limit_within_pillows_leaves_pillow_alone() -> None:
    before = Image.MAX_IMAGE_PIXELS
    decode(encoded(Image.new("L", (3, 3))))
    assert before == Image.MAX_IMAGE_PIXELS


def whole_files() -> dict[str, bytes]:
    picture = photo(90, 120)
    files = {
        "JPEG": encoded(picture, "JPEG"),
        "progressive JPEG": encoded(picture, "JPEG", progressive=True),
        "JPEG with restarts": encoded(picture, "JPEG", restart_marker_rows=1),
        "PNG": encoded(picture, "PNG"),
        "WEBP": encoded(picture, "WEBP"),
        "lossless WEBP": encoded(picture, "WEBP", lossless=True),
        "GIF": encoded(picture.quantize(), "GIF"),
        "BMP": encoded(picture, "BMP"),
        "PPM": encoded(picture, "PPM"),
        "TIFF": encoded(picture, "TIFF"),
        "JPEG2000": encoded(picture, "JPEG2000"),
    }
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        files[f"TIFF, {compression}"] = encoded(picture, "TIFF", compression=compression)
    return files


# The very end of these comes after the last pixel and its checksum.
TRAILER_BYTES = {"GIF": 2, "PNG": 4}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Truncated File Read")
@pytest.mark.parametrize("name", whole_files())
def test_a_truncated_file_is_an_error_wherever_it_ends(name: str) -> None:
    data = whole_files()[name]
    assert decode(data).shape == (90, 120, 3)
    end = len(data) - TRAILER_BYTES.get(name, 0)
    for length in {*range(0, end, end // 40), *range(end - 24, end)}:
        with pytest.raises(DecodeError):
            decode(data[:length])


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_flipped_bit_in_a_png_is_an_error(place: float) -> None:
    data = bytearray(encoded(photo(90, 120)))
    data[int(len(data) * place)] ^= 4
    with pytest.raises(DecodeError, match="checksum"):
        decode(bytes(data))


@pytest.mark.parametrize("name", ["JPEG", "progressive JPEG", "PNG", "GIF"])
def test_a_file_whose_rest_is_zeros_is_an_error(name: str) -> None:
    """As after a copy to a full disk."""
    data = whole_files()[name]
    with pytest.raises(DecodeError):
        decode(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


def test_an_empty_file_is_reported_as_empty() -> None:
    with pytest.raises(DecodeError, match=r"empty \(0 bytes\)"):
        decode(b"")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"garbage" * 100, "not an image of a known format"),
        (b"\n <svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"8BPS\0\1" + bytes(100), "a Photoshop file"),
        (encoded(photo(8, 8), "EPS"), "a PostScript file"),
        (encoded(photo(8, 8), "PDF"), "a PDF file"),
        (encoded(photo(16, 16), "ICO"), "an icon"),
        (bytes(5000), "all zero"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
        (b"\0\5\x16\7" + bytes(80), "AppleDouble"),
    ],
)
def test_a_file_that_is_not_a_known_image_is_refused_and_identified(data: bytes, kind: str) -> None:
    with pytest.raises(DecodeError, match=f"its {len(data)} bytes are .*{kind}"):
        decode(data)


def test_random_damage_never_raises_anything_else() -> None:
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in whole_files().values():
            for _ in range(20):
                damaged = bytearray(data)
                for place in rng.integers(0, len(data) // 8, 4):
                    damaged[place] = int(rng.integers(256))
                try:
                    image = decode(bytes(damaged), max_pixels=10**6)
                except DecodeError:
                    continue
                assert image.dtype == np.uint8


def test_filling_in_truncated_images_must_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(DecodeError, match="LOAD_TRUNCATED_IMAGES is on"):
        decode(encoded(photo(8, 8)))


def test_the_cause_is_chained() -> None:
    with pytest.raises(DecodeError, match="truncated") as caught:
        decode(encoded(photo(64, 64), "BMP")[:-60])
    assert isinstance(caught.value.__cause__, OSError)


def test_threads_that_start_together_agree() -> None:
    """Pillow loads its plugins on first use."""
    data = list(whole_files().values())
    barrier = threading.Barrier(8)

    def work(_: int) -> list[bytes]:
        barrier.wait(10)
        return [decode(file).tobytes() for file in data]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert all(result == [decode(file).tobytes() for file in data] for result in results)
