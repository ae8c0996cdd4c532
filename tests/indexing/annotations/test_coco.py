"""COCO files: read, written, and read back with equal columns."""

import contextlib
import copy
import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import coco as pycocotools

import augseq
from tests.indexing.annotations.scenes import COCO, write_coco_scene


def test_a_coco_file_becomes_columns_with_the_objects_of_each_image(tmp_path: Path) -> None:
    images = augseq.index_coco(write_coco_scene(tmp_path), progress=False)
    assert [record.path for record in images] == ["b/2.png", "1.png", "empty.png"]
    assert images.class_names == ()
    assert "3 images, 3 boxes of 3 classes" in repr(images)
    assert images.box_class_names == ("cat", "never", "zebra")
    columns = images[1].columns
    assert columns["boxes"] == [1.1, 2.2, 1.1 + 30.7, 2.2 + 4.3, 10, 10, 10.1, 30.2]
    assert columns["box_classes"] == ["zebra", "cat"]
    assert columns["box_ids"] == [5, 4]
    assert columns["box_crowd"] == [False, False]
    assert columns["box_areas"] == [99.5, None]
    assert columns["box_polygons"] == [2, 0]
    assert columns["polygon_points"] == [3, 3]
    assert columns["polygons"] == [1, 2, 31, 2, 31, 6.5, 2, 2, 3, 2, 3, 5]
    assert columns["box_keypoints"] == [0, 2]
    assert columns["keypoints"] == [10, 12, 2, 0, 0, 0]
    assert columns["box_attributes"] == [None, '{"score": 0.5, "who": "Zoë"}']
    assert images[0].columns["box_masks"] == ['{"size": [40, 60], "counts": [0, 2400]}']
    assert images[0].columns["image_attributes"] == '{"license": 3}'
    assert images.column("image_id").tolist() == [30, 10**15, 7]
    assert [len(boxes) for boxes in images.column("boxes")] == [4, 8, 0]
    assert images[2].columns["box_classes"] == []


def test_writing_gives_the_numbers_of_the_file_back(tmp_path: Path) -> None:
    images = augseq.index_coco(write_coco_scene(tmp_path), progress=False)
    augseq.write_coco(images, tmp_path / "again.json")
    content = json.loads((tmp_path / "again.json").read_text("utf-8"))
    ordered = sorted(COCO["annotations"], key=lambda row: row["image_id"] != 30)
    assert content == {**COCO, "annotations": ordered}
    again = augseq.index_coco(tmp_path / "again.json", progress=False)
    assert again == images


def test_empty_lists_are_written_again_until_there_are_shapes(tmp_path: Path) -> None:
    annotations = copy.deepcopy(COCO["annotations"])
    annotations[2] |= {"segmentation": []}
    annotations[0] |= {"keypoints": []}
    path = write_coco_scene(tmp_path, annotations=annotations)
    images = augseq.index_coco(path, progress=False)
    augseq.write_coco(images, tmp_path / "again.json")
    text = (tmp_path / "again.json").read_text("utf-8")
    written = {row["id"]: row for row in json.loads(text)["annotations"]}
    assert [written[row["id"]] for row in annotations] == annotations
    # Programs in typed languages read visibility as an integer.
    assert '"keypoints": [10.0, 12.0, 2, 0.0, 0.0, 0]' in text
    drawn = images.with_column("box_polygons", [[0], [1, 1], []])
    drawn = drawn.with_column("polygon_points", [[], [3, 3], []])
    drawn = drawn.with_column("polygons", [[], [1.0, 2, 31, 2, 31, 6, 2, 2, 3, 2, 3, 5], []])
    augseq.write_coco(drawn, tmp_path / "drawn.json")
    rows = json.loads((tmp_path / "drawn.json").read_text("utf-8"))["annotations"]
    assert {row["id"]: row for row in rows}[4]["segmentation"] == [[2, 2, 3, 2, 3, 5]]


