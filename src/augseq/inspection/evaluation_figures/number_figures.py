"""Draw how well numbers are predicted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.contact_sheet import plain_look
from augseq.inspection.drawing.grid import draw_looks
from augseq.inspection.drawing.picture import Picture
from augseq.loading.pipeline import Pipeline
from augseq.manifest.manifest import Manifest
from augseq.terminal_text import short_number, shortened

_MOST_DRAWN = 12
_MOST_COLUMNS = 4
_MOST_LETTERS = 40
_SIDE_INCHES = 3.6


def draw_scatter(
    truth: npt.NDArray[np.floating[Any]],
    values: npt.NDArray[np.floating[Any]],
    names: Sequence[str],
) -> Picture:
    """Draw predicted against true numbers, one panel for each, at most 12.

    Args:
        truth: True numbers, shape (n, k).
        values: Predicted numbers, of the same shape.
        names: Name of each of the k numbers.
    """
    shown = list(names)[:_MOST_DRAWN]
    columns = min(len(shown), _MOST_COLUMNS)
    rows = -(-len(shown) // columns)
    size = (_SIDE_INCHES * columns + 0.4, _SIDE_INCHES * rows + 0.4)
    figure = Picture(figsize=size, dpi=110)
    for place, name in enumerate(shown):
        axes = figure.add_subplot(rows, columns, place + 1)
        _draw_panel(axes, truth[:, place], values[:, place])
        error = np.abs(values[:, place] - truth[:, place]).mean(dtype=np.float64)
        title = f"{shortened(name, _MOST_LETTERS)}: mean absolute error {short_number(error)}"
        axes.set_title(title, fontsize=10, parse_math=False)
    figure.tight_layout()
    return figure


def _draw_panel(axes: Any, truth: npt.NDArray[Any], values: npt.NDArray[Any]) -> None:
    low, high = (float(limit(np.concatenate([truth, values]))) for limit in (np.min, np.max))
    margin = 0.05 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    axes.plot(limits, limits, color="#999999", lw=1, zorder=0)
    # Many points hide each other.
    opacity = min(0.8, max(0.1, 30 / np.sqrt(max(1, len(truth))) / 4))
    axes.scatter(truth, values, s=14, alpha=opacity, color="#4878a8", linewidths=0)
    axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel="true", ylabel="predicted")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def draw_largest_errors(
    manifest: Manifest,
    pipeline: Pipeline,
    truth: npt.NDArray[np.floating[Any]],
    values: npt.NDArray[np.floating[Any]],
    names: Sequence[str],
    *,
    num_images: int = 20,
) -> Picture:
    """Draw the images with the largest errors first.

    Args:
        manifest: The images.
        pipeline: How they are loaded; they are drawn without augmentation.
        truth: True numbers, shape (len(manifest), k).
        values: Predicted numbers, of the same shape.
        names: Name of each of the k numbers.
        num_images: Maximum number of images.
    """
    errors = np.abs(values - truth, dtype=np.float64)
    spread = truth.std(axis=0, dtype=np.float64)
    relative = errors / np.where(spread > 0, spread, 1)
    shown = np.argsort(-relative.max(axis=1), kind="stable")[:num_images]
    # Of several numbers, the worst one of each image.
    worst = relative.argmax(axis=1)
    records = manifest.records(shown.tolist())
    return draw_looks(
        [plain_look(record, pipeline) for record in records],
        [
            f"predicted {_label(names, worst[place])}{short_number(values[place, worst[place]])}"
            for place in shown
        ],
        captions=[
            [f"true {short_number(truth[place, worst[place]])}", record.path.rsplit("/", 1)[-1]]
            for place, record in zip(shown, records, strict=True)
        ],
        heading=f"largest errors: {len(shown):,} of {len(manifest):,} images",
    )


def _label(names: Sequence[str], place: int) -> str:
    return f"{names[place]} " if len(names) > 1 else ""
