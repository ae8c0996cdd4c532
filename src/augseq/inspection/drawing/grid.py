"""Draw images in a grid, as a matplotlib figure."""

import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, TypeAlias

from matplotlib.patches import Rectangle

from augseq.inspection.drawing.drawn_objects import DrawnObject
from augseq.inspection.drawing.key_picture import draw_key, key_inches
from augseq.inspection.drawing.objects_picture import draw_objects
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.drawing.sample_look import (
    Key,
    SampleLook,
    batch_titles,
    key_of,
    look_at_batch,
    look_at_sample,
)
from augseq.inspection.drawing.thumbnails import displayable
from augseq.loading.batch import Batch
from augseq.loading.sample import Sample
from augseq.terminal_text import shortened
from augseq.types import Image

Box: TypeAlias = tuple[float, float, float, float]
"""(top, left, height, width) in px of an image."""

_Objects: TypeAlias = Sequence[DrawnObject]

_Cell: TypeAlias = tuple[Image | str | None, str, Sequence[str], Box | None, _Objects]
"""An image or the reason for none, its title, the lines below it, and a box and objects on it."""

_EMPTY: _Cell = (None, "", (), None, ())

_CELL_INCHES = 1.6
_GAP_INCHES = 0.07
_TITLE_INCHES = 0.22
_HEADING_INCHES = 0.28
_TITLE_SIZE = 9
_CAPTION_SIZE = 8
# Characters that fit into the width of a cell, at each size.
_TITLE_WIDTH = 22
_CAPTION_WIDTH = 25
_CAPTION_LINE_INCHES = 0.145


def draw_batch(batch: Batch, class_names: Sequence[str], *, num_images: int = 12) -> Picture:
    """Draw images of a batch in a grid, each with its class name or file name, and its targets.

    Args:
        batch: The batch to draw.
        class_names: Names by label.
        num_images: Maximum number of images.
    """
    titles = batch_titles(batch, class_names, most=num_images)
    return draw_looks(look_at_batch(batch, most=len(titles)), titles)


def draw_samples(
    samples: Sequence[Sample],
    titles: Sequence[str],
    *,
    num_columns: int | None = None,
    heading: str = "",
) -> Picture:
    """Draw samples with their targets.

    Args:
        samples: The samples.
        titles: One for each.
        num_columns: Samples per row; None for about as many as there are rows.
        heading: Title of the figure.
    """
    looks = list(map(look_at_sample, samples))
    return draw_looks(looks, titles, num_columns=num_columns, heading=heading)


def draw_looks(
    looks: Sequence[SampleLook | str],
    titles: Sequence[str],
    *,
    captions: Sequence[Sequence[str]] = (),
    boxes: Sequence[Box | None] = (),
    num_columns: int | None = None,
    heading: str = "",
) -> Picture:
    """Draw samples row by row, each with the pictures of its targets below it, and a key.

    Args:
        looks: The samples, or the reasons why there is none.
        titles: One for each.
        captions: Lines of text below each, before those of the targets.
        boxes: A rectangle for each, as in `draw_grid`.
        num_columns: Samples per row; None for about as many as there are rows.
        heading: Title of the figure.
    """
    key = key_of(look for look in looks if not isinstance(look, str))
    columns = num_columns or _good_columns(len(looks))
    stacks = [
        _stack(look, title, key, list(lines), box)
        for look, title, lines, box in zip(
            looks, titles, captions or [()] * len(looks), boxes or [None] * len(looks), strict=True
        )
    ]
    cells: list[_Cell] = []
    for start in range(0, len(stacks), columns):
        row = stacks[start : start + columns]
        row += [[_EMPTY]] * (columns - len(row))
        cells += [cell for level in zip_longest(*row, fillvalue=_EMPTY) for cell in level]
    images, names, texts, frames, objects = zip(*cells, strict=True)
    return draw_grid(
        images, names, captions=texts if any(texts) else (), boxes=frames, objects=objects,
        num_columns=columns, heading=heading, key=key,
    )  # fmt: skip


def _stack(
    look: SampleLook | str, title: str, key: Key, lines: list[str], box: Box | None
) -> list[_Cell]:
    """Return the cells of a sample from top to bottom; its text is below the last one."""
    if isinstance(look, str):
        return [(look, title, lines, None, ())]
    pictures = [(look.image, title), *((image, name) for name, image in key.pictures(look).items())]
    texts: list[list[str]] = [[] for _ in pictures[1:]]
    texts.append([*lines, *look.lines])
    fits = [image.shape[:2] == look.image.shape[:2] for image, _ in pictures]
    objects = [look.objects, *[()] * len(pictures)]
    return [
        (image, name, text, box if is_same else None, shown)
        for (image, name), text, is_same, shown in zip(pictures, texts, fits, objects, strict=False)
    ]


