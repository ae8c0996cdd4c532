"""A check finds everything that was planted in a folder, and nothing else."""

import json
import re
import shutil
import struct
import tracemalloc
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.inspection.quality.similarity import signature_of, similar_groups
from tests.pixels.conftest import encoded, photo

from .planted import HOSTILE, PLANTED, picture, plant

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="such names cannot be there")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, which no test changes."""
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def report(planted: Path) -> augseq.CheckReport:
    """What was found in it."""
    manifest = augseq.index_folder(planted, splits=["train", "val"], progress=False)
    return augseq.check_images(manifest, progress=False)


def found(report: augseq.CheckReport) -> dict[str, list[tuple[str, ...]]]:
    return {
        finding.kind: sorted(tuple(sorted(file.path for file in group)) for group in finding.groups)
        for finding in report.findings
    }


def test_every_planted_case_is_found_and_nothing_else(report: augseq.CheckReport) -> None:
    expected = {
        kind: sorted(tuple(sorted(group)) for group in groups) for kind, groups in PLANTED.items()
    }
    assert found(report) == expected


def test_errors_come_first_and_each_finding_says_what_to_do(report: augseq.CheckReport) -> None:
    order = [finding.severity for finding in report.findings]
    assert order == sorted(order, key=["error", "warning", "note"].index)
    assert set(order) == {"error", "warning", "note"}
    assert all(len(finding.advice) > 20 and finding.title for finding in report.findings)
    assert report.severity == "error"


def test_a_clean_folder_has_nothing_to_report(tmp_path: Path) -> None:
    names = [f"class-{letter}" for letter in "abcdefghij"]
    for number in range(30):
        folder = tmp_path / names[number % 10]
        folder.mkdir(exist_ok=True)
        picture(number).save(folder / f"{number}.png")
    report = augseq.check_images(augseq.index_folder(tmp_path, progress=False), progress=False)
    assert report.findings == ()
    assert report.severity is None
    assert str(report).startswith("30 images, ")
    assert "nothing found" in str(report)
    # No line ends between a class and its number, or within a name.
    lines = str(report).splitlines()
    assert lines[-2].startswith("classes: class-a 3, ")
    assert lines[-2].endswith(" 3,")
    assert lines[-1].startswith("         class-")


def test_copies_and_near_copies_are_also_reported_without_splits(planted: Path) -> None:
    manifest = augseq.index_folder(planted, labels=None, progress=False)
    kinds = found(augseq.check_images(manifest, progress=False))
    assert len(kinds["duplicates"]) == 3
    assert len(kinds["near_duplicates"]) == 3
    assert not {kind for kind in kinds if "splits" in kind or "label" in kind}


def test_another_column_can_hold_the_splits(planted: Path) -> None:
    manifest = augseq.index_folder(planted, splits=["train", "val"], progress=False)
    manifest = manifest.with_column("fold", np.arange(len(manifest)))
    options = augseq.CheckOptions(split_column="fold", near_duplicates=False)
    kinds = found(augseq.check_images(manifest, options, progress=False))
    assert len(kinds["duplicates_across_splits"]) == 3
    assert "duplicates" not in kinds
    with pytest.raises(augseq.errors.ArgumentError, match="no column 'part'"):
        augseq.check_images(manifest, augseq.CheckOptions(split_column="part"), progress=False)


def test_a_file_that_was_changed_since_it_was_probed_is_an_error(tmp_path: Path) -> None:
    for number in range(2):
        picture(number).save(tmp_path / f"{number}.png")
    manifest = augseq.index_folder(tmp_path, labels=None, probe=True, progress=False)
    assert augseq.check_images(manifest, progress=False).findings == ()
    picture(5).save(tmp_path / "1.png")
    (tmp_path / "0.png").unlink()
    kinds = found(augseq.check_images(manifest, progress=False))
    assert kinds == {"unreadable": [("0.png",)], "changed": [("1.png",)]}


def short_png() -> bytes:
    """A whole PNG file whose compressed pixels hold half of its rows."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + name + content + check

    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 9 * 4)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def cut(kind: str, keep: float = 0.6) -> bytes:
    data = encoded(photo(40, 56), kind)
    return data[: int(len(data) * keep)]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("cut.jpg", cut("JPEG"), "truncated"),
        ("cut.png", cut("PNG"), "truncated"),
        ("short.png", short_png(), "truncated"),
        ("cut.ppm", cut("PPM"), "truncated"),
        ("empty.jpg", b"", "unreadable"),
        ("text.png", b"no image", "unreadable"),
        ("damaged.jpg", cut("JPEG") + cut("JPEG"), "unreadable"),
    ],
)
def test_a_file_that_ends_too_soon_is_told_apart_from_other_damage(
    name: str, data: bytes, kind: str, tmp_path: Path
) -> None:
    for number in range(2):
        photo(40 + number, 56).save(tmp_path / f"{number}.png")
    (tmp_path / name).write_bytes(data)
    manifest = augseq.index_folder(tmp_path, labels=None, progress=False)
    report = augseq.check_images(manifest, progress=False)
    kinds = {one.kind: [file.path for file in one.files] for one in report.findings}
    assert kinds[kind] == [name]
    assert not ({"truncated", "unreadable"} - {kind}) & set(kinds)


