"""Draw how well tags are recognized."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.contact_sheet import plain_look
from augseq.inspection.drawing.grid import draw_grid, draw_looks
from augseq.inspection.drawing.picture import Picture
from augseq.loading.pipeline import Pipeline
from augseq.manifest.manifest import Manifest
from augseq.terminal_text import shortened

_MOST_DRAWN = 40
_MOST_LETTERS = 40
_COLORS = {"precision": "#4878a8", "recall": "#d1733d"}
_BAR = 0.36


def draw_precision_and_recall(
    names: Sequence[str],
    precision: npt.NDArray[np.float64],
    recall: npt.NDArray[np.float64],
    num_images: Sequence[int],
) -> Picture:
    """Draw precision and recall as bars, the most frequent tags first, at most 40.

    Args:
        names: Names of the tags.
        precision: Precision of each, 0 to 1; NaN if it was never predicted.
        recall: Recall of each, 0 to 1; NaN if no image has it.
        num_images: Number of images with each.
    """
    order = np.argsort(-np.asarray(num_images), kind="stable")[:_MOST_DRAWN]
    figure = Picture(figsize=(6.5, 1.2 + 0.42 * len(order)), dpi=110)
    axes = figure.add_subplot()
    rows = np.arange(len(order))
    for shift, (title, values) in zip(
        (-_BAR / 2, _BAR / 2), (("precision", precision), ("recall", recall)), strict=True
    ):
        axes.barh(
            rows + shift, np.nan_to_num(values[order]), _BAR, label=title, color=_COLORS[title]
        )
        for row, value in zip(rows, values[order], strict=True):
            text = "none" if np.isnan(value) else f"{value:.0%}"
            axes.text(
                np.nan_to_num(value) + 0.01, row + shift, text, va="center", fontsize=7,
                color="#555555",
            )  # fmt: skip
    labels = [f"{shortened(names[k], _MOST_LETTERS)} ({num_images[k]:,})" for k in order]
    axes.set_yticks(rows, labels, parse_math=False)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.08), xlabel="share")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    more = f", the most frequent {len(order)} of {len(names)}" if len(names) > len(order) else ""
    axes.set_title(f"tags (images with them){more}", fontsize=11, loc="left")
    axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    return figure


def draw_wrong_tags(
    manifest: Manifest,
    pipeline: Pipeline,
    truth: npt.NDArray[np.bool_],
    probabilities: npt.NDArray[np.floating[Any]],
    names: Sequence[str],
    *,
    threshold: float,
    num_images: int = 20,
) -> Picture:
    """Draw the images with wrong or missing tags, the most confident mistakes first.

    Args:
        manifest: The images.
        pipeline: How they are loaded; they are drawn without augmentation.
        truth: Whether an image has a tag, shape (len(manifest), k).
        probabilities: Of the same shape, 0 to 1.
        names: Names of the tags.
        threshold: A tag is predicted if its probability is above this.
        num_images: Maximum number of images.
    """
    is_wrong = truth != (probabilities > threshold)
    wrong = np.flatnonzero(is_wrong.any(axis=1))
    distance = np.where(is_wrong, np.abs(probabilities - truth), 0).max(axis=1)
    shown = wrong[np.argsort(-distance[wrong], kind="stable")][:num_images]
    if not len(shown):
        return draw_grid([f"All tags of {len(manifest):,} images are right."], [""])
    records = manifest.records(shown.tolist())
    return draw_looks(
        [plain_look(record, pipeline) for record in records],
        [record.path.rsplit("/", 1)[-1] for record in records],
        captions=[_mistakes(names, truth[k], is_wrong[k], probabilities[k]) for k in shown],
        heading=f"wrong or missing tags: {len(wrong):,} of {len(manifest):,} images",
    )


def _mistakes(
    names: Sequence[str],
    truth: npt.NDArray[np.bool_],
    is_wrong: npt.NDArray[np.bool_],
    probabilities: npt.NDArray[Any],
) -> list[str]:
    """Return a line for each wrong tag of an image."""
    places = np.flatnonzero(is_wrong).tolist()
    return [
        f"{'misses' if truth[k] else 'wrong:'} {names[k]} ({probabilities[k]:.0%})" for k in places
    ]
