"""An augmented dataset on disk is that of the sequence, complete or not there at all."""

import json
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import augseq
from augseq.errors import ArgumentError, AugseqError

AUGMENT = [A.HorizontalFlip(p=0.5), A.RandomBrightnessContrast(p=1)]


def photos(folder: Path, names: list[str]) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return folder


def sequence(images: augseq.Manifest, **options: Any) -> augseq.ImageSequence:
    options = {"image_size": (16, 24), "augment": AUGMENT, "seed": 5, "workers": 0, **options}
    return augseq.ImageSequence(images, **options)


@pytest.fixture
def animals(tmp_path: Path) -> augseq.Manifest:
    names = ["cat/1.png", "cat/2.png", "dog/1.png", "dog/1.jpg"]
    return augseq.index_folder(photos(tmp_path / "animals", names), progress=False)


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_classes_become_folders_with_the_pixels_of_the_epochs(
    animals: augseq.Manifest, tmp_path: Path
) -> None:
    batches = sequence(animals, shuffle=True)
    written = batches.write_augmented(tmp_path / "out", copies=2, progress=False)
    assert files_of(tmp_path / "out") == [
        *[f"cat/{k}_{epoch}.png" for k in (1, 2) for epoch in (0, 1)],
        "dog/1.jpg_0.png", "dog/1.jpg_1.png", "dog/1.png_0.png", "dog/1.png_1.png",
        "manifest.parquet",
    ]  # fmt: skip
    again = augseq.index_folder(tmp_path / "out", progress=False)
    assert again.class_names == animals.class_names
    assert augseq.read_manifest(tmp_path / "out/manifest.parquet") == written
    for record in written:
        source = next(one for one in animals if one.path == record.columns["source_path"])
        sample = batches.sample(source.index, epoch=record.columns["epoch"])
        pixels = np.asarray(Image.open(tmp_path / "out" / record.path))
        assert np.array_equal(pixels, np.rint(sample.image).clip(0, 255))
        assert record.target == source.target


@pytest.mark.parametrize("workers", [0, 3])
def test_the_number_of_workers_does_not_matter(
    animals: augseq.Manifest, tmp_path: Path, workers: int
) -> None:
    sequence(animals).write_augmented(tmp_path / "a", copies=3, progress=False)
    sequence(animals, workers=workers).write_augmented(tmp_path / "b", copies=3, progress=False)
    for name in files_of(tmp_path / "a"):
        if name.endswith(".png"):
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
def test_channels_are_kept(animals: augseq.Manifest, tmp_path: Path, color_mode: Any) -> None:
    batches = sequence(animals, color_mode=color_mode, augment=None)
    written = batches.write_augmented(tmp_path / "out", progress=False)
    picture = Image.open(tmp_path / "out" / written[0].path)
    assert picture.mode == {"rgb": "RGB", "grayscale": "L", "rgba": "RGBA"}[color_mode]
    pixels = np.asarray(picture).reshape(16, 24, -1)
    assert np.array_equal(pixels, np.rint(batches.sample(0, epoch=0).image))


def test_jpeg_has_a_quality(animals: augseq.Manifest, tmp_path: Path) -> None:
    sizes = []
    for quality in (20, 95):
        folder = tmp_path / f"q{quality}"
        sequence(animals).write_augmented(
            folder, image_format="jpeg", quality=quality, progress=False
        )
        assert files_of(folder)[0] == "cat/1_0.jpg"
        with Image.open(folder / "cat/1_0.jpg") as picture:
            assert picture.format == "JPEG"
        sizes.append((folder / "cat/1_0.jpg").stat().st_size)
    assert sizes[0] < 0.7 * sizes[1]