def test_a_saved_manifest_keeps_boxes_and_categories(tmp_path: Path) -> None:
    images = augseq.index_coco(write_coco_scene(tmp_path), progress=False)
    augseq.write_manifest(images, tmp_path / "m.parquet")
    again = augseq.read_manifest(tmp_path / "m.parquet")
    assert again == images
    assert again.select([2, 0]).box_class_names == ("cat", "never", "zebra")


def test_an_updated_manifest_keeps_boxes_and_categories(tmp_path: Path) -> None:
    images = augseq.index_coco(write_coco_scene(tmp_path), progress=False)
    Image.new("RGB", (60, 40)).save(tmp_path / "new.png")
    later = augseq.index_folder(tmp_path, labels=None, update=images, progress=False)
    assert later.box_class_names == images.box_class_names
    assert later[1].columns == images[1].columns
    assert later[3].columns["boxes"] is None
    augseq.write_coco(later.select([0, 1, 2]), tmp_path / "again.json")
    assert augseq.index_coco(tmp_path / "again.json", progress=False) == images


def test_a_probed_manifest_keeps_boxes(tmp_path: Path) -> None:
    images = augseq.index_coco(write_coco_scene(tmp_path), progress=False)
    probed = augseq.probe_manifest(images, progress=False)
    assert probed.table.drop_columns(["probe"]).equals(images.table)
    assert probed.box_class_names == images.box_class_names


def test_splits_with_equal_categories_are_joined_and_others_refused(tmp_path: Path) -> None:
    train = augseq.index_coco(write_coco_scene(tmp_path / "train"), progress=False)
    backwards = {"info": {"year": 1999}, "categories": COCO["categories"][::-1]}
    val = augseq.index_coco(write_coco_scene(tmp_path / "val", **backwards), progress=False)
    both = augseq.concat_manifests([train, val])
    assert both.box_class_names == train.box_class_names
    assert both[4].columns == train[1].columns
    with pytest.raises(augseq.ArgumentError, match=r"'image_id' must be unique.*with_column"):
        augseq.write_coco(both, tmp_path / "both.json")
    other = [{"id": 3, "name": "dog"}, *COCO["categories"][::2]]
    odd = augseq.index_coco(write_coco_scene(tmp_path / "odd", categories=other), progress=False)
    with pytest.raises(augseq.ArgumentError, match=r"same categories.*'cat'.*'dog'"):
        augseq.concat_manifests([train, odd])


numbers = st.floats(0, 1e4, allow_subnormal=False)
ids = st.integers(-(10**15), 10**15)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(str.strip)