def draw_grid(
    images: Sequence[Image | str | None],
    titles: Sequence[str],
    *,
    captions: Sequence[Sequence[str]] = (),
    boxes: Sequence[Box | None] = (),
    objects: Sequence[_Objects] = (),
    num_columns: int | None = None,
    heading: str = "",
    key: Key | None = None,
) -> Picture:
    """Draw images row by row, each with a title.

    Args:
        images: Each of shape (height, width, channels), values 0 to 255; other ranges are
            rescaled for display. A string is the reason why there is no image; None leaves the
            place empty.
        titles: One for each image; long ones are shortened.
        captions: The lines below each image, if any; long ones are wrapped.
        boxes: (top, left, height, width) in px for each image: a rectangle to draw on it.
        objects: Boxes and key points to draw on each image.
        num_columns: Images per row; None for about as many as there are rows.
        heading: Title of the figure.
        key: What the colours mean, to draw below all images.
    """
    columns = num_columns or _good_columns(len(images))
    texts = [_wrapped(lines) for lines in captions] or [""] * len(images)
    note = textwrap.wrap(key.note if key else "", max(_CAPTION_WIDTH, columns * _TITLE_WIDTH))
    heading = "\n".join(filter(None, [heading, *note]))
    top = _HEADING_INCHES * (heading.count("\n") + bool(heading))
    width = columns * (_CELL_INCHES + _GAP_INCHES) + _GAP_INCHES
    # Rows differ in the shapes of their images, and in the number of lines below them.
    sides, ends = [], [top]
    for start in range(0, len(images), columns):
        num_lines = max(text.count("\n") + bool(text) for text in texts[start : start + columns])
        sides.append(max(map(_height_inches, images[start : start + columns])))
        below = num_lines * _CAPTION_LINE_INCHES + _GAP_INCHES
        ends.append(ends[-1] + _TITLE_INCHES + sides[-1] + below)
    height = ends[-1] + (key_inches(key, width) if key else 0)
    figure = Picture(figsize=(width, height), dpi=110)
    if heading:
        style = {"fontsize": _TITLE_SIZE + 1, "parse_math": False}
        figure.suptitle(heading, y=1 - 0.06 / height, va="top", **style)
    for number, (image, title, text) in enumerate(zip(images, titles, texts, strict=True)):
        if image is None:
            continue
        row, column = divmod(number, columns)
        # Placed manually: with captions of several lines, tight_layout shrinks the images.
        left = _GAP_INCHES + column * (_CELL_INCHES + _GAP_INCHES)
        bottom = height - ends[row] - _TITLE_INCHES - sides[row]
        place = (left / width, bottom / height, _CELL_INCHES / width, sides[row] / height)
        axes = figure.add_axes(place, anchor="N")
        _draw_cell(axes, image, title, text)
        if objects and not isinstance(image, str):
            draw_objects(axes, image.shape, objects[number])
        if boxes and (box := boxes[number]):
            _draw_box(axes, box)
    if key:
        draw_key(figure, key)
    return figure


def _height_inches(image: Image | str | None) -> float:
    """Return the height of an image that is as wide as a cell, but at most that of a cell."""
    if image is None or isinstance(image, str):
        return _CELL_INCHES if image else 0
    height, width, _ = image.shape
    return _CELL_INCHES * min(1.0, float(height / width))


def _draw_cell(axes: Any, image: Image | str, title: str, caption: str) -> None:
    axes.set_axis_off()
    # Without math parsing, which dollar signs in names would trigger.
    axes.set_title(shortened(title, _TITLE_WIDTH), fontsize=_TITLE_SIZE, pad=3, parse_math=False)
    if isinstance(image, str):
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axes.add_patch(Rectangle((0, 0), 1, 1, facecolor="#eeeeee", edgecolor="#999999", ls="--"))
        _write(axes, _wrapped([image], most_lines=8), (0.5, 0.5), va="center")
    else:
        axes.imshow(displayable(image))
    if caption:
        # Below the image, in any shape of the axes.
        gap = 0.03 * _CELL_INCHES * 72
        style = {"ha": "center", "va": "top", "fontsize": _CAPTION_SIZE, "parse_math": False}
        axes.annotate(
            caption, (0.5, 0), xycoords="axes fraction", xytext=(0, -gap),
            textcoords="offset points", linespacing=1.25, **style,
        )  # fmt: skip


def _draw_box(axes: Any, box: Box) -> None:
    top, left, height, width = box
    # Pixels are centred at integers. Two lines are visible on dark and on light images.
    place = (left - 0.5, top - 0.5)
    for color, px in (("black", 3.0), ("#ffd400", 1.4)):
        frame = Rectangle(place, width, height, fill=False, ec=color, lw=px, clip_on=False)
        axes.add_patch(frame)


def _write(axes: Any, text: str, place: tuple[float, float], *, va: str) -> None:
    style = {"fontsize": _CAPTION_SIZE, "linespacing": 1.25, "parse_math": False}
    axes.text(*place, text, transform=axes.transAxes, ha="center", va=va, **style)


def _wrapped(lines: Sequence[str], *, most_lines: int = 12) -> str:
    parts = [part for line in lines for part in textwrap.wrap(line, _CAPTION_WIDTH)]
    return "\n".join(parts if len(parts) <= most_lines else [*parts[: most_lines - 1], "…"])


def _good_columns(count: int) -> int:
    """Return a number of columns that leaves few gaps and a picture wider than tall."""
    if count <= 5:
        return count
    return min(range(4, 9), key=lambda columns: (-count % columns, abs(columns**2 - 1.5 * count)))
