"""A probed file is read only while it is unchanged."""

import os
import pickle
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import augseq
from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions
from augseq.pixels.read import read_file
from augseq.pixels.region import WHOLE
from augseq.pixels.source import FileSource

from .conftest import chunk, encoded, photo

TIME_NS = 1_600_000_000_123_456_789


@pytest.fixture
def manifest(tmp_path: Path) -> augseq.Manifest:
    """Four probed images of the same size in bytes, with an old modification time."""
    (tmp_path / "images").mkdir()
    for number in range(4):
        path = tmp_path / "images" / f"{number}.bmp"
        path.write_bytes(encoded(photo(20, 30).rotate(90 * number), "BMP"))
        os.utime(path, ns=(TIME_NS, TIME_NS))
    return augseq.index_folder(tmp_path / "images", labels=None, probe=True, progress=False)


def test_an_impossible_number_of_frames_is_ignored(tmp_path: Path) -> None:
    data = encoded(photo(4, 4))
    claim = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    (tmp_path / "1.png").write_bytes(data[:33] + claim + data[33:])
    manifest = augseq.index_folder(tmp_path, labels=None, probe=True, progress=False)
    probe = manifest[0].probe
    assert probe is not None
    assert (probe.height, probe.num_frames) == (4, None)


def read(manifest: augseq.Manifest, record: Record) -> np.ndarray:
    source = FileSource(root=manifest.root, options=DecodeOptions())
    return source.open(record).read(WHOLE)


def replaced(path: Path) -> None:
    """Replace it with another image of a different size."""
    path.write_bytes(encoded(photo(40, 50)))


def truncated(path: Path) -> None:
    os.truncate(path, 1000)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def grown(path: Path) -> None:
    """Append to the file, which no decoder notices, and restore the time."""
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(TIME_NS, TIME_NS))


def other_bytes(path: Path) -> None:
    """Replace it with another image of the same size."""
    shutil.copyfile(path.with_name("0.bmp"), path)


CHANGES: list[Callable[[Path], None]] = [replaced, truncated, emptied, grown, other_bytes]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_refused(
    change: Callable[[Path], None], manifest: augseq.Manifest
) -> None:
    path = Path(manifest.root, "1.bmp")
    before = path.stat().st_size
    change(path)
    with pytest.raises(augseq.errors.ChangedFileError) as caught:
        read(manifest, manifest[1])
    message = str(caught.value)
    assert "'1.bmp' (index 1)" in message
    assert str(before) in message
    assert str(path.stat().st_size) in message
    assert "update=manifest" in message
    assert "--update" in message
    assert str(pickle.loads(pickle.dumps(caught.value))) == message
    assert isinstance(caught.value, ValueError)


def test_changed_bytes_of_the_same_size_are_refused_with_their_time(
    manifest: augseq.Manifest,
) -> None:
    path = Path(manifest.root, "1.bmp")
    other_bytes(path)
    os.utime(path, ns=(0, 86_400 * 10**9))
    with pytest.raises(
        augseq.errors.ChangedFileError, match="last changed 1970-01-02 00:00:00 UTC"
    ):
        read(manifest, manifest[1])


def test_a_file_that_was_touched_or_copied_is_read(
    manifest: augseq.Manifest, tmp_path: Path
) -> None:
    expected = [read(manifest, record) for record in manifest]
    shutil.copytree(manifest.root, tmp_path / "copy", copy_function=shutil.copyfile)
    copy = replace(manifest, root=str(tmp_path / "copy"))
    assert all(path.stat().st_mtime_ns != TIME_NS for path in (tmp_path / "copy").iterdir())
    for record, image in zip(copy, expected, strict=True):
        np.testing.assert_array_equal(read(copy, record), image)


def test_a_file_that_is_gone_is_a_missing_file(manifest: augseq.Manifest) -> None:
    Path(manifest.root, "1.bmp").unlink()
    with pytest.raises(augseq.errors.MissingFileError, match=r"'1\.bmp' \(index 1\)"):
        read(manifest, manifest[1])


def test_without_a_probe_any_image_is_accepted(manifest: augseq.Manifest) -> None:
    other_bytes(Path(manifest.root, "1.bmp"))
    np.testing.assert_array_equal(
        read(manifest, replace(manifest[1], probe=None)), read(manifest, manifest[0])
    )


def test_indexing_again_accepts_the_change(manifest: augseq.Manifest) -> None:
    replaced(Path(manifest.root, "1.bmp"))
    again = augseq.index_folder(manifest.root, labels=None, update=manifest, progress=False)
    assert again[1].index == 1
    assert read(again, again[1]).shape == (40, 50, 3)


def test_the_time_is_that_of_the_file_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    os.utime(tmp_path / "a", ns=(5, TIME_NS))
    assert read_file(str(tmp_path / "a")) == (b"1234", TIME_NS)
