"""Samples with their targets as HTML, and the notebook displays of a sample and a batch."""

from collections.abc import Sequence

from augseq.inspection.key_html import key_html
from augseq.inspection.markup import Markup, card, element, note, thumbnail, without_failure
from augseq.inspection.sample_look import Key, SampleLook, key_of, look_at
from augseq.inspection.thumbnails import record_title
from augseq.loading.batch import Batch
from augseq.loading.sample import Sample
from augseq.terminal_text import shortened

SIDE_PX = 96
"""Longer side of a picture among others."""

MOST_FIGURES = 16

_LARGE_SIDE_PX = 192
_MOST_LETTERS = 60


def figures_html(
    looks: Sequence[SampleLook | str],
    names: Sequence[str],
    details: Sequence[str],
    *,
    side_px: int = SIDE_PX,
) -> list[Markup]:
    """Return samples side by side, each with the pictures and text of its targets, and a key.

    Args:
        looks: The samples, shrunk; or the reasons why there is none.
        names: One for each; long ones are shortened.
        details: A tooltip for each.
        side_px: Side of the square for each picture.
    """
    key = key_of(look for look in looks if not isinstance(look, str))
    figures = [
        _figure(look, shortened(name, _MOST_LETTERS), detail, key)
        for look, name, detail in zip(looks, names, details, strict=True)
    ]
    size = {} if side_px == SIDE_PX else {"style": f"--side:{side_px}px"}
    return [element("div", *figures, class_="augseq-grid", **size), *key_html(key)]


def _figure(look: SampleLook | str, name: str, detail: str, key: Key) -> Markup:
    caption = element("figcaption", name, title=name)
    if isinstance(look, str):
        return element("figure", thumbnail(look, name, detail=detail), caption)
    parts = [thumbnail(look.image, name, detail=detail), caption]
    for target, image in key.pictures(look).items():
        title = shortened(target, _MOST_LETTERS)
        parts.append(thumbnail(image, f"{name}, {title}", detail=f"{detail}, {title}"))
        parts.append(element("div", title, class_="augseq-line"))
    parts += [element("div", line, class_="augseq-line") for line in look.lines]
    return element("figure", *parts)


def sample_html(sample: Sample) -> str:
    """Return a sample as HTML: its arrays as text, and its pictures."""

    def made() -> str:
        look = look_at(sample.image, sample.targets, sample.target_kinds).shrunk(_LARGE_SIDE_PX)
        name, detail = record_title(sample.record, ()), str(sample.record)
        return _card(sample, figures_html([look], [name], [detail], side_px=_LARGE_SIDE_PX))

    return without_failure(made, repr(sample))


def batch_html(batch: Batch) -> str:
    """Return a batch as HTML: its arrays as text, and the pictures of its first samples."""

    def made() -> str:
        records = batch.records[:MOST_FIGURES]
        looks = [
            look_at(
                image,
                {name: values[row] for name, values in batch.targets.items()},
                batch.target_kinds,
            ).shrunk(SIDE_PX)
            for row, image in enumerate(batch.images[: len(records)])
        ]
        names = [record_title(record, batch.class_names) for record in records]
        figures = figures_html(looks, names, [str(record) for record in records])
        more = len(batch.records) - len(records)
        return _card(batch, [*figures, *[note(f"and {more:,} more")] * bool(more)])

    return without_failure(made, repr(batch))


def _card(shown: Sample | Batch, parts: Sequence[Markup]) -> str:
    title, *lines = repr(shown).split("\n")
    text = element("pre", "\n".join(line.removeprefix("  ") for line in lines))
    return card(title, "", text, *parts)
