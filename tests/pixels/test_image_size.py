"""The size of an image from the header of its file is the size of its pixels."""

import tracemalloc
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

import augseq
from augseq.pixels.image_size import read_image_size

from .conftest import huge_file

ENDINGS = ["jpg", "png", "gif", "bmp", "ppm", "webp", "tif", "avif"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_size_is_that_of_the_decoded_image(
    tmp_path: Path, ending: str, orientation: int
) -> None:
    path = str(tmp_path / f"x.{ending}")
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.new("RGB", (50, 30)).save(path, exif=exif)
    size = read_image_size(path)
    assert size.upright == augseq.read_image(path).shape[:2]
    assert size.stored == augseq.read_image(path, exif_orientation=False).shape[:2]


@pytest.mark.parametrize("ending", ["tif", "npy"])
def test_the_size_of_a_huge_file_is_read_without_its_pixels(tmp_path: Path, ending: str) -> None:
    path = huge_file(tmp_path / f"x.{ending}")
    tracemalloc.start()
    assert read_image_size(str(path)).upright == (30_000, 40_000)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_exif_data_in_the_text_of_a_png_counts(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 8
    data = exif.tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}\n", zip=True)
    path = str(tmp_path / "x.png")
    Image.new("RGB", (50, 30)).save(path, pnginfo=text)
    assert read_image_size(path).upright == augseq.read_image(path).shape[:2] == (50, 30)


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n0000"])
def test_a_file_that_is_not_an_image_is_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(augseq.DecodeError):
        read_image_size(str(tmp_path / "x.jpg"))
    with pytest.raises(augseq.MissingFileError):
        read_image_size(str(tmp_path / "y.jpg"))
