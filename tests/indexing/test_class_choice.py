"""Some classes of a folder: the others are excluded by name, and told."""

import re
import warnings
from pathlib import Path
from typing import Any

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
    """The manifest, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        manifest = augseq.index_folder(folder, progress=False, **options)
    return manifest, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("wanted", "paths", "told"),
    [
        (["cat", "dog"], FILES[:3], "2 classes are .* 3 images .*: 'unsorted' (2), 'yak' (1)"),
        (["dog", "cat"], FILES[:3], "2 classes are .* 3 images .*: 'unsorted' (2), 'yak' (1)"),
        (["yak", "dog", "cat"], (*FILES[:3], FILES[5]), "1 class is .* 2 images .*'unsorted' (2)"),
        (["unsorted", "cat"], (*FILES[:2], *FILES[3:5]), "2 classes are .*'dog' (1), 'yak' (1)"),
    ],
)
def test_images_of_other_classes_are_excluded_and_told(
    make_folder: MakeFolder, way: str, wanted: list[str], paths: tuple[str, ...], told: str
) -> None:
    manifest, warned = index(make_folder(*FILES), class_names=wanted, **WAYS[way])
    assert manifest.class_names == tuple(wanted)
    assert [record.path for record in manifest] == list(paths)
    assert [record.index for record in manifest] == list(range(len(paths)))
    assert all(wanted[r.target or 0] == r.path.split("/")[0] for r in manifest)
    pattern = told.replace("(", r"\(").replace(")", r"\)")
    assert len(warned) == 1
    assert re.fullmatch(f"{pattern.split(' .*')[0]} not among `class_names`, so .*", warned[0])
    assert re.search(pattern, warned[0])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("cta", "cat"), ("Dog", "dog"), ("dogs", "dog"), ("yack", "yak"), ("unsort", "unsorted")],
)
def test_a_misspelt_class_is_an_error_that_names_what_is_near(
    make_folder: MakeFolder, way: str, wrong: str, meant: str
) -> None:
    others = [name for name in ("cat", "dog", "yak", "unsorted") if name != meant]
    with pytest.raises(augseq.LabelError, match=f"class '{wrong}' .*mean '{meant}'") as caught:
        index(make_folder(*FILES), class_names=[wrong, *others], **WAYS[way])
    assert f"'{meant}/" in str(caught.value)


def test_a_loose_image_is_no_image_of_an_excluded_class(make_folder: MakeFolder) -> None:
    _, warned = index(make_folder(*FILES, "loose.jpg"), class_names=["cat", "dog"])
    assert len(warned) == 2
    assert warned[0].startswith("2 classes are not among `class_names`, so 3 images")
    assert warned[1].startswith("1 images directly in")


def test_classes_are_chosen_in_all_splits(make_folder: MakeFolder) -> None:
    folder = make_folder("a/cat/1.jpg", "a/dog/1.jpg", "b/cat/1.jpg", "b/dog/1.jpg", "b/yak/1.jpg")
    manifest, warned = index(folder, splits=["a", "b"], class_names=["dog", "cat"])
    assert [record.target for record in manifest] == [1, 0, 1, 0]
    assert manifest.column("split").tolist() == ["a", "a", "b", "b"]
    assert len(warned) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_choice_without_any_image_is_an_error(make_folder: MakeFolder, way: str) -> None:
    folder = make_folder("cat/", "dog/1.jpg")
    with pytest.raises(augseq.LabelError, match="cat"):
        index(folder, class_names=["cat"], **WAYS[way])


def test_a_chosen_class_may_be_an_empty_folder(make_folder: MakeFolder) -> None:
    manifest, warned = index(make_folder(*FILES, "bee/"), class_names=["bee", "cat"])
    assert manifest.class_counts() == {"bee": 0, "cat": 2}
    assert any("no image: 'bee'" in message for message in warned)


def test_a_choice_is_kept_when_a_folder_is_indexed_again(make_folder: MakeFolder) -> None:
    folder = make_folder(*FILES)
    earlier, _ = index(folder, class_names=["dog", "cat"])
    (folder / "dog" / "2.jpg").touch()
    later, _ = index(folder, class_names=["dog", "cat"], earlier=earlier)
    assert later.class_counts() == {"dog": 2, "cat": 2}
    assert later.record_of(3).path == "dog/2.jpg"
