"""How a target is shown to a person: as text, over the image, or beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.terminal_text import first_few
from augseq.types import Array, Image

_MOST_VALUES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetView:
    """The target of one record, ready to be drawn.

    Attributes:
        title: Where it comes from, such as a column; shown if there is only one target.
        text: What to write below the image; empty for nothing.
        labels: Class of each pixel, to draw over the image, shape (height, width); negative where
            it is ignored.
        class_names: Names of the classes of `labels`, by number; empty if they have only numbers.
        values: Numbers to draw as colours, float32, shape (height, width); NaN where unknown.
        image: A picture, shape (height, width, channels).
    """

    title: str = ""
    text: str = ""
    labels: npt.NDArray[np.integer[Any]] | None = None
    class_names: Sequence[str] = ()
    values: npt.NDArray[np.float32] | None = None
    image: Image | None = None


def numbers_text(values: Array, names: Sequence[str] = ()) -> str:
    """Return the first few numbers as text: "width 3.5, height 2".

    Args:
        values: Any shape.
        names: One for each number, if there are several.
    """
    flat = values.ravel().tolist()
    named = len(names) == len(flat) > 1
    texts = [
        f"{names[k]} {_short(value)}" if named else _short(value) for k, value in enumerate(flat)
    ]
    return first_few(texts, _MOST_VALUES)


def _short(value: float) -> str:
    is_whole = float(value).is_integer() and abs(value) < 1e15
    return f"{value:.0f}" if is_whole else f"{value:.6g}"


def map_view(values: Array) -> TargetView:
    """Return how to show an array of unknown meaning for every pixel.

    Args:
        values: Shape (height, width) or (height, width, channels). Integers without channels are
            classes; three or four channels are a picture.
    """
    if values.ndim == 3 and values.shape[2] in (3, 4):
        return TargetView(image=values)
    plane = values if values.ndim == 2 else values[:, :, 0]
    if plane.dtype.kind in "biu" and (values.ndim == 2 or values.shape[2] == 1):
        return TargetView(labels=plane.astype(np.int64))
    return TargetView(values=plane.astype(np.float32))
