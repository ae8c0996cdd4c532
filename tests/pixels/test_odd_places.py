"""Odd names and odd trees: only regular files are opened, and all of them are read."""

import contextlib
import os
import re
import socket
from pathlib import Path

import pytest
from PIL import Image

import augseq
from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions
from augseq.pixels.source import FileSource

from .conftest import encoded, photo

NAMES = [
    "new\nline.png",
    "tab\t.png",
    "'single' \"double\".png",
    "\N{SNOWMAN}\N{GRINNING FACE}.png",
    "e\N{COMBINING ACUTE ACCENT}.png",
    "%s {0} $HOME `id`.png",
    "-n.png",
    "back\\slash.png",
    " spaces .png",
    "x" * 251 + ".png",
    "no suffix",
    os.fsdecode(b"not utf-8 \xff\xfe.png"),
]
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


@needs_pipes
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_name_is_read_and_its_damage_reported_on_one_line(tmp_path: Path, name: str) -> None:
    path = os.path.join(tmp_path, name)
    data = encoded(photo(9, 7))
    with open(path, "wb") as file:
        file.write(data)
    assert augseq.read_image(path).shape == (9, 7, 3)
    with open(path, "wb") as file:
        file.write(data[:50])
    with pytest.raises(augseq.errors.DecodeError, match=re.escape(repr(path))) as caught:
        augseq.read_image(path)
    assert "\n" not in str(caught.value)


@needs_pipes
@pytest.mark.timeout(20)
@pytest.mark.parametrize("follow_links", [False, True])
@pytest.mark.filterwarnings("ignore::augseq.AugseqWarning")
def test_the_images_in_a_tree_full_of_special_files_are_listed(
    tmp_path: Path, follow_links: bool
) -> None:
    for folder in ("a", "b", "a/folder.jpg"):
        (tmp_path / folder).mkdir()
    for name in ("a/1.png", "b/2.png"):
        Image.new("RGB", (3, 2)).save(tmp_path / name)
    for name in ("a/._1.png", "a/.hidden.png", "a/Thumbs.db", "b/.DS_Store", "b/desktop.ini"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    (tmp_path / "a" / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "a" / "self.png").symlink_to("self.png")
    (tmp_path / "a" / "dead.png").symlink_to("nowhere.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(tmp_path):
        server.bind("b/socket.png")
        images = augseq.index_folder(tmp_path, follow_links=follow_links, progress=False)
    assert [record.path for record in images] == ["a/1.png", "b/2.png"]


@needs_pipes
@pytest.mark.timeout(20)
def test_a_special_file_that_replaces_an_image_after_indexing_is_not_opened(tmp_path: Path) -> None:
    """Opening a pipe would block forever, and reading a device would never end."""
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "folder.png").mkdir()
    source = FileSource(root=str(tmp_path), options=DecodeOptions(), follow_links=True)
    for index, (name, kind) in enumerate(
        [("pipe.png", "named pipe"), ("zero.png", "device"), ("folder.png", "folder")]
    ):
        with pytest.raises(
            augseq.errors.DecodeError,
            match=rf"'{name}' \(index {index}\).*not a regular file \({kind}\)",
        ):
            source.open(Record(index=index, path=name))
    (tmp_path / "loop.png").symlink_to("loop.png")
    with pytest.raises(augseq.AugseqError, match=r"loop\.png"):
        source.open(Record(index=9, path="loop.png"))


def test_a_file_longer_than_the_limit_is_refused_by_a_sequence(samples: augseq.Manifest) -> None:
    batches = augseq.ImageSequence(samples, image_size=(8, 8), max_file_bytes=100)
    with pytest.raises(
        augseq.errors.DecodeError, match=r"\(index 0\).*more than max_file_bytes=100"
    ):
        batches[0]
