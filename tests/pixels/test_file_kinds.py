"""Files that are not images are identified, with advice."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile

import numpy as np
import pytest
from PIL import Image

from augseq.errors import DecodeError
from augseq.pixels.decoders.decoder_errors import explaining

from .conftest import decode, encoded, photo

PAGES = {
    "in capitals": b"<HTML><HEAD><TITLE>Moved</TITLE></HEAD></HTML>",
    "with a mark of UTF-8": b"\xef\xbb\xbf<!doctype html><p>gone",
    "in UTF-16": "<!DOCTYPE html>\n<p>gone".encode("utf-16"),
    "in UTF-16 of the other order": "\ufeff<html>gone".encode("utf-16-be"),
    "in Latin-1": "<html><p>Zugriff verweigert für Gäste".encode("latin-1"),
    "after empty lines": b"\r\n\r\n\t <!DOCTYPE html>",
    "after a comment": b"<!-- cached at 12:00 -->\n<!-- node 3 --><html>",
    "after a declaration": b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML">',
    "of an old standard": b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">',
    "without html": b"<center><h1>502 Bad Gateway</h1></center>",
    "of a title alone": b"<title>Just a moment...</title>",
    "that is long": b"<body>" + b"<p>text</p>" * 9999,
    "packed": gzip.compress(b"<html><body>Sign in</body></html>", mtime=0),
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_a_web_page_is_identified_however_it_is_written(page: bytes) -> None:
    with pytest.raises(DecodeError, match=rf"{len(page)} bytes are a web page.*download it again"):
        decode(page)


def _zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


def _saved(save: object, **arrays: object) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)  # type: ignore[operator]
    return file.getvalue()


KINDS = {
    "an SVG drawing": [
        b'<?xml version="1.0"?>\n<!-- Inkscape --><svg width="9"/>',
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd"><svg/>',
        b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>',
    ],
    "XML text that begins with '<Error><Code>NoSuchKey": [
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>',
    ],
    "JSON text": [
        json.dumps({"message": "Not Found"}, indent=2).encode(),
        b'\xef\xbb\xbf [{"id": 1}]',
        b"[0.5, 1]",
        gzip.compress(b'{"error": 403}', mtime=0),
    ],
    "a Git LFS pointer.*git lfs pull": [
        b"version https://git-lfs.github.com/spec/v1\noid sha256:9f\nsize 8\n",
        b"version https://hawser.github.com/spec/v1\r\noid sha256:9f\r\nsize 8\r\n",
    ],
    "a git-annex pointer.*git annex get": [
        b"/annex/objects/SHA256E-s9--1f.jpg\n",
        b"../.git/annex/objects/Kj/0f/MD5E-s9--1f.png/MD5E-s9--1f.png",
    ],
    "a symbolic link that was copied as text": [b"../originals/cat_0001.jpg", b"/data/1.png"],
    "base64": [b"data:image/jpeg;base64,/9j/4AAQ", b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB\n"],
    "text that begins with '404: Not Found'": [b"404: Not Found", b"404: Not Found\n"],
    r"text that begins with 'path,label a\.jpg,cat'": [b"path,label\na.jpg,cat\n"],
    "white space": [b"\n \n"],
    "all zero.*copy": [bytes(77)],
    "a PDF file": [b"%PDF-1.7\n%\xe2\xe3", b"\n%PDF-1.4"],
    "a ZIP archive": [_zip("a.jpg"), _zip("cat/1.jpg", "dog/2.jpg")],
    "an Office document": [_zip("[Content_Types].xml", "ppt/presentation.xml")],
    r"a numpy archive \(.npz\)": [_saved(np.savez_compressed, a=np.arange(4))],
    "a numpy array": [_saved(np.save, arr=np.zeros((2, 2)))],
    "a PyTorch file": [_zip("model/data.pkl", "model/version")],
    "a Python pickle": [pickle.dumps({"a": [1]}), pickle.dumps(np.arange(3), protocol=2)],
    "a video.*frames": [
        b"\0\0\0\x1cftypmp42\0\0\0\0mp42isom" + bytes(40),
        b"\0\0\0\x14ftypqt  \0\0\2\0qt  " + bytes(40),
        b"\0\0\0\x08wide\0\1\0\0mdat" + bytes(40),
        b"RIFF\x24\0\0\0AVI LIST",
        b"\x1aE\xdf\xa3\x9fB\x86\x81\1",
    ],
    "a camera raw photo": [b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"],
    "an audio file": [b"RIFF\x24\0\0\0WAVEfmt ", b"ID3\4\0"],
    "a PNG file compressed with gzip.*gunzip": [gzip.compress(encoded(photo(8, 8)), mtime=0)],
    "a bzip2 archive": [bz2.compress(b"x" * 50)],
    "an XZ archive": [lzma.compress(b"x" * 50)],
    "a gzip archive": [gzip.compress(bytes(range(256)), mtime=0)],
    "a tar archive": [b"a.jpg".ljust(257, b"\0") + b"ustar\x0000" + bytes(248)],
    "a DICOM file": [bytes(128) + b"DICM\2\0"],
}


@pytest.mark.parametrize(
    ("kind", "data"), [(kind, data) for kind, several in KINDS.items() for data in several]
)
def test_a_file_that_is_not_an_image_is_identified(kind: str, data: bytes) -> None:
    with pytest.raises(DecodeError, match=f"its {len(data)} bytes are .*{kind}"):
        decode(data)


def test_noise_and_damaged_headers_are_not_identified() -> None:
    noise = np.random.default_rng(5).integers(0, 256, 900, np.uint8).tobytes()
    for data in (noise, b"\x89PNG\r\n\x1a\n" + noise, noise[:3], b"\xff\xd8\xff" + noise[:9]):
        with pytest.raises(DecodeError) as caught:
            decode(data)
        assert "download" not in str(caught.value)


@pytest.mark.parametrize("text", ["<html>", "{}", "version https://git-lfs"])
def test_an_image_that_contains_such_text_is_an_image(text: str) -> None:
    picture = Image.new("RGB", (4, 4), (9, 99, 9))
    file = io.BytesIO()
    picture.save(file, "JPEG", comment=text.encode())
    assert decode(file.getvalue()).shape == (4, 4, 3)


@pytest.mark.parametrize(("mode", "wanted"), [("La", "L"), ("La", "RGB"), ("LAB", "L")])
def test_pixels_that_pillow_cannot_convert_are_described_in_words(mode: str, wanted: str) -> None:
    message = rf"not supported \(Pillow calls it mode {mode}\): save it again"
    with pytest.raises(DecodeError, match=message), explaining():
        Image.new(mode, (2, 2)).convert(wanted)


@pytest.mark.parametrize("length", range(8, 12))
def test_an_avif_that_ends_within_its_brand_is_not_a_video(length: int) -> None:
    with pytest.raises(DecodeError, match="not an image of a known format, or its header"):
        decode(encoded(photo(8, 8), "AVIF")[:length])