@st.composite
def coco_files(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a COCO file with up to 500 boxes, in any order."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from([int, str]))
    image_ids = draw(st.lists(ids, min_size=1, max_size=6, unique=True))
    categories = draw(st.dictionaries(ids, names, min_size=1, max_size=5))
    pairs = list(dict.fromkeys(categories.values()))
    categories = dict(zip(categories, pairs, strict=False))
    num_boxes = draw(st.sampled_from([0, 1, 7, 50, 500]))
    digits = draw(st.sampled_from([0, 2, 17]))
    annotations = []
    for number in range(num_boxes):
        box = [round(rng.uniform(0, 5000), digits) for _ in range(4)]
        annotation = {
            "id": kind(10**15 - number * rng.randrange(1, 3) * 7 - number * 10**6),
            "image_id": kind(rng.choice(image_ids)),
            "category_id": kind(rng.choice(list(categories))),
            "bbox": [*box[:2], box[2] + 0.25, box[3] + 0.25],
        }
        if rng.random() < 0.5:
            annotation["area"] = rng.uniform(0, 1e6)
        if rng.random() < 0.3:
            annotation["segmentation"] = [
                [rng.uniform(0, 5000) for _ in range(2 * rng.randrange(3, 6))]
                for _ in range(rng.randrange(3))
            ]
        if rng.random() < 0.3:
            annotation["keypoints"] = [1.5, rng.uniform(0, 5000), 2] * rng.randrange(3)
        if rng.random() < 0.3:
            annotation["note"] = rng.choice([None, "x", [1, 2], {"a": 0.1}])
        annotations.append(annotation)
    return {
        "images": [
            {"id": kind(k), "file_name": f"{n}.jpg", "height": 12_000, "width": 12_000}
            for n, k in enumerate(image_ids)
        ],
        "categories": [{"id": kind(k), "name": name} for k, name in categories.items()],
        "annotations": annotations,
    }


@settings(max_examples=25, deadline=None)
@given(content=coco_files())
def test_reading_a_written_file_gives_equal_columns(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    (folder / "a.json").write_text(json.dumps(content), "utf-8")
    images = augseq.index_coco(folder / "a.json", check_files=False)
    shuffled = images.select(np.random.default_rng(0).permutation(len(images)))
    augseq.write_coco(images, folder / "b.json")
    augseq.write_coco(shuffled, folder / "c.json")
    assert augseq.index_coco(folder / "b.json", check_files=False) == images
    again = augseq.index_coco(folder / "c.json", check_files=False)
    assert again.table.drop_columns(["index"]).equals(shuffled.table.drop_columns(["index"]))
    written = json.loads((folder / "b.json").read_text("utf-8"))["annotations"]
    known = {row["id"]: row["bbox"] for row in content["annotations"]}
    assert {row["id"]: row["bbox"] for row in written} == known


def test_changed_boxes_are_written_so_that_they_read_back_exactly(tmp_path: Path) -> None:
    images = augseq.index_coco(write_coco_scene(tmp_path), progress=False)
    rng = np.random.default_rng(3)
    low = rng.uniform(0, 20, (3, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.01, 20, (3, 2))], axis=1)
    parts = [boxes[:1].ravel(), boxes[1:].ravel(), []]
    augseq.write_coco(images.with_column("boxes", parts), tmp_path / "changed.json")
    again = augseq.index_coco(tmp_path / "changed.json", progress=False)
    assert np.concatenate(again.column("boxes")).tolist() == boxes.ravel().tolist()


def test_pycocotools_finds_the_same_boxes_masks_and_classes(tmp_path: Path) -> None:
    images = augseq.index_coco(write_coco_scene(tmp_path), progress=False)
    augseq.write_coco(images, tmp_path / "again.json")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = pycocotools.COCO(str(tmp_path / "again.json"))
    assert sorted(theirs.getImgIds()) == sorted(images.column("image_id").tolist())
    for record in images:
        found = theirs.loadAnns(theirs.getAnnIds([record.columns["image_id"]]))
        boxes = [[x, y, x + w, y + h] for x, y, w, h in (row["bbox"] for row in found)]
        assert np.ravel(boxes).tolist() == record.columns["boxes"]
        classes = [theirs.cats[row["category_id"]]["name"] for row in found]
        assert classes == record.columns["box_classes"]
    assert theirs.annToMask(theirs.anns[10**15]).sum() == 2400


def test_boxes_train_a_classifier_of_several_labels_at_once(tmp_path: Path) -> None:
    images = augseq.index_coco(write_coco_scene(tmp_path), progress=False)
    tags = augseq.MultiLabel("box_classes", classes=images.box_class_names)
    batches = augseq.ImageSequence(images, image_size=(8, 8), targets=tags)
    assert batches[0][1].tolist() == [[1, 0, 0], [1, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("boxes", [[0, 0, 60, 40], [1, 2, 3, 4, 5, 6, 7], []], r"'boxes'.*'1\.png'"),
        ("boxes", [[0, 0, float("nan"), 40], [1.0] * 8, []], r"not finite"),
        ("box_classes", [["cat"], ["zebra", "cot"], []], r"'cot'.*Did you mean 'cat'"),
        ("box_classes", [["cat"], ["zebra", None], []], r"class of each box"),
        ("box_ids", [[1], [2, 1], []], r"'box_ids' must be unique.*1, 2 times"),
        ("image_id", [1, None, 2], r"'image_id' must be unique.*None"),
        ("polygons", [[], [1.0, 2.0], []], r"'polygons' must have as many"),
        ("keypoints", [[], [1.0, 2.0, 2], []], r"'keypoints' must have as many"),
    ],
)
def test_columns_that_do_not_fit_are_errors_when_written(
    tmp_path: Path, column: str, values: list[Any], message: str
) -> None:
    images = augseq.index_coco(write_coco_scene(tmp_path), progress=False)
    with pytest.raises(augseq.ArgumentError, match=message):
        augseq.write_coco(images.with_column(column, values), tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


def turned_image(path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.new("RGB", (60, 40)).save(path, exif=exif)


def test_the_frame_of_the_boxes_is_an_option_and_recorded(tmp_path: Path) -> None:
    path = write_coco_scene(tmp_path)
    turned_image(tmp_path / "1.png", 6)
    with pytest.raises(
        augseq.ManifestError, match=r"images\[1\].*40 x 60.*60 x 40.*orientation is 6.*'stored'"
    ):
        augseq.index_coco(path, progress=False)
    images = augseq.index_coco(path, frame="stored", progress=False)
    assert images.column("box_frame").tolist() == ["stored"] * 3
    assert images.column("image_height").tolist() == [40] * 3


def test_sizes_that_the_file_does_not_state_come_from_the_images(tmp_path: Path) -> None:
    plain = [{key: image[key] for key in ("id", "file_name")} for image in COCO["images"]]
    path = write_coco_scene(tmp_path, images=plain)
    turned_image(tmp_path / "empty.png", 8)
    images = augseq.index_coco(path, progress=False)
    assert images.column("image_height").tolist() == [40, 40, 60]
    assert images.column("image_width").tolist() == [60, 60, 40]


def changed(place: int, **values: Any) -> list[dict[str, Any]]:
    """Return the annotations with keys of one replaced, or removed if None."""
    rows = copy.deepcopy(COCO["annotations"])
    rows[place].update(values)
    rows[place] = {key: value for key, value in rows[place].items() if value is not None}
    return rows


def with_image(place: int, **values: Any) -> list[dict[str, Any]]:
    rows = copy.deepcopy(COCO["images"])
    rows[place].update(values)
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


# Each is an error that names the place; the second text is what it must say.
BROKEN_IMAGES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no width": (changed(0, bbox=[1, 2, 0, 4]), r"annotations\[0\] \(id 5\).*width and a height"),
    "negative": (changed(1, bbox=[9, 9, 5, -3]), r"annotations\[1\].*above 0.*-3"),
    "nan": (changed(2, bbox=[1, float("nan"), 2, 2]), r"annotations\[2\].*finite"),
    "infinite": (changed(2, bbox=[1, 1, 10**400, 2]), r"annotations\[2\].*finite"),
    "outside": (changed(0, bbox=[50, 2, 11, 4]), r"\[0\].*inside its image.*\[50.*40 x 60"),
    "left of it": (changed(0, bbox=[-0.6, 2, 11, 4]), r"\[0\].*inside its image"),
    "three numbers": (changed(0, bbox=[1, 2, 3]), r"\[0\].*\[x, y, width, height\]"),
    "text": (changed(0, bbox=["1", 2, 3, 4]), r"\[0\].*\[x, y, width, height\].*'1'"),
    "no box": (changed(0, bbox=None), r"\[0\].*\[x, y, width, height\]"),
    "category": (changed(1, category_id=4), r"annotations\[1\].*no category with the id 4"),
    "crowd": (changed(1, iscrowd=2), r"annotations\[1\].*`iscrowd` must be 0 or 1.*2"),
    "area": (changed(1, area=-1), r"annotations\[1\].*`area`.*-1"),
    "two points": (changed(0, segmentation=[[1, 2, 3, 4]]), r"\[0\].*at least 3 points"),
    "flat polygon": (changed(0, segmentation=[1, 2, 3, 4, 5, 6]), r"\[0\].*list of polygons"),
    "odd polygon": (changed(0, segmentation=[[1, 2, 3, 4, 5, 6, 7]]), r"\[0\].*at least 3 points"),
    "far polygon": (changed(0, segmentation=[[1, 2, 61, 4, 5, 6]]), r"\[0\].*point of a polygon"),
    "mask without size": (changed(1, segmentation={"counts": [1]}), r"\[1\].*\[height, width\]"),
    "size of mask": (
        changed(1, segmentation={"size": [60, 40], "counts": [2400]}),
        r"\[1\].*must be that of its image, \[40, 60\]",
    ),
    "short mask": (
        changed(1, segmentation={"size": [40, 60], "counts": [0, 2399]}),
        r"\[1\].*add up to the 2400 pixels of its `size`, not 2399",
    ),
    "negative mask": (
        changed(1, segmentation={"size": [40, 60], "counts": [2401, -1]}),
        r"\[1\].*run lengths of at least 0",
    ),
    "damaged mask": (
        changed(1, segmentation={"size": [40, 60], "counts": "0PPo"}),
        r"\[1\].*run lengths of at least 0, or their text",
    ),
    "visibility": (changed(2, keypoints=[1, 2, 3]), r"\[2\].*visibility 0, 1 or 2"),
    "number of points": (changed(2, keypoints=[9, 2, 1]), r"\[2\].*each of the 2 names.*3 values"),
    "point": (changed(2, keypoints=[99, 2, 1, 0, 0, 0]), r"\[2\].*key point must be inside.*\[99"),
}
BROKEN_FILES: dict[str, tuple[dict[str, Any], str]] = {
    "no images": ({"images": None}, r"a list 'images'.*NoneType"),
    "image as text": ({"images": ["1.png"]}, r"images\[0\].*JSON object.*'1.png'"),
    "no list of annotations": ({"annotations": None}, r"a list 'annotations'.*NoneType"),
    "no annotations": ({"annotations": {}}, r"a list 'annotations'.*dict"),
    "twice the same id": ({"annotations": changed(0, id=4)}, r"unique.*4 in annotations\[0\]"),
    "no id": ({"annotations": changed(0, id=None)}, r"annotations\[0\].*`id`.*None"),
    "id with a point": ({"annotations": changed(0, id=1.5)}, r"annotations\[0\].*`id`.*1\.5"),
    "text ids of images": (
        {"images": [{**row, "id": str(row["id"])} for row in COCO["images"]]},
        r"`image_id` of annotations and the `id` of images.*both.*and '30'",
    ),
    "text ids of categories": (
        {"categories": [{"id": "90", "name": "a"}]},
        r"`category_id` of annotations and the `id` of categories.*both.*90 and '90'",
    ),
    "inexact id": ({"annotations": changed(0, id=float(2**53))}, r"annotations\[0\].*`id`"),
    "mixed ids": ({"annotations": changed(1, image_id="30")}, r"\[1\].*`image_id`.*'30'"),
    "huge id": ({"annotations": changed(1, id=2**63)}, r"annotations\[1\].*64 bits"),
    "no image": ({"annotations": changed(1, image_id=31)}, r"\[1\].*no image with the id 31"),
    "image id twice": ({"images": with_image(0, id=7)}, r"images\[0\] and images\[2\]"),
    "no file name": ({"images": with_image(1, file_name=None)}, r"images\[1\].*`file_name`"),
    "no extension": ({"images": with_image(1, file_name="1")}, r"\(\.png\): add them to the ann"),
    "file twice": ({"images": with_image(1, file_name="b/2.png")}, r"only once.*'b/2.png'"),
    "no file": ({"images": with_image(1, file_name="0.png")}, r"no file.*'0.png'; images.1. of"),
    "above the root": ({"images": with_image(1, file_name="../1.png")}, r"below the root"),
    "size as text": (
        {"images": with_image(1, width="60")},
        r"images\[1\].*width='60'\. Delete both to read",
    ),
    "other size": ({"images": with_image(1, width=61)}, r"images\[1\].*40 x 61.*40 x 60"),
    "category twice": ({"categories": COCO["categories"] * 2}, r"unique.*90"),
    "name twice": (
        {"categories": [{"id": 3, "name": "a"}, {"id": 90, "name": "a"}]},
        r"different names.*'a'",
    ),
    "no name": ({"categories": [{"id": 3}]}, r"categories\[0\].*`name`"),
    "half a character": ({"images": with_image(1, file_name="\ud800")}, r"valid Unicode"),
    "half a name": ({"categories": [{"id": 3, "name": "\ud800"}]}, r"valid Unicode"),
}


@pytest.mark.parametrize("case", BROKEN_IMAGES)
def test_an_invalid_annotation_is_an_error_or_excludes_its_image(tmp_path: Path, case: str) -> None:
    rows, message = BROKEN_IMAGES[case]
    path = write_coco_scene(tmp_path, annotations=rows)
    with pytest.raises(augseq.ManifestError, match=f"(?s)boxes.json.*{message}.*--invalid"):
        augseq.index_coco(path, progress=False)
    with pytest.warns(augseq.AugseqWarning, match=f"Excluded: 1 image .*{message}"):
        images = augseq.index_coco(path, invalid="exclude", progress=False)
    place = next(k for k, row in enumerate(rows) if f"[{k}]" in message.replace("\\", ""))
    wrong = next(row for row in COCO["images"] if row["id"] == rows[place]["image_id"])
    assert images.excluded.column("path").to_pylist() == [wrong["file_name"]]
    assert len(images) == 2
    augseq.write_coco(images, tmp_path / "right.json")
    assert augseq.index_coco(tmp_path / "right.json", progress=False).column("path").tolist() == [
        record.path for record in images
    ]


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_broken_coco_file_is_an_error_that_names_the_place(tmp_path: Path, case: str) -> None:
    content, message = BROKEN_FILES[case]
    path = write_coco_scene(tmp_path, **content)
    with pytest.raises(augseq.AugseqError, match=f"(?s){message}"):
        augseq.index_coco(path, progress=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"images": [\n  {"id": 1,}\n]}', r"not valid JSON.*line 2, column 1"),
        (b"", r"not valid JSON.*line 1"),
        (b"[" * 100_000, r"COCO file"),
        (b'{"images": "\xff"}', r"UTF-8"),
        (b"[]", r"Received: list.*another format.*export"),
        (b"\x1f\x8b\x08\0", r"Unpack it if it is compressed"),
        (b'{"images": [], "categories": []' + b', "annotation": []}', r'add "annotations": \[\]'),
        (b'{"images": [], "annotations": [{"id": 1, "caption": "A"}]}', r"captions.*instances"),
        (
            b'{"images": [], "annotations": [{"image_id": 1, "segments_info": []}]}',
            r"panoptic.*instances",
        ),
        (b"3", r"Received: int"),
        (b'{"images": [], "annotations": []}', r"a list 'categories'.*only 'images'"),
    ],
)
def test_a_file_that_is_not_coco_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_bytes(content)
    with pytest.raises(augseq.ManifestError, match=f"boxes.json.*{message}"):
        augseq.index_coco(path)


