"""Images side by side, as a matplotlib figure."""

import math
from collections.abc import Sequence

import numpy as np

from augseq.batch import Batch
from augseq.escaping import shown
from augseq.inspection.picture import Picture
from augseq.manifest.record import Record
from augseq.types import Image

_CELL_INCHES = 1.6
_MOST_LETTERS = 26


def draw_batch(batch: Batch, class_names: Sequence[str], *, num_images: int = 12) -> Picture:
    """Draw images of a batch in a grid, each with its class name, or its path without one.

    Args:
        batch: What to draw.
        class_names: Names by label.
        num_images: At most so many.
    """
    records = batch.records[:num_images]
    titles = [record_title(record, class_names) for record in records]
    return draw_grid(list(batch.images[: len(records)]), titles)


def record_title(record: Record, class_names: Sequence[str]) -> str:
    """Return the class name of a record; the name of its file where it has none."""
    return record.path.rsplit("/", 1)[-1] if record.target is None else class_names[record.target]


def draw_grid(
    images: Sequence[Image], titles: Sequence[str], *, num_columns: int | None = None
) -> Picture:
    """Draw images row by row, each with a title.

    Args:
        images: Each of shape (height, width, channels), values 0 to 255; or any range, which
            is then stretched to what can be seen.
        titles: One for each image.
        num_columns: Images in a row; about as many as rows if None.
    """
    columns = num_columns or _good_columns(len(images))
    rows = math.ceil(len(images) / columns)
    figure = Picture(figsize=(columns * _CELL_INCHES, rows * (_CELL_INCHES + 0.2)), dpi=110)
    for number, (image, title) in enumerate(zip(images, titles, strict=True), 1):
        axes = figure.add_subplot(rows, columns, number)
        axes.imshow(displayable(image))
        axes.set_title(shown(title, _MOST_LETTERS), fontsize=8, pad=3, parse_math=False)
        axes.set_axis_off()
    figure.tight_layout(pad=0.4, h_pad=0.6, w_pad=0.4)
    return figure


def _good_columns(count: int) -> int:
    """Return a number of columns that leaves few gaps and a picture wider than high."""
    if count <= 5:
        return count
    return min(range(4, 9), key=lambda columns: (-count % columns, abs(columns**2 - 1.5 * count)))


def displayable(image: Image) -> Image:
    """Return uint8 pixels, 0 to 255, with 3 or 4 channels, that show an image.

    uint8, and floats within 0 to 255, keep their values; floats within 0 to 1, and those of
    any other range (normalised ones, say), are stretched to it.
    """
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        if low < 0 or high > 255 or high <= 1:
            low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
            image = (image - low) * (255 / max(high - low, 1e-12))
        image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    channels = image.shape[2]
    return image if channels in (3, 4) else np.repeat(image[:, :, :1], 3, axis=2)
