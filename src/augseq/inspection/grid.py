"""Draw images in a grid, as a matplotlib figure."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.patches import Rectangle

from augseq.inspection.picture import Picture
from augseq.inspection.thumbnails import displayable, record_title
from augseq.loading.batch import Batch
from augseq.terminal_text import shortened
from augseq.types import Image

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
    """Draw images of a batch in a grid, each with its class name or file name.

    Args:
        batch: The batch to draw.
        class_names: Names by label.
        num_images: Maximum number of images.
    """
    records = batch.records[:num_images]
    titles = [record_title(record, class_names) for record in records]
    return draw_grid(list(batch.images[: len(records)]), titles)


def draw_grid(
    images: Sequence[Image | str],
    titles: Sequence[str],
    *,
    captions: Sequence[Sequence[str]] = (),
    boxes: Sequence[tuple[float, float, float, float] | None] = (),
    num_columns: int | None = None,
    heading: str = "",
) -> Picture:
    """Draw images row by row, each with a title.

    Args:
        images: Each of shape (height, width, channels), values 0 to 255; other ranges are
            rescaled for display. A string is the reason why there is no image.
        titles: One for each image; long ones are shortened.
        captions: The lines below each image, if any; long ones are wrapped.
        boxes: (top, left, height, width) in px for each image: a rectangle to draw on it.
        num_columns: Images per row; None for about as many as there are rows.
        heading: Title of the figure.
    """
    columns = num_columns or _good_columns(len(images))
    rows = math.ceil(len(images) / columns)
    texts = [_wrapped(lines) for lines in captions] or [""] * len(images)
    num_lines = max((text.count("\n") + 1 for text in texts if text), default=0)
    below = num_lines * _CAPTION_LINE_INCHES + _GAP_INCHES
    top = _HEADING_INCHES * bool(heading)
    width = columns * (_CELL_INCHES + _GAP_INCHES) + _GAP_INCHES
    height = rows * (_TITLE_INCHES + _CELL_INCHES + below) + top
    figure = Picture(figsize=(width, height), dpi=110)
    if heading:
        style = {"fontsize": _TITLE_SIZE + 1, "parse_math": False}
        figure.suptitle(heading, y=1 - 0.06 / height, va="top", **style)
    for number, (image, title, text) in enumerate(zip(images, titles, texts, strict=True)):
        row, column = divmod(number, columns)
        # Placed manually: with captions of several lines, tight_layout shrinks the images.
        left = _GAP_INCHES + column * (_CELL_INCHES + _GAP_INCHES)
        bottom = height - top - (row + 1) * (_TITLE_INCHES + _CELL_INCHES) - row * below
        place = (left / width, bottom / height, _CELL_INCHES / width, _CELL_INCHES / height)
        axes = figure.add_axes(place, anchor="N")
        _draw_cell(axes, image, title, text)
        if boxes and (box := boxes[number]):
            _draw_box(axes, box)
    return figure


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
        _write(axes, caption, (0.5, -0.03), va="top")


def _draw_box(axes: Any, box: tuple[float, float, float, float]) -> None:
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
