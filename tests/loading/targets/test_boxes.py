"""Boxes as Keras' detectors take them: formats, padding, classes, and what is refused."""

from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.box_format import CORNERS, BoxFormat
from tests.loading.targets.detection_scenes import CLASSES, HEIGHT, WIDTH, batch_of, scene

FORMATS = sorted(set(get_args(BoxFormat)) - set(CORNERS))
BOXES = [
    [[3.1, 4.2, 10.3, 20.7], [0, 0, WIDTH, HEIGHT]],
    [],
    [[20.123456789, 1, 33, 2.5]],
]
LABELS = [[2, 0], [], [1]]


def test_a_batch_has_padded_boxes_and_labels(tmp_path: Path) -> None:
    y = batch_of(scene(tmp_path, BOXES, LABELS), augseq.Boxes())
    expected = np.full((3, 2, 4), -1, np.float32)
    for row, boxes in enumerate(BOXES):
        expected[row, : len(boxes)] = np.array(boxes, np.float32).reshape(-1, 4)
    assert set(y) == {"boxes", "labels"}
    assert y["boxes"].dtype == np.float32
    assert np.array_equal(y["boxes"], expected)
    assert y["labels"].dtype == np.int32
    assert y["labels"].tolist() == [[2, 0], [-1, -1], [1, -1]]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("image_size", [None, (20, 90)])
def test_each_format_is_that_of_keras(
    tmp_path: Path, name: Any, image_size: tuple[int, int] | None
) -> None:
    y = batch_of(scene(tmp_path, BOXES, LABELS), augseq.Boxes(name), image_size=image_size)
    height, width = image_size or (HEIGHT, WIDTH)
    scale = np.array([width / WIDTH, height / HEIGHT] * 2)
    for row, boxes in enumerate(BOXES):
        if boxes:
            expected = keras.utils.bounding_boxes.convert_format(
                np.array(boxes) * scale, "xyxy", name, height=height, width=width
            )
            found = y["boxes"][row, : len(boxes)]
            np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-5, atol=1e-5)
        assert (y["boxes"][row, len(boxes) :] == -1).all()


def test_the_formats_are_all_those_of_keras() -> None:
    from keras.src.layers.preprocessing.image_preprocessing.bounding_boxes import bounding_box

    assert set(FORMATS) == set(bounding_box.SUPPORTED_FORMATS)


@pytest.mark.parametrize("name", get_args(BoxFormat))
def test_boxes_of_a_batch_can_be_read_back(tmp_path: Path, name: Any) -> None:
    images = scene(tmp_path, BOXES, LABELS)
    sequence = augseq.ImageSequence(
        images, image_size=None, workers=0, targets=augseq.Boxes(name, max_boxes=5)
    )
    target = sequence.pipeline.targets["target"]
    for row, boxes in enumerate(BOXES):
        value = {part: array[row] for part, array in sequence[0][1].items()}
        corners, names = target.corners_in(value, (HEIGHT, WIDTH))  # type: ignore[attr-defined]
        found = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        np.testing.assert_allclose(found, np.reshape(boxes, (-1, 4)), rtol=1e-5, atol=1e-5)
        assert names == [CLASSES[label] for label in LABELS[row]]


MODES = {
    "stretch": lambda x, y: (x * 30 / WIDTH, y * 30 / HEIGHT),
    # The square in the middle of 40 x 60 pixels starts at column 10.
    "crop": lambda x, y: ((x - 10) * 30 / 40, y * 30 / 40),
    # The image becomes 20 x 30 pixels, with 5 rows above it.
    "pad": lambda x, y: (x / 2, y / 2 + 5),
}


@pytest.mark.parametrize("mode", MODES)
def test_boxes_are_resized_like_their_image(tmp_path: Path, mode: Any) -> None:
    box = [15, 3, 42.5, 37]
    images = scene(tmp_path, [[box]])
    y = batch_of(images, augseq.Boxes(), image_size=(30, 30), resize_mode=mode)
    expected = [*MODES[mode](*box[:2]), *MODES[mode](*box[2:])]
    np.testing.assert_allclose(y["boxes"][0, 0], expected, rtol=1e-6)


def test_what_a_centre_crop_cuts_off_is_no_part_of_a_box(tmp_path: Path) -> None:
    boxes = [[5, 10, 15, 20], [0, 10, 9, 20], [12, 0, 14, 2]]
    images = scene(tmp_path, [boxes], [[0, 1, 2]])
    options: dict[str, Any] = {"image_size": (40, 40), "resize_mode": "crop"}
    y = batch_of(images, augseq.Boxes(), **options)
    assert y["boxes"][0].tolist() == [[0, 10, 5, 20], [2, 0, 4, 2], [-1] * 4]
    assert y["labels"][0].tolist() == [0, 2, -1]
    # Half of the first is visible.
    for least, labels in ((0.5, [0, 2, -1]), (0.51, [2, -1, -1]), (1.0, [2, -1, -1])):
        y = batch_of(images, augseq.Boxes(min_visibility=least), **options)
        assert y["labels"][0].tolist() == labels
    y = batch_of(images, augseq.Boxes(min_area_px=5), **options)
    assert y["labels"][0].tolist() == [0, -1, -1]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("frame", ["stored", "upright"])
