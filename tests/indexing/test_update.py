"""Update a manifest: every record keeps its index, label and columns."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import augseq
from augseq.indexing.update import describe_update
from tests.folders import MakeFolder, fill
from tests.pixels.conftest import encoded, photo

pytestmark = pytest.mark.filterwarnings("ignore:.*:augseq.AugseqWarning")


def index(folder: Path, **options: object) -> augseq.Manifest:
    return augseq.index_folder(folder, progress=False, **options)  # type: ignore[arg-type]


def served(manifest: augseq.Manifest) -> dict[str, int]:
    """The index of each path, in the order of the records."""
    return {record.path: record.index for record in manifest}


def excluded(manifest: augseq.Manifest) -> dict[str, int]:
    rows = manifest.excluded.to_pylist()
    assert all(row["reason"] == "not found when the folder was indexed again" for row in rows)
    return {row["path"]: row["index"] for row in rows}


def test_without_changes_the_manifest_is_the_same(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "b/1.jpg", "b/2.jpg")
    earlier = index(folder)
    assert index(folder, update=earlier) == earlier


def test_new_files_come_last_with_unused_indices(make_folder: MakeFolder) -> None:
    folder = make_folder("a/3.jpg", "b/3.jpg")
    earlier = index(folder)
    fill(folder, "b/1.jpg", "a/1.jpg")
    once = index(folder, update=earlier)
    assert list(served(once).items()) == [
        ("a/3.jpg", 0), ("b/3.jpg", 1), ("a/1.jpg", 2), ("b/1.jpg", 3)
    ]  # fmt: skip
    (folder / "b/1.jpg").unlink()
    fill(folder, "a/0.jpg")
    twice = index(folder, update=index(folder, update=once))
    assert served(twice) == {"a/3.jpg": 0, "b/3.jpg": 1, "a/1.jpg": 2, "a/0.jpg": 4}
    assert excluded(twice) == {"b/1.jpg": 3}


def test_a_file_that_comes_back_regains_its_index_and_position(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "a/2.jpg", "b/1.jpg")
    earlier = index(folder)
    (folder / "a/1.jpg").unlink()
    without = index(folder, update=earlier)
    assert served(without) == {"a/2.jpg": 1, "b/1.jpg": 2}
    assert excluded(without) == {"a/1.jpg": 0}
    fill(folder, "a/1.jpg")
    assert index(folder, update=without) == earlier


def test_counts_of_missing_files_are_reported(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "a/2.jpg", "b/1.jpg")
    earlier = index(folder)
    (folder / "a/1.jpg").unlink()
    with pytest.warns(augseq.AugseqWarning, match="1 of the images indexed before"):
        index(folder, update=earlier)


def test_a_new_class_is_appended(make_folder: MakeFolder) -> None:
    folder = make_folder("b/1.jpg", "d/1.jpg")
    earlier = index(folder)
    fill(folder, "a/1.jpg", "c/1.jpg", "d/2.jpg")
    later = index(folder, update=earlier)
    assert later.class_names == ("b", "d", "a", "c")
    assert [(record.path, record.target) for record in later] == [
        ("b/1.jpg", 0), ("d/1.jpg", 1), ("a/1.jpg", 2), ("c/1.jpg", 3), ("d/2.jpg", 1)
    ]  # fmt: skip


def test_labels_are_kept_when_a_class_folder_is_gone(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "b/1.jpg", "c/1.jpg")
    earlier = index(folder)
    shutil.rmtree(folder / "a")
    later = index(folder, update=earlier)
    assert later.class_names == ("a", "b", "c")
    assert [(record.path, record.target) for record in later] == [("b/1.jpg", 1), ("c/1.jpg", 2)]


def test_class_names_that_would_change_labels_are_refused(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "b/1.jpg")
    earlier = index(folder)
    assert index(folder, update=earlier, class_names=["a", "b"]) == earlier
    with pytest.raises(augseq.errors.ArgumentError, match="labels never change"):
        index(folder, update=earlier, class_names=["b", "a"])


def test_user_columns_are_kept_and_null_for_new_files(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "b/1.jpg")
    earlier = index(folder).with_column("camera", ["x", "y"])
    fill(folder, "a/0.jpg")
    later = index(folder, update=earlier)
    assert list(later.column("camera")) == ["x", "y", None]


def test_new_files_in_splits_get_their_split(make_folder: MakeFolder) -> None:
    folder = make_folder("train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/b/1.jpg")
    earlier = index(folder, splits=["train", "val"])
    fill(folder, "train/b/0.jpg", "val/c/0.jpg")
    later = index(folder, splits=["train", "val"], update=earlier)
    assert later.class_names == ("a", "b", "c")
    assert [(r.index, r.target) for r in later][4:] == [(4, 1), (5, 2)]
    assert list(later.column("split"))[4:] == ["train", "val"]


def test_records_excluded_by_the_user_stay_excluded(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "b/1.jpg")
    plain = index(folder)
    reasons = plain.table.slice(0, 1).append_column("reason", [["blurred"]])
    earlier = augseq.Manifest(
        root=plain.root,
        class_names=plain.class_names,
        table=plain.table.slice(1),
        excluded=reasons,
    )
    assert index(folder, update=earlier) == earlier


def test_a_folder_that_was_moved_keeps_all_indices(make_folder: MakeFolder, tmp_path: Path) -> None:
    earlier = index(make_folder("a/1.jpg", "b/1.jpg"))
    moved = fill(tmp_path / "moved", "a/0.jpg", "a/1.jpg", "b/1.jpg")
    later = index(moved, update=earlier)
    assert later.root == str(moved)
    assert served(later) == {"a/1.jpg": 0, "b/1.jpg": 1, "a/0.jpg": 2}


def test_a_manifest_of_another_folder_is_refused(make_folder: MakeFolder, tmp_path: Path) -> None:
    earlier = index(make_folder("a/1.jpg", "b/1.jpg"))
    other = fill(tmp_path / "other", "a/7.jpg", "b/7.jpg")
    with pytest.raises(augseq.errors.ArgumentError, match="must be a manifest of this folder"):
        index(other, update=earlier)


def test_an_earlier_manifest_with_other_labels_is_refused(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "b/1.jpg")
    with pytest.raises(augseq.errors.ArgumentError, match="`labels` must be the same"):
        index(folder, update=index(folder, labels=None))
    with pytest.raises(augseq.errors.ArgumentError, match="must be a Manifest"):
        index(folder, update="m.parquet")


@pytest.mark.parametrize(
    ("before", "now", "way_out"),
    [
        (["train", "val"], None, "--splits train,val"),
        (["train", "val"], ["train"], r"before: \['train', 'val'\]"),
        (None, ["train", "val"], "no --splits"),
    ],
)
def test_an_earlier_manifest_with_other_splits_is_refused(
    make_folder: MakeFolder, before: Any, now: Any, way_out: str
) -> None:
    folder = make_folder("train/a/1.jpg", "val/a/1.jpg", "val/b/1.jpg")
    # Named as classes without splits, since folders with these names are refused otherwise.
    earlier = index(folder, splits=before, class_names=None if before else ["train", "val"])
    with pytest.raises(augseq.errors.ArgumentError, match=way_out):
        index(folder, splits=now, update=earlier)


def test_a_split_can_be_added_and_a_user_column_is_not_a_split(make_folder: MakeFolder) -> None:
    folder = make_folder("train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg")
    earlier = index(folder, splits=["train"])
    later = index(folder, splits=["train", "val"], update=earlier)
    assert list(later.column("split")) == ["train", "train", "val"]
    shutil.rmtree(folder / "val" / "a")
    assert index(folder, splits=["train", "val"], update=later)[:] == earlier
    own = index(folder / "train").with_column("split", ["x", "y"])
    assert index(folder / "train", update=own) == own


def test_known_records_are_unchanged_if_a_new_path_sorts_first(tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / "images" / f"{number + 1}.png"
        path.parent.mkdir(exist_ok=True)
        photo(30 + number, 30).save(path)
    earlier = index(tmp_path / "images", labels=None)
    photo(9, 9).save(tmp_path / "images" / "0.png")
    later = index(tmp_path / "images", labels=None, update=earlier)
    assert [later.record_of(number) for number in range(4)] == list(earlier)
    assert later.record_of(4).path == "0.png"


# Which files are read


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Six images in two classes."""
    for number in range(6):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(photo(20 + number, 30)))
    return tmp_path / "images"


