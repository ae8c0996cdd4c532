"""HTML without network or scripts, in light and dark, with all text escaped."""

import base64
import io
from collections.abc import Callable
from html import escape

from PIL import Image as PillowImage
from PIL import features

from augseq.inspection.drawing.thumbnails import Look
from augseq.terminal_text import shortened
from augseq.types import Image


class Markup(str):
    """Text that is already HTML; any other text is escaped when it is inserted."""

    __slots__ = ()


def element(name: str, *content: str, **attributes: str) -> Markup:
    """Return an element; `class_` stands for the attribute "class".

    Args:
        name: Name of the tag, such as "div".
        *content: `Markup` is kept as it is, other text is escaped.
        **attributes: Values are escaped.
    """
    options = "".join(f' {key.rstrip("_")}="{_escaped(v)}"' for key, v in attributes.items())
    inside = "".join(part if isinstance(part, Markup) else _escaped(part) for part in content)
    return Markup(f"<{name}{options}>{inside}</{name}>" if name != "img" else f"<img{options}>")


def card(title: str, facts: str, *parts: Markup) -> str:
    """Return the notebook display of an object.

    Args:
        title: Kind of the object.
        facts: The most important figures.
        *parts: Contents from top to bottom.
    """
    head = element("div", element("b", title), " ", facts, class_="augseq-head")
    return element("div", style(), head, *parts, class_="augseq")


def note(text: str) -> Markup:
    """Return a line of less important text."""
    return element("div", text, class_="augseq-note")


def bar(share: float, text: str) -> Markup:
    """Return a bar followed by a label.

    Args:
        share: Length relative to the longest bar, 0 to 1.
        text: The label.
    """
    line = element("span", class_="augseq-bar", style=f"width:{80 * share:.1f}%")
    return element("div", line, text, class_="augseq-track")


def thumbnail(look: Look, name: str, *, detail: str = "", is_quick: bool = False) -> Markup:
    """Return a small image, or a box with the reason why there is none.

    Args:
        look: Image or reason.
        name: Alternative text.
        detail: Tooltip.
        is_quick: Whether to encode in a sixth of the time, at one and a half times the size.
    """
    if isinstance(look, str):
        reason = shortened(look, 60)
        return element("span", reason, class_="augseq-none", title=f"{detail}: {look}")
    return element("img", src=_data_uri(look, is_quick=is_quick), alt=name, title=detail)


def style() -> Markup:
    """Return the style sheet, for a display that is not a `card`."""
    return element("style", Markup(_STYLE))


def without_failure(make: Callable[[], str], text: str) -> str:
    """Return the result of `make`; if it raises, a card with a text and the reason.

    A display that raises would hide the object itself.
    """
    try:
        return make()
    except Exception as error:
        reason = f"This display failed: {type(error).__name__}: {error}"
        return card(text, "", note(reason))


def _escaped(text: str) -> str:
    # A file name can contain half of a surrogate pair, with which no notebook can be saved.
    return escape(text.encode("utf-8", "replace").decode("utf-8"))


def _data_uri(image: Image, *, is_quick: bool) -> str:
    data = io.BytesIO()
    # Two thirds the size of a JPEG that looks as good; a self-built Pillow may lack it.
    kind = "webp" if features.check("webp") and not is_quick else "jpeg"
    PillowImage.fromarray(image).save(data, format=kind, quality=75 if is_quick else 60)
    return f"data:image/{kind};base64," + base64.b64encode(data.getvalue()).decode("ascii")


