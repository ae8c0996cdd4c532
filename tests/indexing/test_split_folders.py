"""Split folders are not classes, but a class named "train" is one."""

import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

import augseq
from tests.folders import MakeFolder


def index(folder: Path | str, **options: Any) -> tuple[augseq.Manifest, list[str]]:
    """Return the manifest and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        manifest = augseq.index_folder(folder, progress=False, **options)
    return manifest, [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("paths", "splits"),
    [
        ("train/cat/1 train/dog/1 valid/cat/1 valid/dog/1 test/cat/1", "train valid test"),
        ("Train/cat/1 Train/dog/1 Test/cat/1 Test/dog/1", "Train Test"),
        ("TRAINING/a/1 TRAINING/b/1 VALIDATION/a/1", "TRAINING VALIDATION"),
        ("training/1/1 dev/1/1 testing/1/1", "training dev testing"),
        ("training_set/cats/1 training_set/dogs/1 test_set/cats/1", "training_set test_set"),
        ("seg_train/sea/1 seg_train/ice/1 seg_test/sea/1 seg_pred/7", "seg_train seg_test"),
        ("train2017/a/1 train2017/b/1 val2017/a/1", "train2017 val2017"),
        ("TrainImages/a/1 TestImages/a/1", "TrainImages TestImages"),
        ("trainset/a/1 trainset/b/1 valset/b/1", "trainset valset"),
        ("01_train/a/x/1 02_val/a/1 03_test/b/1", "01_train 02_val 03_test"),
        ("train/a/1 train/b/1 test/1 test/2", "train test"),
        ("training/a/1 validation/a/1 evaluation/a/1", "training validation evaluation"),
        ("train/1 train/2 val/3", "train val"),
        ("train_set/train_set/a/1 test_set/test_set/a/1 predict/predict/7", "train_set test_set"),
        ("validation/a/1 test/a/1", "validation test"),
        ("train/images/1 valid/images/1", "train valid"),
        ("train/a/1 val/a/1 samples/7 loose", "train val"),
    ],
)
def test_splits_are_an_error_that_suggests_the_option(
    make_folder: MakeFolder, paths: str, splits: str
) -> None:
    folder = make_folder(*(f"{path}.jpg" for path in paths.split()))
    with pytest.raises(augseq.errors.LabelError) as caught:
        index(folder)
    message, names = str(caught.value), splits.split()
    assert "look like splits" in message
    assert f"splits={names}" in message
    assert f"--splits {','.join(names)} " in message.replace(")", " ").replace(";", " ")
    manifest, _ = index(folder, splits=names, labels=None)
    assert set(manifest.column("split")) == set(names)
    # They are classes if the caller names them.
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert index(folder, class_names=classes)[0].class_names == tuple(classes)


@pytest.mark.parametrize(
    "folders",
    [
        ["train", "plane", "car"],
        ["train/steam", "train/diesel", "plane/steam", "car/diesel"],
        ["test", "control"],
        ["valid", "invalid"],
        ["train_station", "test_tube", "beach"],
        ["train_station/a", "test_tube/a"],
        ["trains", "tests"],
        ["training shoes", "trainers", "sandals"],
        ["bullet train/a", "steam train/a"],
        ["dev", "prod"],
        ["contest", "retrain"],
        ["valley", "devil", "trainee", "testament"],
        ["entrenamiento", "teste"],
        ["cat/train", "cat/test", "dog/train", "dog/test"],
    ],
)
def test_classes_with_split_words_in_their_names_are_classes(
    make_folder: MakeFolder, folders: list[str]
) -> None:
    manifest, warned = index(make_folder(*(f"{folder}/1.jpg" for folder in folders)))
    assert set(manifest.class_names) == {folder.split("/")[0] for folder in folders}
    assert len(manifest) == len(folders)
    assert warned == []


def test_a_likely_split_next_to_other_classes_is_a_warning(make_folder: MakeFolder) -> None:
    folder = make_folder("train/a/1.jpg", "test/a/1.jpg", "extra/a/1.jpg", "extra/b/1.jpg")
    manifest, warned = index(folder)
    assert manifest.class_names == ("extra", "test", "train")
    assert len(warned) == 1
    assert "splits=['train', 'test']" in warned[0]


@pytest.mark.parametrize("above", ["images", "data/images", "photos"])
def test_splits_deeper_in_the_tree_are_found(make_folder: MakeFolder, above: str) -> None:
    folder = make_folder(f"{above}/train/cat/1.jpg", f"{above}/train/dog/1.jpg",
                         f"{above}/val/cat/1.jpg", "labels/")  # fmt: skip
    with pytest.raises(augseq.errors.LabelError, match="splits") as caught:
        index(folder)
    place = folder / above
    assert f"index {str(place)!r} with splits=['train', 'val']" in str(caught.value)
    assert index(place, splits=["train", "val"])[0].class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("in_train", "in_test"),
    [("images", "images"), ("Images", "Images"), ("data", "data"), ("train", "test"),
     ("train_images", "test_images"), ("images", "Photos")],
)  # fmt: skip
def test_classes_below_a_folder_of_each_split_get_a_pattern(
    make_folder: MakeFolder, in_train: str, in_test: str
) -> None:
    folder = make_folder(f"train/{in_train}/cat/1.jpg", f"train/{in_train}/dog/1.jpg",
                         f"test/{in_test}/cat/1.jpg", "train/labels/1.txt")  # fmt: skip
    with pytest.raises(augseq.errors.LabelError, match="splits") as caught:
        index(folder)
    found = re.search(r'splits=(\[.*?\]).* labels=re\.compile\(r"(.*?)"\)', str(caught.value))
    assert found is not None
    manifest, _ = index(folder, splits=["train", "test"], labels=re.compile(found[2]))
    assert manifest.class_counts() == {"cat": 2, "dog": 1}


def test_given_splits_warn_if_the_classes_are_deeper(make_folder: MakeFolder) -> None:
    folder = make_folder("a/images/cat/1.jpg", "a/images/dog/1.jpg", "b/images/cat/1.jpg")
    _, warned = index(folder, splits=["a", "b"])
    found = re.search(r'labels=re\.compile\(r"(.*?)"\)', warned[0])
    assert found is not None
    manifest, _ = index(folder, splits=["a", "b"], labels=re.compile(found[1]))
    assert manifest.class_counts() == {"cat": 2, "dog": 1}


@pytest.mark.parametrize("above", ["photos", "a/b", "flowers/flowers", "train", "data set"])
def test_a_folder_around_all_classes_is_named(make_folder: MakeFolder, above: str) -> None:
    folder = make_folder(f"{above}/cat/1.jpg", f"{above}/dog/x/1.jpg", "empty/", "loose.jpg")
    manifest, warned = index(folder)
    assert len(manifest) == 2
    hint = f"If its sub-folders 'cat', 'dog' are the classes, index {str(folder / above)!r}"
    assert [hint in message for message in warned].count(True) == 1
    assert index(folder / above)[0].class_names == ("cat", "dog")


def test_explicit_labels_disable_the_guess(make_folder: MakeFolder) -> None:
    folder = make_folder("train/cat/1.jpg", "train/dog/1.jpg", "val/cat/1.jpg", "val/dog/2.jpg")
    ways: list[dict[str, Any]] = [
        {"labels": None},
        {"labels": re.compile("([^/]+)/[^/]+$")},
        {"labels": lambda path: path.split("/")[0]},
        {"class_names": ["train", "val"]},
        {"splits": ["train", "val"]},
    ]
    for options in ways:
        manifest, warned = index(folder, **options)
        assert (len(manifest), warned) == (4, [])
    earlier, _ = index(folder, class_names=["train", "val"])
    assert index(folder, update=earlier)[0].class_names == ("train", "val")


SYSTEM = ["__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "$Recycle.Bin", "__macosx",
          "System Volume Information", "lost+found", "@Recycle", "@__thumb", "~snapshot",
          "__pycache__"]  # fmt: skip


@pytest.mark.parametrize("name", SYSTEM)
def test_system_folders_are_skipped_at_any_depth_with_a_warning(
    make_folder: MakeFolder, name: str
) -> None:
    folder = make_folder("cat/1.jpg", "dog/1.jpg", f"{name}/cat/2.jpg", f"cat/{name}/3.jpg",
                         f"cat/{name}/{name}/4.jpg")  # fmt: skip
    manifest, warned = index(folder)
    assert [record.path for record in manifest] == ["cat/1.jpg", "dog/1.jpg"]
    assert manifest.class_names == ("cat", "dog")
    assert len(warned) == 1
    assert f"2 x {name!r}" in warned[0]


def test_system_folders_in_an_archive_are_skipped_with_a_warning(make_folder: MakeFolder) -> None:
    folder = make_folder("cat/1.jpg", "dog/1.jpg", "__MACOSX/cat/._1.jpg", "__MACOSX/cat/2.jpg")
    archive = shutil.make_archive(str(folder.parent / "all"), "zip", folder)
    manifest, warned = index(f"zip://::{archive}")
    assert manifest.class_names == ("cat", "dog")
    assert "1 x '__MACOSX'" in warned[0]


def test_many_classes_next_to_splits_are_not_all_listed(make_folder: MakeFolder) -> None:
    folder = make_folder("train/1.jpg", "test/1.jpg", *(f"class {n}/1.jpg" for n in range(40)))
    manifest, warned = index(folder)
    assert len(manifest.class_names) == 42
    assert "list all of them in `class_names`" in warned[0]
    assert len(warned[0]) < 600


@pytest.mark.parametrize("packed", ["zip", "tar", "gztar"])
@pytest.mark.parametrize("start", ["", "more"])
def test_the_address_suggested_for_a_folder_in_an_archive_works(
    make_folder: MakeFolder, tmp_path: Path, packed: str, start: str
) -> None:
    paths = [f"{start}/photos/{name}/1.jpg".lstrip("/") for name in ("cat", "dog")]
    path = shutil.make_archive(str(tmp_path / "a"), packed, make_folder(*paths))
    address = f"{'zip' if packed == 'zip' else 'tar'}://{start}::{path}"
    manifest, warned = index(address)
    assert manifest.class_names == ("photos",)
    advised = re.search("index '(.+)' instead", warned[0])[1]  # type: ignore[index]
    assert index(advised)[0].class_names == ("cat", "dog")


def test_the_address_suggested_for_splits_in_an_archive_works(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(*(f"set/{p}/{c}/1.jpg" for p in ("train", "val") for c in ("cat", "dog")))
    path = shutil.make_archive(str(tmp_path / "a"), "zip", folder)
    with pytest.raises(
        augseq.errors.LabelError, match=r"index 'zip://set::.*' with splits="
    ) as caught:
        index(f"zip://::{path}")
    advised = re.search("index '(.+?)' with", str(caught.value))[1]  # type: ignore[index]
    manifest, _ = index(advised, splits=["train", "val"])
    assert manifest.class_counts() == {"cat": 2, "dog": 2}
