"""Missing files in a table: the reason, and a suggested fix that works."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import augseq
from tests.folders import fill

FILES = ["cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png"]


def index(paths: list[Any], root: Path, **options: Any) -> list[str]:
    frame = pd.DataFrame({"path": paths, "label": ["x", "y"] * (len(paths) // 2)})
    return [record.path for record in augseq.index_table(frame, root=root, **options)]


@pytest.mark.parametrize(
    ("suffix", "ids"),
    [
        (".png", ["000c14", "1", "a b", "ä"]),
        (".jpg", ["000c1434d8d7", "0.5", "img.v2", "x.png"]),
        (".JPEG", ["n01440764_10026", "n01440764_10027"]),
        (".tif", ["ISIC_0001", "ISIC_0002"]),
        (".b.webp", ["x", "y"]),
    ],
)
def test_paths_without_their_extension_are_reported_and_read_with_it(
    suffix: str, ids: list[str], tmp_path: Path
) -> None:
    fill(tmp_path, *(f"in/{name}{suffix}" for name in ids))
    paths = [f"in/{name}" for name in ids]
    if suffix.count(".") == 1:
        reason = rf"path_suffix='{suffix}' \(at the shell: --path-suffix {suffix}\)"
        with pytest.raises(augseq.errors.MissingFileError, match=reason):
            index(paths, tmp_path)
    expected = [f"{path}{suffix}" for path in paths]
    assert index(paths, tmp_path, path_suffix=suffix) == expected
    assert index([paths[0], *expected[1:]], tmp_path, path_suffix=suffix) == expected


def test_numeric_ids_are_file_names(tmp_path: Path) -> None:
    fill(tmp_path, "10023.jpg", "7.jpg")
    with pytest.raises(augseq.errors.ArgumentError, match=r"path_suffix=\"\.jpg\""):
        index([10023, 7], tmp_path)
    assert index([10023, 7], tmp_path, path_suffix=".jpg") == ["10023.jpg", "7.jpg"]


def test_several_extensions_are_named(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "b.png", "c.jpg", "d.png")
    with pytest.raises(
        augseq.errors.MissingFileError, match=r"lack their extensions \(\.jpg, \.png\)"
    ):
        index(["a", "b", "c", "d"], tmp_path)


@pytest.mark.parametrize("suffix", ["jpg", "", "/x.jpg", 3])
def test_a_suffix_is_an_extension(suffix: Any, tmp_path: Path) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"`path_suffix` \(at the shell: --path-suffix"
    ):
        index(["a", "b"], tmp_path, path_suffix=suffix)


@pytest.mark.parametrize(
    ("change", "root", "reason"),
    [
        (str.upper, ".", r"upper and lower case"),
        (lambda path: path.replace("png", "jpg"), ".", r"'cat/1\.png'.*different extension"),
        (lambda path: f" {path} ", ".", r"spaces around them.*str\.strip"),
        (lambda path: path.replace("/", "/ "), ".", r"spaces around them"),
        (lambda path: f"images/{path}", ".", r"begin with 'images/'.*removeprefix\('images/'\)"),
        (lambda path: f"photos/{path}", ".", r"parent folder: pass root='[^']*' \(.*--images-root"),
        (lambda path: path, "..", r"another folder: pass root='[^']*photos' \(.*--images-root"),
        (lambda path: path[:-4], "..", r"path_suffix='\.png'.*pass root='[^']*photos'"),
        (lambda path: f"~/data/{path}", ".", r"begin with '~/data/'"),
        (lambda path: f"./{path.upper()}", ".", r"upper and lower case"),
        (lambda path: f"x/y\\{path}", ".", r"use '/' in all"),
        (lambda path: f"{path}x/none.gif", ".", r"Is `root` \(at the shell: --images-root\)"),
    ],
)
def test_the_reason_for_missing_files_is_reported(
    change: Any, root: str, reason: str, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "photos", *FILES)
    with pytest.raises(augseq.errors.MissingFileError, match=f"no file for 4 of 4 paths.*{reason}"):
        index([change(path) for path in FILES], (folder / root).resolve())


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/cat/1.png", r"remove '/' from"),
        ("/home/ann/photos/cat/1.png", r"remove '/home/ann/photos/' from the paths"),
        ("https://host/a/b.png", r"an address.*root='https://host/a', check_files=False"),
        ("s3://bucket/b.png", r"an address.*--images-root s3://bucket\)"),
        ("file:///data/b.png", r"Remove 'file://'"),
        ("../b.png", r"a folder above all images as `root` \(at the shell: --images-root\)"),
    ],
)
def test_the_reason_for_a_path_outside_the_root_is_reported(
    path: str, reason: str, tmp_path: Path
) -> None:
    fill(tmp_path, *FILES)
    with pytest.raises(augseq.errors.ArgumentError, match=f"must be below the root.*{reason}"):
        index([path, "dog/3.png"], tmp_path)


@pytest.mark.parametrize(
    "gone", [["cat/9.png"], ["new/1.png", "new/2.png"], ["x.png", "dog/y.png"]]
)
def test_if_other_files_exist_the_root_is_not_questioned(gone: list[str], tmp_path: Path) -> None:
    fill(tmp_path, *FILES)
    paths = [*FILES, *gone]
    with pytest.raises(augseq.errors.MissingFileError, match="Remove the rows of missing files"):
        augseq.index_table(pd.DataFrame({"path": paths}), root=tmp_path, label_column=None)
    with pytest.raises(augseq.errors.MissingFileError, match=r"Is `root` .* the folder"):
        augseq.index_table(pd.DataFrame({"path": gone}), root=tmp_path, label_column=None)
