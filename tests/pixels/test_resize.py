from typing import Any

import numpy as np
import pytest
from PIL import Image

from augseq.pixels.options import ResizeOptions
from augseq.pixels.resize import resize_image

from .conftest import noise, photo

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
    "lanczos3": Image.Resampling.LANCZOS,
}
every_interpolation = pytest.mark.parametrize("interpolation", FILTERS)


def resized(image: np.ndarray, *size: int, **options: Any) -> np.ndarray:
    return resize_image(image, ResizeOptions(image_size=size, **options))


def by_pillow(image: np.ndarray, *size: int, interpolation: str = "bilinear") -> np.ndarray:
    picture = Image.fromarray(image)
    return np.asarray(picture.resize(size[::-1], FILTERS[interpolation]))


@every_interpolation
@pytest.mark.parametrize("size", [(7, 5), (33, 47), (64, 20), (1, 1)])
def test_stretched_colour_equals_pillows(interpolation: str, size: tuple[int, int]) -> None:
    image = noise(31, 45, 3)
    expected = by_pillow(image, *size, interpolation=interpolation)
    result = resized(image, *size, interpolation=interpolation)
    np.testing.assert_array_equal(result, expected)
    assert result.flags.writeable
    assert result.flags.c_contiguous


@every_interpolation
@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_channels_do_not_affect_each_other(interpolation: str, channels: int) -> None:
    """Nor does alpha, which Pillow alone would multiply into the colours."""
    image = noise(31, 45, channels)
    result = resized(image, 12, 50, interpolation=interpolation)
    assert result.shape == (12, 50, channels)
    for k in range(channels):
        expected = by_pillow(image[:, :, k], 12, 50, interpolation=interpolation)
        np.testing.assert_array_equal(result[:, :, k], expected)


@every_interpolation
@pytest.mark.parametrize("resize_mode", ["stretch", "crop", "pad"])
def test_float32_matches_the_uint8_result_within_rounding(
    interpolation: str, resize_mode: str
) -> None:
    # No overshoot, which uint8 would clip between rows and columns.
    image = np.asarray(photo(31, 45)) // 2 + 64
    options = {"interpolation": interpolation, "resize_mode": resize_mode}
    floats = resized(image.astype(np.float32), 17, 60, **options)
    assert floats.dtype == np.float32
    # Pillow rounds uint8 twice: after the rows, and after the columns.
    np.testing.assert_allclose(floats, resized(image, 17, 60, **options).astype(float), atol=1.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("resize_mode", ["stretch", "crop", "pad"])
def test_an_image_of_the_right_size_is_returned_itself(dtype: type, resize_mode: str) -> None:
    image = noise(6, 9, 3).astype(dtype)
    assert resized(image, 6, 9, resize_mode=resize_mode) is image


def test_the_image_given_is_not_changed() -> None:
    image = noise(31, 45, 4)
    before = image.copy()
    for resize_mode in ("stretch", "crop", "pad"):
        resized(image, 12, 50, resize_mode=resize_mode)
    np.testing.assert_array_equal(image, before)


def keras_window(height: int, width: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return top, left, height, width as `keras.utils.image_dataset_from_directory` crops."""
    crop_height = min(height, int(float(width * size[0]) / size[1]))
    crop_width = min(width, int(float(height * size[1]) / size[0]))
    return (height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width


@pytest.mark.parametrize("shape", [(57, 101), (101, 57), (60, 100), (99, 99)])
@pytest.mark.parametrize("ratio", [(1, 1), (3, 4), (4, 3), (1, 5), (5, 1)])
def test_crop_uses_the_same_window_as_keras(shape: tuple[int, int], ratio: tuple[int, int]) -> None:
    """To the pixel, if its sides are integers."""
    target = (ratio[0] * 12, ratio[1] * 12)
    y, x = np.indices(shape, np.float32)
    result = resized(np.stack([y, x], axis=2), *target, resize_mode="crop", interpolation="area")
    top, left, height, width = keras_window(*shape, target)
    # Box filters keep the mean, so it is the centre of the window.
    np.testing.assert_allclose(
        result.mean((0, 1)), (top + (height - 1) / 2, left + (width - 1) / 2), atol=0.55
    )
    # Neighbours lie one step of the window apart: this is its size.
    steps = (result[-1, 0, 0] - result[0, 0, 0], result[0, -1, 1] - result[0, 0, 1])
    spans = [step * side / (side - 1) for step, side in zip(steps, target, strict=True)]
    np.testing.assert_allclose(spans, (height, width), atol=1.5)


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((57, 57), slice(0, 57), slice(22, 79)),
        ((57, 58), slice(0, 57), slice(21, 79)),
        ((40, 101), slice(8, 48), slice(0, 101)),
        ((57, 1), slice(0, 57), slice(50, 51)),
    ],
)
def test_crop_without_a_change_of_scale_keeps_the_exact_pixels(
    size: tuple[int, int], rows: slice, columns: slice
) -> None:
    image = noise(57, 101, 3)
    np.testing.assert_array_equal(resized(image, *size, resize_mode="crop"), image[rows, columns])


def test_crop_equals_pillows_resize_of_the_box() -> None:
    """So its filters reach a little beyond the window, as in a crop after a resize."""
    image = noise(40, 100, 3)
    expected = Image.fromarray(image).resize((24, 24), FILTERS["bilinear"], box=(30, 0, 70, 40))
    np.testing.assert_array_equal(resized(image, 24, 24, resize_mode="crop"), expected)


@pytest.mark.parametrize(
    ("size", "inner", "place"),
    [
        ((20, 45), (20, 30), (0, 7)),
        ((41, 30), (20, 30), (10, 0)),
        ((60, 60), (40, 60), (10, 0)),
        ((7, 7), (5, 7), (1, 0)),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pad_keeps_the_whole_image_and_pads_with_black(
    size: tuple[int, int], inner: tuple[int, int], place: tuple[int, int], dtype: type
) -> None:
    image = noise(20, 30, 3).astype(dtype)
    result = resized(image, *size, resize_mode="pad")
    top, left = place
    expected = np.zeros((*size, 3), dtype)
    window = expected[top : top + inner[0], left : left + inner[1]]
    window[:] = image if inner == (20, 30) else resized(image, *inner)
    np.testing.assert_array_equal(result, expected)


@every_interpolation
@pytest.mark.parametrize("resize_mode", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_extreme_shapes_get_the_requested_size(
    interpolation: str, resize_mode: str, shape: tuple[int, int], channels: int
) -> None:
    image = np.full((*shape, channels), 200, np.uint8)
    for size in ((8, 9), (1, 1), (1, 300)):
        result = resized(image, *size, resize_mode=resize_mode, interpolation=interpolation)
        assert result.shape == (*size, channels)
        inside = result if resize_mode != "pad" else result[result > 0]
        assert inside.size
        assert (inside == 200).all()
