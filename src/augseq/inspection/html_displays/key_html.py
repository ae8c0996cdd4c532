"""The key to the colours of masks and value maps, as HTML."""

from collections.abc import Iterator

from augseq.inspection.drawing.overlays import UNKNOWN_COLORS, scale_colors
from augseq.inspection.drawing.sample_look import Key, Range
from augseq.inspection.html_displays.markup import Markup, element, note
from augseq.terminal_text import shortened

_MOST_LETTERS = 40
_NUM_STOPS = 9


def key_html(key: Key) -> list[Markup]:
    """Return the key to the pictures of some samples; nothing if they need none."""
    scales = [_scale(name, limits) for name, limits in key.ranges.items()]
    parts = [*scales, *_classes(key)]
    notes = [note(key.note)] if key.note else []
    return notes + ([element("div", *parts, class_="augseq-key")] if parts else [])


def _classes(key: Key) -> Iterator[Markup]:
    for name, color in key.classes:
        yield _entry(name, f"background:{color or 'none'}")
    if key.num_more:
        yield element("span", f"and {key.num_more} more")
    light, dark = UNKNOWN_COLORS
    stripes = f"repeating-linear-gradient(135deg,{light} 0 3px,{dark} 3px 6px)"
    for text in key.unknown:
        yield _entry(text, f"background:{stripes}")


def _entry(name: str, style: str) -> Markup:
    patch = element("i", style=style)
    return element("span", patch, shortened(name, _MOST_LETTERS), title=name)


def _scale(name: str, limits: Range) -> Markup:
    low, high = limits
    colors = ",".join(scale_colors(_NUM_STOPS))
    bar = element("i", class_="augseq-scale", style=f"background:linear-gradient(90deg,{colors})")
    label = shortened(name, _MOST_LETTERS)
    return element("span", f"{label}  {low:.4g}", bar, f"{high:.4g}", title=name)
