"""Select classes of a folder: the others are excluded, with a warning."""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import augseq
from tests.folders import MakeFolder

FILES = ("cat/1.jpg", "cat/a/2.jpg", "dog/1.jpg", "unsorted/1.jpg", "unsorted/2.jpg", "yak/1.jpg")
WAYS: dict[str, dict[str, Any]] = {
    "folders": {},
    "pattern": {"labels": re.compile("^([^/]+)/")},
    "function": {"labels": lambda path: path.split("/")[0]},
}


def index(folder: Path, **options: Any) -> tuple[augseq.Manifest, list[str]]:
    """Return the manifest and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        manifest = augseq.index_folder(folder, progress=False, **options)
    return manifest, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("wanted", "paths", "message"),
    [
        (["cat", "dog"], FILES[:3], "2 classes are .* 3 images .*: 'unsorted' (2), 'yak' (1)"),
        (["dog", "cat"], FILES[:3], "2 classes are .* 3 images .*: 'unsorted' (2), 'yak' (1)"),
        (["yak", "dog", "cat"], (*FILES[:3], FILES[5]), "1 class is .* 2 images .*'unsorted' (2)"),
        (["unsorted", "cat"], (*FILES[:2], *FILES[3:5]), "2 classes are .*'dog' (1), 'yak' (1)"),
    ],
)
def test_images_of_other_classes_are_excluded_and_reported(
    make_folder: MakeFolder, way: str, wanted: list[str], paths: tuple[str, ...], message: str
) -> None:
    manifest, warned = index(make_folder(*FILES), class_names=wanted, **WAYS[way])
    assert manifest.class_names == tuple(wanted)
    assert [record.path for record in manifest] == list(paths)
    assert [record.index for record in manifest] == list(range(len(paths)))
    assert all(wanted[r.target or 0] == r.path.split("/")[0] for r in manifest)
    pattern = message.replace("(", r"\(").replace(")", r"\)")
    assert len(warned) == 1
    assert re.fullmatch(f"{pattern.split(' .*')[0]} not in `class_names`, so .*", warned[0])
    assert re.search(pattern, warned[0])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("cta", "cat"), ("Dog", "dog"), ("dogs", "dog"), ("yack", "yak"), ("unsort", "unsorted")],
)
def test_a_misspelt_class_is_an_error_that_suggests_similar_names(
    make_folder: MakeFolder, way: str, wrong: str, meant: str
) -> None:
    others = [name for name in ("cat", "dog", "yak", "unsorted") if name != meant]
    with pytest.raises(
        augseq.errors.LabelError, match=f"class '{wrong}' .*mean '{meant}'"
    ) as caught:
        index(make_folder(*FILES), class_names=[wrong, *others], **WAYS[way])
    assert f"'{meant}/" in str(caught.value)


def test_an_image_outside_class_folders_does_not_count_as_excluded(make_folder: MakeFolder) -> None:
    _, warned = index(make_folder(*FILES, "loose.jpg"), class_names=["cat", "dog"])
    assert len(warned) == 2
    assert warned[0].startswith("2 classes are not in `class_names`, so 3 images")
    assert warned[1].startswith("1 images directly in")


def test_classes_are_selected_in_all_splits(make_folder: MakeFolder) -> None:
    folder = make_folder("a/cat/1.jpg", "a/dog/1.jpg", "b/cat/1.jpg", "b/dog/1.jpg", "b/yak/1.jpg")
    manifest, warned = index(folder, splits=["a", "b"], class_names=["dog", "cat"])
    assert [record.target for record in manifest] == [1, 0, 1, 0]
    assert manifest.column("split").tolist() == ["a", "a", "b", "b"]
    assert len(warned) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_selection_without_images_is_an_error(make_folder: MakeFolder, way: str) -> None:
    folder = make_folder("cat/", "dog/1.jpg")
    with pytest.raises(augseq.errors.LabelError, match="cat"):
        index(folder, class_names=["cat"], **WAYS[way])


def test_a_selected_class_can_be_an_empty_folder(make_folder: MakeFolder) -> None:
    manifest, warned = index(make_folder(*FILES, "bee/"), class_names=["bee", "cat"])
    assert manifest.class_counts() == {"bee": 0, "cat": 2}
    assert any("no images: 'bee'" in message for message in warned)


def test_a_selection_is_kept_when_a_folder_is_indexed_again(make_folder: MakeFolder) -> None:
    folder = make_folder(*FILES)
    earlier, _ = index(folder, class_names=["dog", "cat"])
    (folder / "dog" / "2.jpg").touch()
    later, _ = index(folder, class_names=["dog", "cat"], update=earlier)
    assert later.class_counts() == {"dog": 2, "cat": 2}
    assert later.record_of(3).path == "dog/2.jpg"


@pytest.mark.parametrize(
    "names",
    [
        {"cat", "dog", "unsorted", "yak"},
        frozenset({"cat", "yak"}),
        (name for name in ("cat", "dog")),
        "cat",
        b"cat",
        ["cat", 2],
        range(4),
        [None, "cat"],
        ["cat", "dog", "cat"],
        7,
    ],
    ids=lambda names: type(names).__name__,
)
def test_unordered_names_are_refused_since_labels_would_differ_between_runs(
    make_folder: MakeFolder, names: Any
) -> None:
    folder = make_folder(*FILES)
    with pytest.raises(
        augseq.errors.ArgumentError, match="`class_names` must be a list of different"
    ):
        index(folder, class_names=names)


@pytest.mark.parametrize(
    "names",
    [
        ["dog", "cat"],
        ("dog", "cat"),
        {"dog": 1, "cat": 1},
        {"dog": 1, "cat": 1}.keys(),
        np.array(["dog", "cat"]),
        pd.Series(["dog", "cat"]),
    ],
    ids=lambda names: type(names).__name__,
)
def test_ordered_names_are_accepted_and_stored_as_plain_strings(
    make_folder: MakeFolder, names: Any
) -> None:
    manifest, _ = index(make_folder(*FILES), class_names=names)
    assert manifest.class_names == ("dog", "cat")
    assert {type(name) for name in manifest.class_names} == {str}
    assert manifest.select(class_names=names) == manifest


@pytest.mark.parametrize(
    ("above", "message"),
    [
        (["train", "test"], "splits=['test', 'train'] (--splits test,train)"),
        (["fold 1", "fold 2"], "splits=['fold 1', 'fold 2'] (--splits 'fold 1,fold 2')"),
        (["photos"], "index the folder that contains the classes"),
    ],
)
def test_classes_deeper_than_expected_are_found(
    make_folder: MakeFolder, above: list[str], message: str
) -> None:
    folder = make_folder(*(f"{place}/{path}" for place in above for path in FILES))
    with pytest.raises(augseq.errors.LabelError, match=re.escape(message)):
        index(folder, class_names=["cat", "dog"])
    manifest, _ = index(folder, class_names=["cat", "dog"], splits=sorted(above))
    assert len(manifest) == 3 * len(above)


def test_an_error_shows_only_the_first_of_many_classes(make_folder: MakeFolder) -> None:
    folder = make_folder(*(f"class {n}/1.jpg" for n in range(40)))
    with pytest.raises(augseq.errors.LabelError) as caught:
        index(folder, class_names=[f"class_{n}" for n in range(40)])
    assert len(str(caught.value)) < 700
