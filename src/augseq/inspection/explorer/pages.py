"""The HTML parts of the explorer: rows of pictures, code to copy, messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from augseq.inspection.drawing.sample_look import Key, SampleLook, key_of
from augseq.inspection.drawing.thumbnails import record_title
from augseq.inspection.html_displays.key_html import key_html
from augseq.inspection.html_displays.markup import Markup, element, note, style, thumbnail
from augseq.manifest.record import Record
from augseq.terminal_text import shortened

_MOST_LETTERS = 22
# A page that was not served over https or from this machine has no clipboard, and a browser may
# refuse access; the code is then selected, for Ctrl+C.
_COPY = """
const code = this.parentElement.querySelector("code"), range = document.createRange();
range.selectNodeContents(code);
getSelection().removeAllRanges();
getSelection().addRange(range);
const show = text => { this.textContent = text; };
const tell = text => { show(text); setTimeout(() => show("Copy"), 2000); };
const done = () => { getSelection().removeAllRanges(); tell("Copied"); };
const old = () => document.execCommand("copy") ? done() : tell("Press Ctrl+C");
navigator.clipboard
  ? navigator.clipboard.writeText(code.textContent).then(done, old) : old();
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One image and its augmented versions.

    Attributes:
        record: The record.
        looks: The sample without augmentations, then one for each epoch; or why there is none.
    """

    record: Record
    looks: Sequence[SampleLook | str]


def head_html(facts: str) -> str:
    """Return the title, with the style sheet of all parts."""
    style_of_parts = element("style", Markup(_STYLE))
    title = element("div", element("b", "Explorer"), " ", facts, class_="augseq-head")
    return element("div", style(), style_of_parts, title)


def grid_html(rows: Sequence[Row], epochs: Sequence[int], class_names: Sequence[str]) -> str:
    """Return a row of pictures for each image, a column for each epoch, and a key to colours.

    Pictures of targets, such as value maps, are in further rows.
    """
    if not rows:
        return note("No image matches.")
    key = key_of(look for row in rows for look in row.looks if not isinstance(look, str))
    titles = ["plain", *(f"epoch {epoch}" for epoch in epochs)]
    cells = [element("span", title, class_="augseq-column") for title in titles]
    for row in rows:
        path = str(row.record)
        name = shortened(record_title(row.record, class_names), _MOST_LETTERS)
        file = shortened(row.record.path.rsplit("/", 1)[-1], _MOST_LETTERS)
        label = name if name == file else f"{name} · {file}"
        for title, look in zip(titles, row.looks, strict=True):
            picture = look if isinstance(look, str) else look.image
            cells.append(
                thumbnail(picture, f"{name}, {title}", detail=f"{path}, {title}", is_quick=True)
            )
        cells.append(element("span", label, class_="augseq-file", title=path))
        cells += _targets(row, titles, name, key)
    columns = f"grid-template-columns:repeat({len(titles)},112px)"
    table = element("div", *cells, class_="augseq-table", style=columns)
    parts = key_html(key)
    return element("div", table, *parts) if parts else table


def _targets(row: Row, titles: Sequence[str], name: str, key: Key) -> Iterator[Markup]:
    """Yield a row of pictures for each target that has some, each with its name; then the text."""
    beside = [{} if isinstance(look, str) else key.pictures(look) for look in row.looks]
    for target in max(beside, key=len):
        text = shortened(target, _MOST_LETTERS)
        for title, pictures in zip(titles, beside, strict=True):
            if target not in pictures:
                yield element("span")
                continue
            alternative, detail = f"{name}, {title}, {text}", f"{row.record}, {title}, {target}"
            yield thumbnail(pictures[target], alternative, detail=detail, is_quick=True)
        yield element("span", text, class_="augseq-file", title=target)
    lines = next((look.lines for look in row.looks if not isinstance(look, str)), ())
    for line in lines:
        yield element("span", line, class_="augseq-file", title=line)


def code_html(code: str, *, has_elements_by_place: bool) -> str:
    """Return code, with a button that copies it.

    Args:
        code: The code.
        has_elements_by_place: Whether it refers to elements of the original list.
    """
    button = element(
        "button", "Copy", onclick=_COPY, class_="augseq-copy", title="Copy the code", type="button"
    )
    block = element("pre", element("code", code))
    hint = "augment[k] is element k of the list you passed; it cannot be written as code."
    hints = [note(hint)] if has_elements_by_place else []
    return element("div", button, block, *hints, class_="augseq-code")


def notes_html(messages: Sequence[str], hints: Sequence[str]) -> str:
    """Return error messages and hints.

    Args:
        messages: Errors, one per line.
        hints: Less important lines.
    """
    lines = [element("div", shortened(text, 400), class_="augseq-error") for text in messages]
    return element("div", *lines, *map(note, hints))


_STYLE = """
.augseq-explorer{max-width:1180px;
--jp-widgets-color:var(--ink);--jp-widgets-label-color:var(--ink);
--jp-widgets-readout-color:var(--ink);--jp-widgets-input-color:var(--ink);
--jp-widgets-input-background-color:var(--back);--jp-widgets-input-border-color:var(--line);
--jp-widgets-dropdown-arrow:url("data:image/svg+xml,\
%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18'%3E\
%3Cpath fill='%23808a94' d='M5.2 6.5 9 10.3l3.8-3.8 1.2 1.2-5 5-5-5z'/%3E%3C/svg%3E");
--jp-widgets-slider-active-handle-color:var(--bar);--jp-widgets-font-size:12px}
.augseq-explorer .jupyter-widgets{color:var(--ink)}
.augseq-explorer .widget-toggle-button{line-height:24px}
.augseq-explorer .widget-label-basic{display:flex;align-items:center}
.augseq-explorer .augseq-head{margin-bottom:0}
.augseq-table{display:grid;gap:4px 6px;justify-items:start}
.augseq-table img,.augseq-table .augseq-none{width:112px;height:112px;object-fit:contain}
.augseq-table .augseq-none{font-size:11px;line-height:1.25}
.augseq-column{color:var(--soft);font-size:12px}
.augseq-file{grid-column:1/-1;color:var(--soft);font-size:11px;line-height:1.2;
margin:-2px 0 6px;max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.augseq-code{position:relative;background:var(--fill);border:1px solid var(--line);
border-radius:5px;padding:8px 76px 8px 10px}
.augseq-code pre{margin:0;padding:0;background:none;border:0;white-space:pre-wrap;
overflow-wrap:anywhere;font:12px/1.45 ui-monospace,monospace;color:inherit}
.augseq-code code{background:none;padding:0;color:inherit;font:inherit}
.augseq-copy{position:absolute;top:6px;right:6px;font:12px/1.4 system-ui,sans-serif;color:inherit;
background:var(--back);border:1px solid var(--line);border-radius:4px;padding:2px 10px;
cursor:pointer}
.augseq-copy:hover{border-color:var(--soft)}
.augseq-error{border-left:3px solid #cf5b56;padding:1px 8px;margin:4px 0;font-size:12px;
overflow-wrap:anywhere}
.augseq-cost{color:var(--soft);font-size:12px;font-variant-numeric:tabular-nums;
white-space:nowrap;text-align:right}
"""
