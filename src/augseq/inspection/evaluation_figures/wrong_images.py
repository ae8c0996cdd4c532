"""Draw the images that a classifier got wrong."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.contact_sheet import plain_look
from augseq.inspection.drawing.grid import draw_grid, draw_looks
from augseq.inspection.drawing.picture import Picture
from augseq.loading.pipeline import Pipeline
from augseq.manifest.manifest import Manifest


def draw_wrong_images(
    manifest: Manifest,
    pipeline: Pipeline,
    labels: npt.NDArray[np.integer[Any]],
    probabilities: npt.NDArray[np.floating],
    class_names: Sequence[str],
    *,
    num_images: int = 20,
) -> Picture:
    """Draw the images that were classified wrongly, the most confident mistakes first.

    Args:
        manifest: The images.
        pipeline: How they are loaded; they are drawn without augmentation.
        labels: Their true labels, shape (len(manifest),).
        probabilities: Shape (len(manifest), num_classes), 0 to 1.
        class_names: Names by label.
        num_images: Maximum number of images.
    """
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(labels != predicted)
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:num_images]
    if not len(shown):
        return draw_grid([f"All {len(manifest):,} images are classified correctly."], [""])
    records = manifest.records(shown.tolist())
    return draw_looks(
        [plain_look(record, pipeline) for record in records],
        [f"{class_names[predicted[place]]} ({confidence[place]:.0%})" for place in shown],
        captions=[
            [f"is {class_names[labels[place]]}", record.path.rsplit("/", 1)[-1]]
            for place, record in zip(shown, records, strict=True)
        ],
        heading=f"predicted wrongly: {len(wrong):,} of {len(manifest):,} images",
    )
