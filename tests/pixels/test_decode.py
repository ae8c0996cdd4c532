import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from augseq.errors import DecodeError

from .conftest import XMP, chunk, decode, encoded, exif, noise, photo, png, tiff

UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored[::-1].swapaxes(0, 1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored[:, ::-1].swapaxes(0, 1),
}
DEEP = np.array([[0, 255, 256, 4095, 40000, 65535]], np.uint16)
HIGH_BYTES = [0, 0, 1, 15, 156, 255]


def by_pillow(data: bytes, mode: str = "RGB") -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert(mode))


def grey(rgb: np.ndarray) -> np.ndarray:
    """Return the luma of ITU-R 601, as floats."""
    return rgb @ [0.299, 0.587, 0.114]


def over(rgba: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """Return what is visible in front of a background, as floats."""
    alpha = rgba[..., 3:] / 255
    return rgba[..., :3] * alpha + np.array(background) * (1 - alpha)


@pytest.mark.parametrize("file_format", ["AVIF", "BMP", "JPEG", "JPEG2000", "PNG", "TIFF", "WEBP"])
def test_colour_is_what_pillow_decodes(file_format: str) -> None:
    if file_format == "AVIF":
        pytest.importorskip("PIL._avif")
    data = encoded(photo(31, 45), file_format)
    np.testing.assert_array_equal(decode(data), by_pillow(data))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize(("color_mode", "channels"), [("rgb", 3), ("grayscale", 1), ("rgba", 4)])
def test_the_array_is_new_uint8_writable_and_contiguous(
    mode: str, color_mode: str, channels: int
) -> None:
    data = encoded(Image.new(mode, (5, 3)))
    first, second = decode(data, color_mode=color_mode), decode(data, color_mode=color_mode)
    first[:] = 99
    assert first.shape == (3, 5, channels)
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous
    assert (second != 99).all()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_images_are_turned_upright_by_default(file_format: str, orientation: int) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    picture = photo(10, 14)
    data = encoded(picture, file_format, exif=exif(orientation), **options)
    plain = encoded(picture, file_format, **options)
    stored = decode(data, exif_orientation=False)
    np.testing.assert_array_equal(stored, by_pillow(plain))
    np.testing.assert_array_equal(decode(data), UPRIGHT[orientation](stored))


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg"])
def test_compressed_tiff_files_come_upright_too(orientation: int, compression: str) -> None:
    data = encoded(photo(16, 24), "TIFF", exif=exif(orientation), compression=compression)
    stored = decode(data, exif_orientation=False)
    assert stored.shape == (16, 24, 3)
    np.testing.assert_array_equal(decode(data), UPRIGHT[orientation](stored))


def test_an_orientation_in_xmp_counts() -> None:
    data = encoded(photo(10, 14), "JPEG", xmp=XMP)
    stored = decode(data, exif_orientation=False)
    np.testing.assert_array_equal(decode(data), UPRIGHT[6](stored))


def test_an_orientation_of_0_counts_as_none() -> None:
    assert decode(encoded(photo(10, 14), exif=exif(0))).shape == (10, 14, 3)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_data_is_an_error_with_a_workaround(file_format: str) -> None:
    damaged = exif(6).replace(b"MM\0*", b"XX\0*")
    data = encoded(photo(10, 14), file_format, exif=damaged)
    with pytest.raises(DecodeError, match=r"EXIF data is damaged .*exif_orientation=False"):
        decode(data)
    assert decode(data, exif_orientation=False).shape == (10, 14, 3)


@pytest.mark.parametrize("count", [0, 2, 50176])
def test_an_orientation_with_several_values_is_damage(count: int) -> None:
    one, several = (struct.pack(">HHI", 0x0112, 3, number) for number in (1, count))
    assert one in exif(8)
    data = encoded(photo(10, 14), "JPEG", exif=exif(8).replace(one, several))
    with pytest.raises(DecodeError, match=f"its orientation has {count} values|beyond its end"):
        decode(data)


def test_an_empty_exif_block_is_not_damage() -> None:
    assert decode(encoded(photo(10, 14), "JPEG", exif=b"Exif\0\0")).shape == (10, 14, 3)


OPAQUE = {
    "1": encoded(photo(9, 13).convert("1")),
    "L": encoded(photo(9, 13).convert("L")),
    "P": encoded(photo(9, 13).quantize(50)),
    "GIF": encoded(photo(9, 13).quantize(50), "GIF"),
    "RGB": encoded(photo(9, 13)),
    "CMYK TIFF": encoded(photo(9, 13).convert("CMYK"), "TIFF"),
    "CMYK JPEG": encoded(photo(9, 13).convert("CMYK"), "JPEG", quality=100),
    "YCbCr TIFF": encoded(photo(9, 13).convert("YCbCr"), "TIFF"),
    "YCbCr JPEG": encoded(photo(9, 13), "JPEG", quality=100, subsampling=0),
    "LAB": encoded(Image.frombytes("LAB", (13, 9), noise(9, 13, 3).tobytes()), "TIFF"),
}


@pytest.mark.parametrize("name", OPAQUE)
def test_opaque_images_of_every_kind_become_rgb_grey_and_rgba(name: str) -> None:
    expected = by_pillow(OPAQUE[name])
    np.testing.assert_array_equal(decode(OPAQUE[name]), expected)
    rgba = decode(OPAQUE[name], color_mode="rgba")
    np.testing.assert_array_equal(rgba[:, :, :3], expected)
    assert (rgba[:, :, 3] == 255).all()
    luma = decode(OPAQUE[name], color_mode="grayscale")[:, :, 0]
    np.testing.assert_allclose(luma, grey(expected), atol=0.51)


@pytest.mark.parametrize("name", ["CMYK TIFF", "CMYK JPEG", "YCbCr TIFF", "YCbCr JPEG"])
def test_cmyk_and_ycbcr_colours_are_read_as_written(name: str) -> None:
    """Above all, CMYK in JPEG, which is stored inverted, is not a negative."""
    np.testing.assert_allclose(decode(OPAQUE[name]), np.asarray(photo(9, 13)), atol=9)


PALETTE = chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0, 9, 9, 9]))
RED, GREEN, DARK = [255, 0, 0], [0, 255, 0], [9, 9, 9]