def test_missing_annotation_files_are_errors(tmp_path: Path) -> None:
    write_coco_scene(tmp_path)
    with pytest.raises(augseq.MissingFileError, match=r"no file.*Did you mean 'boxes\.json'"):
        augseq.index_coco(tmp_path / "boxs.json")
    with pytest.raises(
        augseq.ManifestError, match=r"but is a folder\. Pass a file in it, such as '.*boxes\.json'"
    ):
        augseq.index_coco(tmp_path)


def test_missing_and_damaged_images_are_excluded_on_request(tmp_path: Path) -> None:
    path = write_coco_scene(tmp_path)
    (tmp_path / "b/2.png").unlink()
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.warns(augseq.AugseqWarning, match="2 images"):
        images = augseq.index_coco(path, invalid="exclude", progress=False)
    assert [record.index for record in images] == [1]
    reasons = images.excluded.column("reason").to_pylist()
    assert "no file" in reasons[0]
    assert "cannot be used" in reasons[1]


def test_a_file_name_in_another_unicode_form_is_found(tmp_path: Path) -> None:
    path = write_coco_scene(tmp_path, images=with_image(1, file_name="caf\u00e9.png"))
    (tmp_path / "1.png").rename(tmp_path / "cafe\u0301.png")
    with pytest.warns(augseq.AugseqWarning, match="Unicode form"):
        images = augseq.index_coco(path, progress=False)
    again = augseq.index_coco(path, invalid="exclude", progress=False)
    assert again[1].path == images[1].path == "cafe\u0301.png"


