"""Symbolic links out of the folder of images."""

import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import augseq
from augseq.manifest.manifest import make_manifest


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with an image, a link within it, and links out of it: to a file and to a folder."""
    outside, root = tmp_path / "outside", tmp_path / "photos"
    for folder in (outside, root / "a", root / "b"):
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 8), (10, 20, 30)).save(folder / "own.png")
    os.symlink(root / "a" / "own.png", root / "a" / "within.png")
    os.symlink(outside / "own.png", root / "a" / "file.png")
    os.symlink(outside, root / "folder")
    os.symlink(root / "b", root / "c")
    return root


def sequence_of(root: Path, path: str, follow_links: bool, **options: Any) -> augseq.ImageSequence:
    manifest = make_manifest(str(root), ("a",), paths=[path], targets=[0])
    manifest = replace(manifest, follow_links=follow_links)
    return augseq.ImageSequence(manifest, image_size=(8, 8), **options)


@pytest.mark.parametrize("cache", [None, "memory"])
@pytest.mark.parametrize("path", ["a/file.png", "folder/own.png"])
def test_a_link_out_of_the_root_is_refused(linked: Path, path: str, cache: Any) -> None:
    batches = sequence_of(linked, path, follow_links=False, cache=cache)
    for _ in range(2):
        with pytest.raises(
            augseq.errors.UnreadableError, match=rf"{path}.*photos.*outside.*follow_links"
        ):
            _ = batches[0]


@pytest.mark.parametrize("path", ["a/own.png", "a/within.png", "c/own.png"])
def test_a_link_within_the_root_is_followed(linked: Path, path: str) -> None:
    assert sequence_of(linked, path, follow_links=False)[0][0].shape == (1, 8, 8, 3)


def test_the_root_itself_may_be_a_link(linked: Path, tmp_path: Path) -> None:
    os.symlink(linked, tmp_path / "moved")
    assert sequence_of(tmp_path / "moved", "a/within.png", follow_links=False)[0][0].any()
    with pytest.raises(augseq.errors.UnreadableError):
        _ = sequence_of(tmp_path / "moved", "a/file.png", follow_links=False)[0]


def test_a_folder_next_to_the_root_with_a_longer_name_is_outside(tmp_path: Path) -> None:
    for name in ("photos/a", "photos2"):
        (tmp_path / name).mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "photos2" / "x.png")
    os.symlink(tmp_path / "photos2" / "x.png", tmp_path / "photos" / "a" / "x.png")
    with pytest.raises(augseq.errors.UnreadableError):
        _ = sequence_of(tmp_path / "photos", "a/x.png", follow_links=False)[0]


def test_a_manifest_remembers_that_links_were_followed(linked: Path, tmp_path: Path) -> None:
    (linked / "c").unlink()
    images = augseq.index_folder(linked, follow_links=True, progress=False)
    assert {"a/file.png", "folder/own.png"} <= {record.path for record in images}
    augseq.write_manifest(images, tmp_path / "m.parquet")
    again = augseq.read_manifest(tmp_path / "m.parquet")
    assert again == pickle.loads(pickle.dumps(images)) == images
    for part in (images, again, *again.split(val=0.4)):
        batches = augseq.ImageSequence(part, image_size=(8, 8), batch_size=2)
        assert sum(len(batches[number][1]) for number in range(len(batches))) == len(part)


def test_checks_and_displays_follow_the_same_links_as_training(linked: Path) -> None:
    (linked / "c").unlink()
    images = augseq.index_folder(linked, follow_links=True, progress=False)
    findings = augseq.check_images(images, progress=False).findings
    assert "unreadable" not in [finding.kind for finding in findings]
    assert "follow_links" not in images._repr_html_()


def test_the_argument_of_read_manifest_takes_precedence(linked: Path, tmp_path: Path) -> None:
    (linked / "c").unlink()
    images = augseq.index_folder(linked, follow_links=True, progress=False)
    augseq.write_manifest(images, tmp_path / "m.parquet")
    strict = augseq.read_manifest(tmp_path / "m.parquet", follow_links=False)
    batches = augseq.ImageSequence(strict, image_size=(8, 8), batch_size=1)
    outside = next(n for n, record in enumerate(images) if record.path == "a/file.png")
    with pytest.raises(augseq.errors.UnreadableError):
        _ = batches[outside]
