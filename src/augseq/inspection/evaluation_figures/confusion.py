"""Count and draw a confusion matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.picture import Picture
from augseq.terminal_text import shortened

_MOST_LETTERS = 60


def count_confusion(
    labels: npt.NDArray[Any], predictions: npt.NDArray[Any], num_classes: int
) -> npt.NDArray[np.int64]:
    """Count images by true and predicted class.

    Args:
        labels: True labels, shape (n,), integer.
        predictions: Predicted labels, shape (n,), integer.
        num_classes: Number of classes.

    Returns:
        Counts, shape (num_classes, num_classes), int64: true label by row, predicted by column.
    """
    counts = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def draw_confusion(counts: npt.NDArray[np.int64], class_names: Sequence[str]) -> Picture:
    """Draw a confusion matrix: colours are shares of the true class, numbers counts.

    Args:
        counts: Shape (num_classes, num_classes): true label by row, predicted by column.
        class_names: Names by label.
    """
    size = len(class_names)
    side = min(16.0, max(4.5, 2.5 + 0.45 * size))
    figure = Picture(figsize=(side, side * 0.92), dpi=110)
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    # Beyond this many classes, numbers no longer fit into their cells.
    if size <= 30:
        for row, column in zip(*np.nonzero(counts), strict=True):
            color = "white" if shares[row, column] > 0.55 else "#333333"
            axes.text(column, row, counts[row, column], ha="center", va="center", color=color)
    names = [shortened(name, _MOST_LETTERS) for name in class_names]
    axes.set_xticks(
        range(size), names, rotation=45, ha="right", rotation_mode="anchor", parse_math=False
    )
    axes.set_yticks(range(size), names, parse_math=False)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    accuracy = np.trace(counts) / max(counts.sum(), 1)
    axes.set_title(f"{accuracy:.1%} of {counts.sum()} images classified correctly", fontsize=11)
    figure.colorbar(picture, ax=axes, label="share of the true class", fraction=0.046, pad=0.03)
    figure.tight_layout()
    return figure
