"""Files over the size limit: refused, mostly not fetched, and not cached."""

import tracemalloc
import zipfile
from pathlib import Path

import fsspec
import pytest

import augseq
from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions
from augseq.pixels.source import FileSource

from .conftest import Bucket
from .servers import web_server

LIMIT = 10_000
TOO_LONG = rf"'long\.jpg' \(index 0\).*more than max_file_bytes={LIMIT}"


def read(root: str, name: str, remote: augseq.RemoteOptions) -> bytes:
    options = DecodeOptions(max_file_bytes=LIMIT)
    source = FileSource(root=root, options=options, remote=remote)
    return source.read(Record(index=0, path=name))[0]


def test_a_long_object_is_not_fetched_whole(bucket: Bucket, tmp_path: Path) -> None:
    files = fsspec.filesystem("s3", **bucket.options)
    sizes = {"long.jpg": 5_000_000, "more.jpg": LIMIT + 1, "just.jpg": LIMIT, "empty.jpg": 0}
    for name, size in sizes.items():
        files.pipe(f"photos/sizes/{name}", bytes(size))
    root, remote = "s3://photos/sizes", bucket.remote(cache_dir=tmp_path)
    bucket.wire.num_bytes = 0
    with pytest.raises(augseq.errors.DecodeError, match=TOO_LONG):
        read(root, "long.jpg", remote)
    assert bucket.wire.num_bytes < 2 * LIMIT
    with pytest.raises(augseq.errors.DecodeError, match="more than max_file_bytes"):
        read(root, "more.jpg", remote)
    assert not list(tmp_path.glob("copies-*"))
    # For an empty object, a storage refuses any range.
    for name in ("just.jpg", "empty.jpg"):
        assert len(read(root, name, remote)) == sizes[name]
    assert len(list(tmp_path.glob("copies-*/*/*"))) == 2


def test_a_long_file_from_a_web_server_is_not_cached(tmp_path: Path) -> None:
    (tmp_path / "long.jpg").write_bytes(bytes(LIMIT + 1))
    remote = augseq.RemoteOptions(cache_dir=tmp_path / "cache")
    with web_server(tmp_path) as port, pytest.raises(augseq.errors.DecodeError, match=TOO_LONG):
        read(f"http://127.0.0.1:{port}", "long.jpg", remote)
    assert not list(tmp_path.glob("cache/copies-*"))


def test_a_long_member_of_an_archive_is_not_unpacked_whole(
    tmp_path: Path,
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("long.jpg", bytes(30 << 20))
        archive.writestr("empty.jpg", b"")
    root, remote = f"zip://::{tmp_path / 'a.zip'}", augseq.RemoteOptions()
    assert read(root, "empty.jpg", remote) == b""
    tracemalloc.start()
    try:
        with pytest.raises(augseq.errors.DecodeError, match=TOO_LONG):
            read(root, "long.jpg", remote)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_copy_cached_under_a_higher_limit_is_refused(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/sizes/long.jpg", bytes(LIMIT + 1))
    remote = augseq.RemoteOptions(cache_dir=tmp_path)
    source = FileSource(root="memory://sizes", options=DecodeOptions(), remote=remote)
    source.read(Record(index=0, path="long.jpg"))
    with pytest.raises(augseq.errors.DecodeError, match=TOO_LONG):
        read("memory://sizes", "long.jpg", remote)
