import pickle
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augseq.errors import ArgumentError
from augseq.pixels.options import MAX_PIXELS, DecodeOptions, ResizeOptions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("color_mode", "bgr"),
        ("color_mode", "RGB"),
        ("background", (0, 0)),
        ("background", (0, 0, 256)),
        ("background", (0, 0, -1)),
        ("background", (0, 0, 0.5)),
        ("background", (True, 0, 0)),
        ("max_pixels", 0),
        ("max_pixels", 1e6),
        ("max_pixels", True),
    ],
)
def test_a_wrong_option_of_decoding_is_named_with_its_value(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"`{name}` must be .* Received: {name}="):
        DecodeOptions(**{name: value})


@pytest.mark.parametrize("size", [(0, 4), (4, -1), (4,), (4, 4, 3), 4, (4.0, 4), (True, 4), None])
def test_a_wrong_image_size_is_named_with_its_value(size: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`image_size` must be \(height, width\)"):
        ResizeOptions(image_size=size)


@pytest.mark.parametrize(("name", "value"), [("resize_mode", "fit"), ("interpolation", "gaussian")])
def test_a_wrong_choice_of_resizing_lists_the_right_ones(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"`{name}` must be one of '"):
        ResizeOptions(image_size=(4, 4), **{name: value})


def test_a_size_from_numpy_or_a_list_becomes_plain_integers() -> None:
    size = ResizeOptions(image_size=[np.int64(3), 4]).image_size  # type: ignore[arg-type]
    assert size == (3, 4)
    assert [type(side) for side in size] == [int, int]


def test_a_background_given_as_a_list_can_be_hashed() -> None:
    options = DecodeOptions(background=[1, 2, 3])  # type: ignore[arg-type]
    assert hash(options) == hash(DecodeOptions(background=(1, 2, 3)))


def test_options_survive_pickling() -> None:
    for options in (DecodeOptions(color_mode="rgba"), ResizeOptions(image_size=(3, 4))):
        assert pickle.loads(pickle.dumps(options)) == options


def test_the_default_limit_is_the_one_that_pillow_ships() -> None:
    assert MAX_PIXELS == (1 << 30) // 4 // 3
    assert Image.MAX_IMAGE_PIXELS is None or Image.MAX_IMAGE_PIXELS >= MAX_PIXELS