def test_annotations_without_an_image_are_reported(tmp_path: Path) -> None:
    path = write_coco_scene(tmp_path, annotations=changed(1, image_id=31))
    with pytest.warns(augseq.AugseqWarning, match=r"Ignored: 1 annotation .*\[1\].*id 31"):
        images = augseq.index_coco(path, invalid="exclude", progress=False)
    assert [len(boxes) for boxes in images.column("boxes")] == [0, 8, 0]


def test_boxes_made_by_hand_are_written(tmp_path: Path) -> None:
    write_coco_scene(tmp_path)
    images = augseq.index_folder(tmp_path, labels=None, progress=False)
    boxes = {"1.png": [0.5, 1, 2, 3], "b/2.png": [], "empty.png": [1, 2, 3, 4, 5, 6, 7, 8]}
    classes = {"1.png": ["b"], "b/2.png": [], "empty.png": ["b", "a"]}
    images = images.with_column("boxes", boxes)
    with pytest.raises(augseq.ArgumentError, match="'box_classes'"):
        augseq.write_coco(images, tmp_path / "own.json")
    images = images.with_column("box_classes", classes)
    with pytest.raises(augseq.ArgumentError, match="'image_height'"):
        augseq.write_coco(images, tmp_path / "own.json")
    images = images.with_column("image_height", [40] * 3).with_column("image_width", [60] * 3)
    augseq.write_coco(images, tmp_path / "own.json")
    again = augseq.index_coco(tmp_path / "own.json", progress=False)
    assert again.box_class_names == ("a", "b")
    assert [list(values) for values in again.column("boxes")] == list(boxes.values())
    assert again[0].columns["box_areas"] == [3.0]
    wrong = images.with_column("box_classes", [["b", "b"], [], ["b", "a"]])
    with pytest.raises(augseq.ArgumentError, match=r"1 values for '1.png'.*Received: 2"):
        augseq.write_coco(wrong, tmp_path / "own.json")


