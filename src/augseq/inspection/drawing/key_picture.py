"""The key to the colours of masks and value maps, at the bottom of a figure."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from augseq.inspection.drawing.overlays import UNKNOWN_COLORS, scale_colors
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.drawing.sample_look import Key, Range
from augseq.terminal_text import num_columns, shortened

_LINE_INCHES = 0.22
_MARGIN_INCHES = 0.08
_SIZE = 8
_MOST_LETTERS = 24
# A patch with its gaps, and a letter, in inches.
_PATCH_INCHES = 0.42
_LETTER_INCHES = 0.068
_SCALE_INCHES = 1.6


def key_inches(key: Key, width: float) -> float:
    """Return the height that a key needs in a figure of this width, in inches."""
    num_lines = len(key.ranges) + len(_lines(_entries(key), width))
    return num_lines * _LINE_INCHES + _MARGIN_INCHES * bool(num_lines)


def draw_key(figure: Picture, key: Key) -> None:
    """Draw a key at the bottom of a figure that has `key_inches` of space there."""
    width, height = figure.get_size_inches()
    lines = _lines(_entries(key), width)
    for number, line in enumerate(lines, 1):
        bottom = (_MARGIN_INCHES + (len(lines) - number) * _LINE_INCHES) / height
        legend = figure.legend(
            handles=line, loc="lower center", ncols=len(line), bbox_to_anchor=(0.5, bottom),
            fontsize=_SIZE, frameon=False, borderpad=0, borderaxespad=0, handlelength=1.5,
            handletextpad=0.5, columnspacing=1.2,
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)
    for number, (name, limits) in enumerate(reversed(list(key.ranges.items())), len(lines)):
        _draw_scale(figure, name, limits, bottom=_MARGIN_INCHES + number * _LINE_INCHES)


def _entries(key: Key) -> list[Patch]:
    light, dark = UNKNOWN_COLORS
    border: dict[str, Any] = {"edgecolor": "#808080", "linewidth": 0.6}
    entries = [
        Patch(facecolor=color or "white", label=shortened(name, _MOST_LETTERS), **border)
        for name, color in key.classes
    ]
    if key.num_more:
        entries.append(Patch(facecolor="none", label=f"and {key.num_more} more"))
    striped: dict[str, Any] = {"facecolor": light, "edgecolor": dark, "hatch": "//////", "lw": 0}
    return entries + [Patch(label=text, **striped) for text in key.unknown]


def _lines(entries: Sequence[Patch], width: float) -> list[list[Patch]]:
    """Return the entries of each line."""
    lines: list[list[Patch]] = []
    room = 0.0
    for entry in entries:
        needed = _PATCH_INCHES + _LETTER_INCHES * num_columns(str(entry.get_label()))
        if needed > room:
            lines.append([])
            room = width - 2 * _MARGIN_INCHES
        lines[-1].append(entry)
        room -= needed
    return lines


def _draw_scale(figure: Picture, name: str, limits: Range, *, bottom: float) -> None:
    width, height = figure.get_size_inches()
    length = min(_SCALE_INCHES, 0.4 * width)
    middle = width / 2 + length / 4
    place = ((middle - length / 2) / width, (bottom + 0.05) / height, length / width, 0.1 / height)
    axes = figure.add_axes(place, label=f"scale of {name}")
    colors = ListedColormap(scale_colors(256))
    axes.imshow(np.arange(256)[np.newaxis], aspect="auto", cmap=colors)
    axes.set_axis_off()
    for text, x, side in _scale_texts(name, limits):
        style: dict[str, Any] = {"fontsize": _SIZE, "va": "center", "ha": side}
        axes.text(x, 0.5, text, transform=axes.transAxes, parse_math=False, **style)


def _scale_texts(name: str, limits: Range) -> Iterator[tuple[str, float, str]]:
    low, high = limits
    yield f"{shortened(name, _MOST_LETTERS)}   {low:.4g}", -0.04, "right"
    yield f"{high:.4g}", 1.04, "left"