def test_only_new_and_changed_files_are_read(images: Path) -> None:
    earlier = index(images, probe=True)
    changed, touched = images / "a/2.png", images / "b/3.png"
    changed.write_bytes(encoded(photo(50, 60)))
    os.utime(touched, ns=(0, 0))
    (images / "a/6.png").write_bytes(encoded(photo(26, 30)))
    (images / "b/1.png").unlink()
    for name in ("a/0.png", "a/4.png", "b/5.png"):
        # Unusable, but only reading the file shows it.
        status = os.stat(images / name)
        (images / name).write_bytes(b"x" * status.st_size)
        os.utime(images / name, ns=(0, status.st_mtime_ns))
    later = index(images, update=earlier)
    assert [(record.index, record.probe.height) for record in later if record.probe] == [
        (0, 20), (1, 50), (2, 24), (4, 23), (5, 25), (6, 26)
    ]  # fmt: skip
    assert later.record_of(4).probe.modified_ns == 0  # type: ignore[union-attr]
    assert describe_update(earlier, later) == "1 new, 1 gone or excluded, 1 changed, 4 unchanged"


def test_a_file_that_became_unusable_keeps_its_index_until_repaired(images: Path) -> None:
    earlier = index(images, probe=True)
    path = images / "a/0.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(augseq.errors.DecodeError, match=r"'a/0.png' \(index 0\)"):
        index(images, update=earlier)
    without = index(images, update=earlier, unreadable="exclude")
    assert list(served(without).values()) == [1, 2, 3, 4, 5]
    assert describe_update(earlier, without) == "1 gone or excluded, 5 unchanged"
    # It was excluded once, so it is no longer an error.
    assert index(images, update=without) == without
    path.write_bytes(whole)
    repaired = index(images, update=without)
    assert served(repaired) == served(earlier)
    assert repaired.excluded.num_rows == 0
    assert describe_update(without, repaired) == "1 back, 5 unchanged"


