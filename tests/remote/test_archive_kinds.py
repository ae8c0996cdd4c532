"""Archives are recognized by their first bytes, as written by their libraries."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import fsspec.compression
import pytest

from augseq.remote.archive_kinds import ARCHIVE_KINDS, archive_kind


def _zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


def _tar(mode: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{mode}") as archive:
        archive.addfile(tarfile.TarInfo("a.jpg"))
    return file.getvalue()


WRITTEN = {
    "gzip": ("a gzip archive", "compressed with gzip", "gzip", gzip.compress(b"x" * 99)),
    "bzip2": ("a bzip2 archive", "compressed with bzip2", "bz2", bz2.compress(b"x" * 99)),
    "xz": ("an XZ archive", "compressed with XZ", "xz", lzma.compress(b"x" * 99)),
    "lzma": (
        "an LZMA archive", "compressed with LZMA", "lzma",
        lzma.compress(b"x" * 99, format=lzma.FORMAT_ALONE),
    ),
    "zip": ("a ZIP archive", "a ZIP archive", None, _zip("a.jpg")),
    "empty zip": ("a ZIP archive", "an empty ZIP archive", None, _zip()),
    "tar": ("a tar archive", "a tar archive", None, _tar("")),
    "tar.gz": ("a gzip archive", "compressed with gzip", "gzip", _tar("gz")),
    "tar.bz2": ("a bzip2 archive", "compressed with bzip2", "bz2", _tar("bz2")),
    "tar.xz": ("an XZ archive", "compressed with XZ", "xz", _tar("xz")),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITTEN)
def test_an_archive_is_recognized_by_its_first_bytes(kind: str) -> None:
    title, packing, compression, data = WRITTEN[kind]
    assert archive_kind(data[:512]) == (title, packing, compression)


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"\x1f", b"BZ", b"\x89PNG\r\n\x1a\n", b"path,label\n"]
)
def test_other_files_are_not_archives(data: bytes) -> None:
    assert archive_kind(data) is None


def test_the_names_of_compressions_are_those_of_fsspec() -> None:
    names = {kind.compression for kind in ARCHIVE_KINDS.values()} - {None}
    # Some are only known to fsspec if their library is installed.
    assert names - set(fsspec.compression.available_compressions()) <= {"zstd", "lz4", "compress"}
