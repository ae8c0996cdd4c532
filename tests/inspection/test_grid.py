import numpy as np
import pytest

import augseq
from augseq.batch import Batch
from augseq.inspection.grid import displayable, draw_batch, draw_grid


def test_a_grid_has_a_titled_picture_for_each_image() -> None:
    images = [np.full((8, 6, 3), level, np.uint8) for level in range(5)]
    figure = draw_grid(images, list("abcde"), num_columns=2)
    assert [axes.get_title() for axes in figure.axes] == list("abcde")
    assert [int(axes.images[0].get_array()[0, 0, 0]) for axes in figure.axes] == [0, 1, 2, 3, 4]


def test_a_batch_is_titled_with_its_class_names(samples: augseq.Manifest) -> None:
    records = samples.records([0, 199])
    batch = Batch(images=np.zeros((2, 4, 4, 3), np.uint8), targets=None, records=records)
    figure = draw_batch(batch, samples.class_names)
    assert [axes.get_title() for axes in figure.axes] == ["butterfly", "shell"]


def test_a_batch_without_labels_is_titled_with_its_files() -> None:
    records = [augseq.Record(index=0, path="deep/er/a.jpg")]
    batch = Batch(images=np.zeros((1, 4, 4, 1), np.float32), targets=None, records=records)
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


def test_jupyter_shows_a_picture_as_png() -> None:
    picture = draw_grid([np.zeros((4, 4, 3), np.uint8)], ["a"])
    assert picture._repr_png_().startswith(b"\x89PNG")
