"""Classes from patterns, functions and split folders."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import augseq
from augseq.manifest.classes import sorted_names
from tests.folders import MakeFolder

ONE_CLASS_OR_NONE = pytest.mark.filterwarnings("ignore::augseq.AugseqWarning")


def index(folder: Path, **options: Any) -> augseq.Manifest:
    return augseq.index_folder(folder, progress=False, **options)


def labels(manifest: augseq.Manifest) -> dict[str, str]:
    """The class name of each path."""
    return {record.path: manifest.class_names[record.target or 0] for record in manifest}


def test_a_pattern_finds_the_class_anywhere_in_the_path(make_folder: MakeFolder) -> None:
    folder = make_folder("2019/cat_1.jpg", "2020/may/dog_7.jpg", "dog_8.jpg")
    expected = {"2019/cat_1.jpg": "cat", "2020/may/dog_7.jpg": "dog", "dog_8.jpg": "dog"}
    assert labels(index(folder, labels=re.compile(r"([a-z]+)_\d"))) == expected
    named = re.compile(r"(?P<number>)(?P<label>[a-z]+)_(\d)")
    assert labels(index(folder, labels=named)) == expected


def test_a_function_of_the_path_returns_the_class(make_folder: MakeFolder) -> None:
    folder = make_folder("a/Cat.jpg", "b/dog.jpg")
    manifest = index(folder, labels=lambda path: path.split("/")[-1][:3].lower())
    assert labels(manifest) == {"a/Cat.jpg": "cat", "b/dog.jpg": "dog"}


def test_images_without_a_class_are_named(make_folder: MakeFolder) -> None:
    folder = make_folder("cat_1.jpg", *(f"stray{k}.jpg" for k in range(5)))
    with pytest.raises(
        augseq.errors.LabelError,
        match=r"none for 5 of 6: 'stray0.jpg', 'stray1.jpg', .* and 2 more",
    ):
        index(folder, labels=re.compile(r"(\w+)_\d"))
    with pytest.raises(
        augseq.errors.LabelError, match=r"`labels` returns none for 1 of 6: 'cat_1.jpg'"
    ):
        index(folder, labels=lambda path: "" if "cat" in path else "stray")
    with pytest.raises(augseq.errors.LabelError, match=r"`labels` returns none for 5 of 6"):
        index(folder, labels={"cat_1.jpg": "cat"}.get)


@pytest.mark.parametrize("pattern", [r"\w+_\d", r"(\w+)_(\d)", rb"(\w+)_\d"])
def test_a_pattern_must_say_which_group_is_the_class(make_folder: MakeFolder, pattern: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="one group, or one named `label`"):
        index(make_folder("cat_1.jpg"), labels=re.compile(pattern))


def test_a_function_must_return_text(make_folder: MakeFolder) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError,
        match=r"name of a class, in valid UTF-8. Received: 9 for 'cat_1.jpg'",
    ):
        index(make_folder("cat_1.jpg"), labels=len)


def test_an_error_in_a_function_names_the_path(make_folder: MakeFolder) -> None:
    with pytest.raises(IndexError) as caught:
        index(make_folder("cat_1.jpg"), labels=lambda path: path.split("-")[1])
    assert caught.value.__notes__ == ["`labels` was called with the path 'cat_1.jpg'."]


def test_invalid_labels_are_refused_with_the_allowed_values(make_folder: MakeFolder) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"re\.compile.*Received: labels='\(\.\)_'"
    ):
        index(make_folder("a_1.jpg"), labels="(.)_")


def test_a_class_found_by_a_pattern_must_be_in_class_names(
    make_folder: MakeFolder,
) -> None:
    folder, pattern = make_folder("cat_1.jpg", "dog_1.jpg"), re.compile("([a-z]+)")
    manifest = index(folder, labels=pattern, class_names=["dog", "cat"])
    assert [record.target for record in manifest] == [1, 0]
    with pytest.raises(
        augseq.errors.LabelError, match=r"Add 'dog' to index images such as 'dog_1.jpg'"
    ):
        index(folder, labels=pattern, class_names=["cat", "yak"])


def test_whole_numbers_are_sorted_by_value_and_other_names_by_code_point() -> None:
    assert sorted_names(["10", "9", "0", "-2"]) == ["-2", "0", "9", "10"]
    for names in (["10", "9", "x"], ["10", "09"], ["10", "1e1"], ["1", "-0"], ["3", "²"]):
        assert sorted_names(names) == sorted(names)


@ONE_CLASS_OR_NONE
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["10", "9", "2"], ["2", "9", "10"]),
        (["0", "1", "10", "11", "2"], ["0", "1", "2", "10", "11"]),
        (["01", "2", "10"], ["01", "2", "10"]),
        (["007", "07", "7", "8"], ["007", "07", "7", "8"]),
        (["1999", "2024", "300"], ["300", "1999", "2024"]),
        (["-1", "-10", "3"], ["-10", "-1", "3"]),
        (["9" * 30, "10"], ["10", "9" * 30]),
        (["10", "9", "x"], ["10", "9", "x"]),
        (["10", "9", "9.5"], ["10", "9", "9.5"]),
        (["10", "9", "+8"], ["+8", "10", "9"]),
        (["10", "9", "1 0"], ["1 0", "10", "9"]),
        (["10", "9", "\u0663"], ["10", "9", "\u0663"]),
        (["n10", "n9"], ["n10", "n9"]),
        (["B", "a", "C"], ["B", "C", "a"]),
    ],
)
def test_every_way_to_index_sorts_classes_the_same_way(
    make_folder: MakeFolder, names: list[str], expected: list[str]
) -> None:
    folder = make_folder(*(f"{name}/1.jpg" for name in names), *(f"val/{n}/1.jpg" for n in names))
    in_splits = index(folder, splits=["val"])
    assert in_splits.class_names == tuple(expected)
    for name in names:
        (folder / "val" / name / "1.jpg").unlink()
        (folder / "val" / name).rmdir()
    (folder / "val").rmdir()
    table = pa.table({"path": [f"{name}/1.jpg" for name in names], "label": names})
    manifests = [
        index(folder),
        index(folder, labels=re.compile("^([^/]+)/")),
        index(folder, labels=lambda path: path.split("/")[0]),
        augseq.index_table(table, root=folder),
    ]
    assert [manifest.class_names for manifest in manifests] == [tuple(expected)] * 4
    for manifest in manifests:
        assert all(path.startswith(f"{name}/") for path, name in labels(manifest).items())
    assert augseq.concat_manifests([in_splits, index(folder)]).class_names == tuple(expected)


def test_classes_of_an_earlier_manifest_keep_their_labels(make_folder: MakeFolder) -> None:
    folder = make_folder("10/1.jpg", "2/1.jpg")
    old = augseq.Manifest(
        root=str(folder),
        class_names=("10", "2"),
        table=pa.table({"index": [0, 1], "path": ["10/1.jpg", "2/1.jpg"], "target": [0, 1]}),
    )
    (folder / "1").mkdir()
    (folder / "1" / "1.jpg").touch()
    assert index(folder, update=old).class_names == ("10", "2", "1")


def test_splits_become_one_manifest_with_a_column(make_folder: MakeFolder) -> None:
    folder = make_folder(
        "train/cat/1.jpg", "train/dog/x/2.jpg", "train/cat/3.jpg", "val/dog/1.jpg",
        "val/cat/9.jpg", "other/yak/1.jpg", "loose.jpg",
    )  # fmt: skip
    manifest = index(folder, splits=["val", "train"])
    assert manifest.root == str(folder)
    assert manifest.class_names == ("cat", "dog")
    assert [(r.index, r.path, r.target) for r in manifest] == [
        (0, "train/cat/1.jpg", 0),
        (1, "train/cat/3.jpg", 0),
        (2, "train/dog/x/2.jpg", 1),
        (3, "val/cat/9.jpg", 0),
        (4, "val/dog/1.jpg", 1),
    ]
    assert manifest.column("split").tolist() == ["train"] * 3 + ["val"] * 2


@ONE_CLASS_OR_NONE
def test_splits_work_with_patterns_and_without_labels(make_folder: MakeFolder) -> None:
    folder = make_folder("a/cat_1.jpg", "b/dog_1.jpg", "b/deep/cat_1.jpg", "c/cat_1.jpg")
    by_name = index(folder, splits=["a", "b"], labels=re.compile(r"([a-z]+)_"))
    assert labels(by_name) == {
        "a/cat_1.jpg": "cat",
        "b/dog_1.jpg": "dog",
        "b/deep/cat_1.jpg": "cat",
    }
    flat = index(folder, splits=["b"], labels=None)
    assert [record.path for record in flat] == ["b/deep/cat_1.jpg", "b/dog_1.jpg"]
    assert flat.column("split").tolist() == ["b", "b"]


def test_a_class_that_one_split_lacks_is_reported(make_folder: MakeFolder) -> None:
    folder = make_folder("train/cat/1.jpg", "train/dog/1.jpg", "val/Dog/1.jpg", "val/cat/1.jpg")
    with pytest.warns(augseq.AugseqWarning) as caught:
        manifest = index(folder, splits=["train", "val"])
    assert manifest.class_names == ("Dog", "cat", "dog")
    assert [str(warning.message) for warning in caught] == [
        "The split 'train' has no images of classes in other splits: 'Dog'",
        "The split 'val' has no images of classes in other splits: 'dog'",
    ]


def test_images_directly_in_a_split_are_skipped_and_reported(make_folder: MakeFolder) -> None:
    folder = make_folder("a/cat/1.jpg", "a/dog/1.jpg", "a/loose.jpg")
    with pytest.warns(augseq.AugseqWarning, match="1 images directly in .* have no class"):
        manifest = index(folder, splits=["a"])
    assert [record.path for record in manifest] == ["a/cat/1.jpg", "a/dog/1.jpg"]


def test_a_missing_split_is_named_with_the_existing_ones(make_folder: MakeFolder) -> None:
    folder = make_folder("train/cat/1.jpg", "validation/cat/1.jpg", "val.txt")
    with pytest.raises(
        augseq.errors.MissingFileError, match=r"no folder 'val' .* 'train', 'validation'$"
    ):
        index(folder, splits=["train", "val"])


@pytest.mark.parametrize("splits", ["train", [], ["a", "a"], [""], [".."], ["a/b"]])
def test_splits_must_be_names_of_sub_folders(make_folder: MakeFolder, splits: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="split"):
        index(make_folder("a/b/1.jpg"), splits=splits)