def test_files_probed_for_the_first_time_count_as_unchanged(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        photo(8, 8).save(folder / name)
    plain = index(folder)
    probed = index(folder, update=plain, probe=True)
    assert describe_update(plain, probed) == "3 unchanged"
    assert describe_update(probed, plain) == "3 unchanged"
    photo(9, 9).save(folder / "a/2.png")
    assert describe_update(probed, index(folder, update=probed)) == "1 changed, 2 unchanged"


def test_a_manifest_with_masks_is_updated_with_the_folder_of_its_images(
    make_folder: MakeFolder,
) -> None:
    folder = make_folder("images/val/b/1.jpg", "images/train/a/1.jpg", "masks/val/b/1.png")
    fill(folder, "masks/train/a/1.png")
    options = {"splits": ["train", "val"], "progress": False}
    before = augseq.index_folder(folder / "images", **options)
    before = before.with_column("mask", pattern="../masks/{folder}/{stem}.png")
    fill(folder, "images/train/a/0.jpg")
    after = augseq.index_folder(folder / "images", update=before, **options)
    assert (after.root, after.images_folder) == (before.root, "images")
    assert [(r.index, r.path, r.columns["mask"]) for r in after] == [
        (0, "images/train/a/1.jpg", "masks/train/a/1.png"),
        (1, "images/val/b/1.jpg", "masks/val/b/1.png"),
        (2, "images/train/a/0.jpg", None),
    ]
    assert after.column("split").tolist() == ["train", "val", "train"]
    assert after.path_columns == ("mask",)
