"""Archives have the records of the packed folder, or are refused with a fix."""

import gzip
import io
import lzma
import os
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

import augseq
from augseq.pixels.region import WHOLE
from augseq.pixels.source import files_of

PATHS = ["cat/1.png", "cat/deep/2.png", "dog café/3.png", "dog café/._3.png", ".x/4.png",
         "__MACOSX/cat/5.png"]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of images, with hidden files, an empty class, and names beyond ASCII."""
    for number, path in enumerate(PATHS):
        place = tmp_path / "photos" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number * 9, 99, 9)).save(place, "PNG")
    (tmp_path / "photos" / "empty").mkdir()
    (tmp_path / "photos" / "cat" / "notes.txt").write_text("fluffy")
    return tmp_path / "photos"


def index(root: Path | str, **options: object) -> tuple[augseq.Manifest, list[str]]:
    """Index a folder; return the manifest, and its warnings without the path."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        manifest = augseq.index_folder(root, progress=False, **options)  # type: ignore[arg-type]
    return manifest, sorted(str(w.message).replace(repr(manifest.root), "ROOT") for w in caught)


def pixels(manifest: augseq.Manifest) -> list[bytes]:
    source = files_of(manifest)
    return [source.open(record).read(WHOLE).tobytes() for record in manifest]


def files_in(folder: Path) -> list[tuple[str, bytes]]:
    """Return the files of a folder and their bytes; folders end with a slash and are empty."""
    return [
        (f"{path.relative_to(folder).as_posix()}{'/' * path.is_dir()}",
         b"" if path.is_dir() else path.read_bytes())
        for path in sorted(folder.rglob("*"))
    ]  # fmt: skip


def tar(folder: Path, mode: str, name: str, rename: Callable[[str], str]) -> str:
    place = folder.with_name(name)
    with tarfile.open(place, mode) as archive:  # type: ignore[call-overload]
        for path, data in files_in(folder):
            info = tarfile.TarInfo(rename(path.rstrip("/")))
            info.type = tarfile.DIRTYPE if path.endswith("/") else tarfile.REGTYPE
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return f"tar://::{place}"


def zipped(
    folder: Path, rename: Callable[[str], str], method: int = zipfile.ZIP_DEFLATED, system: int = 3
) -> str:
    place = folder.with_name("photos.zip")
    with zipfile.ZipFile(place, "w", method) as archive:
        for path, data in files_in(folder):
            info = zipfile.ZipInfo("x")
            info.filename, info.create_system, info.compress_type = rename(path), system, method
            archive.writestr(info, data)
    return f"zip://::{place}"


def as_it_is(path: str) -> str:
    return path


def with_dot(path: str) -> str:
    return f"./{path}"


def of_windows(path: str) -> str:
    return path.replace("/", "\\")


