"""From annotation files to batches: YOLO's oriented boxes and poses, COCO's crowds, and VOC."""

import json
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
from PIL import Image

import augseq
from tests.loading.targets.detection_scenes import batch_of

FLIP = [A.HorizontalFlip(p=1)]


def yolo(folder: Path, lines: list[str], **keys: Any) -> augseq.Manifest:
    """Return a dataset of images of 50 x 100 pixels (height x width), each with one line."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number, line in enumerate(lines):
        Image.new("RGB", (100, 50)).save(folder / "images" / f"{number}.png")
        (folder / "labels" / f"{number}.txt").write_text(line)
    content = {"train": "images", "names": ["ship", "car"], **keys}
    (folder / "data.yaml").write_text(json.dumps(content))
    return augseq.index_yolo(folder / "data.yaml", progress=False)


def test_oriented_boxes_of_yolo_are_corners(tmp_path: Path) -> None:
    images = yolo(
        tmp_path, ["1 0.2 0.2 0.4 0.2 0.4 0.6 0.2 0.6", "", "0 0.5 0.1 0.6 0.5 0.5 0.9 0.4 0.5"]
    )
    corners = augseq.Boxes("corners")
    y = batch_of(images, corners)
    expected = [[20, 10], [40, 10], [40, 30], [20, 30]]
    np.testing.assert_allclose(y["boxes"][0, 0], expected)
    assert y["labels"].tolist() == [[1], [-1], [0]]
    flipped = batch_of(images, corners, augment=FLIP)
    np.testing.assert_allclose(flipped["boxes"][0, 0], [[60, 10], [80, 10], [80, 30], [60, 30]])
    upright = batch_of(images, augseq.Boxes("xywh"))
    np.testing.assert_allclose(upright["boxes"][2, 0], [40, 5, 20, 40])


def test_boxes_of_yolo_come_back_as_written(tmp_path: Path) -> None:
    images = yolo(tmp_path, ["0 0.5 0.5 0.25 0.5", "1 0.125 0.25 0.25 0.5"])
    y = batch_of(images, augseq.Boxes("rel_center_xywh"))
    assert y["boxes"][:, 0].tolist() == [[0.5, 0.5, 0.25, 0.5], [0.125, 0.25, 0.25, 0.5]]


def test_poses_of_yolo_are_mirrored_by_their_flip_idx(tmp_path: Path) -> None:
    line = "0 0.5 0.5 0.5 0.5 0.3 0.4 2 0.6 0.4 1 0.5 0.6 2"
    images = yolo(tmp_path, [line], kpt_shape=[3, 3], flip_idx=[1, 0, 2])
    points = augseq.KeyPoints()
    np.testing.assert_allclose(batch_of(images, points)[0], [[30, 20, 2], [60, 20, 1], [50, 30, 2]])
    flipped = batch_of(images, points, augment=FLIP)
    np.testing.assert_allclose(flipped[0], [[40, 20, 1], [70, 20, 2], [50, 30, 2]])


def test_crowds_of_coco_and_points_without_labels(tmp_path: Path) -> None:
    Image.new("RGB", (100, 50)).save(tmp_path / "1.png")
    objects: list[dict[str, Any]] = [
        {"bbox": [10, 10, 20, 30], "iscrowd": 0, "category_id": 5,
         "keypoints": [12, 12, 2, 0, 0, 0]},
        {"bbox": [0, 0, 100, 50], "iscrowd": 1, "category_id": 5,
         "segmentation": {"size": [50, 100], "counts": [0, 5000]}},
        {"bbox": [50.5, 20, 9, 9], "iscrowd": 0, "category_id": 2},
    ]  # fmt: skip
    content = {
        "images": [{"id": 1, "file_name": "1.png", "height": 50, "width": 100}],
        "categories": [
            {"id": 5, "name": "person", "keypoints": ["left_eye", "right_eye"]},
            {"id": 2, "name": "dog"},
        ],
        "annotations": [{"id": k, "image_id": 1, **one} for k, one in enumerate(objects)],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    images = augseq.index_coco(tmp_path / "a.json", tmp_path, progress=False)
    target = augseq.Boxes("xywh", exclude=["crowd"], key_points=augseq.KeyPoints(), tight=True)
    y = batch_of(images, target, augment=FLIP)
    assert y["labels"].tolist() == [[1, 0]]
    np.testing.assert_allclose(y["boxes"][0], [[70, 10, 20, 30], [40.5, 20, 9, 9]])
    np.testing.assert_allclose(y["keypoints"][0, 0], [[0, 0, 0], [88, 12, 2]])
    assert not y["keypoints"][0, 1].any()


def test_difficult_objects_of_voc(tmp_path: Path) -> None:
    for name in ("photos", "boxes"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (100, 50)).save(tmp_path / "photos" / "1.jpg")
    one = (
        "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>1</ymin>"
        "<xmax>{}</xmax><ymax>20</ymax></bndbox></object>"
    )
    (tmp_path / "boxes" / "1.xml").write_text(
        "<annotation><filename>1.jpg</filename><size><width>100</width><height>50</height></size>"
        + one.format("cat", 0, 1, 10)
        + one.format("dog", 1, 11, 30)
        + "</annotation>"
    )
    images = augseq.index_voc(tmp_path / "boxes", tmp_path / "photos", progress=False)
    both = batch_of(images, augseq.Boxes())
    # The first pixel is number 1, and the last one belongs to the box.
    assert both["boxes"][0].tolist() == [[0, 0, 10, 20], [10, 0, 30, 20]]
    easy = batch_of(images, augseq.Boxes(exclude=["difficult"]))
    assert easy["labels"].tolist() == [[0]]
