"""Draw how well the classes of pixels are found."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.contact_sheet import plain_sample
from augseq.inspection.drawing.grid import draw_looks
from augseq.inspection.drawing.overlays import class_color
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.drawing.sample_look import look_at_views
from augseq.loading.pipeline import Pipeline
from augseq.loading.targets.view import TargetView
from augseq.manifest.manifest import Manifest
from augseq.terminal_text import shortened

_MOST_DRAWN = 40
_MOST_LETTERS = 40
_UNCOLORED = "#888888"
_PAIRS_PER_ROW = 3


def draw_iou(names: Sequence[str], iou: npt.NDArray[np.float64], mean: float) -> Picture:
    """Draw the intersection over union of each class as a bar, at most 40.

    Args:
        names: Names of the classes.
        iou: Intersection over union of each, 0 to 1; NaN for a class that does not occur.
        mean: Their mean.
    """
    shown = list(names)[:_MOST_DRAWN]
    figure = Picture(figsize=(6, 1.2 + 0.32 * len(shown)), dpi=110)
    axes = figure.add_subplot()
    rows = np.arange(len(shown))
    colors = [class_color(number, name) or _UNCOLORED for number, name in enumerate(shown)]
    axes.barh(rows, np.nan_to_num(iou[: len(shown)]), 0.7, color=colors)
    for row, value in enumerate(iou[: len(shown)].tolist()):
        text = "does not occur" if np.isnan(value) else f"{value:.3f}"
        axes.text(
            (0 if np.isnan(value) else value) + 0.01,
            row,
            text,
            va="center",
            fontsize=8,
            color="#555555",
        )
    axes.axvline(mean, color="#999999", lw=1, ls="--")
    axes.set_yticks(rows, [shortened(name, _MOST_LETTERS) for name in shown], parse_math=False)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.1), xlabel="intersection over union (IoU)")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"mean IoU {mean:.3f} of {len(names)} classes (dashed)", fontsize=11)
    figure.tight_layout()
    return figure


def draw_masks(
    manifest: Manifest,
    pipeline: Pipeline,
    truth: npt.NDArray[np.integer[Any]],
    masks: npt.NDArray[np.integer[Any]],
    class_names: Sequence[str],
    *,
    places: Sequence[int],
    iou: npt.NDArray[np.float64],
) -> Picture:
    """Draw images under their true and under their predicted masks.

    Args:
        manifest: The images.
        pipeline: How they are loaded; they are drawn without augmentation.
        truth: True class of each pixel, shape (len(manifest), height, width); the number of
            classes or higher where it is ignored.
        masks: Predicted class of each pixel, of the same shape.
        class_names: Names of the classes.
        places: Positions of the images to draw.
        iou: Mean intersection over union of each image, shape (len(manifest),).
    """
    looks, titles, captions = [], [], []
    for place, record in zip(places, manifest.records(list(places)), strict=True):
        sample = plain_sample(record, pipeline)
        known = np.where(truth[place] < len(class_names), truth[place].astype(np.int64), -1)
        for title, labels, line in (
            ("true", known, record.path.rsplit("/", 1)[-1]),
            ("predicted", masks[place].astype(np.int64), f"IoU {iou[place]:.2f}"),
        ):
            view = TargetView(labels=labels, class_names=class_names)
            looks.append(look_at_views(sample.image, {"": view}, sample.bands))
            titles.append(title)
            captions.append([line])
    return draw_looks(
        looks,
        titles,
        captions=captions,
        num_columns=2 * min(_PAIRS_PER_ROW, len(places)),
        heading=f"lowest IoU: {len(places)} of {len(manifest):,} images",
    )
