"""YOLO datasets: read, written, and read back with equal columns."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import augseq

YAML = "train: images/train\nval: images/val\ntest:\nnames:\n  0: car\n  1: cow\n"
LABELS = {
    "train/a": "1 0.5 0.5 0.25 0.5\n\n0 0.123456 0.4 0.1 0.20000000000000004\n",
    "train/b": "",
    "val/c": "0 0.1 0.1 0.3 0.1 0.3 0.4\n1 0.1 0.1 0.9 0.15 0.9 0.3 0.1 0.25\n",
}


def write_dataset(folder: Path, yaml: str = YAML, labels: dict[str, str] = LABELS) -> Path:
    """Write images of 64 x 48 pixels, their labels and the file that names them."""
    for name in LABELS:
        path = folder / f"images/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48)).save(path)
    for name, text in labels.items():
        path = folder / f"labels/{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "data.yaml").write_text(yaml)
    return folder / "data.yaml"


def index(data: Path, **options: Any) -> augseq.Manifest:
    return augseq.index_yolo(data, progress=False, **options)


def test_a_dataset_becomes_columns_with_the_objects_of_each_image(tmp_path: Path) -> None:
    images = index(write_dataset(tmp_path))
    paths = ["images/train/a.png", "images/train/b.png", "images/val/c.png"]
    assert [record.path for record in images] == paths
    assert images.box_class_names == ("car", "cow")
    assert images.column("split").tolist() == ["train", "train", "val"]
    assert images[0].columns["boxes"][:4] == [24, 12, 40, 36]
    assert images[0].columns["box_classes"] == ["cow", "car"]
    assert images[1].columns["boxes"] == []
    columns = images[2].columns
    assert columns["box_polygons"] == [1, 1]
    assert columns["polygon_points"] == [3, 4]
    expected = np.array(LABELS["val/c"].split()[1:7], float).reshape(-1, 2) * [64, 48]
    assert columns["polygons"][:6] == expected.ravel().tolist()
    assert columns["boxes"][:4] == [*expected.min(0), *expected.max(0)]


@pytest.mark.parametrize(
    "yaml",
    [
        YAML,
        YAML.replace("0: car\n  1: cow", "- car\n  - cow"),
        "names: [car, cow]\nnc: 2\ntrain: [images/train, images/val]\n",
        "names: {1: cow, 0: car}\ntrain: train.txt\nval: ./images/val/\npath: .\n",
        YAML.replace("images/", "../images/"),
        YAML.replace("val:", "valid:"),
        YAML.replace("val:", "validation:"),
    ],
)
def test_both_forms_of_names_and_all_forms_of_splits_are_read(tmp_path: Path, yaml: str) -> None:
    data = write_dataset(tmp_path, yaml)
    (tmp_path / "train.txt").write_text("./images/train/a.png\nimages/train/b.png\n\n")
    images = index(data)
    assert images.box_class_names == ("car", "cow")
    assert [Path(record.path).stem for record in images] == ["a", "b", "c"]
    assert set(images.column("split")) <= {"train", "val"}


@pytest.mark.parametrize("shape", [2, 3])
def test_key_points_are_read_and_written(tmp_path: Path, shape: int) -> None:
    points = {2: "0.5 0.25 0 0", 3: "0.5 0.25 1 0 0 0"}[shape]
    labels = dict.fromkeys(LABELS, f"0 0.5 0.5 1 1 {points}\n")
    yaml = f"{YAML}kpt_shape: [2, {shape}]\nflip_idx: [1, 0]\n"
    images = index(write_dataset(tmp_path / "a", yaml, labels))
    assert images[0].columns["keypoints"] == [32, 12, 2 if shape == 2 else 1, 0, 0, 0]
    assert '"flip_idx": [1, 0]' in images.dataset_info
    augseq.write_yolo(images, tmp_path / "b")
    assert index(tmp_path / "b/data.yaml").table.equals(images.table)
    assert index(tmp_path / "b/data.yaml").dataset_info == images.dataset_info
    assert (tmp_path / "b/labels/train/a.txt").read_text() == labels["train/a"]


@pytest.mark.parametrize("how", ["copy", "link"])
def test_writing_gives_the_numbers_of_the_files_back(tmp_path: Path, how: Any) -> None:
    images = index(write_dataset(tmp_path / "a"))
    augseq.write_yolo(images, tmp_path / "b", images=how)
    for name, text in LABELS.items():
        written = (tmp_path / f"b/labels/{name}.txt").read_text()
        assert written == text.replace("\n\n", "\n")
    again = index(tmp_path / "b/data.yaml")
    assert again.table.equals(images.table)
    with pytest.raises(augseq.ArgumentError, match="must be empty"):
        augseq.write_yolo(images, tmp_path / "b")


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    digits=st.sampled_from([3, 6, 17]),
    num_boxes=st.sampled_from([0, 1, 20, 500]),
    size=st.tuples(st.integers(1, 3000), st.integers(1, 9)),
)
def test_any_numbers_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    digits: int,
    num_boxes: int,
    size: tuple[int, int],
) -> None:
    folder, rng = tmp_path_factory.mktemp("yolo"), random.Random(seed)
    for name in ("images", "labels"):
        (folder / name).mkdir()
    Image.new("L", size).save(folder / "images/x.png")
    lines = []
    for number in range(num_boxes):
        if number % 3:
            values = [rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(0.01, 0.4), 0.3]
        else:
            values = [rng.uniform(0, 1) for _ in range(2 * rng.randrange(3, 9))]
        lines.append([rng.randrange(2), *(round(value, digits) for value in values)])
    text = "".join(" ".join(map(repr, line)) + "\n" for line in lines)
    (folder / "labels/x.txt").write_text(text)
    (folder / "data.yaml").write_text("train: images\nnames: ['no', \"ö: '\"]\n")
    images = index(folder / "data.yaml")
    augseq.write_yolo(images, folder / "again", images="link")
    assert index(folder / "again/data.yaml").table.equals(images.table)
    written = (folder / "again/labels/x.txt").read_text().splitlines()
    found = [[float(word) for word in line.split()] for line in written]
    for line, again in zip(lines, found, strict=True):
        if len(line) == 5:
            assert again == line
        else:
            np.testing.assert_allclose(again, line, rtol=1e-15)


def test_boxes_of_another_format_are_written_to_the_nearest_number(tmp_path: Path) -> None:
    images = index(write_dataset(tmp_path / "a"))
    augseq.write_coco(images, tmp_path / "a/boxes.json")
    coco = augseq.index_coco(tmp_path / "a/boxes.json", progress=False)
    augseq.write_yolo(coco, tmp_path / "b")
    again = index(tmp_path / "b/data.yaml")
    for ours, theirs in zip(again.column("boxes"), images.column("boxes"), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)


def test_a_missing_label_file_is_an_error_or_an_image_without_objects(tmp_path: Path) -> None:
    data = write_dataset(tmp_path, labels={k: v for k, v in LABELS.items() if k != "train/b"})
    with pytest.raises(augseq.ManifestError, match=r"'labels/train/b\.txt'.*keep"):
        index(data)
    assert index(data, missing_labels="keep")[1].columns["boxes"] == []
    with pytest.warns(augseq.AugseqWarning, match="1 image "):
        assert len(index(data, invalid="exclude")) == 2


def test_what_a_label_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    yaml = f"{YAML}kpt_shape: [1, 3]\n"
    labels = dict.fromkeys(LABELS, "0 0.5 0.5 1 1 0.5 0.25 1\n")
    images = index(write_dataset(tmp_path / "a", yaml, labels))
    mixed = images.with_column("box_keypoints", [[1], [0], [1]])
    mixed = mixed.with_column("keypoints", [[32, 12, 1], [], [32, 12, 1]])
    with pytest.raises(augseq.ArgumentError, match=r"same number of key points.*\[0, 1\]"):
        augseq.write_yolo(mixed, tmp_path / "b")
    unsized = images.with_column("image_width", [64, None, 64])
    with pytest.raises(augseq.ArgumentError, match="some are missing"):
        augseq.write_yolo(unsized, tmp_path / "b")
    Image.new("RGB", (64, 48)).save(tmp_path / "a/images/train/a.jpg")
    same = index(tmp_path / "a/data.yaml")
    with pytest.raises(augseq.ArgumentError, match=r"Repeated: 'labels/train/a\.txt'"):
        augseq.write_yolo(same, tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("split", [None, "valid"])
def test_a_split_that_yolo_does_not_have_is_refused(tmp_path: Path, split: Any) -> None:
    images = index(write_dataset(tmp_path / "a")).with_column("split", ["train", "val", split])
    with pytest.raises(augseq.ArgumentError, match=rf"{split!r} for 'images/val/c\.png'\."):
        augseq.write_yolo(images, tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_dataset_that_cannot_be_completed_leaves_nothing(tmp_path: Path) -> None:
    images = index(write_dataset(tmp_path / "a"))
    (tmp_path / "a/images/val/c.png").unlink()
    with pytest.raises(augseq.MissingFileError, match=r"c\.png"):
        augseq.write_yolo(images, tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    # A folder that is a link to an empty one.
    (tmp_path / "c").mkdir()
    (tmp_path / "d").symlink_to("c", target_is_directory=True)
    augseq.write_yolo(images.select([0, 1]), tmp_path / "d")
    assert len(index(tmp_path / "c/data.yaml")) == len(index(tmp_path / "d/data.yaml")) == 2


LINES = {
    "confidence": ("0 0.5 0.5 0.2 0.2 0.9", r"line 2.*confidence.*0\.9"),
    "short": ("0 0.5 0.5", r"line 2.*4 numbers for a box"),
    "odd": ("0 0.1 0.1 0.2 0.1 0.2 0.3 0.5", r"line 2.*3 corners"),
    "word": ("car 0.5 0.5 0.2 0.2", r"line 2.*separated by spaces.*'car"),
    "comma": ("0,0.5,0.5,0.2,0.2", r"line 2.*separated by spaces"),
    "underscore": ("0 0.5 0.5 0.2 0.1_1", r"line 2.*only numbers"),
    "fraction": ("0.5 0.5 0.5 0.2 0.2", r"line 2.*number of a class"),
    "class": ("2 0.5 0.5 0.2 0.2", r"line 2.*no class 2 in the `names`"),
    "empty box": ("0 0.5 0.5 0 0.2", r"line 2.*width and a height"),
    "nan": ("0 0.5 0.5 nan 0.2", r"line 2.*finite"),
    "pixels": ("0 32 24 10 10", r"line 2.*inside its image.*48 x 64.*relative.*0 to 1"),
    "far corner": ("0 0.1 0.1 0.2 1.2 0.2 0.3", r"line 2.*(corner|box) must be inside"),
    "repeated": ("1 0.5 0.5 0.25 0.5", r"line 2.*repeat line 1"),
}


@pytest.mark.parametrize("case", LINES)
def test_an_invalid_line_is_an_error_with_its_place(tmp_path: Path, case: str) -> None:
    line, message = LINES[case]
    labels = {**LABELS, "train/a": f"1 0.5 0.5 0.25 0.5\n{line}\n"}
    data = write_dataset(tmp_path, labels=labels)
    with pytest.raises(augseq.ManifestError, match=f"(?s)labels/train/a\\.txt.*{message}"):
        index(data)


FILES = {
    "no yaml": ("names: [car, cow\n", r"not valid YAML.*line 2"),
    "a list": ("[1, 2]", r"with `names`.*\[1, 2\]"),
    "no names": ("train: images/train", r"with `names`.*write one.*'names: "),
    "text for numbers": ("names: {a: car}\ntrain: images/train", r"map the numbers 0, 1, 2"),
    "code": ("names: !!python/object/apply:os.getcwd []", r"not valid YAML.*line 1"),
    "boolean": ("names: [yes, no]\ntrain: images/train", r"must be text.*True.*quotes"),
    "gap": ("names: {0: a, 2: b}\ntrain: images/train", r"map the numbers 0, 1, 2"),
    "same names": ("names: [a, a]\ntrain: images/train", r"must differ.*'a'"),
    "count": (f"{YAML}nc: 3\n", r"nc=3, with 2 names"),
    "key points": (f"{YAML}kpt_shape: [17]\n", r"number of key points, 2 or 3"),
    "mirror": (
        f"{YAML}kpt_shape: [3, 3]\nflip_idx: [1, 2, 0]\n",
        r"`flip_idx` in .*data\.yaml' must have the number of a partner for each.*\[1, 2, 0\]",
    ),
    "short mirror": (
        f"{YAML}kpt_shape: [3, 3]\nflip_idx: [1, 0]\n",
        r"`flip_idx` in .*data\.yaml' must have a number for each of the 3 points.*\[1, 0\]",
    ),
    "no split": ("names: [car, cow]\n", r"data\.yaml' must say where.*'train: images'"),
    "elsewhere": (
        YAML.replace("images/val", "/home/ann/images/val"),
        r"'val'.*not exist\. Make it relative to the folder of the dataset",
    ),
    "of another drive": (
        YAML.replace("images/val", "D:\\images\\val"),
        r"'val'.*not exist\. Make it relative to the folder of the dataset",
    ),
    "no folder": (YAML.replace("images/val", "images/vla"), r"'val'.*'images/vla'.*not exist"),
    "no path": (f"{YAML}path: ../elsewhere\n", r"'\.\./elsewhere'.*--images-root"),
    "number": (YAML.replace("images/val", "3"), r"'val'.*must be a path.*3"),
    "twice": (
        YAML.replace("images/val", "images/train"),
        r"only once.*share images.*'images/train/a\.png'.*--splits train",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_broken_data_file_is_an_error_that_says_what_it_must_have(
    tmp_path: Path, case: str
) -> None:
    text, message = FILES[case]
    data = write_dataset(tmp_path, text)
    with pytest.raises(augseq.AugseqError, match=f"(?s){message}"):
        index(data)


def test_splits_and_root_can_be_chosen(tmp_path: Path) -> None:
    data = write_dataset(tmp_path, f"{YAML}path: /not/here\n")
    images = index(data, root=tmp_path, splits=["val"])
    assert [record.path for record in images] == ["images/val/c.png"]
    with pytest.raises(augseq.ArgumentError, match=r"'vall'.*Did you mean 'val'"):
        index(data, root=tmp_path, splits=["vall"])


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        augseq.ManifestError, match=r"must be an annotation file, but is a folder\.$"
    ):
        index(tmp_path)


def test_paths_of_windows_and_numbers_in_quotes_are_read(tmp_path: Path) -> None:
    images = index(write_dataset(tmp_path))
    yaml = 'train: images\\train\nval: images\\val\nnames: {"0": car, "1": cow}\n'
    again = index(write_dataset(tmp_path, yaml))
    assert again.table.equals(images.table)
    assert again.box_class_names == images.box_class_names
    (tmp_path / "train.txt").write_text("images\\train\\a.png\n")
    listed = index(write_dataset(tmp_path, "train: train.txt\nnames: [car, cow]\n"))
    assert [record.path for record in listed] == ["images/train/a.png"]


def test_an_empty_flip_idx_means_that_it_is_not_known(tmp_path: Path) -> None:
    labels = dict.fromkeys(LABELS, "0 0.5 0.5 0.5 0.5 0.5 0.5 2 0.6 0.5 1\n")
    yaml = f"{YAML}kpt_shape: [2, 3]\nflip_idx: []\n"
    images = index(write_dataset(tmp_path, yaml, labels))
    batches = augseq.ImageSequence(images, image_size=(8, 8), targets=augseq.KeyPoints())
    assert batches[0][1].shape[-2:] == (2, 3)
    assert "flip_idx" not in images.dataset_info


def test_a_test_split_without_files_is_skipped_unless_it_is_asked_for(tmp_path: Path) -> None:
    data = write_dataset(tmp_path, YAML.replace("test:", "test: images/test"))
    with pytest.warns(augseq.AugseqWarning, match=r"Skipped: 'test'.*images/test.*not exist"):
        images = index(data)
    assert set(images.column("split")) == {"train", "val"}
    with pytest.raises(augseq.MissingFileError, match=r"'images/test', which does not exist"):
        index(data, splits=["test"])