@pytest.mark.parametrize("upright", [True, False])
def test_boxes_follow_the_orientation_of_their_image(
    tmp_path: Path, orientation: int, frame: str, upright: bool
) -> None:
    """A bright rectangle is found where the box says, however the image is stored and loaded."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[8:16, 5:25] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    box = [5, 8, 25, 16]
    if frame == "upright":
        turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(orientation)
        shown = Image.fromarray(pixels)
        if turned is not None:
            shown = shown.transpose(Image.Transpose(turned))
        box = list(shown.getbbox() or ())
    size = (HEIGHT, WIDTH) if frame == "stored" or orientation < 5 else (WIDTH, HEIGHT)
    images = scene(
        tmp_path,
        [[box]],
        columns={
            "box_frame": [frame],
            "image_height": pa.array([size[0]], pa.int32()),
            "image_width": pa.array([size[1]], pa.int32()),
        },
    )
    Image.fromarray(pixels).save(tmp_path / "0.png", exif=exif)
    sequence = augseq.ImageSequence(
        images, image_size=None, targets=augseq.Boxes(), exif_orientation=upright, workers=0
    )
    x, y = sequence[0]
    assert tuple(y["boxes"][0, 0]) == Image.fromarray(x[0].astype(np.uint8)).getbbox()


def test_a_different_orientation_is_noticed_on_resume_and_named_briefly(tmp_path: Path) -> None:
    number = 40
    columns = {"box_frame": ["stored"] * number}
    images = scene(tmp_path, [[[5, 8, 25, 16]]] * number, suffix="jpg", columns=columns)
    states = []
    for last in (6, 3):
        for k in range(number):
            exif = Image.Exif()
            exif[0x0112] = 6 if k < number - 1 else last
            Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / f"{k}.jpg", exif=exif)
        batches = augseq.ImageSequence(images, image_size=(8, 8), targets=augseq.Boxes(), workers=0)
        states.append(batches.state_dict())
    with pytest.raises(augseq.BackupError, match=r"targets: .* then, .* now") as raised:
        batches.load_state_dict(states[0])
    assert len(str(raised.value)) < 900


def test_classes_can_be_chosen_and_others_excluded(tmp_path: Path) -> None:
    images = scene(tmp_path, BOXES, LABELS)
    target = augseq.Boxes(classes=["bird", "person"], other_classes="exclude")
    y = batch_of(images, target)
    assert y["labels"].tolist() == [[0], [-1], [1]]
    np.testing.assert_array_equal(y["boxes"][0, 0], np.float32(BOXES[0][0]))
    with pytest.raises(LabelError, match=r"'car' is not in `classes`.*'0.png'.*other_classes="):
        batch_of(images, augseq.Boxes(classes=["bird", "person"]))


def test_kinds_of_boxes_can_be_excluded(tmp_path: Path) -> None:
    columns = {"box_crowd": [[True, False], [], [True]], "box_difficult": [[False, True], [], None]}
    images = scene(tmp_path, BOXES, LABELS, columns=columns)
    crowd = batch_of(images, augseq.Boxes(exclude=["crowd"]))
    assert crowd["labels"].tolist() == [[0], [-1], [-1]]
    both = batch_of(images, augseq.Boxes(exclude=["crowd", "difficult", "truncated"]))
    assert both["labels"].tolist() == [[-1], [-1], [-1]]


def test_an_image_with_too_many_boxes_is_named(tmp_path: Path) -> None:
    images = scene(tmp_path, BOXES, LABELS)
    assert batch_of(images, augseq.Boxes(max_boxes=7))["boxes"].shape == (3, 7, 4)
    with pytest.raises(ArgumentError, match=r"max_boxes=1, .* 2, in '0.png'"):
        batch_of(images, augseq.Boxes(max_boxes=1))
    # Those that are excluded need no room.
    batch_of(images, augseq.Boxes(max_boxes=1, classes=["bird"], other_classes="exclude"))


def test_an_image_of_another_size_than_annotated_is_an_error(tmp_path: Path) -> None:
    columns = {"image_height": [HEIGHT] * 3, "image_width": [WIDTH] * 3}
    images = scene(tmp_path, BOXES, LABELS, columns=columns)
    Image.new("RGB", (WIDTH + 1, HEIGHT)).save(tmp_path / "2.png")
    with pytest.raises(LabelError, match=r"'2.png' \(index 2\).* 40 x 61 .* 40 x 60"):
        batch_of(images.select([2]), augseq.Boxes())


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown format": ({"format": "xyx"}, "`format` must be"),
    "no boxes": ({"max_boxes": 0}, "`max_boxes` must be"),
    "half a box": ({"max_boxes": 1.5}, "`max_boxes` must be"),
    "a percentage": ({"min_visibility": 30}, "`min_visibility` must be"),
    "a negative area": ({"min_area_px": -1}, "`min_area_px` must be"),
    "one class": ({"classes": "car"}, "`classes` of Boxes"),
    "a class twice": ({"classes": ["car", "car"]}, "`classes` of Boxes"),
    "a set of classes": ({"classes": {"car", "bird"}}, "`classes` of Boxes"),
    "an unknown kind": ({"exclude": ["small"]}, "`exclude` must be"),
    "a kind as text": ({"exclude": "crowd"}, "`exclude` must be"),
    "an unknown rule": ({"other_classes": "ignore"}, "`other_classes` must be"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        augseq.Boxes(**options)


def test_a_manifest_without_boxes_is_refused(tmp_path: Path) -> None:
    images = scene(tmp_path, BOXES, LABELS)
    bare = augseq.index_folder(tmp_path, labels=None, progress=False)
    with pytest.raises(ArgumentError, match=r"'boxes'.* Index the annotations with augseq"):
        batch_of(bare, augseq.Boxes())
    with pytest.raises(ArgumentError, match=r"'box_keypoints'.* Index annotations with key points"):
        batch_of(images, augseq.KeyPoints())
    with pytest.raises(LabelError, match=r"has boxes\. Pass targets=augseq\.Boxes\(\)"):
        augseq.ImageSequence(images, image_size=(8, 8))
    gap = images.with_column("boxes", pa.array([[1.0, 2, 3, 4], None, []], pa.list_(pa.float64())))
    with pytest.raises(LabelError, match=r"'1.png' has none in the column 'boxes'"):
        batch_of(gap, augseq.Boxes())
    nameless = augseq.Manifest(root=images.root, class_names=(), table=images.table)
    with pytest.raises(ArgumentError, match=r'classes=images.unique\("box_classes"\)'):
        batch_of(nameless, augseq.Boxes())
    odd = images.with_column("box_classes", [["car"], [], ["car"]])
    with pytest.raises(LabelError, match=r"8 numbers and 1 classes for '0.png'"):
        batch_of(odd, augseq.Boxes())
    with pytest.raises(ArgumentError, match="cannot be an input"):
        augseq.ImageSequence(images, label_mode=None, inputs={"b": augseq.Boxes()})


@pytest.mark.parametrize(
    "box", [[1, 2, float("nan"), 4], [1, 2, 3, float("inf")], [5, 2, 3, 4], [1, 9, 3, 4]]
)
def test_boxes_of_a_column_of_your_own_are_checked(tmp_path: Path, box: list[float]) -> None:
    images = scene(tmp_path, BOXES, LABELS)
    changed = images.with_column("boxes", [[1.0, 2, 3, 4, *box], [], [1.0, 1, 2, 2]])
    with pytest.raises(LabelError, match=r"left, top, right and bottom.*for '0.png'"):
        batch_of(changed, augseq.Boxes())


def test_arrays_in_place_of_boxes_must_be_numbers_of_one_shape() -> None:
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    with pytest.raises(
        ArgumentError, match=r"KeyPoints reads columns of a manifest.*KeyPoints\(\)"
    ):
        augseq.ImageSequence.from_arrays(pixels, augseq.KeyPoints())  # type: ignore[arg-type]
    for rows in ([[[1, 2, 3, 4]], []], [[1, 2], [3]], [np.zeros((1, 4)), np.zeros((2, 4))]):
        with pytest.raises(ArgumentError, match=r"`y\['b'\]` must have the same shape"):
            augseq.ImageSequence.from_arrays(pixels, {"b": rows})  # type: ignore[dict-item]


def test_boxes_stand_beside_other_targets_and_in_the_plan(tmp_path: Path) -> None:
    images = scene(tmp_path, BOXES, LABELS).with_column("age", [1.0, 2.0, 3.0])
    targets = {"objects": augseq.Boxes(), "age": augseq.Number("age")}
    sequence = augseq.ImageSequence(images, image_size=(8, 8), targets=targets, workers=0)
    _, y = sequence[0]
    assert y["objects"]["labels"].tolist() == [[2, 0], [-1, -1], [1, -1]]
    assert y["age"].shape == (3, 1)
    assert "objects: boxes of 3 classes, xyxy, float32 (2, 4)" in repr(sequence)
    alone = augseq.ImageSequence(images, image_size=(8, 8), targets=augseq.Boxes(), workers=0)
    assert "target boxes   (3, 2, 4) float32" in repr(alone.batch(0))
    assert "target boxes   (2, 4) float32" in repr(alone.sample(0, epoch=0))
    assert alone.batch(0).num_bytes == 3 * (8 * 8 * 3 * 4 + 2 * 4 * 4 + 2 * 4)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_workers_return_the_same_boxes(tmp_path: Path, kind: Any) -> None:
    images = scene(tmp_path, BOXES, LABELS)
    target = augseq.Boxes("rel_yxyx", max_boxes=3)
    expected = batch_of(images, target, image_size=(9, 7))
    found = batch_of(images, target, image_size=(9, 7), worker_kind=kind, workers=1)
    for part in ("boxes", "labels"):
        np.testing.assert_array_equal(found[part], expected[part])
