"""How a target is shown to a person: as text, over the image, or beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.terminal_text import first_few
from augseq.types import Array, Image

_MOST_VALUES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """How to draw the key points of a class.

    Attributes:
        names: Name of each point; empty if they have only numbers.
        edges: Pairs of points to connect with a line, by number from 0.
    """

    names: Sequence[str] = ()
    edges: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsView:
    """The objects in an image, to draw over it.

    Coordinates are x and y from the left and top edges of the image, so that the first pixel is
    between 0 and 1, unless `pixel_centre` differs.

    Attributes:
        classes: Number of the class of each object, shape (n,).
        class_names: Names of the classes by number; empty if the objects have no classes.
        corners: The four corners of each box, in order around it, shape (n, 4, 2), so that a box
            can be oriented; None for objects without boxes.
        points: Key points: x, y and visibility (0 not labelled, 1 hidden, 2 visible), shape
            (n, k, 3), with further rows of zeros for objects that have fewer; None without any.
        skeletons: What the points are, by number of the class.
        size: (height, width) of the image in the unit of the corners, such as (1, 1) for relative
            ones; None for pixels of the image that is drawn.
        points_size: The same for the key points.
        pixel_centre: Coordinate of the centre of the first pixel in pixels, for the key points.
    """

    classes: npt.NDArray[np.integer[Any]]
    class_names: Sequence[str] = ()
    corners: npt.NDArray[np.floating[Any]] | None = None
    points: npt.NDArray[np.floating[Any]] | None = None
    skeletons: Mapping[int, Skeleton] = field(default_factory=dict)
    size: tuple[float, float] | None = None
    points_size: tuple[float, float] | None = None
    pixel_centre: float = 0.5


def box_corners(boxes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the corners of upright boxes for `ObjectsView`, shape (n, 4, 2).

    Args:
        boxes: Left, top, right, bottom, shape (n, 4).
    """
    return np.asarray(boxes, np.float64)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


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
        objects: Boxes and key points to draw over the image.
    """

    title: str = ""
    text: str = ""
    labels: npt.NDArray[np.integer[Any]] | None = None
    class_names: Sequence[str] = ()
    values: npt.NDArray[np.float32] | None = None
    image: Image | None = None
    objects: ObjectsView | None = None


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


def shares_text(names: Sequence[object], shares: Array) -> str:
    """Return the classes that an image has, those of a mixed image with their shares.

    >>> shares_text(["cat", "dog", "sea"], np.array([0.7, 0, 1]))
    '0.7 cat, sea'
    """
    shown = [item for item in zip(names, shares.tolist(), strict=True) if item[1]]
    return ", ".join(str(name) if share == 1 else f"{share:.2g} {name}" for name, share in shown)


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