def key(*values: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


SEE_THROUGH = {
    "palette, alpha as bytes": (
        png(3, 8, 3, b"\0\1\2", PALETTE, chunk(b"tRNS", b"\x80\0")),
        [[*RED, 128], [*GREEN, 0], [*DARK, 255]],
    ),
    "palette, one index": (
        png(3, 8, 3, b"\0\1\2", PALETTE, chunk(b"tRNS", b"\xff\0")),
        [[*RED, 255], [*GREEN, 0], [*DARK, 255]],
    ),
    "palette of 2 bits": (
        png(3, 2, 3, b"\x18", PALETTE, chunk(b"tRNS", b"\x80\x40\x20")),
        [[*RED, 128], [*GREEN, 64], [*DARK, 32]],
    ),
    "grey of 1 bit": (
        png(2, 1, 0, b"\x40", key(1)),
        [[0, 0, 0, 255], [255, 255, 255, 0]],
    ),
    "grey of 2 bits": (
        png(4, 2, 0, b"\x1b", key(1)),
        [[0, 0, 0, 255], [85, 85, 85, 0], [170, 170, 170, 255], [255, 255, 255, 255]],
    ),
    "grey of 4 bits": (
        png(2, 4, 0, b"\x5f", key(5)),
        [[85, 85, 85, 0], [255, 255, 255, 255]],
    ),
    "grey of 8 bits": (
        png(2, 8, 0, b"\x05\x06", key(5)),
        [[5, 5, 5, 0], [6, 6, 6, 255]],
    ),
    "grey of 16 bits": (
        png(3, 16, 0, struct.pack(">3H", 300, 301, 65535), key(300)),
        [[1, 1, 1, 0], [1, 1, 1, 255], [255, 255, 255, 255]],
    ),
    "colour of 8 bits": (
        png(2, 8, 2, bytes([1, 2, 3, 1, 2, 4]), key(1, 2, 3)),
        [[1, 2, 3, 0], [1, 2, 4, 255]],
    ),
    "grey and alpha of 8 bits": (png(1, 8, 4, b"\x64\x6e"), [[100, 100, 100, 110]]),
    "grey and alpha of 16 bits": (
        png(1, 16, 4, struct.pack(">2H", 40000, 32768)),
        [[156, 156, 156, 128]],
    ),
    "colour and alpha of 8 bits": (png(1, 8, 6, bytes([1, 2, 3, 128])), [[1, 2, 3, 128]]),
    "colour and alpha of 16 bits": (
        png(1, 16, 6, struct.pack(">4H", 300, 600, 900, 32768)),
        [[1, 2, 3, 128]],
    ),
}
for _mode, _format, _options in (
    ("LA", "TIFF", {}),
    ("RGBA", "TIFF", {}),
    ("RGBA", "WEBP", {"lossless": True, "exact": True}),
    ("RGBA", "JPEG2000", {}),
):
    _pixels = np.array([[40, 40, 40, 200], [9, 9, 9, 1]] if _mode == "LA" else noise(1, 5, 4)[0])
    _picture = Image.fromarray(_pixels.astype(np.uint8)[np.newaxis], "RGBA").convert(_mode)
    SEE_THROUGH[f"{_mode} {_format}"] = (
        encoded(_picture, _format, **_options),
        _pixels.tolist(),
    )


@pytest.mark.parametrize("name", SEE_THROUGH)
def test_transparency_of_every_kind_is_kept_in_rgba(name: str) -> None:
    data, expected = SEE_THROUGH[name]
    assert decode(data, color_mode="rgba").tolist() == [expected]


@pytest.mark.parametrize("name", SEE_THROUGH)
@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (250, 128, 10)])
def test_the_background_shows_through_in_colour_and_in_grey(
    name: str, background: tuple[int, int, int]
) -> None:
    data, rgba = SEE_THROUGH[name]
    expected = over(np.array([rgba]), background)
    np.testing.assert_allclose(decode(data, background=background), expected, atol=1)
    luma = decode(data, background=background, color_mode="grayscale")[:, :, 0]
    np.testing.assert_allclose(luma, grey(expected), atol=1.5)


