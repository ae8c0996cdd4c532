"""Scan a folder: which files are found, in which order, despite which obstacles."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import augseq
from augseq.indexing import scan
from augseq.indexing.scan import Scan, scan_folder
from tests.folders import MakeFolder, fill

SUFFIXES = frozenset({".jpg", ".png"})


def walk(folder: Path, *, follow_links: bool = False, progress: bool = False) -> Scan:
    """Return a scan with its paths as a list, for comparison."""
    found = scan_folder(
        str(folder), suffixes=SUFFIXES, follow_links=follow_links, progress=progress
    )
    return replace(found, paths=found.paths.to_pylist())


def test_images_at_any_depth_are_found_and_other_files_are_counted(
    make_folder: MakeFolder,
) -> None:
    found = walk(make_folder("a/1.jpg", "a/b/c/d/2.PNG", "3.jpg", "a/4.txt", "b/5.TXT", "b/6"))
    assert found.paths == ["3.jpg", "a/1.jpg", "a/b/c/d/2.PNG"]
    assert found.folders == {"a": 2, "b": 0}
    assert found.other_suffixes == {".txt": 2, "": 1}


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG_{n * 7919 % 1009:08d}.jpg" for n in range(1009)],
        [f"{n * 7919 % 1009:05d}{'_ab'[n % 3] * (n % 5)}.jpg" for n in range(1009)],
        [f"{chr(0xE0 + n % 60)}{n * 7919 % 1009:04d}.jpg" for n in range(1009)],
        [f"{n:03d}.{ending}" for n in range(300) for ending in ("jpg", "PNG")],
        [f"{n:030b}.jpg" for n in (2**30 - 1, 0b10101, 2**29, *(2**k for k in range(9)))],
        [f"{n:08b}.png" for n in range(255, -1, -1)],
        ["only.jpg"],
    ],
    ids=["numbers", "lengths", "accents", "endings", "nine places", "eight places", "one"],
)
def test_names_of_any_shape_are_sorted_by_code_point(
    make_folder: MakeFolder, names: list[str]
) -> None:
    paths = [f"a/{name}" for name in names]
    assert walk(make_folder(*paths)).paths == sorted(paths)


def test_hidden_files_and_folders_are_skipped(make_folder: MakeFolder) -> None:
    found = walk(make_folder("a/1.jpg", "a/.2.jpg", ".git/3.jpg", "a/.thumbs/4.jpg", ".jpg"))
    assert found == Scan(paths=["a/1.jpg"], folders={"a": 1})


def test_a_folder_named_like_an_image_is_a_folder(make_folder: MakeFolder) -> None:
    found = walk(make_folder("1.jpg/2.jpg"))
    assert found == Scan(paths=["1.jpg/2.jpg"], folders={"1.jpg": 1})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_named_like_an_image_does_not_block_the_scan(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg")
    os.mkfifo(folder / "a" / "2.jpg")
    assert walk(folder).paths == ["a/1.jpg"]


def test_paths_are_sorted_by_code_point(make_folder: MakeFolder) -> None:
    found = walk(make_folder("b/1.jpg", "a b/1.jpg", "a/é.jpg", "a/Z.jpg", "a/9.jpg", "a/10.jpg"))
    assert found.paths == ["a b/1.jpg", "a/10.jpg", "a/9.jpg", "a/Z.jpg", "a/é.jpg", "b/1.jpg"]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_the_file_system_does_not_matter(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch, reverse: bool
) -> None:
    folder = make_folder("b/2.jpg", "c/", "b/1.jpg", "a/d/1.jpg", "a/1.jpg", "3.jpg")
    real_scandir = os.scandir

    @contextmanager
    def scandir_in_order(path: str) -> Iterator[Iterator[os.DirEntry[str]]]:
        with real_scandir(path) as entries:
            yield iter(sorted(entries, key=lambda entry: entry.name, reverse=reverse))

    monkeypatch.setattr(os, "scandir", scandir_in_order)
    found = walk(folder)
    assert found.paths == ["3.jpg", "a/1.jpg", "a/d/1.jpg", "b/1.jpg", "b/2.jpg"]
    assert found.folders == {"a": 2, "b": 2, "c": 0}


part = st.text("ab.", min_size=1, max_size=3).filter(lambda name: name.strip("."))
trees = st.sets(st.lists(part, max_size=3).map("/".join), max_size=6)


@settings(max_examples=30)
@given(folders=trees, images=st.sets(st.sampled_from(["x.jpg", "Y.PNG", ".z.jpg", "n.txt"])))
def test_any_tree_yields_the_sorted_images_of_its_visible_folders(
    folders: set[str], images: set[str]
) -> None:
    made = {f"{folder}/{image}".lstrip("/") for folder in folders for image in images}
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), *made)
        found = walk(Path(folder))
    assert found.paths == sorted(
        path
        for path in made
        if path.lower().endswith((".jpg", ".png")) and not f"/{path}".count("/.")
    )


class Junction:
    """What `os.scandir` returns for a junction, simulated on a system without them."""

    def __init__(self, entry: os.DirEntry[str]) -> None:
        self.name, self.path = entry.name, entry.path

    def is_symlink(self) -> bool:
        return False

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return False

    def is_dir(self) -> bool:
        return True

    def stat(self, *, follow_symlinks: bool) -> SimpleNamespace:
        return SimpleNamespace(st_reparse_tag=0xA0000003)


@pytest.mark.skipif(os.name == "nt", reason="this system makes junctions itself")
def test_a_windows_junction_counts_as_a_link(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder("a/1.jpg")
    # It points to the folder that contains it.
    (folder / "a" / "around").symlink_to(folder, target_is_directory=True)
    real_scandir = os.scandir

    @contextmanager
    def scandir_with_junctions(path: str) -> Iterator[Iterator[Any]]:
        with real_scandir(path) as entries:
            yield (Junction(entry) if entry.is_symlink() else entry for entry in entries)

    monkeypatch.setattr(os, "scandir", scandir_with_junctions)
    monkeypatch.setattr(scan, "_HAS_JUNCTIONS", True)
    assert walk(folder) == Scan(paths=["a/1.jpg"], folders={"a": 1}, num_links=1)
    followed = walk(folder, follow_links=True)
    assert followed == Scan(paths=["a/1.jpg"], folders={"a": 1}, num_dead_links=1)


@pytest.mark.skipif(os.name != "nt", reason="only Windows has junctions")
def test_a_real_junction_counts_as_a_link(make_folder: MakeFolder) -> None:
    import _winapi

    folder = make_folder("a/1.jpg")
    _winapi.CreateJunction(str(folder), str(folder / "a" / "around"))  # type: ignore[attr-defined]
    assert walk(folder) == Scan(paths=["a/1.jpg"], folders={"a": 1}, num_links=1)


def test_links_are_counted_but_not_followed_by_default(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "../outside/b/2.jpg")
    (folder / "a" / "file.jpg").symlink_to(folder / "a" / "1.jpg")
    (folder / "folder").symlink_to(folder.parent / "outside")
    assert walk(folder) == Scan(paths=["a/1.jpg"], folders={"a": 1}, num_links=2)


def test_links_to_files_and_folders_are_followed_on_request(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "../outside/b/2.jpg")
    (folder / "a" / "file.jpg").symlink_to(folder / "a" / "1.jpg")
    (folder / "folder").symlink_to(folder.parent / "outside")
    found = walk(folder, follow_links=True)
    assert found == Scan(
        paths=["a/1.jpg", "a/file.jpg", "folder/b/2.jpg"], folders={"a": 2, "folder": 1}
    )


def test_a_link_to_the_scanned_folder_causes_no_infinite_loop(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg")
    (folder / "a" / "top").symlink_to(folder)
    assert walk(folder, follow_links=True).paths == ["a/1.jpg"]


def test_a_link_to_a_parent_causes_no_infinite_loop(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg", "../beside/2.jpg")
    (folder / "a" / "up").symlink_to(folder.parent)
    assert walk(folder, follow_links=True).paths == ["a/1.jpg", "a/up/beside/2.jpg"]


def test_folders_that_link_to_each_other_are_listed_once_each(make_folder: MakeFolder) -> None:
    names = "abcdefghij"
    folder = make_folder(*(f"{name}/{name}.jpg" for name in names))
    for name in names:
        for other in set(names) - {name}:
            (folder / name / f"to_{other}").symlink_to(folder / other)
    found = walk(folder, follow_links=True)
    assert found.paths == [f"{name}/{name}.jpg" for name in names]
    assert found.num_dead_links == 90


def test_an_outside_folder_is_listed_under_the_first_link_to_it(make_folder: MakeFolder) -> None:
    folder = make_folder("a/", "b/", "../outside/1.jpg")
    (folder / "b" / "link").symlink_to(folder.parent / "outside")
    (folder / "a" / "link").symlink_to(folder.parent / "outside")
    found = walk(folder, follow_links=True)
    assert (found.paths, found.num_dead_links) == (["a/link/1.jpg"], 1)


def test_a_link_to_itself_does_not_stop_the_walk(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg")
    (folder / "a" / "self.jpg").symlink_to(folder / "a" / "self.jpg")
    assert walk(folder, follow_links=True).paths == ["a/1.jpg"]


def test_a_link_to_nothing_is_not_an_image(make_folder: MakeFolder) -> None:
    folder = make_folder("a/1.jpg")
    (folder / "a" / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    found = walk(folder, follow_links=True)
    assert (found.paths, found.num_dead_links) == (["a/1.jpg"], 1)


@pytest.mark.parametrize("closed", ["closed", "a/closed"])
@pytest.mark.parametrize("follow_links", [False, True])
def test_a_folder_without_permission_to_list_is_named(
    public_folder: Path,
    unprivileged: Callable[[], AbstractContextManager[None]],
    closed: str,
    follow_links: bool,
) -> None:
    fill(public_folder, "a/1.jpg", f"{closed}/2.jpg")
    (public_folder / closed).chmod(0)
    with unprivileged(), pytest.raises(augseq.errors.UnreadableError, match=f"{closed}'.*denied"):
        walk(public_folder, follow_links=follow_links)
    with unprivileged(), pytest.raises(PermissionError):
        walk(public_folder, follow_links=follow_links)


def test_short_work_shows_no_progress(
    make_folder: MakeFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    walk(make_folder("a/1.jpg", "b/2.jpg"), progress=True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("progress", [False, True])
def test_long_work_shows_progress_unless_disabled(
    make_folder: MakeFolder,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    progress: bool,
) -> None:
    real_tqdm = scan.tqdm

    def impatient_tqdm(**options: Any) -> Any:
        return real_tqdm(**{**options, "delay": 0})

    monkeypatch.setattr(scan, "tqdm", impatient_tqdm)
    walk(make_folder("a/1.jpg", "b/2.jpg"), progress=progress)
    output, errors = capfd.readouterr()
    assert output == ""
    assert ("Indexing: 2 images" in errors) == progress
    assert bool(errors) == progress
