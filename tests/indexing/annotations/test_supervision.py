"""supervision, another reader of these formats, finds the same boxes; and its files are read."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augseq
from tests.indexing.annotations.scenes import write_coco_scene

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    supervision = pytest.importorskip("supervision")


def boxes_of(images: augseq.Manifest) -> dict[str, list[tuple[Any, ...]]]:
    """Return class and box of each object, by the name of the image."""
    return {
        record.path.rsplit("/", 1)[-1]: sorted(
            (name, *np.round(box, 3).tolist())
            for name, box in zip(
                record.columns["box_classes"], np.reshape(record.columns["boxes"], (-1, 4)),
                strict=True,
            )
        )
        for record in images
    }  # fmt: skip


def theirs(dataset: Any) -> dict[str, list[tuple[Any, ...]]]:
    return {
        Path(path).name: sorted(
            (dataset.classes[number], *np.round(box.astype(float), 3).tolist())
            for number, box in zip(found.class_id, found.xyxy, strict=True)
        )
        for path, found in dataset.annotations.items()
    }


def assert_same(found: Any, expected: dict[str, list[tuple[Any, ...]]]) -> None:
    for path, boxes in expected.items():
        # Images without objects need not be listed.
        others = found.get(path, [])
        assert [name for name, *_ in others] == [name for name, *_ in boxes]
        assert np.allclose([box for _, *box in others], [box for _, *box in boxes], atol=2e-3)


@pytest.fixture
def images(tmp_path: Path) -> augseq.Manifest:
    """Three images with boxes of whole pixels, which all formats hold exactly."""
    write_coco_scene(tmp_path)
    found = augseq.index_coco(tmp_path / "boxes.json", progress=False)
    boxes = [[0.0, 0, 60, 40], [1.0, 2, 31, 6, 10, 10, 12, 30], []]
    names = ("index", "path", "target", "image_height", "image_width", "box_frame", "box_classes")
    kept = found.table.select(list(names))
    plain = augseq.Manifest(
        root=found.root, class_names=(), table=kept, dataset_info=found.dataset_info
    )
    return plain.with_column("boxes", boxes)


@pytest.mark.parametrize("name", ["coco", "voc", "yolo"])
def test_supervision_finds_the_same_boxes(
    images: augseq.Manifest, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    dataset = supervision.DetectionDataset
    if name == "coco":
        augseq.write_coco(images, tmp_path / "out.json")
        read = dataset.from_coco(images.root, str(tmp_path / "out.json"))
    elif name == "yolo":
        augseq.write_yolo(images, out)
        folders = (str(out / "images"), str(out / "labels"), str(out / "data.yaml"))
        # It does not look into folders below.
        images = images.select([1, 2])
        read = dataset.from_yolo(*folders)
    else:
        out.mkdir()
        images = images.select([1, 2])
        augseq.write_voc(images, out)
        read = dataset.from_pascal_voc(images.root, str(out))
    assert_same(theirs(read), boxes_of(images))


@pytest.mark.parametrize("name", ["coco", "voc", "yolo"])
def test_files_of_supervision_are_read(images: augseq.Manifest, tmp_path: Path, name: str) -> None:
    images = images.select([1, 2])
    augseq.write_coco(images, tmp_path / "ours.json")
    dataset = supervision.DetectionDataset.from_coco(images.root, str(tmp_path / "ours.json"))
    out = tmp_path / "theirs"
    if name == "coco":
        dataset.as_coco(str(out / "images"), str(out / "a.json"))
        read = augseq.index_coco(out / "a.json", out / "images", progress=False)
    elif name == "yolo":
        folders = (str(out / "images"), str(out / "labels"), str(out / "data.yaml"))
        dataset.as_yolo(*folders)
        data = (out / "data.yaml").read_text() + "\ntrain: images\n"
        (out / "data.yaml").write_text(data)
        read = augseq.index_yolo(out / "data.yaml", missing_labels="keep", progress=False)
    else:
        dataset.as_pascal_voc(str(out / "images"), str(out / "labels"))
        read = augseq.index_voc(out / "labels", out / "images", progress=False)
    assert_same(boxes_of(read), boxes_of(images))
