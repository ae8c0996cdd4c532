"""Samples with their targets as HTML, and the notebook displays of a sample and a batch."""

from collections.abc import Iterator, Sequence
from itertools import chain

from augseq.inspection.drawing.sample_look import (
    Key,
    SampleLook,
    batch_titles,
    key_of,
    look_at_batch,
    look_at_sample,
)
from augseq.inspection.drawing.thumbnails import record_title
from augseq.inspection.html_displays.key_html import key_html
from augseq.inspection.html_displays.markup import (
    Markup,
    card,
    element,
    note,
    thumbnail,
    without_failure,
)
from augseq.loading.batch import Batch
from augseq.loading.sample import Sample
from augseq.terminal_text import shortened

SIDE_PX = 96
"""Longer side of a picture among others."""

MOST_FIGURES = 16

_LARGE_SIDE_PX = 192
_MOST_LETTERS = 60


def figures_html(
    looks: Sequence[SampleLook | str], names: Sequence[str], details: Sequence[str]
) -> list[Markup]:
    """Return samples side by side, each with the pictures and text of its targets, and a key.

    Args:
        looks: The samples, shrunk; or the reasons why there is none.
        names: One for each; long ones are shortened.
        details: A tooltip for each.
    """
    key = key_of(look for look in looks if not isinstance(look, str))
    figures = []
    for look, full_name, detail in zip(looks, names, details, strict=True):
        name = shortened(full_name, _MOST_LETTERS)
        if isinstance(look, str):
            parts = [[thumbnail(look, name, detail=detail), _caption(name)]]
        else:
            parts = [*_pictures(look, name, detail, key), _lines(look)]
        figures.append(element("figure", *chain.from_iterable(parts)))
    return [element("div", *figures, class_="augseq-grid"), *key_html(key)]


def _pictures(look: SampleLook, name: str, detail: str, key: Key) -> Iterator[list[Markup]]:
    """Yield each picture of a sample with its caption."""
    yield [thumbnail(look.image, name, detail=detail), _caption(name)]
    for target, image in key.pictures(look).items():
        title = shortened(target, _MOST_LETTERS)
        picture = thumbnail(image, f"{name}, {title}", detail=f"{detail}, {title}")
        yield [picture, _line(title)]


def _lines(look: SampleLook) -> list[Markup]:
    return list(map(_line, look.lines))


def _caption(name: str) -> Markup:
    return element("figcaption", name, title=name)


def _line(text: str) -> Markup:
    return element("div", text, class_="augseq-line")


def sample_html(sample: Sample) -> str:
    """Return a sample as HTML: its arrays as text, and its pictures."""

    def made() -> str:
        look = look_at_sample(sample).shrunk(_LARGE_SIDE_PX, names=True)
        key, name = key_of([look]), shortened(record_title(sample.record, ()), _MOST_LETTERS)
        pictures = list(_pictures(look, name, str(sample.record), key))
        pictures[0] += _lines(look)
        figures = [element("figure", *parts) for parts in pictures]
        size = f"--side:{_LARGE_SIDE_PX}px"
        grid = element("div", *figures, class_="augseq-grid", style=size)
        return _card(sample, [grid, *key_html(key)])

    return without_failure(made, repr(sample))


def batch_html(batch: Batch) -> str:
    """Return a batch as HTML: its arrays as text, and the pictures of its first samples."""

    def made() -> str:
        records = batch.records[:MOST_FIGURES]
        looks = [look.shrunk(SIDE_PX) for look in look_at_batch(batch, most=len(records))]
        names = batch_titles(batch, batch.class_names, most=len(records))
        figures = figures_html(looks, names, [str(record) for record in records])
        more = len(batch.records) - len(records)
        return _card(batch, [*figures, *[note(f"and {more:,} more")] * bool(more)])

    return without_failure(made, repr(batch))


def _card(shown: Sample | Batch, parts: Sequence[Markup]) -> str:
    title, *lines = repr(shown).split("\n")
    text = element("pre", "\n".join(line.removeprefix("  ") for line in lines))
    return card(title, "", text, *parts)