_LIGHT = "--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--fill:#f3f5f7;--bar:#4878a8;--back:#fff"
_DARK = "--ink:#e3e6ea;--soft:#9aa4af;--line:#454c55;--fill:#2a2f36;--bar:#6fa3d8;--back:#1e1e1e"
# The theme of the notebook takes precedence, since it can differ from that of the system.
_STYLE = f"""
.augseq{{{_LIGHT}}}
@media (prefers-color-scheme:dark){{.augseq{{{_DARK}}}}}
body[data-jp-theme-light="true"] .augseq,body.vscode-light .augseq{{{_LIGHT}}}
body[data-jp-theme-light="false"] .augseq,body.vscode-dark .augseq,html[theme="dark"] .augseq
{{{_DARK}}}
.augseq{{color:var(--jp-ui-font-color1,var(--vscode-editor-foreground,var(--ink)));
background:var(--jp-layout-color0,var(--vscode-editor-background,var(--back)));
font:13px/1.4 system-ui,sans-serif;padding:10px 12px;max-width:900px;overflow:hidden;
border:1px solid var(--line);border-radius:6px;box-sizing:border-box}}
.augseq *{{box-sizing:border-box}}
.augseq-head{{margin-bottom:6px}}
.augseq-head b{{font-size:15px}}
.augseq-note{{color:var(--soft);font-size:12px;overflow-wrap:anywhere;margin:4px 0}}
.augseq-classes{{display:grid;grid-template-columns:max-content minmax(90px,280px) auto;
gap:4px 12px;align-items:center;justify-content:start}}
.augseq-name{{text-align:right;max-width:220px;overflow:hidden;text-overflow:ellipsis;
white-space:nowrap}}
.augseq-track{{display:flex;align-items:center;gap:6px;font-variant-numeric:tabular-nums}}
.augseq-bar{{background:var(--bar);height:12px;border-radius:2px;min-width:1px}}
.augseq-bars{{grid-template-columns:max-content minmax(90px,480px)}}
.augseq-findings{{display:grid;grid-template-columns:max-content max-content minmax(0,1fr);
gap:4px 12px;align-items:baseline}}
.augseq-mark{{color:#fff;background:#57606a;border-radius:9px;padding:1px 7px;font-size:11px}}
.augseq-error{{background:#b3261e}}
.augseq-warning{{background:#8a5a00}}
.augseq-row{{display:flex;gap:4px;flex-wrap:wrap;align-items:center}}
.augseq img{{display:block;margin:0;border-radius:3px;object-fit:cover;max-width:none}}
.augseq-row img,.augseq-row .augseq-none{{width:48px;height:48px}}
.augseq-whole img,.augseq-whole .augseq-none{{width:80px;height:80px;object-fit:contain}}
.augseq-name i{{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}}
.augseq-grid{{display:flex;flex-wrap:wrap;gap:8px}}
.augseq-grid figure{{margin:0;width:var(--side,96px)}}
.augseq-grid img,.augseq-grid .augseq-none{{width:var(--side,96px);height:var(--side,96px);
object-fit:contain}}
.augseq pre{{margin:0 0 8px;padding:0;background:none;border:0;color:inherit;white-space:pre-wrap;
overflow-wrap:anywhere;font:12px/1.45 ui-monospace,monospace}}
.augseq figcaption{{font-size:12px;text-align:center;overflow:hidden;text-overflow:ellipsis;
white-space:nowrap}}
.augseq-grid figure .augseq-line{{color:var(--soft);font-size:11px;line-height:1.25;
text-align:center;overflow-wrap:anywhere}}
.augseq-key{{display:flex;flex-wrap:wrap;gap:3px 14px;font-size:12px;margin:8px 0 4px}}
.augseq-key span{{display:inline-flex;align-items:center;gap:5px;white-space:pre}}
.augseq-key i{{width:18px;height:11px;border:1px solid var(--soft);border-radius:2px}}
.augseq-key .augseq-scale{{width:110px;border:0}}
.augseq-none{{display:block;background:var(--fill);border:1px dashed var(--soft);border-radius:3px;
color:var(--soft);font-size:9px;line-height:1.15;padding:2px;overflow:hidden;
overflow-wrap:anywhere}}
.augseq-chain{{display:flex;flex-wrap:wrap;gap:6px 0;align-items:stretch;margin:8px 0}}
.augseq-hop{{background:var(--fill);border:1px solid var(--line);border-radius:5px;
padding:3px 8px;max-width:190px;overflow-wrap:anywhere}}
.augseq-hop.augseq-step{{border-left:3px solid var(--bar)}}
.augseq-hop span{{display:block;color:var(--soft);font-size:11px;line-height:1.25}}
.augseq-arrow{{align-self:center;color:var(--soft);padding:0 5px}}
"""
