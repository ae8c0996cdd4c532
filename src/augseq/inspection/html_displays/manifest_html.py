"""Notebook display of a manifest: classes as bars, with a few of their images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.manifest_objects import (
    load_with_objects,
    positions_of_class,
    shown_classes,
)
from augseq.inspection.drawing.overlays import class_color
from augseq.inspection.drawing.positions import evenly, is_labelled
from augseq.inspection.drawing.sample_look import key_of
from augseq.inspection.html_displays.key_html import key_html
from augseq.inspection.html_displays.markup import (
    Markup,
    bar,
    card,
    element,
    note,
    thumbnail,
    without_failure,
)
from augseq.manifest.manifest import Manifest
from augseq.manifest.own_columns import has_boxes, num_boxes
from augseq.manifest.windows import has_windows
from augseq.terminal_text import counted, shortened
from augseq.types import Positions

_MOST_CLASSES = 12
# 36 images are about 60 kB of text, so a notebook with ten manifests stays below 1 MB.
_MOST_IMAGES = 36
_MOST_IN_A_ROW = 6
_MOST_NOTES = 3
# Displayed at 48 px; larger for high-resolution screens.
_SIDE_PX = 64
# Images with boxes are displayed at 80 px.
_BOXES_SIDE_PX = 80
_MOST_BOXED = 4
_LIMIT_S = 2.0


def manifest_html(manifest: Manifest) -> str:
    """Return a manifest as HTML; never raise, and open only a few files, within 2 s."""
    return without_failure(lambda: _card(manifest), repr(manifest))


def _card(manifest: Manifest) -> str:
    excluded = manifest.excluded.num_rows
    is_tiled = has_windows(manifest.table)
    facts = f"{len(manifest):,} {'tiles' if is_tiled else 'images'} · {_labels(manifest)}"
    facts += f" · {excluded:,} excluded" * bool(excluded)
    is_in_classes = is_labelled(manifest) or (
        not manifest.class_names and has_boxes(manifest.table) and not is_tiled
    )
    body = _classes(manifest) if is_in_classes and shown_classes(manifest) else _flat(manifest)
    return card("Manifest", facts, note(shortened(manifest.root, 100)), *body, *_excluded(manifest))


def _labels(manifest: Manifest) -> str:
    labels = f"{len(manifest.class_names):,} classes" if manifest.class_names else "no labels"
    if not has_boxes(manifest.table):
        return labels
    # Each tile has the boxes of its image, so that a sum would count them repeatedly.
    is_tiled = has_windows(manifest.table)
    boxes = "boxes" if is_tiled else counted(num_boxes(manifest.table), "box")
    if manifest.class_names:
        return f"{labels} · {boxes}"
    return f"{boxes} of {counted(len(shown_classes(manifest)), 'class')}"


def _classes(manifest: Manifest) -> list[Markup]:
    """Return a row for each class, or for the largest ones, and notes on the rest."""
    names, of_boxes = shown_classes(manifest), not manifest.class_names
    counts = np.array(list(manifest.class_counts().values()), np.int64)
    order = np.arange(len(names))
    if len(names) > _MOST_CLASSES:
        order = np.argsort(-counts, kind="stable")
    shown, others = order[:_MOST_CLASSES], order[_MOST_CLASSES:]
    each = min(_MOST_BOXED if of_boxes else _MOST_IN_A_ROW, _MOST_IMAGES // len(shown))
    chosen = [evenly(positions_of_class(manifest, int(label)), each) for label in shown]
    rows, notes = _image_rows(manifest, chosen, in_rows=[names[label] for label in shown])
    colors = [class_color(label) if of_boxes else "" for label in shown.tolist()]
    cells = [
        cell
        for label, color, row in zip(shown, colors, rows, strict=True)
        for cell in (
            *_name_and_bar(names[label], int(counts[label]), int(counts.max()), color),
            row,
        )
    ]
    what = "boxes" if of_boxes else "images"
    rest = _others(counts[others], what)
    return [element("div", *cells, class_="augseq-classes"), *rest, *notes]


def _name_and_bar(name: str, count: int, largest: int, color: str) -> tuple[Markup, Markup]:
    patch = [element("i", style=f"background:{color}")] if color else []
    return (
        element("div", *patch, name, class_="augseq-name", title=name),
        bar(count / max(largest, 1), f"{count:,}"),
    )


def _others(counts: npt.NDArray[np.int64], what: str) -> list[Markup]:
    if not len(counts):
        return []
    low, high = counts.min(), counts.max()
    spread = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return [note(f"and {len(counts):,} more classes of {spread} {what} each")]


def _flat(manifest: Manifest) -> list[Markup]:
    rows, notes = _image_rows(manifest, [evenly(np.arange(len(manifest)), _MOST_CLASSES)])
    return [*rows, *notes]


def _image_rows(
    manifest: Manifest, groups: Sequence[Positions], *, in_rows: Sequence[str] = ()
) -> tuple[list[Markup], list[Markup]]:
    """Return a row of images for each group of positions, a key, and notes on failures.

    Args:
        manifest: The images.
        groups: Positions of the images of each row.
        in_rows: Classes whose colours are known from their rows.
    """
    positions = np.concatenate(groups)
    records = manifest.records(positions)
    of_boxes = has_boxes(manifest.table)
    side = _BOXES_SIDE_PX if of_boxes else _SIDE_PX
    loaded_px = 2 * side if of_boxes else side
    looks = load_with_objects(manifest, positions, side_px=loaded_px, limit_s=_LIMIT_S)
    key = key_of(look for look in looks if not isinstance(look, str))
    key = replace(key, classes=[one for one in key.classes if one[0] not in in_rows])
    images = iter(
        thumbnail(
            look if isinstance(look, str) else look.shrunk(side).image,
            shortened(record.path, 60),
            detail=str(record),
        )
        for look, record in zip(looks, records, strict=True)
    )
    kind = "augseq-row augseq-whole" if of_boxes else "augseq-row"
    rows = [element("div", *[next(images) for _ in group], class_=kind) for group in groups]
    failed = [
        f"no image of {record}: {look}"
        for look, record in zip(looks, records, strict=True)
        if isinstance(look, str)
    ]
    return rows, [*key_html(key), *_notes(failed, len(failed), "such images")]


def _excluded(manifest: Manifest) -> list[Markup]:
    first = manifest.excluded.slice(0, _MOST_NOTES).to_pylist()
    lines = [f"excluded: {row['path']} — {row['reason']}" for row in first]
    return _notes(lines, manifest.excluded.num_rows, "excluded")


def _notes(lines: Sequence[str], count: int, what: str) -> list[Markup]:
    shown = [shortened(line, 160) for line in lines[:_MOST_NOTES]]
    if count > len(shown):
        shown.append(f"and {count - len(shown):,} more {what}")
    return [note(line) for line in shown]
