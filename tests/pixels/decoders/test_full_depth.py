"""Pixels of more than 8 bits, compared with values from numpy."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq

from ..conftest import decode, encoded, exif, noise, photo, png, tiff

DEEP = np.array([[[0, 1, 2], [255, 256, 257], [4095, 40000, 65535]]], np.uint16)
ALPHA = np.array([[[65535], [32768], [0]]], np.uint16)
RGBA = np.concatenate([DEEP, ALPHA], axis=2)
GREY = DEEP[:, :, :1]


def rgb_tiff(pixels: np.ndarray) -> bytes:
    import cv2

    done, data = cv2.imencode(".tiff", pixels[:, :, ::-1])
    assert done
    return data.tobytes()


DEEP_FILES = {
    "RGB PNG": (png(3, 16, 2, DEEP.astype(">u2").tobytes()), DEEP),
    "RGB TIFF": (rgb_tiff(DEEP), DEEP),
    "PPM": (b"P6 3 1 65535\n" + DEEP.astype(">u2").tobytes(), DEEP),
    "grey PNG": (png(3, 16, 0, GREY.astype(">u2").tobytes()), GREY.repeat(3, 2)),
    "grey TIFF": (tiff("<", 16, GREY.astype("<u2").tobytes(), width=3), GREY.repeat(3, 2)),
    "PGM": (b"P5 3 1 65535\n" + GREY.astype(">u2").tobytes(), GREY.repeat(3, 2)),
}


@pytest.mark.parametrize("name", DEEP_FILES)
def test_65535_becomes_1_and_other_values_in_proportion(name: str) -> None:
    data, expected = DEEP_FILES[name]
    pixels = decode(data, full_depth=True)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, expected / 65535, rtol=1e-6)
    np.testing.assert_allclose(decode(data), expected >> 8, atol=int(name == "PPM"))


def test_transparency_keeps_its_depth_too() -> None:
    data = png(3, 16, 6, RGBA.astype(">u2").tobytes())
    np.testing.assert_allclose(
        decode(data, full_depth=True, color_mode="rgba"), RGBA / 65535, rtol=1e-6
    )
    alpha = ALPHA / 65535
    expected = DEEP / 65535 * alpha + np.array([250, 128, 0]) / 255 * (1 - alpha)
    shown = decode(data, full_depth=True, background=(250, 128, 0))
    np.testing.assert_allclose(shown, expected, atol=1e-6)
    luma = decode(data, full_depth=True, background=(250, 128, 0), color_mode="grayscale")
    np.testing.assert_allclose(luma[..., 0], expected @ [0.299, 0.587, 0.114], atol=1e-6)


def test_a_pixmap_keeps_any_range() -> None:
    values = np.array([0, 1, 512, 1023])
    data = b"P5 4 1 1023\n" + values.astype(">u2").tobytes()
    pixels = decode(data, full_depth=True, color_mode="grayscale")
    np.testing.assert_allclose(pixels[0, :, 0], values / 1023, rtol=1e-6)


def test_floats_keep_their_values() -> None:
    values = np.array([[-1.5, 0.0, 0.25], [1.0, 2.5, 1e9]], np.float32)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF")
    pixels = decode(file.getvalue(), full_depth=True, color_mode="grayscale")
    np.testing.assert_array_equal(pixels[:, :, 0], values)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    data = b"Pf\n1 1\n-1.0\n" + struct.pack("<f", value)
    with pytest.raises(augseq.errors.DecodeError, match="not finite"):
        decode(data, full_depth=True)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
def test_8_bits_are_divided_by_255(file_format: str, color_mode: str) -> None:
    data = encoded(photo(10, 14), file_format)
    pixels = decode(data, full_depth=True, color_mode=color_mode)
    np.testing.assert_allclose(pixels, decode(data, color_mode=color_mode) / 255, rtol=1e-6)


def test_deep_images_come_upright() -> None:
    pixels = noise(4, 6, 1).astype(np.uint16)[:, :, 0] * 257
    data = encoded(Image.fromarray(pixels), exif=exif(6))
    shown = decode(data, full_depth=True, color_mode="grayscale")[:, :, 0]
    np.testing.assert_allclose(shown, np.rot90(pixels, -1) / 65535, rtol=1e-6)
    stored = decode(data, full_depth=True, color_mode="grayscale", exif_orientation=False)
    np.testing.assert_allclose(stored[:, :, 0], pixels / 65535, rtol=1e-6)


def test_depth_that_cannot_be_kept_is_an_error_and_not_8_bits() -> None:
    text = b"P3 1 1 1000 1 2 3"
    with pytest.raises(augseq.errors.DecodeError, match="only 8 bits per channel can be read"):
        decode(text, full_depth=True)
    assert decode(text).shape == (1, 1, 3)


def test_a_sequence_augments_and_batches_the_full_depth(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "deep.png").write_bytes(DEEP_FILES["RGB PNG"][0])
    Image.new("RGB", (3, 1), (255, 51, 0)).save(tmp_path / "b" / "plain.png")
    images = augseq.index_folder(tmp_path, progress=False)
    options = {"image_size": None, "label_mode": None, "augment": augseq.preset("light")}
    augmented = augseq.ImageSequence(images, **options, full_depth=True)[0]  # type: ignore[arg-type]
    assert augmented.dtype == np.float32
    assert augmented.max() <= 1
    plain = augseq.ImageSequence(images, image_size=None, label_mode=None, full_depth=True)[0]
    np.testing.assert_allclose(plain[0], DEEP[:1].squeeze(0)[np.newaxis] / 65535, rtol=1e-6)
    np.testing.assert_allclose(plain[1, 0, 0], [1, 0.2, 0], rtol=1e-6)


def test_an_integer_dtype_would_reduce_the_depth_and_is_refused(samples: augseq.Manifest) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match='`dtype` must be "float32"'):
        augseq.ImageSequence(samples, full_depth=True, dtype="uint8")


def test_a_cache_keeps_the_depth(tmp_path: Path) -> None:
    (tmp_path / "deep.png").write_bytes(DEEP_FILES["RGB PNG"][0])
    images = augseq.index_folder(tmp_path, labels=None, progress=False)
    options: dict[str, Any] = {"image_size": None, "label_mode": None, "full_depth": True}
    plain = augseq.ImageSequence(images, **options)[0]
    cached = augseq.ImageSequence(images, cache="memory", **options)
    for _ in range(2):
        np.testing.assert_array_equal(cached[0], plain)
        cached.set_epoch(1)