def test_empty_and_imbalanced_classes_are_reported(tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / ("few" if number == 0 else "many")
        folder.mkdir(exist_ok=True)
        picture(number).save(folder / f"{number}.png")
    (tmp_path / "none").mkdir()
    with pytest.warns(augseq.AugseqWarning, match="none"):
        manifest = augseq.index_folder(tmp_path, progress=False)
    report = augseq.check_images(manifest, progress=False)
    assert {finding.kind: finding.detail for finding in report.findings} == {
        "empty_class": "none",
        "imbalance": "11 of many, 1 of few: 11.0 to 1",
    }
    balanced = augseq.CheckOptions(imbalance=11)
    kinds = found(augseq.check_images(manifest, balanced, progress=False))
    assert list(kinds) == ["empty_class"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("tiny_px", -1), ("num_bits", 65), ("correlation", 1.5), ("imbalance", "much"),
     ("imbalance", float("inf")), ("aspect_ratio", float("nan")), ("correlation", True)],
)  # fmt: skip
def test_an_option_out_of_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=f"`{name}` must be .*{value!r}"):
        augseq.CheckOptions(**{name: value})


def test_numpy_numbers_are_accepted_as_options_and_written_to_json(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "1.png")
    manifest = augseq.index_folder(tmp_path, labels=None, progress=False)
    options = augseq.CheckOptions(
        tiny_px=np.int64(8),
        correlation=np.float32(0.75),
        imbalance=np.int64(3),  # type: ignore[arg-type]
    )
    content = json.loads(augseq.check_images(manifest, options, progress=False).to_json())
    named = content["options"]
    assert (named["tiny_px"], named["correlation"], named["imbalance"]) == (8, 0.75, 3)


def test_the_text_fits_80_columns_and_leaves_the_terminal_alone(
    report: augseq.CheckReport,
) -> None:
    text = report.to_text(num_examples=50)
    assert all(len(line) <= 80 for line in text.split("\n"))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "\\x1b[31m\\u202egnp" in text
    shorter = report.to_text(num_examples=1)
    assert "and 1 more file\n" in shorter
    assert "cut.png" not in shorter


