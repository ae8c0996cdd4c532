"""A report on images as one HTML file: findings with thumbnails."""

from collections.abc import Mapping, Sequence

import numpy as np

from augseq.inspection.drawing.manifest_objects import load_with_objects
from augseq.inspection.drawing.overlays import class_color
from augseq.inspection.drawing.thumbnails import Look, file_images, load_looks
from augseq.inspection.html_displays.markup import Markup, bar, card, element, note, thumbnail
from augseq.inspection.quality.finding_text import (
    examples,
    file_notes,
    rest_text,
)
from augseq.inspection.quality.findings import CheckFinding, FoundFile
from augseq.manifest.box_statistics import BoxStatistics
from augseq.manifest.manifest import Manifest
from augseq.manifest.mask_counts import MaskCounts
from augseq.manifest.own_columns import has_boxes
from augseq.manifest.record import Record
from augseq.terminal_text import counted, escaped, shortened

# 20 kinds with 12 groups of 4 images of about 2 kB: a page stays below 3 MB.
_MOST_GROUPS = 12
_MOST_CLASSES = 40
_SIDE_PX = 128
_LIMIT_S = 60.0


def report_html(
    manifest: Manifest,
    *,
    headline: str,
    counts: Mapping[str, Mapping[str, int]],
    mask_counts: Mapping[str, MaskCounts],
    box_statistics: BoxStatistics | None,
    findings: Sequence[CheckFinding],
) -> str:
    """Return a report as a complete HTML page.

    Args:
        manifest: The manifest that was checked; a few of its images are decoded.
        headline: The most important figures.
        counts: By title, the number of images by name.
        mask_counts: Pixels and images of each class, by column.
        box_statistics: Classes and sizes of the boxes; None without boxes.
        findings: From top to bottom.
    """
    looks = _load(manifest, findings)
    title = f"Check of {shortened(escaped(manifest.root), 80)}"
    body = card(
        title,
        headline,
        *[part for name, numbers in counts.items() for part in _bars(name, numbers)],
        *[part for name, masks in mask_counts.items() for part in _mask_bars(name, masks)],
        *(_box_parts(box_statistics) if box_statistics else []),
        *[_section(finding, looks) for finding in findings],
    )
    head = element(
        "head",
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width">'),
        element("title", title),
        element("style", Markup(_STYLE)),
    )
    page = element("html", head, element("body", element("main", Markup(body))), lang="en")
    return f"<!doctype html>\n{page}\n"


def _load(manifest: Manifest, findings: Sequence[CheckFinding]) -> dict[str, Look]:
    """Return the images to show, by path."""
    paths = dict.fromkeys(
        file.path
        for finding in findings
        for group, _ in examples(finding, _MOST_GROUPS)
        for file in group
    )
    boxed = _load_boxed(manifest, list(paths)) if has_boxes(manifest.table) else {}
    # Drawing needs no more than the path; a mask that belongs to no image has no index.
    rest = [path for path in paths if path not in boxed]
    shown = {path: Record(index=number, path=path) for number, path in enumerate(rest)}
    image_of = file_images(manifest, side_px=_SIDE_PX)
    looks = load_looks(list(shown.values()), image_of, side_px=_SIDE_PX, limit_s=_LIMIT_S)
    return boxed | dict(zip(shown, looks, strict=True))


def _load_boxed(manifest: Manifest, paths: list[str]) -> dict[str, Look]:
    """Return images with their boxes, by path; without files that belong to no image."""
    wanted = set(paths)
    every = enumerate(manifest.table.column("path").to_pylist())
    positions = {path: position for position, path in every if path in wanted}
    chosen = np.array(list(positions.values()), np.int64)
    looks = load_with_objects(manifest, chosen, side_px=2 * _SIDE_PX, limit_s=_LIMIT_S)
    shown = [look if isinstance(look, str) else look.shrunk(_SIDE_PX).image for look in looks]
    return dict(zip(positions, shown, strict=True))


def _mask_bars(column: str, masks: MaskCounts) -> list[Markup]:
    named = {name: f"{name}, in {counted(masks.images[name], 'image')}" for name in masks.pixels}
    texts = {named[name]: f"{share:.1%}" for name, share in masks.shares.items()}
    pixels = {named[name]: count for name, count in masks.pixels.items()}
    title = f"Masks {escaped(repr(column))}: pixels of each class"
    ignored = f"{masks.ignored_pixels:,} pixels are ignored." if masks.ignored_pixels else ""
    return [*_bars(title, pixels, texts), *([note(ignored)] if ignored else [])]


