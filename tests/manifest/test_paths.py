"""Paths of a manifest stay below its root."""

import re

import pytest

import augseq
from augseq.manifest.manifest import make_manifest
from augseq.manifest.paths import DEVICES
from tests.manifest.hostile import PATHS


@pytest.mark.parametrize("path", PATHS)
def test_a_path_outside_the_root_is_refused(path: str) -> None:
    for paths in ([path], ["a.jpg", path], [path, "a.jpg", "b.jpg"]):
        with pytest.raises(augseq.errors.ArgumentError, match=r"below the root.* Received: '"):
            make_manifest("/photos", (), paths=paths, targets=None)


@pytest.mark.parametrize(
    "path",
    ["a", "a/b.jpg", "..a/b", "a../b", "a/..b", "a/b..", "...", ".hidden", "12:30.jpg", "ab:c/d",
     "a b/ö.jpg", "~/x", "$HOME/x", "%2e%2e/x", "a\nb", "\x1b[2J", "con.jpg", "a\\b.jpg",
     "a\\..b/c"],
)  # fmt: skip
def test_an_unusual_path_below_the_root_is_accepted(path: str) -> None:
    manifest = make_manifest("/photos", (), paths=["a.jpg", path], targets=None)
    assert manifest[1].path == path


def test_an_unsafe_path_is_found_at_any_position_in_a_long_list() -> None:
    # Text is checked in chunks of a megabyte, so two dots can fall into different chunks.
    for length in range(2**20 - 6, 2**20 + 3):
        paths = ["x" * length, "../y"]
        with pytest.raises(augseq.errors.ArgumentError, match=r"'\.\./y'"):
            make_manifest("/photos", (), paths=paths, targets=None)


def test_excluded_paths_are_checked(animals: augseq.Manifest) -> None:
    excluded = animals.table.slice(5).append_column("reason", [["bad"]])
    excluded = excluded.set_column(1, "path", [["../x"]])
    with pytest.raises(augseq.errors.ArgumentError, match="below the root"):
        augseq.Manifest(
            root="/", class_names=animals.class_names, table=animals[:5].table, excluded=excluded
        )


@pytest.mark.parametrize(
    "path", ["con", "NUL", "a/aux", "aux/a", "com1.jpg", "a/Lpt9.tar.gz", "prn ", "nul:x", "CONIN$"]
)
def test_windows_devices_are_recognized(path: str) -> None:
    assert re.search(DEVICES, path)


@pytest.mark.parametrize("path", ["icon", "console", "a/conus.jpg", "com", "com10", "lptx", "nul1"])
def test_names_similar_to_devices_are_accepted(path: str) -> None:
    assert not re.search(DEVICES, path)
