"""The affine transform of Keras' `ImageDataGenerator`, compared with Keras and with scipy."""

import pickle
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import augseq
from augseq.augment.float_range import FloatRange
from augseq.augment.geometry import Geometry
from augseq.augment.moved_shapes import move_points
from augseq.augment.moving_map import UNCOVERED, MovingMap, with_weights, without_weights
from tests.augment.old_generator import most_by_place, old_pixels

RANGES: dict[str, dict[str, Any]] = {
    "rotation": {"rotation_range": 40},
    "half a turn": {"rotation_range": 180, "fill_mode": "reflect"},
    "shifts of shares": {"width_shift_range": 0.3, "height_shift_range": 0.1},
    "shifts of pixels": {"width_shift_range": 7.5, "fill_mode": "constant"},
    "shifts of whole pixels": {"height_shift_range": 6, "fill_mode": "wrap"},
    "listed shifts": {"width_shift_range": [-4, 9], "height_shift_range": (0.25, 0.5)},
    "shear": {"shear_range": 30, "fill_mode": "constant", "cval": 77},
    "zoom": {"zoom_range": 0.4},
    "only smaller": {"zoom_range": [1, 2.5], "fill_mode": "reflect"},
    "all": {"rotation_range": 20, "width_shift_range": 0.2, "height_shift_range": 0.2,
            "shear_range": 10, "zoom_range": (0.7, 1.1), "fill_mode": "wrap"},
    "nearest pixels": {"rotation_range": 33, "zoom_range": 0.3, "interpolation_order": 0},
}  # fmt: skip


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("options", RANGES.values(), ids=list(RANGES))
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_those_of_keras_for_the_same_draws(
    options: dict[str, Any], channels: int
) -> None:
    affine = augseq.KerasAffine(**options)
    image = noise(36, 36, channels)
    kept = {name: options[name] for name in options if not name.endswith("_range")}
    results = []
    for seed in range(12):
        moved = affine(image, rng(seed))
        ((_, drawn),) = affine.fired() or ()
        expected = old_pixels(image, dict(drawn), **kept)
        # Keras returns float32, and uint8 rounds.
        assert np.abs(moved - expected).max() <= 0.5 + most_by_place()
        results.append(moved)
    assert any(not np.array_equal(one, image) for one in results)


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "constant"])
def test_an_image_that_is_not_square_turns_about_its_centre(fill_mode: str) -> None:
    affine = augseq.KerasAffine(rotation_range=90, zoom_range=0.2, fill_mode=fill_mode)
    image = noise(20, 44, 1).astype(np.float32)
    moved = affine(image, rng(3))
    drawn = dict((affine.fired() or ())[0][1])
    angle = np.deg2rad(drawn["theta"])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.diag([drawn["zy"], drawn["zx"]])
    centre = np.array([9.5, 21.5])
    expected = ndimage.affine_transform(
        image[:, :, 0], matrix, centre - matrix @ centre, order=1, mode=fill_mode
    )
    assert np.abs(moved[:, :, 0] - expected).max() <= most_by_place()


