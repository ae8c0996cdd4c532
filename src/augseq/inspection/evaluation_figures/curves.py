"""Draw training curves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from augseq.inspection.drawing.picture import Picture

# Name of a metric in the history: its title, and the factor to draw it with.
_METRICS = {
    "loss": ("loss", 1),
    "accuracy": ("accuracy (%)", 100),
    "mae": ("mean absolute error", 1),
    "f1": ("mean F1 of the tags", 1),
    "mean_iou": ("mean IoU of the classes", 1),
}
_COLORS = {"training": "#4878a8", "validation": "#d1733d"}


def draw_history(history: Mapping[str, Sequence[float]]) -> Picture:
    """Draw the loss and known metrics over the epochs, for training and validation.

    Args:
        history: Keras' `History.history`: for each metric, a list with one number per epoch.
    """
    metrics = {name: shown for name, shown in _METRICS.items() if name in history}
    figure = Picture(figsize=(4.5 * len(metrics), 3.6), dpi=110)
    for place, (metric, (title, scale)) in enumerate(metrics.items(), 1):
        axes = figure.add_subplot(1, len(metrics), place)
        for part, key in (("training", metric), ("validation", f"val_{metric}")):
            if key in history:
                values = np.asarray(history[key]) * scale
                epochs = np.arange(1, len(values) + 1)
                marker = "o" if len(values) < 15 else None
                axes.plot(epochs, values, label=part, color=_COLORS[part], marker=marker, ms=3)
        axes.set_xlabel("epoch")
        axes.set_ylabel(title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.tight_layout()
    return figure
