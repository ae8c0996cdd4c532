"""Maps as colours, compared pixel by pixel with a plain loop."""

import cv2
import numpy as np
import pytest
from matplotlib import colormaps

from augseq.inspection.drawing.overlays import class_color, colored, overlaid, shrunk_map

RNG = np.random.default_rng(2)


def rgb(color: str) -> list[int]:
    return [int(color[k : k + 2], 16) for k in (1, 3, 5)]


IMAGES = {
    "colour": RNG.integers(0, 256, (10, 14, 3), np.uint8),
    "grey": RNG.integers(0, 256, (10, 14, 1), np.uint8),
    "transparent": RNG.integers(0, 256, (10, 14, 4), np.uint8),
    "one pixel": RNG.integers(0, 256, (1, 1, 3), np.uint8),
    "tiny": RNG.integers(0, 256, (3, 2, 3), np.uint8),
    "wide": RNG.integers(0, 256, (2, 90, 3), np.uint8),
    "tall": RNG.integers(0, 256, (90, 2, 1), np.uint8),
    "float": RNG.integers(0, 256, (10, 14, 3)).astype(np.float32),
    "black": np.zeros((10, 14, 3), np.uint8),
    "white": np.full((10, 14, 3), 255, np.uint8),
}


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_a_class_tints_its_pixels_and_no_others(image: np.ndarray) -> None:
    labels = RNG.integers(0, 3, image.shape[:2])
    drawn = overlaid(image, labels, {0: "", 1: "#0072b2", 2: "#ff8800"})
    assert drawn.dtype == np.uint8
    for row, column in np.ndindex(*labels.shape):
        pixel = np.resize(image[row, column].astype(float), 3)
        if image.shape[2] == 4:
            pixel = image[row, column, :3].astype(float)
        color = {1: rgb("#0072b2"), 2: rgb("#ff8800")}.get(int(labels[row, column]))
        expected = pixel if color is None else 0.45 * pixel + 0.55 * np.array(color)
        assert np.abs(drawn[row, column] - expected).max() <= 1


def test_normalised_images_are_stretched_before_they_are_tinted() -> None:
    image = np.array([-2.0, 0.0, 2.0], np.float32).reshape(1, 3, 1)
    drawn = overlaid(image, np.zeros((1, 3), int), {0: ""})
    assert drawn[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_ignored_pixels_have_grey_stripes_on_any_image(level: int) -> None:
    image = np.full((48, 48, 3), level, np.uint8)
    drawn = overlaid(image, np.full((48, 48), -1), {}).astype(int)
    greys = np.unique(drawn)
    assert len(greys) == 2
    assert greys[1] - greys[0] > 80
    # Diagonal: equal along one diagonal, both greys along the other.
    assert len(np.unique([drawn[k, 47 - k, 0] for k in range(48)])) == 1
    assert len(np.unique([drawn[k, k, 0] for k in range(48)])) == 2


def test_a_map_of_another_size_is_drawn_with_its_nearest_pixels() -> None:
    labels = np.array([[0, 1], [1, 0]])
    drawn = overlaid(np.zeros((4, 6, 3), np.uint8), labels, {0: "", 1: "#ffffff"})
    expected = np.kron(labels, np.ones((2, 3), int))
    assert np.array_equal(drawn[:, :, 0] > 0, expected)


def test_neighbouring_classes_have_different_colours() -> None:
    colors = np.array([rgb(class_color(number)) for number in range(150)])
    assert len(np.unique(colors, axis=0)) == 150
    distances = np.abs(np.diff(colors, axis=0)).sum(1)
    assert distances.min() > 60
    assert class_color(0, "Background") == ""
    assert class_color(0, "back") == class_color(0)


def test_twenty_classes_can_be_told_apart() -> None:
    colors = np.array([rgb(class_color(number)) for number in range(20)], np.float32) / 255
    lab = cv2.cvtColor(colors[np.newaxis], cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(lab[:, np.newaxis] - lab, axis=-1)
    assert distances[~np.eye(20, dtype=bool)].min() > 20


@pytest.mark.parametrize(
    ("limits", "shares"),
    [((0.0, 4.0), [0.25, 0.5]), ((-1.0, 3.0), [0.5, 0.75]), ((1.0, 2.0), [0.0, 1.0])],
)
def test_numbers_have_the_colours_of_viridis(
    limits: tuple[float, float], shares: list[float]
) -> None:
    drawn = colored(np.array([[1.0, 2.0]], np.float32), limits)
    expected = colormaps["viridis"](shares, bytes=True)[:, :3]
    assert np.array_equal(drawn[0], expected)


def test_equal_numbers_and_unknown_ones_can_be_drawn() -> None:
    drawn = colored(np.array([[3.0, np.nan]], np.float32), (3.0, 3.0))
    assert drawn[0, 0].tolist() == list(colormaps["viridis"](0, bytes=True)[:3])
    assert len(set(drawn[0, 1].tolist())) == 1


def test_a_large_map_shrinks_without_mixing_its_values() -> None:
    values = np.kron([[1, 2, 3]], np.ones((50, 100)))
    assert shrunk_map(values, 6).tolist() == [[1] * 2 + [2] * 2 + [3] * 2]
    assert shrunk_map(values[:3, :5], 6).shape == (3, 5)
