"""Images with other extensions are reported, with how to index them."""

import io
import re
import shlex
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.indexing.endings import parse_endings
from augseq.pixels.decoders.registry import readable_endings, recognize_format
from tests.folders import MakeFolder


def encoded(kind: str, **options: Any) -> bytes:
    pixels = np.arange(16 * 12 * 3, dtype=np.uint8).reshape(16, 12, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


JPEG = encoded("JPEG")
ODD = [
    "2.jpg_large", "2.jpg?w=300", "2", "2.jpeg~", "2.JPG.1", "2.jpg:orig", "2.png!d", "2.jpg ",
    "2.jpg\u200b", "2.\uff4a\uff50\uff47", "2.download", "2.image", "2.", "2.jpg.bak",
    "2.jpg,large",
    "2.jpg'x", '2.jpg"x', "2.jpg*", "2.jpg?w=1.5&h=2.25", "2.5f3a", "img.v1.0042", "2.jpg (1)",
]  # fmt: skip


def write(folder: Path, *names: str, data: bytes = JPEG) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def index(folder: Path | str, **options: Any) -> tuple[augseq.Manifest, list[str]]:
    """Return the manifest and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        manifest = augseq.index_folder(folder, progress=False, **options)
    return manifest, [str(warning.message) for warning in caught]


def advised(message: str) -> list[str]:
    """Return the extensions that a message suggests."""
    found = re.search(r"extensions=(\[.*?\]) \(at the shell: --extensions (.*)\)\.", message)
    assert found is not None, message
    endings: list[str] = eval(found[1])
    (at_the_shell,) = shlex.split(found[2].split(").")[0])
    assert at_the_shell.split(",") == [ending or "none" for ending in endings]
    return endings


@pytest.mark.parametrize("name", ODD)
def test_an_image_with_another_extension_is_reported_and_indexed_as_suggested(
    tmp_path: Path, name: str
) -> None:
    folder = write(tmp_path / "photos", "cat/1.jpg", f"cat/{name}", "dog/1.png")
    (folder / "dog" / "notes.txt").write_text("no image")
    manifest, warned = index(folder)
    assert len(manifest) == 2
    assert len(warned) == 1
    assert warned[0].startswith("1 file in ")
    endings = advised(warned[0])
    assert len(endings) == 2
    found, warned = index(folder, extensions=endings)
    assert sorted(r.path for r in found) == sorted(["cat/1.jpg", f"cat/{name}", "dog/1.png"])
    assert warned == []


KINDS = {
    "png": encoded("PNG"), "gif": encoded("GIF"), "tiff": encoded("TIFF"), "bmp": encoded("BMP"),
    "webp": encoded("WEBP"), "jp2": encoded("JPEG2000"), "ppm": encoded("PPM"), "jpeg": JPEG,
    "j2k": encoded("JPEG2000", no_jp2=True), "avif": encoded("AVIF"),
    "big_tiff": encoded("TIFF", big_tiff=True), "mpo": encoded("MPO"),
    "jxl": b"\xff\x0a" + b"\0" * 40, "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_every_format_are_recognized_by_their_first_bytes(
    kind: str, tmp_path: Path
) -> None:
    assert recognize_format(KINDS[kind][:512]) is not None
    folder = write(write(tmp_path, "a/1.jpg", "b/1.jpg"), "a/hash", data=KINDS[kind])
    assert "1 x no extension" in index(folder)[1][0]


OTHER = {
    "labels.csv": b"path,label\n1.jpg,cat\n", "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "notes.txt": b"BM of a file", "1.json": b'{"P6": 3}', "1.xml": b"<annotation/>",
    "README": b"Photos of cats", "desktop.ini": b"[.ShellClassInfo]", "P1": b"P1 is a name",
    "film.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "x.wav": b"RIFF\0\0\0\0WAVEfmt ",
    "doc.pdf": b"%PDF-1.7", "empty": b"", "list.zip": b"PK\3\4", "a.py": b"import augseq\n",
    "short": b"\xff", "1.jpg.json": b'{"title": "1.jpg"}', "1.jpg.xmp": b"<x:xmpmeta/>",
    "BM": b"BMW\nMINI\n", "web": b"<!DOCTYPE html>",
}  # fmt: skip


def test_files_that_are_not_images_are_not_reported(tmp_path: Path) -> None:
    folder = write(tmp_path, "cat/1.jpg", "dog/1.jpg")
    for name, data in OTHER.items():
        for place in ("", "cat/", "dog/"):
            (folder / f"{place}{name}").write_bytes(data)
    assert index(folder)[1] == []


def test_extensions_are_counted_and_a_few_are_named(tmp_path: Path) -> None:
    names = [f"{n}.jpg_{'abcdefgh'[n % 8]}" for n in range(40)]
    folder = write(tmp_path, "a/1.jpg", "b/1.jpg", *(f"a/{name}" for name in names))
    _, (message,) = index(folder)
    assert message.startswith("40 files in ")
    assert ": 5 x .jpg_a, 5 x .jpg_b, 5 x .jpg_c, " in message
    assert "and 3 more extensions" in message
    assert advised(message) == ["default", ".jpg_*"]
    assert len(index(folder, extensions=["default", ".jpg_*"])[0]) == 42


@pytest.mark.parametrize("pattern", ["{n}.jpg?id={n}", "{n}.jpg.{n}", "{n}.{n}", "{n}.x{n}y"])
def test_extensions_that_differ_in_every_file_get_a_pattern(tmp_path: Path, pattern: str) -> None:
    names = [f"a/{pattern.format(n=n)}" for n in range(100, 130)]
    folder = write(tmp_path, "a/1.jpg", "b/1.jpg", *names)
    _, (message,) = index(folder)
    assert message.startswith("30 files in ")
    manifest, warned = index(folder, extensions=advised(message))
    assert (len(manifest), warned) == (32, [])


def test_excluding_other_files_with_the_same_extension_is_suggested(tmp_path: Path) -> None:
    folder = write(tmp_path, "a/1.jpg", "b/1.jpg", "a/hash")
    (folder / "a" / "LICENSE").write_text("free")
    _, (message,) = index(folder)
    assert 'unreadable="exclude" (--unreadable exclude)' in message
    manifest, _ = index(folder, extensions=["default", ""], unreadable="exclude")
    assert [record.path for record in manifest] == ["a/1.jpg", "a/hash", "b/1.jpg"]


@pytest.mark.parametrize("names", [["a/0f3c", "b/9e1d"], ["a/1.jpg_1", "b/2.jpg_1"]])
def test_a_folder_with_only_such_files_is_an_error_with_advice_that_works(
    tmp_path: Path, names: list[str]
) -> None:
    folder = write(tmp_path, *names)
    with pytest.raises(augseq.errors.MissingFileError, match="No images found") as caught:
        index(folder)
    manifest, warned = index(folder, extensions=advised(str(caught.value)))
    assert ([record.path for record in manifest], warned) == (names, [])


@pytest.mark.parametrize("names", [["2"], ["2.jpg_1", "3.dat"], ["2.jpg?w=1.5"]])
def test_images_in_an_archive_are_reported_and_indexed_as_suggested(
    tmp_path: Path, names: list[str]
) -> None:
    folder = write(tmp_path / "all", "a/1.jpg", "b/1.jpg", *(f"b/{name}" for name in names))
    write(folder, "a/notes", "a/x.txt", data=b"no image")
    address = f"zip://::{shutil.make_archive(str(folder), 'zip', folder)}"
    _, (message,) = index(address)
    count = len(names) + ("2" in names)  # "a/notes" has no ending either.
    assert message.startswith(f"{count} file{'s' * (count > 1)} in ")
    manifest, _ = index(address, extensions=advised(message), unreadable="exclude")
    assert {record.path for record in manifest} == {
        "a/1.jpg",
        "b/1.jpg",
        *(f"b/{n}" for n in names),
    }


def test_a_folder_without_images_gets_no_advice_about_extensions(make_folder: MakeFolder) -> None:
    with pytest.raises(augseq.errors.MissingFileError) as caught:
        index(make_folder("a/1.txt", "b/notes", "c/1.csv"))
    assert "extensions=" not in str(caught.value)


def test_a_narrow_choice_of_extensions_is_not_reported(tmp_path: Path) -> None:
    folder = write(tmp_path, "a/1.jpg", "b/1.jpg", "a/2.jpg_large", "a/3.png", "b/4")
    assert index(folder, extensions=[".jpg"])[1] == []
    assert "1 x no extension" in index(folder, extensions=["default", ".jpg_large"])[1][0]


def test_hidden_images_are_reported_except_those_of_macos(tmp_path: Path) -> None:
    folder = write(tmp_path, "a/1.jpg", "b/1.jpg", "a/.2.jpg", "b/.3.PNG", "a/._1.jpg")
    write(folder, "a/.DS_Store", ".cache/1.jpg", data=b"Bud1")
    _, warned = index(folder)
    assert len(warned) == 1
    assert warned[0].startswith("Skipped 2 hidden images")
    for path in ("a/1.jpg", "b/1.jpg"):
        (folder / path).unlink()
    with pytest.raises(augseq.errors.MissingFileError, match="2 hidden images"):
        index(folder)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([""], ["x", "x."]),
        (["none"], ["1.none"]),
        ([".jpg", ""], ["1.JPG", "x"]),
        ([".jpg*"], ["1.JPG", "2.jpg_x", "3.jpg.txt", "4.jpg\n"]),
        (["*"], ["x", "1.txt", "1.jpg"]),
        (["*.1"], ["x.1", "1.jpg.1"]),
        (["a*z"], ["1.az", "1.ABZ", "1.a.z"]),
        (["tar.gz"], ["1.TAR.gz"]),
        ([".jpg?w=*"], ["1.jpg?w=3", "1.jpg?w="]),
        (["default"], [f"1{ending}" for ending in readable_endings()]),
        (("default", "x"), ["1.x", "1.jpg"]),
    ],
)
def test_extensions_can_be_none_all_or_patterns(given: Any, names: list[str]) -> None:
    endings = parse_endings(given)
    for name in names:
        low = name.lower()
        assert low.endswith(tuple(endings.plain)) or endings.is_odd_image(low)
    for name in ("y.other", "1.jp", "1.gz", "1.jpeg2", "jpgx", "1.bz"):
        if given != ["*"] and ("." in name or "" not in given):
            assert not name.endswith(tuple(endings.plain))
            assert not endings.is_odd_image(name)


@pytest.mark.parametrize("given", ["jpg", "", [], [1], [None], b".jpg"])
def test_extensions_are_a_list_of_strings(make_folder: MakeFolder, given: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"`extensions` must be a list"):
        index(make_folder("a/1.jpg"), extensions=given)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("1.mpo", encoded("MPO")),
        ("1.apng", encoded("PNG", save_all=True)),
        ("1.dib", encoded("BMP")),
        ("1.jpx", encoded("JPEG2000").replace(b"ftypjp2 ", b"ftypjpx ", 1)),
        ("1.j2c", encoded("JPEG2000", no_jp2=True)),
        ("1.jpc", encoded("JPEG2000", no_jp2=True)),
        ("1.jpf", encoded("JPEG2000").replace(b"ftypjp2 ", b"ftypjpx ", 1)),
        ("1.pjpeg", encoded("JPEG", progressive=True)),
        ("1.PJP", JPEG),
        ("1.jfif", JPEG),
    ],
)
def test_rare_extensions_of_supported_formats_are_indexed_and_decoded(
    tmp_path: Path, name: str, data: bytes
) -> None:
    folder = write(tmp_path, f"a/{name}", data=data)
    manifest, _ = index(folder, labels=None, probe=True)
    pixels = augseq.read_image(folder / manifest[0].path)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_the_usual_extensions_are_known_to_the_extension_check(tmp_path: Path) -> None:
    folder = write(tmp_path, "a/1.mpo", "a/2.pjp", "a/3.pjpeg", "b/4.jpg")
    write(folder, "b/1.dib", data=KINDS["bmp"])
    report = augseq.check_images(index(folder)[0], progress=False)
    assert not [f for f in report.findings if f.kind == "wrong_extension"]