def test_masks_and_own_columns_are_written_too(tmp_path: Path) -> None:
    photos(tmp_path / "images", ["a/1.png", "2.png"])
    for name in ("a/1.png", "2.png"):
        labels = np.random.default_rng(1).integers(0, 3, (20, 30)).astype(np.uint8)
        labels[:2] = 255
        (tmp_path / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels).save(tmp_path / "masks" / name)
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    images = images.with_column("mask", pattern="../masks/{folder}/{stem}.png")
    images = images.with_column("age", [3, 4]).with_column("tags", [["x"], ["x", "y"]])
    mask = augseq.Mask("mask", classes=["a", "b", "c"])
    batches = sequence(images, targets=mask, augment=[A.Rotate(30, p=1)])
    written = batches.write_augmented(tmp_path / "out", copies=2, progress=False)
    assert files_of(tmp_path / "out")[0] == "images/2_0.png"
    assert written.column("age").tolist() == [*images.column("age")] * 2
    again = sequence(
        augseq.read_manifest(tmp_path / "out/manifest.parquet"),
        targets=mask, augment=None, image_size=None,
    )  # fmt: skip
    for record in again.manifest:
        source = next(one for one in images if one.path == record.columns["source_path"])
        sample = batches.sample(source.index, epoch=record.columns["epoch"])
        read = again.sample(record.index, epoch=0)
        assert np.array_equal(read.targets["target"], sample.targets["target"])
        assert np.array_equal(read.image, np.rint(sample.image).clip(0, 255))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": [A.Normalize()]}, r"between 0 and 255.*A\.Normalize"),
        ({"augment": [A.ToFloat(max_value=255)]}, "between 0 and 255"),
    ],
)
def test_pixels_of_another_range_are_refused_and_nothing_is_left(
    animals: augseq.Manifest, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        sequence(animals, **options).write_augmented(tmp_path / "out", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["animals"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"copies": 0}, "`copies`"),
        ({"annotations": "json"}, "`annotations`.*'coco'"),
        ({"image_format": "gif"}, "`image_format`.*'png'"),
        ({"quality": 101}, "`quality`"),
        ({"annotations": "coco"}, r"requires one target of boxes.*Received: no such target"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    animals: augseq.Manifest, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        sequence(animals).write_augmented(tmp_path / "out", progress=False, **options)
    assert not (tmp_path / "out").exists()


def test_jpeg_refuses_transparency(animals: augseq.Manifest, tmp_path: Path) -> None:
    batches = sequence(animals, color_mode="rgba", augment=None)
    with pytest.raises(ArgumentError, match="no transparency"):
        batches.write_augmented(tmp_path / "out", image_format="jpeg", progress=False)


def test_nothing_is_overwritten(animals: augseq.Manifest, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    sequence(animals).write_augmented(tmp_path / "out", progress=False)
    before = files_of(tmp_path / "out")
    with pytest.raises(ArgumentError, match="must be empty"):
        sequence(animals).write_augmented(tmp_path / "out", progress=False)
    with pytest.raises(ArgumentError, match="must be empty"):
        sequence(animals).write_augmented(tmp_path / "out/cat/1_0.png", progress=False)
    assert files_of(tmp_path / "out") == before


def test_a_failure_leaves_nothing_behind(animals: augseq.Manifest, tmp_path: Path) -> None:
    (tmp_path / "animals/dog/1.png").write_bytes(b"no image")
    (tmp_path / "below").mkdir()
    with pytest.raises(AugseqError, match=r"dog/1\.png"):
        sequence(animals).write_augmented(tmp_path / "below/out", progress=False)
    assert list((tmp_path / "below").iterdir()) == []


def test_a_class_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    photos(tmp_path, ["1.png", "2.png"])
    table = pa.table({"path": ["1.png", "2.png"], "label": ["a/b", "c"]})
    images = augseq.index_table(table, root=tmp_path)
    with pytest.raises(ArgumentError, match="name of each class"):
        sequence(images).write_augmented(tmp_path / "out", progress=False)


def coco(folder: Path) -> augseq.Manifest:
    """Return two images with boxes and key points, and one without."""
    photos(folder, ["a.png", "b.png", "none.png"])
    points = {"keypoints": [5, 6, 2, 12, 9, 1], "num_keypoints": 2}
    content = {
        "info": {"year": 2026},
        "images": [
            {"id": 70 + k, "file_name": name, "height": 20, "width": 30}
            for k, name in enumerate(("a.png", "b.png", "none.png"))
        ],
        "categories": [
            {"id": 4, "name": "cat", "keypoints": ["left", "right"]}, {"id": 9, "name": "dog"}
        ],
        "annotations": [
            {"id": 10**12, "image_id": 70, "category_id": 9, "bbox": [2, 3, 12.5, 9], **points},
            {"id": 3, "image_id": 70, "category_id": 4, "bbox": [20, 1, 9, 18], **points},
            {"id": 5, "image_id": 71, "category_id": 4, "bbox": [0, 0, 30, 20], **points},
        ],
    }  # fmt: skip
    (folder / "boxes.json").write_text(json.dumps(content))
    return augseq.index_coco(folder / "boxes.json", progress=False)


MOVES = [A.HorizontalFlip(p=0.5), A.Affine(rotate=(-20, 20), scale=(0.8, 1.2), p=1)]


def read_back(folder: Path, annotations: str) -> augseq.Manifest:
    if annotations == "coco":
        return augseq.index_coco(folder / "annotations.json", progress=False)
    if annotations == "yolo":
        return augseq.index_yolo(folder / "data.yaml", progress=False)
    options: dict[str, Any] = {"class_names": ["cat", "dog"], "progress": False}
    return augseq.index_voc(folder / "annotations", folder / "images", **options)


@pytest.mark.parametrize("annotations", ["coco", "voc", "yolo"])
def test_boxes_on_disk_are_those_of_the_sequence(tmp_path: Path, annotations: Any) -> None:
    images = coco(tmp_path / "photos")
    batches = sequence(images, augment=MOVES, targets=augseq.Boxes(min_visibility=0.3))
    out = tmp_path / "out"
    written = batches.write_augmented(out, copies=3, annotations=annotations, progress=False)
    again = read_back(out, annotations)
    assert len(again) == len(written) == 9
    assert again.box_class_names == written.box_class_names == ("cat", "dog")
    by_name = {record.path.rsplit("/", 1)[-1]: record.columns for record in again}
    for record in written:
        source = next(one for one in images if one.path == record.columns["source_path"])
        target = batches.sample(source.index, epoch=record.columns["epoch"]).targets["target"]
        is_box = target["labels"] >= 0
        found = by_name[record.path.rsplit("/", 1)[-1]]
        boxes = np.reshape(found["boxes"], (-1, 4))
        assert np.allclose(boxes, target["boxes"][is_box], atol=1e-9)
        assert found["box_classes"] == [
            images.box_class_names[label] for label in target["labels"][is_box]
        ]
        assert (out / record.path).is_file()


# Some samples are rotated, and some of their boxes end outside the image.
TURNS = [A.Affine(rotate=(-40, 40), scale=(0.8, 1.2), p=0.5), A.RandomRotate90()]


@pytest.mark.parametrize("annotations", ["coco", "yolo"])
@pytest.mark.parametrize("name", ["corners", "rel_corners"])
def test_oriented_boxes_on_disk_are_those_of_the_sequence(
    tmp_path: Path, annotations: Any, name: Any
) -> None:
    images = coco(tmp_path / "photos")
    target = augseq.Boxes(name, min_visibility=1, max_boxes=2)
    batches = sequence(images, augment=TURNS, targets=target)
    out = tmp_path / "out"
    written = batches.write_augmented(out, copies=6, annotations=annotations, progress=False)
    same = sequence(read_back(out, annotations), augment=None, targets=target)
    at = {record.path: k for k, record in enumerate(same.manifest)}
    num_boxes = []
    for record in written:
        source = next(one for one in images if one.path == record.columns["source_path"])
        value = batches.sample(source.index, epoch=record.columns["epoch"]).targets["target"]
        again = same.sample(at[record.path], epoch=0).targets["target"]
        np.testing.assert_allclose(again["boxes"], value["boxes"], atol=1e-4)
        assert np.array_equal(again["labels"], value["labels"])
        num_boxes.append(np.count_nonzero(value["labels"] >= 0))
    assert {0, 1, 2} == set(num_boxes)


@pytest.mark.parametrize("annotations", ["coco", "yolo"])
def test_a_corner_outside_its_image_is_refused_and_nothing_is_left(
    tmp_path: Path, annotations: Any
) -> None:
    batches = sequence(coco(tmp_path / "photos"), augment=TURNS, targets=augseq.Boxes("corners"))
    with pytest.raises(
        augseq.ArgumentError,
        match=r"corners outside the image\. Received: corners .*'[ab]\.png' .* epoch \d\. "
        r".*min_visibility=1.*--upright",
    ):
        batches.write_augmented(tmp_path / "out", copies=6, annotations=annotations, progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("annotations", ["coco", "yolo"])
@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("pixel_centre", [0, 0.5])
def test_key_points_on_disk_are_those_of_the_sequence(
    tmp_path: Path, annotations: Any, relative: bool, pixel_centre: float
) -> None:
    images = coco(tmp_path / "photos")
    points = augseq.KeyPoints(relative=relative, pixel_centre=pixel_centre)
    target = augseq.Boxes("rel_center_xywh", key_points=points)
    batches = sequence(images, augment=MOVES, targets=target)
    out = tmp_path / "out"
    written = batches.write_augmented(out, annotations=annotations, progress=False)
    again = read_back(out, annotations)
    for record, read in zip(written, again, strict=True):
        source = next(one for one in images if one.path == record.columns["source_path"])
        value = batches.sample(source.index, epoch=0).targets["target"]
        expected = value["keypoints"][value["labels"] >= 0].astype(np.float64)
        if relative:
            expected[..., :2] *= (24, 16)
        read_points = np.reshape(read.columns.get("keypoints", []), (-1, 2, 3))
        assert np.allclose(read_points, expected, atol=1e-4)
        same = sequence(again, augment=None, image_size=None, targets=target)
        read_value = same.sample(read.index, epoch=0).targets["target"]
        count = np.count_nonzero(value["labels"] >= 0)
        for name, rows in read_value.items():
            assert np.allclose(rows[:count], value[name][:count], atol=1e-4)


@pytest.mark.parametrize("annotations", ["coco", "yolo"])
@pytest.mark.parametrize(("mirror", "expected"), [(None, None), ([1, 0], None), ([0, 1], [0, 1])])
def test_partners_that_names_do_not_tell_are_written(
    tmp_path: Path, annotations: Any, mirror: Any, expected: Any
) -> None:
    """The names are "left" and "right"."""
    points = augseq.KeyPoints(mirror=mirror)
    batches = sequence(coco(tmp_path / "photos"), targets=augseq.Boxes(key_points=points))
    batches.write_augmented(tmp_path / "out", annotations=annotations, progress=False)
    again = read_back(tmp_path / "out", annotations)
    if annotations == "yolo":
        expected = expected or [1, 0]
    assert json.loads(again.dataset_info).get("flip_idx") == expected
    flips = [A.HorizontalFlip(p=1)]
    ours, theirs = (
        sequence(again, augment=flips, targets=augseq.KeyPoints(max_objects=2, mirror=given))[0][1]
        for given in (mirror, None)
    )
    assert np.array_equal(ours, theirs)


def test_key_points_without_boxes_get_boxes_around_them(tmp_path: Path) -> None:
    images = coco(tmp_path / "photos").select([1])
    batches = sequence(images, augment=None, targets=augseq.KeyPoints(), image_size=(20, 30))
    batches.write_augmented(tmp_path / "out", annotations="coco", progress=False)
    again = augseq.index_coco(tmp_path / "out/annotations.json", progress=False)
    assert again[0].columns["boxes"] == [5, 6, 12, 9]
    assert again[0].columns["box_classes"] == ["cat"]
    assert again[0].columns["keypoints"] == [5, 6, 2, 12, 9, 1]


def test_boxes_made_by_hand_get_categories(tmp_path: Path) -> None:
    photos(tmp_path / "photos", ["1.png"])
    images = augseq.index_folder(tmp_path / "photos", labels=None, progress=False)
    images = images.with_column("boxes", [[1.0, 2, 20, 15]])
    images = images.with_column("box_classes", [["bird"]])
    batches = sequence(images, augment=None, targets=augseq.Boxes(classes=["bird"]))
    written = batches.write_augmented(tmp_path / "out", annotations="coco", progress=False)
    assert written.box_class_names == ("bird",)
    assert augseq.index_coco(tmp_path / "out/annotations.json", progress=False)[0].columns[
        "box_classes"
    ] == ["bird"]


WITH_POINTS = augseq.Boxes(key_points=augseq.KeyPoints())


@pytest.mark.parametrize(
    ("annotations", "targets", "message"),
    [
        (
            "coco",
            {"a": augseq.Boxes(), "b": augseq.Boxes(classes=["cat"], other_classes="exclude")},
            r"Received: 'a', 'b'\. Write each with a sequence of its own",
        ),
        (
            "yolo",
            {"points": augseq.KeyPoints(max_objects=2), "boxes": augseq.Boxes()},
            r"Received: 'boxes', 'points'.*targets=augseq\.Boxes\(key_points=",
        ),
        ("voc", {"one": WITH_POINTS}, "cannot contain key points.*'one'.*annotations='coco'"),
        ("voc", augseq.KeyPoints(max_objects=2), "cannot contain key points"),
        ("voc", augseq.Boxes("rel_corners"), "cannot contain oriented boxes.*'rel_corners'.*xyxy"),
    ],
)
def test_objects_that_a_format_cannot_hold_are_refused_before_anything_is_written(
    tmp_path: Path, annotations: Any, targets: Any, message: str
) -> None:
    images = coco(tmp_path / "photos")
    with pytest.raises(ArgumentError, match=message):
        sequence(images, targets=targets).write_augmented(
            tmp_path / "new/out", annotations=annotations, progress=False
        )
    assert not (tmp_path / "new").exists()