def test_each_shift_moves_in_the_direction_of_its_name() -> None:
    image = np.zeros((9, 9, 1), np.uint8)
    image[4, 4] = 255
    for options, rows, columns in [
        ({"width_shift_range": [3]}, [4], [1, 7]),
        ({"height_shift_range": [2]}, [2, 6], [4]),
    ]:
        affine = augseq.KerasAffine(**options)
        found = {tuple(np.argwhere(affine(image, rng(seed)))[0, :2]) for seed in range(8)}
        assert found == {(row, column) for row in rows for column in columns}


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "constant", "wrap"])
def test_a_mask_and_a_map_follow_the_image(fill_mode: str) -> None:
    # Of nearest pixels, an image moves exactly like a mask of the same values.
    affine = augseq.KerasAffine(
        rotation_range=30, width_shift_range=0.3, zoom_range=0.3, fill_mode=fill_mode,
        interpolation_order=0,
    )  # fmt: skip
    image = np.repeat(noise(30, 40, 1, seed=5) // 2 + 1, 3, axis=2)
    mask = MovingMap(image[:, :, 0].astype(np.uint16), "labels")
    known = np.ones(mask.values.shape, np.bool_)
    depth = MovingMap(with_weights(image[:, :, :1].astype(np.float32), known), "values")
    twin = MovingMap(image.copy(), "twin")
    moved = affine.vary_with(image, [mask, depth, twin], rng(1), FloatRange())
    assert np.array_equal(moved, affine(image, rng(1)))
    assert np.array_equal(twin.values, moved)
    first = moved[:, :, 0].astype(np.int64)
    is_covered = first > 0
    assert is_covered.all() == (fill_mode != "constant")
    assert np.array_equal(mask.values, np.where(is_covered, first, UNCOVERED))
    assert np.array_equal(
        without_weights(depth.values, -1)[:, :, 0], np.where(is_covered, first, -1.0)
    )


@pytest.mark.parametrize("shape", [(41, 41), (30, 60), (61, 25)])
def test_points_follow_what_they_mark(shape: tuple[int, int]) -> None:
    affine = augseq.KerasAffine(
        rotation_range=40, width_shift_range=0.1, shear_range=20, zoom_range=0.2,
        fill_mode="constant",
    )  # fmt: skip
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    column, row = shape[1] * 0.6, shape[0] * 0.45
    # A soft spot, whose centre can be measured to a fraction of a pixel.
    spot = np.exp(-((columns + 0.5 - column) ** 2 + (rows + 0.5 - row) ** 2) / 8)
    for seed in range(6):
        points = MovingMap(Geometry(shape), "points")
        image = spot[:, :, np.newaxis].astype(np.float32)
        moved = affine.vary_with(image, [points], rng(seed), FloatRange())[:, :, 0]
        ((x, y),), _ = move_points(points.values, np.array([(column, row)]))
        found = [np.average(axis + 0.5, weights=moved) for axis in (columns, rows)]
        assert np.abs(np.subtract(found, (x, y))).max() < 0.1
        assert points.values.size == shape


def test_it_keeps_the_contract_of_an_augmentation() -> None:
    affine = augseq.KerasAffine(**RANGES["all"])
    augseq.check_augmentation(affine)
    twin = pickle.loads(pickle.dumps(affine))
    assert twin == affine
    assert repr(twin) == repr(affine)
    assert np.array_equal(twin(noise(8, 8, 3), rng(0)), affine(noise(8, 8, 3), rng(0)))
    assert eval(repr(affine), {"augseq": augseq}) == affine


def test_masks_of_a_sequence_move_with_it_in_every_worker_kind(tmp_path: Any) -> None:
    from PIL import Image

    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number in range(4):
        pixels = noise(24, 24, 1, seed=number)[:, :, 0] // 128
        Image.fromarray(pixels * 255).convert("RGB").save(tmp_path / f"images/{number}.png")
        Image.fromarray(pixels).save(tmp_path / f"masks/{number}.png")
    scenes = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    scenes = scenes.with_column("mask", pattern="../masks/{stem}.png")
    options = {
        "image_size": None,
        "batch_size": 4,
        "targets": augseq.Mask("mask", classes=["dark", "bright"]),
        "augment": [augseq.KerasAffine(rotation_range=45, interpolation_order=0)],
    }
    images, masks = augseq.ImageSequence(scenes, workers=0, **options)[0]
    assert np.array_equal(images[:, :, :, 0] / 255, masks)
    threaded = augseq.ImageSequence(scenes, workers=2, worker_kind="threads", **options)[0]
    assert np.array_equal(threaded[0], images)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rotation_range": -3}, "rotation_range"),
        ({"rotation_range": "20"}, "rotation_range"),
        ({"width_shift_range": -0.1}, "width_shift_range"),
        ({"height_shift_range": [1, None]}, "height_shift_range"),
        ({"shear_range": float("nan")}, "shear_range"),
        ({"zoom_range": 1.5}, "zoom_range"),
        ({"zoom_range": (1.2, 0.8)}, "(low, high)"),
        ({"zoom_range": (1, 2, 3)}, "(low, high)"),
        ({"fill_mode": "mirror"}, "'reflect'"),
        ({"cval": 300}, "cval"),
        ({"interpolation_order": 3}, "cv2.INTER_CUBIC"),
    ],
)
def test_an_invalid_option_is_an_error_that_names_it(options: Any, words: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError) as caught:
        augseq.KerasAffine(**options)
    assert words in str(caught.value)
    assert "Received:" in str(caught.value)
