"""Formats of boxes, with the names of `keras.utils.bounding_boxes`, and oriented boxes."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Size
from augseq.augment.moved_shapes import corners_of

BoxFormat: TypeAlias = Literal[
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
    "corners",
    "rel_corners",
]
"""Those of Keras, and four corners of an oriented box, each x and y."""

CORNERS: tuple[BoxFormat, BoxFormat] = ("corners", "rel_corners")
RELATIVE = "rel_"


def format_corners(
    corners: npt.NDArray[np.float64], box_format: BoxFormat, size: Size
) -> npt.NDArray[np.float64]:
    """Return the corners of oriented boxes in pixels in a format, shape (n, 4, 2)."""
    return corners / size[::-1] if box_format.startswith(RELATIVE) else corners


def read_corners(
    values: npt.NDArray[np.float32], box_format: BoxFormat, size: Size
) -> npt.NDArray[np.float64]:
    """Return the corners in pixels of boxes in any format, shape (n, 4, 2).

    Args:
        values: Boxes in this format, shape (n, 4) or (n, 4, 2).
        box_format: The format.
        size: (height, width) of the image in pixels, for relative formats.
    """
    if box_format not in CORNERS:
        return corners_of(read_boxes(values, box_format, size))
    corners = np.asarray(values, np.float64)
    return corners * size[::-1] if box_format.startswith(RELATIVE) else corners


def format_boxes(
    boxes: npt.NDArray[np.float64], box_format: BoxFormat, size: Size
) -> npt.NDArray[np.float64]:
    """Return boxes in another format, shape (n, 4).

    Args:
        boxes: Left, top, right, bottom in pixels, shape (n, 4).
        box_format: The format.
        size: (height, width) of the image in pixels, for relative formats.
    """
    name = box_format.removeprefix(RELATIVE)
    if name != box_format:
        height, width = size
        boxes = boxes / (width, height, width, height)
    return _arranged(boxes, name)


def read_boxes(
    values: npt.NDArray[np.float32], box_format: BoxFormat, size: Size
) -> npt.NDArray[np.float64]:
    """Return left, top, right and bottom in pixels of boxes in a format, shape (n, 4).

    Args:
        values: Boxes in this format, shape (n, 4); not corners.
        box_format: The format.
        size: (height, width) of the image in pixels, for relative formats.
    """
    a, b, c, d = np.asarray(values, np.float64).T
    name = box_format.removeprefix(RELATIVE)
    if name in ("yxyx", "center_yxhw"):
        a, b, c, d = b, a, d, c
    if name.startswith("center"):
        a, b = a - c / 2, b - d / 2
    if name not in ("xyxy", "yxyx"):
        c, d = a + c, b + d
    boxes = np.stack([a, b, c, d], axis=1)
    return boxes if name == box_format else boxes * (size[1], size[0], size[1], size[0])


def _arranged(boxes: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
    if name == "xyxy":
        return boxes
    if name == "yxyx":
        return boxes[:, (1, 0, 3, 2)]
    low, high = boxes[:, :2], boxes[:, 2:]
    first = low if name == "xywh" else (low + high) / 2
    arranged = np.concatenate([first, high - low], axis=1)
    return arranged[:, (1, 0, 3, 2)] if name == "center_yxhw" else arranged