def test_one_transparent_colour_of_16_bits_is_refused() -> None:
    """Pillow would drop it, and its 8 bits cannot tell which pixels had it."""
    data = png(2, 16, 2, struct.pack(">6H", 300, 600, 900, 301, 600, 900), key(300, 600, 900))
    with pytest.raises(DecodeError, match="one 16-bit colour as transparent"):
        decode(data)


def test_a_transparent_gif_shows_the_background() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    data = encoded(picture, "GIF", transparency=1)
    assert decode(data, background=(1, 2, 3)).tolist() == [[[255, 0, 0], [1, 2, 3]]]


WIDTH = DEEP.shape[1]
SIXTEEN_BITS = {
    "PNG": encoded(Image.fromarray(DEEP)),
    "JPEG2000": encoded(Image.fromarray(DEEP), "JPEG2000"),
    "TIFF, little end first": tiff("<", 16, DEEP.astype("<u2").tobytes(), width=WIDTH),
    "TIFF, big end first": tiff(">", 16, DEEP.astype(">u2").tobytes(), width=WIDTH),
    "TIFF, white is 0": tiff("<", 16, (~DEEP).astype("<u2").tobytes(), width=WIDTH, photometric=0),
    "PGM": b"P5\n%d 1\n65535\n" % WIDTH + DEEP.astype(">u2").tobytes(),
    "PPM": b"P6\n%d 1\n65535\n" % WIDTH + DEEP.repeat(3).astype(">u2").tobytes(),
    "RGB PNG": png(WIDTH, 16, 2, DEEP.repeat(3).astype(">u2").tobytes()),
}


@pytest.mark.parametrize("name", SIXTEEN_BITS)
@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
def test_16_bits_are_scaled_and_never_clipped(name: str, color_mode: str) -> None:
    result = decode(SIXTEEN_BITS[name], color_mode=color_mode)
    # Pillow rounds in PPM, and cuts elsewhere.
    np.testing.assert_allclose(result[0, :, 0], HIGH_BYTES, atol=int(name == "PPM"))
    assert (result[:, :, :3] == result[:, :, :1]).all()


def test_12_bits_are_scaled_to_the_whole_range() -> None:
    data = tiff("<", 12, bytes([0x00, 0x00, 0x10, 0x80, 0x0F, 0xFF]), width=4)
    assert decode(data, color_mode="grayscale")[0, :, 0].tolist() == [0, 1, 128, 255]


def test_a_pgm_of_10_bits_is_scaled_to_the_whole_range() -> None:
    data = b"P5\n3 1\n1023\n" + struct.pack(">3H", 0, 512, 1023)
    assert decode(data, color_mode="grayscale")[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encoded(Image.new("I", (2, 2)), "TIFF"), "32-bit integers"),
        (encoded(Image.new("F", (2, 2)), "TIFF"), "floating-point"),
        (tiff("<", 16, bytes(4), width=2, sample_format=2), "integers"),
        (b"Pf\n1 1\n-1.0\n" + struct.pack("<f", 0.5), "floating-point"),
    ],
)
def test_pixels_without_a_fixed_range_are_refused(data: bytes, kind: str) -> None:
    with pytest.raises(DecodeError, match=f"{kind}.*no fixed range"):
        decode(data)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_is_used(file_format: str) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    first, *others = (Image.new("RGB", (8, 6), colour) for colour in colours)
    options = {"lossless": True} if file_format == "WEBP" else {}
    data = encoded(first, file_format, save_all=True, append_images=others, **options)
    assert Image.open(io.BytesIO(data)).n_frames == 3  # type: ignore[attr-defined]
    assert (decode(data) == (255, 0, 0)).all()
    assert decode(data).shape == (6, 8, 3)
