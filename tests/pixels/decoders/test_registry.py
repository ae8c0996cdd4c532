"""The table of formats: consistent, documented, and in agreement with Pillow."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from augseq.errors import EXTRAS
from augseq.pixels.decoders import registry
from augseq.pixels.decoders.image_format import ImageFormat
from augseq.pixels.decoders.registry import (
    FORMATS,
    all_endings,
    find_format,
    format_named,
    missing_extras,
    readable_endings,
    recognize_format,
)

from ..odd_files.kinds import no_images
from ..odd_files.odd_file import written
from ..odd_files.written_elsewhere import HEIC, HEIC_TURNED, JXL

DOCUMENT = (Path(__file__).parents[3] / "docs" / "formats.md").read_text("utf-8")
WRITTEN = written()


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_format_of_a_file_is_the_one_that_pillow_finds(kind: str) -> None:
    data = WRITTEN[kind]
    expected = Image.open(io.BytesIO(data)).format
    for found in (find_format(data), recognize_format(data[:512]), format_named(expected)):
        assert found is not None
        assert found.name == expected


@pytest.mark.parametrize(("data", "name"), [(HEIC, "HEIF"), (HEIC_TURNED, "HEIF"), (JXL, "JXL")])
def test_formats_of_extras_are_known_without_them(data: bytes, name: str) -> None:
    found = recognize_format(data[:512])
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "data",
    [b"BMW and others", b"P1 is a name", b"P6", b"Pf", b"\xff\xd8 and more", b"", b"\xff",
     *(f.data for f in no_images() if "signature" not in f.name and "without" not in f.name)],
)  # fmt: skip
def test_a_file_that_is_not_an_image_is_not_recognized(data: bytes) -> None:
    assert recognize_format(data[:512]) is None


def test_names_and_endings_belong_to_one_format_each() -> None:
    names = [name for row in FORMATS for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))
    assert len(all_endings()) == len(set(all_endings()))
    assert all(re.fullmatch(r"\.[a-z0-9]+", ending) for ending in all_endings())
    assert format_named("XYZ") is None
    assert format_named(None) is None


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_a_row_is_documented_and_its_extra_is_declared(row: ImageFormat) -> None:
    assert row.title in DOCUMENT
    for ending in row.endings:
        assert f"`{ending}`" in DOCUMENT
    if row.extra is not None:
        assert row.extra.name in EXTRAS
        assert f".[{row.extra.name}]" in DOCUMENT
    assert row.weight >= 1


def test_the_endings_of_a_missing_extra_are_not_readable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endings = readable_endings()
    assert missing_extras([".jpg", ".png"]) == []
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert missing_extras([".jpg", ".heif", ".jxl"]) == ["heif", "jxl"]
    assert set(endings) - set(readable_endings()) <= {".heic", ".heif", ".hif", ".jxl"}
    assert registry.decoder_libraries() == ("pi_heif", "imagecodecs")
