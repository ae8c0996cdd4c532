"""The fast way for JPEG files: Pillow's pixels, and louder."""

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

import augseq
from augseq.pixels.decode import decode_image
from augseq.pixels.jpeg_decoder import decode_jpeg
from augseq.pixels.options import DecodeOptions
from augseq.pixels.pillow_decoder import decode_with_pillow

RGB = DecodeOptions()
GREY = DecodeOptions(color_mode="grayscale")


def jpeg(mode: str = "RGB", size: tuple[int, int] = (61, 45), **options: object) -> bytes:
    """Encode a picture of smooth shapes and noise."""
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    y, x, channel = np.mgrid[0 : size[1], 0 : size[0], 0:channels]
    noise = np.random.default_rng(4).normal(0, 12, y.shape)
    waves = 128 + 80 * np.sin(x / 9) * np.cos(y / (5 + 2 * channel)) + noise
    pixels = waves.clip(0, 255).astype(np.uint8)
    picture = PillowImage.fromarray(pixels[:, :, 0] if channels == 1 else pixels, mode)
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("quality", [30, 75, 96])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (61, 45), (16, 130)])
def test_pixels_equal_those_of_pillow_bit_for_bit(
    size: tuple[int, int], quality: int, progressive: bool, subsampling: int
) -> None:
    data = jpeg(size=size, quality=quality, progressive=progressive, subsampling=subsampling)
    fast = decode_jpeg(data, RGB)
    assert fast is not None
    assert np.array_equal(fast, decode_with_pillow(data, RGB))


@pytest.mark.parametrize("options", [RGB, GREY], ids=["rgb", "grayscale"])
def test_grey_files_equal_those_of_pillow(options: DecodeOptions) -> None:
    data = jpeg("L")
    fast = decode_jpeg(data, options)
    assert fast is not None
    assert np.array_equal(fast, decode_with_pillow(data, options))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_file_is_upright_new_and_contiguous(orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = jpeg(exif=exif)
    fast = decode_jpeg(data, RGB)
    assert fast is not None
    assert np.array_equal(fast, decode_with_pillow(data, RGB))
    assert fast.flags.c_contiguous
    assert fast.flags.writeable


def test_real_photographs_equal_those_of_pillow(photos: object) -> None:
    manifest = augseq.index_folder(str(photos), progress=False)
    for record in manifest[::40]:
        with open(f"{manifest.root}/{record.path}", "rb") as file:
            data = file.read()
        fast = decode_jpeg(data, RGB)
        assert fast is not None
        assert np.array_equal(fast, decode_with_pillow(data, RGB)), record


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (jpeg("CMYK"), RGB),
        (jpeg(), GREY),
        (jpeg(), DecodeOptions(color_mode="rgba")),
        (jpeg(), DecodeOptions(max_pixels=100)),
        (b"\x89PNG\r\n", RGB),
        (b"\xff\xd8 and then something else", RGB),
    ],
    ids=["cmyk", "colour to grey", "rgba", "too many pixels", "another format", "garbage"],
)
def test_what_is_not_ordinary_is_left_to_pillow(data: bytes, options: DecodeOptions) -> None:
    assert decode_jpeg(data, options) is None


def test_missing_data_before_an_end_marker_is_loud_although_pillow_fills_it_up_grey() -> None:
    data = jpeg(size=(160, 160), quality=90)
    cut = data[: len(data) // 2] + b"\xff\xd9"
    assert decode_with_pillow(cut, RGB).shape == (160, 160, 3)
    with pytest.raises(augseq.DecodeError, match="truncated or damaged"):
        decode_image(cut, RGB)


def test_extraneous_bytes_before_a_marker_are_no_damage() -> None:
    data = jpeg()
    at = data.index(b"\xff\xdb")
    padded = data[:at] + b"\0\0\0\0" + data[at:]
    assert np.array_equal(decode_image(padded, RGB), decode_image(data, RGB))


def test_a_claim_of_too_many_pixels_is_refused_before_they_are_decoded() -> None:
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = (32000).to_bytes(2, "big") * 2
    with pytest.raises(augseq.DecodeError, match="max_pixels"):
        decode_image(bytes(data), RGB)
