"""Folders that do not exist: where they were expected, and similar names."""

import os
from pathlib import Path

import pytest

import augseq
from tests.folders import MakeFolder


def message_for(folder: str) -> str:
    with pytest.raises(augseq.errors.MissingFileError) as caught:
        augseq.index_folder(folder, progress=False)
    return str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("photo", "photos"),
        ("photoss", "photos"),
        ("Photos", "photos"),
        ("phtoos", "photos"),
        ("photos ", "photos"),
        ("my-images", "my_images"),
        ("my_image", "my_images"),
        ("data/trian", "train"),
        ("data/Train/cat", "train"),
        ("photos/../dat", "data"),
        ("2024-0 holiday", "2024-05 holiday"),
        ("katze", "Katzen"),
    ],
)
def test_the_parent_folder_and_similar_names_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, right: str
) -> None:
    for name in ("photos", "my_images", "data/train", "data/labels", "2024-05 holiday", "Katzen"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    place = tmp_path / ("data" if wrong.startswith("data") else "")
    message = message_for(wrong)
    assert message.startswith(f"There is no folder {wrong!r}: {str(place)!r} has no ")
    assert message.endswith(f"Did you mean {right!r}?")


def test_no_name_is_suggested_if_none_is_similar(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    missing = str(tmp_path / "photos")
    assert message_for(missing).endswith(f"{str(tmp_path)!r} has no 'photos'.")


def test_an_unexpanded_tilde_is_explained() -> None:
    assert repr(os.path.expanduser("~/no such photos")) in message_for("~/no such photos")


@pytest.mark.parametrize("below", ["", "/cat"])
def test_a_broken_link_and_a_file_as_parent_are_named(make_folder: MakeFolder, below: str) -> None:
    folder = make_folder("a.txt")
    (folder / "link").symlink_to("gone")
    assert "symbolic link to 'gone'" in message_for(f"{folder}/link{below}")
    assert "a.txt' is a file." in message_for(f"{folder}/a.txt/cat{below}")


def test_an_empty_name_is_not_the_current_folder() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"'\.' for the current one"):
        augseq.index_folder("", progress=False)