def test_the_json_has_the_schema_that_is_documented(report: augseq.CheckReport) -> None:
    content = json.loads(report.to_json())
    page = (Path(__file__).parents[3] / "docs" / "check.md").read_text(encoding="utf-8")
    for kind in content["findings"]:
        assert f"| `{kind['kind']}` | {kind['severity']} |" in page
    example = re.search(r"^```jsonc\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert example is not None
    documented = json.loads(re.sub(r" +//.*", "", example[1]))
    assert documented.keys() == content.keys()
    assert documented["options"].keys() <= content["options"].keys()
    assert documented["num_findings"].keys() == content["num_findings"].keys()
    found, described = content["findings"][0], documented["findings"][0]
    assert described.keys() == found.keys()
    assert described["files"][0].keys() == found["files"][0].keys()
    assert content["schema_version"] == 1
    assert content["num_images"] == 12 + sum(len(g) for gs in PLANTED.values() for g in gs) - 1
    assert content["class_counts"].keys() == {"cat", "dog"}
    assert content["num_findings"]["error"] == 5
    assert f"train/cat/{HOSTILE}.png" in [
        file["path"] for finding in content["findings"] for file in finding["files"]
    ]


class _Page(HTMLParser):
    """Collects tags and attributes as a browser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.no_images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.no_images += ("class", "augseq-none") in attrs
        if tag == "img":
            self.images.append(dict(attrs))


def test_the_page_is_small_and_self_contained_and_escapes_names(
    report: augseq.CheckReport, tmp_path: Path
) -> None:
    report.write_html(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert page.links
    assert all(link.startswith("data:image/") for link in page.links)
    assert all(image["alt"] for image in page.images)
    assert not re.search("url\\(|@import", text)
    assert "prefers-color-scheme:dark" in text
    assert len(text) < 200_000
    num_shown = sum(len(group) for groups in PLANTED.values() for group in groups)
    assert len(page.images) == num_shown - 3
    assert page.no_images == 3


def test_films_of_a_thousand_frames_become_one_group(tmp_path: Path) -> None:
    signatures = [signature_of(np.asarray(picture(number % 2))) for number in range(1000)]
    hashes = np.array([one.bits for one in signatures], np.uint64)
    thumbnails = np.stack([one.thumbnail for one in signatures])
    groups = similar_groups(hashes, thumbnails, augseq.CheckOptions(), progress=False)
    assert [group.tolist() for group in groups] == [
        list(range(0, 1000, 2)), list(range(1, 1000, 2))
    ]  # fmt: skip


def test_comparing_takes_little_extra_memory() -> None:
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 2**64, 20_000, np.uint64)
    thumbnails = rng.integers(0, 256, (20_000, 256), np.uint8)
    # Of one colour, so not compared.
    thumbnails[7] = 9
    tracemalloc.start()
    try:
        similar_groups(hashes, thumbnails, augseq.CheckOptions(), progress=False)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 264 * 20_000


def test_images_of_one_colour_are_not_near_duplicates(tmp_path: Path) -> None:
    for number in range(4):
        Image.new("RGB", (64, 64), (60 * number, 0, 99)).save(tmp_path / f"{number}.png")
    shutil.copy(tmp_path / "0.png", tmp_path / "copy.png")
    manifest = augseq.index_folder(tmp_path, labels=None, progress=False)
    assert found(augseq.check_images(manifest, progress=False)) == {
        "duplicates": [("0.png", "copy.png")]
    }


ALTERATIONS = {
    "resized": lambda image: image.resize((image.width // 2, image.height // 2)),
    "darker": lambda image: image.point(lambda value: int(value * 0.7)),
    "cropped": lambda image: image.crop(
        (image.width // 100, image.height // 100, image.width * 99 // 100, image.height * 99 // 100)
    ),
    "grey": lambda image: image.convert("L"),
}


def test_altered_photographs_are_found_and_different_ones_are_not(
    photos: Path, tmp_path: Path
) -> None:
    names = sorted(path.relative_to(photos) for path in photos.rglob("*.jpg"))[::9]
    expected = []
    for number, name in enumerate(names):
        shutil.copy(photos / name, tmp_path / f"{name.stem}.jpg")
        way = list(ALTERATIONS)[number % len(ALTERATIONS)]
        with Image.open(photos / name) as image:
            ALTERATIONS[way](image).save(tmp_path / f"{name.stem}_{way}.jpg", quality=50)
        expected.append((f"{name.stem}.jpg", f"{name.stem}_{way}.jpg"))
    manifest = augseq.index_folder(tmp_path, labels=None, progress=False)
    kinds = found(augseq.check_images(manifest, progress=False))
    assert kinds["near_duplicates"] == sorted(expected)