def test_a_size_that_is_not_whole_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = write_coco_scene(tmp_path)
    content = json.loads(path.read_text())
    content["images"][1]["height"] = "tall"
    path.write_text(json.dumps(content))
    with pytest.raises(augseq.ManifestError, match=r"of images\[1\] in '.*boxes\.json' must be"):
        augseq.index_coco(path, progress=False)


def test_a_file_of_test_images_has_no_annotations(tmp_path: Path) -> None:
    path = write_coco_scene(tmp_path)
    content = json.loads(path.read_text("utf-8"))
    del content["annotations"]
    path.write_text(json.dumps(content))
    with pytest.warns(augseq.AugseqWarning, match="no list 'annotations'.*no image has objects"):
        images = augseq.index_coco(path, progress=False)
    assert [len(boxes) for boxes in images.column("boxes")] == [0, 0, 0]
    assert images.box_class_names == ("cat", "never", "zebra")
    path.write_text(json.dumps({**content, "annotation": []}))
    with pytest.raises(augseq.ManifestError, match=r"a list 'annotations'.*annotation"):
        augseq.index_coco(path, progress=False)


def test_whole_numbers_with_a_point_are_integers(tmp_path: Path) -> None:
    """Tables with gaps, such as those of pandas, write 7 as 7.0."""

    def as_floats(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        keys = {"id", "image_id", "category_id", "height", "width", "iscrowd"}
        return [
            {key: float(value) if key in keys else value for key, value in row.items()}
            for row in rows
        ]

    names = ("images", "annotations", "categories")
    path = write_coco_scene(tmp_path, **{name: as_floats(COCO[name]) for name in names})
    images = augseq.index_coco(path, progress=False)
    (tmp_path / "again").mkdir()
    assert images.table.equals(
        augseq.index_coco(write_coco_scene(tmp_path / "again"), progress=False).table
    )
    augseq.write_coco(images, tmp_path / "written.json")
    assert '"category_id": 90.0' not in (tmp_path / "written.json").read_text("utf-8")
    huge = as_floats(COCO["annotations"])
    huge[0]["id"] = 2.0**53 + 2
    with pytest.raises(augseq.ManifestError, match=r"annotations\[0\].*`id`: an integer"):
        augseq.index_coco(write_coco_scene(tmp_path, annotations=huge), progress=False)


def test_images_of_lvis_have_the_folder_and_name_of_their_address(tmp_path: Path) -> None:
    images = copy.deepcopy(COCO["images"])
    del images[0]["file_name"]
    images[0]["coco_url"] = "http://images.cocodataset.org/b/2.png"
    path = write_coco_scene(tmp_path, images=images)
    found = augseq.index_coco(path, progress=False)
    assert [record.path for record in found] == ["b/2.png", "1.png", "empty.png"]
    augseq.write_coco(found, tmp_path / "again.json")
    assert augseq.index_coco(tmp_path / "again.json", progress=False) == found


def write_one_box(folder: Path, bbox: list[float], other: list[float]) -> Path:
    Image.new("RGB", (60, 40)).save(folder / "1.png")
    rows = [{"id": k, "image_id": 1, "category_id": 1} for k in (1, 2)]
    content = {
        "images": [{"id": 1, "file_name": "1.png", "height": 40, "width": 60}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [rows[0] | {"bbox": bbox}, rows[1] | {"bbox": other}],
    }
    (folder / "boxes.json").write_text(json.dumps(content), "utf-8")
    return folder / "boxes.json"


def test_the_error_of_boxes_with_a_right_and_a_bottom_edge_says_what_coco_has(
    tmp_path: Path,
) -> None:
    hint = r"inside their images as \[left, top, right, bottom\]"
    path = write_one_box(tmp_path, [20, 20, 50, 35], [1, 2, 3, 4])
    with pytest.raises(augseq.ManifestError, match=hint):
        augseq.index_coco(path, progress=False)
    with pytest.warns(augseq.AugseqWarning, match=hint):
        augseq.index_coco(path, invalid="exclude", progress=False)
    # As right and bottom edges, the second box would be empty.
    path = write_one_box(tmp_path, [20, 20, 50, 35], [20, 20, 10, 5])
    with pytest.raises(augseq.ManifestError) as error:
        augseq.index_coco(path, progress=False)
    assert "bottom]" not in str(error.value)


def test_relative_numbers_in_place_of_pixels_raise_a_warning(tmp_path: Path) -> None:
    path = write_one_box(tmp_path, [0.2, 0.1, 0.5, 0.75], [0.1, 0.1, 0.1, 1])
    with pytest.warns(augseq.AugseqWarning, match="relative to the size of the image"):
        images = augseq.index_coco(path, progress=False)
    assert images[0].columns["boxes"][:2] == [0.2, 0.1]
    path = write_one_box(tmp_path, [0.2, 0.1, 0.5, 0.75], [0.1, 0.1, 3, 1])
    augseq.index_coco(path, progress=False)
