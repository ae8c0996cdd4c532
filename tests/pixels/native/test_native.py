"""The optional C module decides as the Python code does, or leaves the decision to it."""

import io
import os
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from augseq.errors import DecodeError
from augseq.pixels import native
from augseq.pixels.decode import decode_image
from augseq.pixels.options import DecodeOptions
from augseq.pixels.read import read_file

from ..odd_files.corpus import odd_files

pytestmark = [
    pytest.mark.skipif(native.module is None, reason="was not compiled"),
    # Pillow warns about odd metadata; the pixels are checked separately.
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
]

NUM_MUTATIONS = 2000


def jpegs() -> list[bytes]:
    """Return JPEG files of the common kinds, with each kind of metadata."""
    pixels = np.random.default_rng(3).integers(0, 256, (24, 32, 3), np.uint8)
    found = []
    for number, (mode, orientation) in enumerate(
        (mode, orientation) for mode in ("RGB", "L", "CMYK") for orientation in range(9)
    ):
        exif = PillowImage.Exif()
        exif[0x010F] = "Maker"
        exif[0x0112] = orientation
        exif.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
        xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"/>'
        options = {
            "exif": exif.tobytes() if number % 3 else b"",
            "xmp": xmp if number % 2 else b"<x/>",
            "comment": "words" * (number % 4),
            "progressive": number % 5 == 0,
            "subsampling": number % 3,
        }
        file = io.BytesIO()
        PillowImage.fromarray(pixels).convert(mode).save(file, "JPEG", **options)
        found.append(file.getvalue())
    return found


def verdict(data: bytes) -> object:
    """Return the pixels of a file; None if it is refused."""
    try:
        pixels = decode_image(data, DecodeOptions())
    except DecodeError:
        return None
    return pixels.shape, pixels.tobytes()


def check_same_verdict(data: bytes, monkeypatch: pytest.MonkeyPatch) -> bool:
    assert native.module is not None
    is_plain = native.module.read_jpeg_header(data) is not None
    if is_plain:
        found = verdict(data)
        with monkeypatch.context() as patch:
            patch.setattr(native, "module", None)
            assert verdict(data) == found
    return is_plain


def test_common_files_are_decoded_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    num_plain = sum(check_same_verdict(data, monkeypatch) for data in jpegs())
    # Not those in CMYK, nor those with the orientation in XMP alone, nor with orientation 0.
    assert num_plain >= 8


def test_odd_files_are_decoded_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [file.data for file in odd_files() if file.data[:2] == b"\xff\xd8"]
    assert len(files) > 50
    for data in files:
        check_same_verdict(data, monkeypatch)


def test_files_with_changed_headers_are_decoded_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    files, draw, num_plain = jpegs(), random.Random(5), 0
    for _ in range(NUM_MUTATIONS):
        data = bytearray(draw.choice(files))
        end = data.index(b"\xff\xda")
        for _ in range(draw.choice([1, 1, 2, 5])):
            data[draw.randrange(end)] = draw.choice([0, 1, 6, 0xD8, 0xFF, draw.randrange(256)])
        if draw.random() < 0.2:
            del data[draw.randrange(len(data)) :]
        num_plain += check_same_verdict(bytes(data), monkeypatch)
    # Otherwise the test would compare too little.
    assert NUM_MUTATIONS // 10 < num_plain < NUM_MUTATIONS


@pytest.mark.parametrize("end", range(0, 24, 3))
def test_a_header_of_a_few_bytes_is_left_to_python(end: int) -> None:
    assert native.module is not None
    assert native.module.read_jpeg_header(jpegs()[1][:end]) is None


@pytest.mark.skipif(os.name == "nt", reason="files are read in Python on Windows")
def test_a_plain_file_is_read_with_its_time(tmp_path: Path) -> None:
    assert native.module is not None
    path = tmp_path / "ä.jpg"
    content = bytes(range(256)) * 1000
    path.write_bytes(content)
    os.utime(path, ns=(5, 1_700_000_000_123_456_789))
    found = native.module.read_file(str(path), len(content), False)
    assert found == (content, path.stat().st_mtime_ns)
    assert native.module.read_file(os.fsencode(path), len(content), True) == found


@pytest.mark.parametrize(
    "name", ["gone.jpg", "empty.jpg", "folder", "large.jpg", "link.jpg", "pipe", "a/b.jpg"]
)
def test_other_files_are_left_to_python(name: str, tmp_path: Path) -> None:
    assert native.module is not None
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "large.jpg").write_bytes(bytes(11))
    (tmp_path / "small.jpg").write_bytes(bytes(10))
    (tmp_path / "link.jpg").symlink_to("small.jpg")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    assert native.module.read_file(str(tmp_path / name), 10, False) is None


def test_a_link_is_followed_only_if_that_is_allowed(tmp_path: Path) -> None:
    assert native.module is not None
    (tmp_path / "file.jpg").write_bytes(b"12345")
    (tmp_path / "link.jpg").symlink_to("file.jpg")
    path = str(tmp_path / "link.jpg")
    assert native.module.read_file(path, 10, False) is None
    assert native.module.read_file(path, 10, True) == read_file(path)


def test_a_file_of_more_than_16_mib_is_read_whole(tmp_path: Path) -> None:
    assert native.module is not None
    path = tmp_path / "large.tif"
    path.write_bytes(bytes((16 << 20) + 1))
    assert native.module.read_file(str(path), 1 << 30, False) is None
    assert len(read_file(str(path))[0]) == (16 << 20) + 1