WAYS: dict[str, Callable[[Path], str]] = {
    "tar": lambda f: tar(f, "w", "a.tar", as_it_is),
    "tar of a dot": lambda f: tar(f, "w", "a.tar", with_dot),
    "tar of absolute names": lambda f: tar(f, "w", "a.tar", lambda path: f"/{path}"),
    "tar with doubled slashes": lambda f: tar(f, "w", "a.tar", lambda p: p.replace("/", "//./")),
    "tar.gz of a dot": lambda f: tar(f, "w:gz", "a.tar.gz", with_dot),
    "tgz": lambda f: tar(f, "w:gz", "a.tgz", with_dot),
    "txz": lambda f: tar(f, "w:xz", "a.txz", as_it_is),
    "tbz2": lambda f: tar(f, "w:bz2", "a.tbz2", as_it_is),
    "gzip called tar": lambda f: tar(f, "w:gz", "a.tar", with_dot),
    "bzip2 called gz": lambda f: tar(f, "w:bz2", "a.tar.gz", with_dot),
    "tar without an ending": lambda f: tar(f, "w", "archive", as_it_is),
    "zip": lambda f: zipped(f, as_it_is),
    "zip with bzip2": lambda f: zipped(f, as_it_is, zipfile.ZIP_BZIP2),
    "zip with LZMA": lambda f: zipped(f, as_it_is, zipfile.ZIP_LZMA),
    "zip with dots": lambda f: zipped(f, with_dot),
    "zip of absolute names": lambda f: zipped(f, lambda path: f"/{path}"),
    "zip of Windows": lambda f: zipped(f, of_windows, system=0),
    "zip with backslashes": lambda f: zipped(f, of_windows),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_an_archive_has_the_records_of_its_folder(way: Callable[[Path], str], folder: Path) -> None:
    local, folder_warnings = index(folder)
    assert [record.path for record in local] == ["cat/1.png", "cat/deep/2.png", "dog café/3.png"]
    manifest, archive_warnings = index(way(folder))
    assert manifest.table.equals(local.table)
    assert manifest.class_names == local.class_names == ("cat", "dog café", "empty")
    assert archive_warnings == folder_warnings
    assert pixels(manifest) == pixels(local)


def test_a_folder_in_an_archive_is_found_by_its_path(folder: Path) -> None:
    expected = index(folder / "dog café", labels=None)[0]
    for address in (
        tar(folder, "w", "a.tar", with_dot).replace("tar://", "tar://dog café"),
        tar(folder, "w", "a.tar", with_dot).replace("tar://", "tar://./dog café/"),
        zipped(folder, of_windows).replace("zip://", "zip:///dog café"),
    ):
        manifest = index(address, labels=None)[0]
        assert manifest.table.equals(expected.table)
        assert pixels(manifest) == pixels(expected)
    with pytest.raises(augseq.errors.MissingFileError, match="no 'bird'"):
        index(zipped(folder, as_it_is).replace("zip://", "zip://bird"))


def test_names_from_macos_are_utf_8_without_the_flag(folder: Path) -> None:
    address = zipped(folder, as_it_is)
    place = Path(address.removeprefix("zip://::"))
    data = bytearray(place.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags + 1] &= ~8
            at = data.find(signature, at + 4)
    place.write_bytes(data)
    assert "cafe" not in zipfile.ZipFile(place).namelist()[-1]
    assert index(address)[0].class_names == ("cat", "dog café", "empty")


def test_links_and_repeated_members_behave_as_on_disk(folder: Path, tmp_path: Path) -> None:
    place, later = tmp_path / "a.tar", (folder / "dog café/3.png").read_bytes()
    with tarfile.open(place, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(folder, ".")
        for name, kind, target in [
            ("cat/soft.png", tarfile.SYMTYPE, "1.png"),
            ("./cat/hard.png", tarfile.LNKTYPE, "./cat/1.png"),
            ("cat/pipe.png", tarfile.FIFOTYPE, ""),
            ("linked", tarfile.SYMTYPE, "cat"),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
        info = tarfile.TarInfo("cat/1.png")
        info.size, info.pax_headers = len(later), {"comment": "again"}
        archive.addfile(info, io.BytesIO(later))
    first = (folder / "cat/1.png").read_bytes()
    (folder / "cat/1.png").write_bytes(later)
    (folder / "cat/hard.png").write_bytes(first)
    os.symlink("1.png", folder / "cat/soft.png")
    os.symlink("cat", folder / "linked")
    local, folder_warnings = index(folder)
    manifest, archive_warnings = index(f"tar://::{place}")
    assert manifest.table.equals(local.table)
    assert archive_warnings == folder_warnings
    assert any("2 symbolic links" in text for text in folder_warnings)
    assert pixels(manifest) == pixels(local)


def test_links_in_a_zip_are_not_followed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/1.png", b"x")
        link = zipfile.ZipInfo("cat/2.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "1.png")
    manifest, found = index(f"zip://::{tmp_path / 'a.zip'}")
    assert [record.path for record in manifest] == ["cat/1.png"]
    assert any("1 symbolic links" in text for text in found)


METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES", 1: "Shrink", 77: "77"}


@pytest.mark.parametrize(("method", "name"), METHODS.items())
def test_unsupported_compression_is_refused_when_indexing(
    method: int, name: str, folder: Path
) -> None:
    if method == 93 and hasattr(zipfile, "ZIP_ZSTANDARD"):
        pytest.skip("this Python reads it")
    address = zipped(folder, as_it_is)
    place = Path(address.removeprefix("zip://::"))
    data = bytearray(place.read_bytes())
    for signature, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset : at + offset + 2] = struct.pack("<H", method)
            at = data.find(signature, at + 4)
    place.write_bytes(data)
    with pytest.raises(augseq.errors.UnreadableError, match=rf"{name}.*Extract it.*repack it"):
        index(address)


def test_an_encrypted_archive_is_refused_when_indexing(folder: Path) -> None:
    address = zipped(folder, as_it_is)
    place = Path(address.removeprefix("zip://::"))
    data = bytearray(place.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(signature, at + 4)
    place.write_bytes(data)
    with pytest.raises(augseq.errors.UnreadableError, match=r"encrypted.*password.*Extract it"):
        index(address)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


class Packed(NamedTuple):
    """The same folder in two archives."""

    zip: bytes
    tar: bytes


BROKEN: dict[str, tuple[str, Callable[[Packed], bytes], str]] = {
    "zip cut": ("zip", lambda p: _cut(p.zip), "its end is missing"),
    "tar cut": ("tar", lambda p: p.tar[:1300], "its end is missing"),
    "tar.gz cut": ("tar", lambda p: _cut(gzip.compress(p.tar)), "its end is missing"),
    "tar.xz cut": ("tar", lambda p: _cut(lzma.compress(p.tar)), "its end is missing"),
    "zip as tar": ("tar", lambda p: p.zip, "is a ZIP archive: pass the address 'zip://::"),
    "tar as zip": ("zip", lambda p: p.tar, "is a tar archive: pass the address 'tar://::"),
    "tgz as zip": ("zip", lambda p: gzip.compress(p.tar), "gzip: pass the address 'tar://::"),
    "7z": ("zip", lambda p: b"7z\xbc\xaf\x27\x1c" + p.tar[:99], "is a 7z archive. Extract it"),
    "RAR": ("tar", lambda p: b"Rar!\x1a\7\0" + p.tar[:99], "is a RAR archive. Extract it"),
    "LZ4": ("tar", lambda p: b"\x04\x22\x4d\x18" + p.tar[:99], "LZ4.*Extract it"),
    "page": ("zip", lambda _: b"<html>404</html>", "a web page.*download it again"),
    "pointer": ("tar", lambda _: b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    "nothing": ("zip", lambda _: b"", "is empty"),
    "noise": ("tar", lambda _: b"\x83" * 4000, "not a tar archive.*Download or repack"),
}


@pytest.mark.parametrize(("kind", "make", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_is_not_the_expected_archive_is_refused_with_the_fix(
    kind: str, make: Callable[[Packed], bytes], message: str, folder: Path
) -> None:
    archives = [zipped(folder, as_it_is), tar(folder, "w", "a.tar", as_it_is)]
    packed = Packed(*(Path(address.partition("::")[2]).read_bytes() for address in archives))
    place = folder.with_name(f"broken.{kind}")
    place.write_bytes(make(packed))
    with pytest.raises(augseq.errors.UnreadableError, match=message):
        index(f"{kind}://::{place}")


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ("zip:///{zip}", r"after '::', as in 'zip://::/{zip}'"),
        ("zip://{zip}", r"after '::', as in 'zip://::{zip}'"),
        ("tar://{tar}", r"after '::', as in 'tar://::{tar}'"),
        ("zip://", r"after '::'"),
        ("tar.gz://::{tar}", r"'tar\.gz'.*tar://::photos\.tar\.gz"),
        ("{zip}", r"is an archive: .*'zip://::{zip}'"),
        ("{tar}", r"is an archive: .*'tar://::{tar}'"),
        ("file://{zip}", r"is an archive: .*'zip://::{zip}'"),
        ("{zip}/cat", r"is an archive: .*'zip://cat::{zip}'"),
        ("{tar}/cat/deep", r"is an archive: .*'tar://cat/deep::{tar}'"),
    ],
)
def test_the_path_of_an_archive_is_refused_with_its_address(
    spelling: str, message: str, folder: Path
) -> None:
    places = {
        "zip": zipped(folder, as_it_is).removeprefix("zip://::"),
        "tar": tar(folder, "w:gz", "a.tgz", with_dot).removeprefix("tar://::"),
    }
    with pytest.raises(augseq.AugseqError, match=message.format(**places)):
        index(spelling.format(**places))


def test_the_suggested_address_is_that_of_the_folder(folder: Path) -> None:
    place = tar(folder, "w:gz", "a.tgz", with_dot).removeprefix("tar://::")
    with pytest.raises(augseq.errors.NotAFolderError) as caught:
        index(place)
    advised = str(caught.value).rpartition("folder in it: ")[2].strip("'.")
    assert index(advised)[0].table.equals(index(folder)[0].table)


def test_a_member_with_a_path_outside_the_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/1.png", b"x")
        archive.writestr("cat/../../2.png", b"x")
    with pytest.raises(
        augseq.errors.UnreadableError, match=r"a path outside it: 'cat/\.\./\.\./2\.png'"
    ):
        index(f"zip://::{tmp_path / 'a.zip'}")


def test_a_damaged_member_is_a_bad_file_not_a_storage_failure(folder: Path) -> None:
    address = zipped(folder, as_it_is)
    place = Path(address.removeprefix("zip://::"))
    data = bytearray(place.read_bytes())
    at = data.find(b"cat/deep/2.png") + len("cat/deep/2.png") + 20
    data[at] ^= 0xFF
    place.write_bytes(data)
    manifest, found = index(address, unreadable="exclude")
    assert [record.path for record in manifest] == ["cat/1.png", "dog café/3.png"]
    assert any("its part of the archive is damaged" in text for text in found), found
    whole = index(address)[0]
    with pytest.raises(augseq.errors.DecodeError, match=r"'cat/deep/2\.png' \(index 1\).*damaged"):
        pixels(whole)
