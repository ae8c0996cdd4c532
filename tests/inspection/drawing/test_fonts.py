"""Class names in any script are readable in pictures, or a warning says why they are not."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager
from PIL import Image as PillowImage

from augseq import AugseqWarning
from augseq.inspection.drawing import fonts
from augseq.inspection.drawing.grid import draw_grid
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.evaluation_figures.confusion import draw_confusion

# None of these is complete in DejaVu Sans, the font that matplotlib ships.
NAMES = {
    "Chinese": "猫和狗",
    "Japanese": "ねことイヌ",
    "Korean": "강아지",
    "Thai": "แมว",
    "Devanagari": "बिल्ली",
    "Bengali": "বিড়াল",
    "Tamil": "பூனை",
    "Amharic": "ድመት",
    "Khmer": "ឆ្មា",
    "fox and otter": "🦊 and 🦦",
    "full width": "\uff23\uff21\uff34",
    "cut in its middle": "一个很长的类别名称在这里继续下去直到结束了吗",
}

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Replace the system's fonts by those of the test; initially none."""
    bundled = [entry for entry in fontManager.ttflist if "mpl-data" in entry.fname]
    paths: list[str] = []
    monkeypatch.setattr(fontManager, "ttflist", bundled)
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: paths)

    def forget() -> None:
        for function in (fonts._installed_fonts, fonts._fallback_families):
            function.cache_clear()
        fontManager._findfont_cached.cache_clear()

    def add(characters: str) -> None:
        name = f"Test Sans {len(paths)}"
        paths.append(make_font(tmp_path / f"{name}.ttf", name, characters))
        forget()

    forget()
    yield add
    monkeypatch.undo()
    forget()


def make_font(path: Path, family: str, characters: str) -> str:
    """Write a font in which each character is a black square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(corner)
    pen.closePath()
    names = {ord(char): f"u{ord(char):x}" for char in sorted(set(characters))}
    order = [".notdef", *names.values()]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(names)
    builder.setupGlyf(
        {name: TTGlyphPen(None).glyph() for name in order[:1]}
        | {name: pen.glyph() for name in order[1:]}
    )
    builder.setupHorizontalMetrics(dict.fromkeys(order, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(path)
    return str(path)


def drawn(picture: Picture) -> np.ndarray:
    """The pixels of a picture; in this project a warning of matplotlib is an error."""
    data = io.BytesIO()
    picture.savefig(data, format="png")
    return np.asarray(PillowImage.open(data))


def grid_of(*titles: str) -> Picture:
    return draw_grid([np.full((8, 8, 3), 255, np.uint8)] * len(titles), titles)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_in_any_script_is_drawn_in_a_font_that_has_it(name: str, install: Install) -> None:
    install("只" + name)
    drawn(grid_of(name))


def test_a_confusion_matrix_names_its_classes_in_any_script(install: Install) -> None:
    names = list(NAMES.values())
    install("".join(names))
    drawn(draw_confusion(np.eye(len(names), dtype=int), names))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_that_no_font_has_is_one_warning_that_says_what_to_install(
    name: str, install: Install
) -> None:
    install("א")
    picture = grid_of(name)
    with pytest.warns(AugseqWarning, match=r"No installed font .*apt install fonts-") as caught:
        picture.savefig(os.devnull, format="png")
    assert len(caught) == 1
    assert len(str(caught[0].message)) < 400


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("猫", r"猫 \(Chinese, Japanese or Korean\)\. Install Noto Sans CJK \(.*fonts-noto-cjk\)"),
        ("ไทย", r"\(Thai\)\. Install the Noto Sans fonts \(.*fonts-noto-core\)"),
        ("🦊", r"🦊 \(symbols\)\. Install Symbola \(.*apt install fonts-symbola\)"),
        ("猫🦊", r"Install Noto Sans CJK and Symbola \(.*fonts-noto-cjk fonts-symbola\)"),
    ],
)
def test_the_warning_names_the_script(name: str, expected: str, install: Install) -> None:
    with pytest.warns(AugseqWarning, match=expected):
        grid_of(name).savefig(os.devnull, format="png")


def test_a_picture_warns_once_however_often_it_is_drawn(install: Install) -> None:
    install("א")
    # It is also measured for its layout, before it is drawn.
    picture = draw_confusion(np.eye(2, dtype=int), ["猫", "犬"])
    with pytest.warns(AugseqWarning, match="犬猫"):
        picture.savefig(os.devnull, format="png")
    picture.savefig(os.devnull, format="svg")


def test_several_fonts_serve_one_text(install: Install) -> None:
    install("猫狗")
    install("ไทย")
    install("猫")
    picture = grid_of("猫狗 ไทย")
    drawn(picture)
    own, *others = picture.axes[0].title.get_fontfamily()
    assert own == "sans-serif"
    assert sorted(others) == ["Test Sans 0", "Test Sans 1"]


def test_a_fallback_changes_the_text_that_needs_it_and_nothing_else(install: Install) -> None:
    install("猫")
    before = dict(mpl.rcParams)
    alone, beside = drawn(grid_of("cat", "")), drawn(grid_of("cat", "猫"))
    half = alone.shape[1] // 2
    assert (alone[:, :half] == beside[:, :half]).all()
    assert (alone[:, half:] != beside[:, half:]).any()
    assert dict(mpl.rcParams) == before


def test_letters_that_the_usual_font_has_stay_in_it(install: Install) -> None:
    install("éλЖא")
    picture = grid_of("Café", "λόγος", "Жук", "אבג", "❤\ufe0f")
    drawn(picture)
    assert {tuple(axes.title.get_fontfamily()) for axes in picture.axes} == {("sans-serif",)}


def test_a_font_of_boxes_does_not_count(install: Install) -> None:
    # matplotlib ships one since 3.11, macOS another: it would hide that a font is missing.
    assert not any("last resort" in family.lower() for family in fonts._installed_fonts())
    with pytest.warns(AugseqWarning, match="猫"):
        grid_of("猫").savefig(os.devnull, format="png")


def test_a_damaged_font_is_skipped(install: Install, tmp_path: Path) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"\0\1\0\0" * 9)
    install("猫")
    fonts.findSystemFonts().append(str(broken))
    drawn(grid_of("猫"))


def test_a_font_that_was_installed_after_matplotlib_listed_them_is_used(tmp_path: Path) -> None:
    # A character of the Bronze Age, which no usual font has.
    sign = "\U00012000"
    (tmp_path / "fonts").mkdir()
    make_font(tmp_path / "fonts" / "cuneiform.ttf", "Test Cuneiform", sign)
    code = (
        "import numpy as np; from augseq.inspection.drawing.grid import draw_grid\n"
        f"picture = draw_grid([np.zeros((8, 8, 3), np.uint8)], [{sign!r}])\n"
        "picture.savefig('picture.png'); print(picture.axes[0].title.get_fontfamily())"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.startswith("['sans-serif', "), run.stderr


def test_wide_characters_count_twice_where_a_title_is_cut(install: Install) -> None:
    name = NAMES["cut in its middle"]
    install(name)
    title = grid_of(name).axes[0].get_title()
    assert "…" in title
    assert len(title) < 13