def _box_parts(statistics: BoxStatistics) -> list[Markup]:
    named = {
        name: f"{name}, in {counted(statistics.images[name], 'image')}" for name in statistics.boxes
    }
    boxes = {named[name]: count for name, count in statistics.boxes.items()}
    colors = {named[name]: class_color(number) for number, name in enumerate(statistics.boxes)}
    sizes = [note(f"{name}: {text}") for name, text in statistics.size_texts().items()]
    return [*_bars(f"Boxes: {statistics.headline()}", boxes, colors=colors), *sizes]


def _bars(
    title: str,
    counts: Mapping[str, int],
    texts: Mapping[str, str] | None = None,
    colors: Mapping[str, str] | None = None,
) -> list[Markup]:
    if not counts:
        return []
    shown, largest = list(counts.items())[:_MOST_CLASSES], max(max(counts.values()), 1)
    cells = [
        cell
        for name, count in shown
        for cell in (
            _name(name, (colors or {}).get(name, "")),
            bar(count / largest, f"{count:,}" if texts is None else texts[name]),
        )
    ]
    rest = len(counts) - len(shown)
    more = [note(f"and {rest:,} more")] if rest else []
    return [element("h2", title), element("div", *cells, class_="augseq-classes"), *more]


def _name(name: str, color: str) -> Markup:
    patch = [element("i", style=f"background:{color}")] if color else []
    return element("div", *patch, escaped(name), class_="augseq-name", title=escaped(name))


def _section(finding: CheckFinding, looks: Mapping[str, Look]) -> Markup:
    mark = element("span", finding.severity, class_=f"mark {finding.severity}")
    count = f" · {counted(len(finding.files), 'file')}" if finding.files else ""
    groups = [_group(group, num_more, looks) for group, num_more in examples(finding, _MOST_GROUPS)]
    notes = [finding.detail and escaped(finding.detail), rest_text(finding, _MOST_GROUPS)]
    return element(
        "section",
        element("h2", mark, finding.title, element("small", count)),
        note(finding.advice),
        element("div", *groups, class_="groups"),
        *[element("p", text) for text in notes if text],
    )


def _group(group: list[FoundFile], num_more: int, looks: Mapping[str, Look]) -> Markup:
    figures = [_figure(file, looks[file.path]) for file in group]
    more = [element("span", f"and {num_more:,} more", class_="more")] if num_more else []
    is_single = group[0].group is None
    return element("div", *figures, *more, class_="group single" if is_single else "group")


def _figure(file: FoundFile, look: Look) -> Markup:
    path = escaped(file.path)
    # A box in place of an image already shows the reason.
    notes = "" if isinstance(look, str) else escaped(file_notes(file))
    caption = element("figcaption", path, element("small", notes))
    return element("figure", thumbnail(look, path, detail=path), caption)


_STYLE = """
:root{color-scheme:light dark}
body{margin:24px 12px;background:#f3f5f7}
@media (prefers-color-scheme:dark){body{background:#121417}}
main{max-width:980px;margin:auto}
main .augseq{max-width:none;padding:16px 20px}
h2{font-size:15px;margin:22px 0 4px;display:flex;gap:8px;align-items:baseline;flex-wrap:wrap}
h2 small{font-weight:normal;color:var(--soft)}
.mark{font-size:11px;font-weight:600;text-transform:uppercase;letter-spacing:.04em;
padding:1px 7px;border-radius:9px;color:#fff;background:#57606a}
.mark.error{background:#b3261e}
.mark.warning{background:#8a5a00}
.groups{display:flex;flex-wrap:wrap;gap:8px;margin-top:8px}
.group{display:flex;flex-wrap:wrap;gap:8px;padding:8px;border:1px solid var(--line);
border-radius:6px;align-items:flex-start;max-width:100%}
.group.single{border:0;padding:0}
main .augseq-classes{grid-template-columns:max-content minmax(90px,280px)}
main figure{margin:0;width:128px}
main figure img,main figure .augseq-none{width:128px;height:128px;object-fit:contain;
background:var(--fill);border-radius:4px;box-sizing:border-box}
main .augseq figcaption{font-size:12px;line-height:1.3;margin-top:3px;text-align:left;
white-space:normal;overflow-wrap:anywhere;overflow:visible}
main .augseq figcaption small{display:block;white-space:normal;color:var(--soft)}
.more{align-self:center;color:var(--soft);font-size:12px}
"""
