"""From annotation files to batches: YOLO's oriented boxes and poses, COCO's crowds, and VOC."""

import json
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.loading.targets.skeletons import skeletons_of
from augseq.manifest.categories import key_point_names
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


@pytest.mark.parametrize(
    "keys", [{"flip_idx": [1, 0, 2]}, {"kpt_names": {1: ["left eye", "right eye", "nose"]}}]
)
def test_poses_of_yolo_are_mirrored_by_their_flip_idx_or_names(
    tmp_path: Path, keys: dict[str, Any]
) -> None:
    line = "0 0.5 0.5 0.5 0.5 0.3 0.4 2 0.6 0.4 1 0.5 0.6 2"
    images = yolo(tmp_path, [line], kpt_shape=[3, 3], **keys)
    augseq.write_yolo(images, tmp_path / "again")
    again = augseq.index_yolo(tmp_path / "again/data.yaml", progress=False)
    assert again.dataset_info == images.dataset_info
    points = augseq.KeyPoints()
    np.testing.assert_allclose(batch_of(images, points)[0], [[30, 20, 2], [60, 20, 1], [50, 30, 2]])
    flipped = batch_of(images, points, augment=FLIP)
    np.testing.assert_allclose(flipped[0], [[40, 20, 1], [70, 20, 2], [50, 30, 2]])


NAMES = [["nose", "left_eye", "right_eye"], ["a", "left", "right"]]


@pytest.mark.parametrize(("names", "partners"), [(NAMES[:1] * 2, [0, 2, 1]), (NAMES, None)])
def test_a_yolo_dataset_of_named_points_has_their_partners(
    tmp_path: Path, names: list[list[str]], partners: list[int] | None
) -> None:
    Image.new("RGB", (100, 50)).save(tmp_path / "1.png")
    content = {
        "images": [{"id": 1, "file_name": "1.png", "height": 50, "width": 100}],
        "categories": [{"id": k, "name": str(k), "keypoints": n} for k, n in enumerate(names)],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 20, 50, 20],
                         "keypoints": [35, 40, 2, 45, 30, 2, 25, 30, 1]}],
    }  # fmt: skip
    (tmp_path / "train.json").write_text(json.dumps(content))
    images = augseq.index_coco(tmp_path / "train.json", progress=False)
    augseq.write_yolo(images, tmp_path / "yolo")
    again = augseq.index_yolo(tmp_path / "yolo/data.yaml", progress=False)
    # Without common names, partners are not known.
    assert json.loads(again.dataset_info).get("flip_idx") == partners
    if partners is not None:
        ours, theirs = (
            batch_of(one, augseq.KeyPoints(), augment=FLIP)[0] for one in (images, again)
        )
        np.testing.assert_allclose(ours, [[65, 40, 2], [75, 30, 1], [55, 30, 2]])
        np.testing.assert_allclose(theirs, ours)
        assert skeletons_of(again.dataset_info) == skeletons_of(images.dataset_info)
        assert key_point_names(again.dataset_info, 3) == tuple(names[0])


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
