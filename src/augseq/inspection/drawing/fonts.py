"""System fonts for characters that the font of a figure lacks."""

import functools
import unicodedata
from collections.abc import Iterator
from contextlib import suppress

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

# These fonts have a glyph for every character: a box that names its script.
_PLACEHOLDER_FONTS = ("last resort", ".lastresort", "lastresort", "adobe blank", "unicode bmp")
_CJK = ("CJK", "BOPOMOFO", "FULLWIDTH", "HANGUL", "HIRAGANA", "IDEOGRAPHIC", "KATAKANA")
_MOST_SHOWN = 8
# What to install, and its package on Debian.
_FONTS = {
    "Chinese, Japanese or Korean": ("Noto Sans CJK", "fonts-noto-cjk"),
    "symbols": ("Symbola", "fonts-symbola"),
}
_OTHER_FONTS = ("the Noto Sans fonts", "fonts-noto-core")


def use_fallback_fonts(figure: Figure) -> str:
    """Add system fonts to texts whose fonts lack characters.

    Only the texts of this figure change; `matplotlib.rcParams` stays as it is.

    Args:
        figure: The figure to change.

    Returns:
        The characters that no installed font has, in order.
    """
    lacking = {text: _lacking(text) for text in _texts(figure)}
    families, missing = _fallback_families(frozenset("".join(lacking.values())))
    for text, characters in lacking.items():
        if characters and families:
            text.set_fontfamily([*text.get_fontfamily(), *families])
    return "".join(sorted(missing))


def missing_text(characters: str) -> str:
    """Return a warning about characters drawn as boxes, with the fonts to install.

    Args:
        characters: At least one.
    """
    shown = characters[:_MOST_SHOWN] + "…" * (len(characters) > _MOST_SHOWN)
    scripts = ", ".join(dict.fromkeys(map(_script, characters)))
    packages = dict.fromkeys(_FONTS.get(_script(char), _OTHER_FONTS) for char in characters)
    return (
        f"No installed font has some characters of this picture, so they are drawn as boxes: "
        f"{shown} ({scripts}). Install {' and '.join(name for name, _ in packages)} (on Debian and "
        f"Ubuntu: apt install {' '.join(package for _, package in packages)}), then restart this "
        "program."
    )


def _texts(figure: Figure) -> Iterator[Text]:
    """Yield the texts that can need another font."""
    for axes in figure.axes:
        # Tick labels get their text only on demand.
        axes.get_xticklabels()
        axes.get_yticklabels()
    for text in figure.findobj(Text):
        if isinstance(text, Text) and not text.get_text().isascii():
            yield text


def _lacking(text: Text) -> str:
    """Return the characters of a text that none of its fonts has."""
    needed = {char for char in text.get_text() if not _is_invisible(char)}
    for family in text.get_fontfamily():
        with suppress(ValueError):
            # A list, since a single name is parsed as a fontconfig pattern.
            own = FontProperties(family=[family])
            path = fontManager.findfont(own, fallback_to_default=False)
            needed -= _covered(str(path), frozenset(needed))
    return "".join(needed)


def _is_invisible(char: str) -> bool:
    # Joiners and selectors within an emoji, direction marks, spaces.
    return unicodedata.category(char)[0] in "CZ" or "\ufe00" <= char <= "\ufe0f" or char.isascii()


@functools.lru_cache(maxsize=64)
def _fallback_families(
    characters: frozenset[str],
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return a few families that cover the characters, and those that none has."""
    if not characters:
        return (), characters
    found: dict[str, frozenset[str]] = {}
    for family, path in _installed_fonts().items():
        found[family] = _covered(path, characters)
        if found[family] == characters:
            return (family,), frozenset()
    families: list[str] = []
    while found and (gain := max(found.values(), key=lambda c: len(c & characters)) & characters):
        families.append(next(family for family in found if found[family] & characters == gain))
        characters -= gain
    return tuple(families), characters


@functools.cache
def _installed_fonts() -> dict[str, str]:
    """Return a file for each family of upright text fonts, the plainest first."""
    known = {entry.fname for entry in fontManager.ttflist}
    # matplotlib caches its list of fonts in a file, which lacks recently installed fonts.
    for path in set(findSystemFonts()) - known:
        # Bitmap fonts, such as those for coloured emoji, cannot be drawn.
        with suppress(Exception):
            fontManager.addfont(path)
    entries = sorted(
        (entry for entry in fontManager.ttflist if entry.style == "normal"),
        key=lambda entry: (_plainness(entry.name), abs(_weight(entry.weight) - 400)),
    )
    files: dict[str, str] = {}
    for entry in entries:
        if not entry.name.lower().startswith(_PLACEHOLDER_FONTS):
            files.setdefault(entry.name, entry.fname)
    return files


def _plainness(family: str) -> tuple[bool, bool, bool, str]:
    # Fonts for Chinese, Japanese and Korean come in one variant per region.
    is_special = any(word in family for word in ("Mono", "Condensed", "Display", "Serif"))
    return is_special, "Sans" not in family, " SC" not in family, family


def _weight(weight: int | str) -> int:
    return weight if isinstance(weight, int) else 400


@functools.lru_cache(maxsize=4096)
def _covered(path: str, characters: frozenset[str]) -> frozenset[str]:
    """Return which of some characters a font has."""
    try:
        # Not kept: it holds its file open, and there can be hundreds.
        font = FT2Font(path)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(char for char in characters if font.get_char_index(ord(char)))


def _script(char: str) -> str:
    """Return the name of the script that a character belongs to."""
    name = unicodedata.name(char, "UNKNOWN")
    if name.startswith(_CJK):
        return "Chinese, Japanese or Korean"
    return name.split()[0].capitalize() if unicodedata.category(char)[0] in "LM" else "symbols"
