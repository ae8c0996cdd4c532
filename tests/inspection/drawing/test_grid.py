import numpy as np
import pytest

import augseq
from augseq.inspection.drawing.grid import draw_batch, draw_grid, draw_looks
from augseq.inspection.drawing.sample_look import look_at_views
from augseq.inspection.drawing.thumbnails import displayable
from augseq.loading.batch import Batch
from augseq.pixels.options import Bands
from augseq.terminal_text import shortened


def test_a_grid_has_a_titled_picture_for_each_image() -> None:
    images = [np.full((8, 6, 3), level, np.uint8) for level in range(5)]
    figure = draw_grid(images, list("abcde"), num_columns=2)
    assert [axes.get_title() for axes in figure.axes] == list("abcde")
    assert [int(axes.images[0].get_array()[0, 0, 0]) for axes in figure.axes] == [0, 1, 2, 3, 4]


def test_a_batch_is_titled_with_its_class_names(samples: augseq.Manifest) -> None:
    records = samples.records([0, 199])
    batch = Batch(inputs={"image": np.zeros((2, 4, 4, 3), np.uint8)}, targets={}, records=records)
    figure = draw_batch(batch, samples.class_names)
    assert [axes.get_title() for axes in figure.axes] == ["butterfly", "shell"]


def test_a_batch_without_labels_is_titled_with_its_files() -> None:
    records = [augseq.Record(index=0, path="deep/er/a.jpg")]
    batch = Batch(inputs={"image": np.zeros((1, 4, 4, 1), np.float32)}, targets={}, records=records)
    assert draw_batch(batch, ()).axes[0].get_title() == "a.jpg"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.0, 127.6, 255.0], [0, 128, 255]),
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([10.0, 20.0, 30.0], [10, 20, 30]),
    ],
    ids=["pixels", "unit range", "normalised", "dark pixels"],
)
def test_floats_of_any_usual_range_can_be_seen(values: list[float], shown: list[int]) -> None:
    image = np.array(values, np.float32).reshape(1, 3, 1)
    assert displayable(image)[0, :, 0].tolist() == shown
    assert displayable(image).shape == (1, 3, 3)


STRETCHED = ", each from its 2nd to its 98th percentile"


@pytest.mark.parametrize(
    ("channels", "dtype", "note"),
    [
        (13, np.float32, f"bands 0, 1, 2 of 13{STRETCHED}"),
        (4, np.float32, f"bands 0, 1, 2 of 4{STRETCHED}"),
        (4, np.uint8, "bands 0, 1, 2 of 4"),
        (3, np.float32, f"bands 0, 1, 2 of 3{STRETCHED}"),
        (2, np.float32, f"band 0 of 2{STRETCHED}"),
        (1, np.uint8, "band 0 of 1"),
    ],
)
def test_the_first_bands_are_shown_and_the_heading_says_so(
    channels: int, dtype: type, note: str
) -> None:
    # 101 numbers in each band, and one that is far from all others.
    numbers = np.arange(101)[:, None] + 10 * np.arange(channels)
    values = numbers.astype(dtype).reshape(1, 101, channels)
    if dtype is np.float32:
        values[0, 100] = 1e6
        expected = np.clip(np.rint((np.arange(101) - 2) * 255 / 96), 0, 255)[:, None]
        expected = np.repeat(expected, 3, axis=1)
    else:
        expected = numbers[:, : 3 if channels >= 3 else 1] * np.ones((1, 3 if channels < 3 else 1))
    bands = Bands(channels, "uint8" if dtype is np.uint8 else "float32")
    figure = draw_looks([look_at_views(values, {}, bands)], ["a"], heading="scene")
    assert figure.get_suptitle().replace("\n", " ") == f"scene {note}"
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array()[0], expected)


def test_colours_have_no_note_of_bands() -> None:
    for channels in (1, 3, 4):
        image = np.zeros((4, 4, channels), np.uint8)
        assert draw_looks([look_at_views(image, {})], ["a"]).get_suptitle() == ""


def test_jupyter_shows_a_picture_as_png() -> None:
    picture = draw_grid([np.zeros((4, 4, 3), np.uint8)], ["a"])
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_long_names_are_shortened_in_the_middle_and_dollars_are_not_math() -> None:
    blank = np.zeros((4, 4, 3), np.uint8)
    picture = draw_grid([blank, blank], ["IMG_20240101_120000_photo_0017.jpg", r"$\bad$"])
    first, second = (axes.get_title() for axes in picture.axes)
    assert first.endswith("0017.jpg")
    assert len(first) == 22
    assert second == r"$\bad$"
    picture.draw_without_rendering()
    assert [len(shortened("x" * 50, most)) for most in (10, 11, 50)] == [10, 11, 50]


def test_captions_lie_below_their_image_and_above_the_next_row() -> None:
    wide = np.zeros((10, 40, 3), np.uint8)
    lines = [f"parameter {number} = 1" for number in range(5)]
    picture = draw_grid([wide] * 4, list("abcd"), captions=[lines] * 4, num_columns=2, heading="h")
    boxes = [axes.texts[0].get_window_extent() for axes in picture.axes]
    for axes, box in zip(picture.axes, boxes, strict=True):
        assert box.y1 <= axes.get_window_extent().y0
    below = picture.axes[2].title.get_window_extent()
    assert boxes[0].y0 > below.y1
    assert boxes[2].y0 >= 0


def test_an_image_that_is_missing_is_a_box_with_the_reason() -> None:
    axes = draw_grid(["the file is empty (0 bytes)"], ["a"]).axes[0]
    assert axes.texts[0].get_text().replace("\n", " ") == "the file is empty (0 bytes)"
    assert not axes.images
