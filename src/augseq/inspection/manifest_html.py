"""Notebook display of a manifest: classes as bars, with a few of their images."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from augseq.inspection.markup import Markup, bar, card, element, note, thumbnail, without_failure
from augseq.inspection.positions import class_positions, evenly, is_labelled
from augseq.inspection.thumbnails import file_images, load_looks
from augseq.manifest.manifest import Manifest
from augseq.terminal_text import shortened
from augseq.types import Positions

_MOST_CLASSES = 12
# 36 images are about 60 kB of text, so a notebook with ten manifests stays below 1 MB.
_MOST_IMAGES = 36
_MOST_IN_A_ROW = 6
_MOST_NOTES = 3
# Displayed at 48 px; larger for high-resolution screens.
_SIDE_PX = 64
_LIMIT_S = 2.0


def manifest_html(manifest: Manifest) -> str:
    """Return a manifest as HTML; never raise, and open only a few files, within 2 s."""
    return without_failure(lambda: _card(manifest), repr(manifest))


def _card(manifest: Manifest) -> str:
    labels = f"{len(manifest.class_names):,} classes" if manifest.class_names else "no labels"
    excluded = manifest.excluded.num_rows
    facts = f"{len(manifest):,} images · {labels}" + f" · {excluded:,} excluded" * bool(excluded)
    body = _classes(manifest) if is_labelled(manifest) else _flat(manifest)
    return card("Manifest", facts, note(shortened(manifest.root, 100)), *body, *_excluded(manifest))


def _classes(manifest: Manifest) -> list[Markup]:
    """Return a row for each class, or for the largest ones, and notes on the rest."""
    names = manifest.class_names
    counts = np.bincount(manifest.targets, minlength=len(names))
    order = np.arange(len(names))
    if len(names) > _MOST_CLASSES:
        order = np.argsort(-counts, kind="stable")
    shown, others = order[:_MOST_CLASSES], order[_MOST_CLASSES:]
    each = min(_MOST_IN_A_ROW, _MOST_IMAGES // len(shown))
    chosen = [evenly(class_positions(manifest, int(label)), each) for label in shown]
    rows, notes = _image_rows(manifest, chosen)
    cells = [
        cell
        for label, row in zip(shown, rows, strict=True)
        for cell in (*_name_and_bar(names[label], int(counts[label]), int(counts.max())), row)
    ]
    return [element("div", *cells, class_="augseq-classes"), *_others(counts[others]), *notes]


def _name_and_bar(name: str, count: int, largest: int) -> tuple[Markup, Markup]:
    return (
        element("div", name, class_="augseq-name", title=name),
        bar(count / max(largest, 1), f"{count:,}"),
    )


def _others(counts: npt.NDArray[np.int64]) -> list[Markup]:
    if not len(counts):
        return []
    low, high = counts.min(), counts.max()
    spread = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return [note(f"and {len(counts):,} more classes of {spread} images each")]


def _flat(manifest: Manifest) -> list[Markup]:
    rows, notes = _image_rows(manifest, [evenly(np.arange(len(manifest)), _MOST_CLASSES)])
    return [*rows, *notes]


def _image_rows(
    manifest: Manifest, groups: Sequence[Positions]
) -> tuple[list[Markup], list[Markup]]:
    """Return a row of images for each group of positions, and notes on failures."""
    records = manifest.records(np.concatenate(groups))
    image_of = file_images(manifest, side_px=_SIDE_PX)
    looks = load_looks(records, image_of, side_px=_SIDE_PX, limit_s=_LIMIT_S)
    images = iter(
        thumbnail(look, shortened(record.path, 60), detail=str(record))
        for look, record in zip(looks, records, strict=True)
    )
    rows = [element("div", *[next(images) for _ in group], class_="augseq-row") for group in groups]
    failed = [
        f"no image of {record}: {look}"
        for look, record in zip(looks, records, strict=True)
        if isinstance(look, str)
    ]
    return rows, _notes(failed, len(failed), "such images")


def _excluded(manifest: Manifest) -> list[Markup]:
    first = manifest.excluded.slice(0, _MOST_NOTES).to_pylist()
    lines = [f"excluded: {row['path']} — {row['reason']}" for row in first]
    return _notes(lines, manifest.excluded.num_rows, "excluded")


def _notes(lines: Sequence[str], count: int, what: str) -> list[Markup]:
    shown = [shortened(line, 160) for line in lines[:_MOST_NOTES]]
    if count > len(shown):
        shown.append(f"and {count - len(shown):,} more {what}")
    return [note(line) for line in shown]
