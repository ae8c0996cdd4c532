"""How each albumentations transform moves the points of an image, from the parameters it drew."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from augseq.augment.geometry import Geometry, Matrix, Size, scaling
from augseq.augment.warp import warp_step


@dataclass(frozen=True, slots=True)
class Drawn:
    """A transform that has moved an image.

    Attributes:
        transform: The albumentations transform.
        params: The parameters that it drew for the image.
        size: Size of the image after it.
    """

    transform: Any
    params: dict[str, Any]
    size: Size


Move: TypeAlias = Callable[[Geometry, Drawn], Geometry]
"""From the geometry before a transform, and the transform, to the geometry after it."""


def moved_geometry(geometry: Geometry, drawn: Drawn) -> Geometry:
    """Return the geometry of an image after an albumentations transform has moved it."""
    move = find_move(drawn.transform)
    assert move is not None
    return move(geometry, drawn)


def find_move(transform: Any) -> Move | None:
    """Return how a transform moves points; None if that is not known."""
    # What moves the image is its `apply`, of whichever class.
    kind = next(kind for kind in type(transform).__mro__ if "apply" in vars(kind))
    if not kind.__module__.startswith("albumentations."):
        return None
    return _MOVES.get(kind.__name__)


def _resize(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.moved(_stretch(geometry.size, drawn.size), drawn.size)


def _crop(geometry: Geometry, drawn: Drawn) -> Geometry:
    """Pad if needed, crop, and resize to the size of the result."""
    pad = drawn.params.get("pad_params") or {}
    left, top, right, bottom = drawn.params["crop_coords"]
    offset = scaling(1, 1, pad.get("pad_left", 0) - left, pad.get("pad_top", 0) - top)
    part = (int(bottom - top), int(right - left))
    return geometry.moved(offset, part).moved(_stretch(part, drawn.size), drawn.size)


def _crop_and_pad(geometry: Geometry, drawn: Drawn) -> Geometry:
    height, width = geometry.size
    left, top, right, bottom = drawn.params["crop_params"] or (0, 0, width, height)
    geometry = geometry.moved(scaling(1, 1, -left, -top), (int(bottom - top), int(right - left)))
    pad_top, pad_bottom, pad_left, pad_right = drawn.params["pad_params"] or (0, 0, 0, 0)
    height, width = geometry.size
    padded = (height + pad_top + pad_bottom, width + pad_left + pad_right)
    geometry = geometry.moved(scaling(1, 1, pad_left, pad_top), padded)
    return geometry.moved(_stretch(padded, drawn.size), drawn.size)


def _pad(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.moved(
        scaling(1, 1, drawn.params["pad_left"], drawn.params["pad_top"]), drawn.size
    )


def _flip_x(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.moved(scaling(-1, 1, geometry.size[1], 0), drawn.size)


def _flip_y(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.moved(scaling(1, -1, 0, geometry.size[0]), drawn.size)


def _transpose(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.moved(_TRANSPOSED, drawn.size)


def _rotate_90(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.moved(_quarter_turns(geometry.size, drawn.params["factor"]), drawn.size)


def _symmetry(geometry: Geometry, drawn: Drawn) -> Geometry:
    height, width = geometry.size
    element = drawn.params["group_element"]
    turns = {"e": 0, "r90": 1, "r180": 2, "r270": 3, "hvt": 2}.get(element)
    flips = {"h": scaling(-1, 1, width, 0), "v": scaling(1, -1, 0, height), "t": _TRANSPOSED}
    matrix = flips[element] if turns is None else _quarter_turns(geometry.size, turns)
    return geometry.moved(_TRANSPOSED @ matrix if element == "hvt" else matrix, drawn.size)


def _affine(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.moved(_between_edges(drawn.params["matrix"]), drawn.size)


def _rotate(geometry: Geometry, drawn: Drawn) -> Geometry:
    geometry = geometry.moved(_between_edges(drawn.params["matrix"]), geometry.size)
    if not drawn.transform.crop_border:
        return geometry
    return geometry.moved(scaling(1, 1, -drawn.params["x_min"], -drawn.params["y_min"]), drawn.size)


def _perspective(geometry: Geometry, drawn: Drawn) -> Geometry:
    height, width = drawn.size
    # 1 if the size is not kept.
    scale = scaling(width / drawn.params["max_width"], height / drawn.params["max_height"])
    return geometry.moved(_between_edges(scale @ drawn.params["matrix"]), drawn.size)


def _distort(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.after(warp_step(drawn.params["map_x"], drawn.params["map_y"]))


_TRANSPOSED = np.array([(0, 1, 0), (1, 0, 0), (0, 0, 1)], np.float64)


def _stretch(before: Size, size: Size) -> Matrix:
    return scaling(size[1] / before[1], size[0] / before[0])


def _quarter_turns(size: Size, number: int) -> Matrix:
    """Return the matrix of counterclockwise turns by 90 degrees."""
    (height, width), matrix = size, np.eye(3)
    for _ in range(number):
        matrix = np.array([(0, 1, 0), (-1, 0, width), (0, 0, 1)], np.float64) @ matrix
        height, width = width, height
    return matrix


def _between_edges(matrix: Matrix) -> Matrix:
    """Return a matrix for points from the edge of an image, given that for numbers of pixels.

    OpenCV counts from the centre of the first pixel.
    """
    if matrix.shape[0] == 2:
        matrix = np.vstack([matrix, (0, 0, 1)])
    moved: Matrix = scaling(1, 1, 0.5, 0.5) @ matrix @ scaling(1, 1, -0.5, -0.5)
    return moved


# By the class whose `apply` moves the image.
_MOVES: dict[str, Move] = {
    "Affine": _affine,
    "BaseCrop": _crop,
    "BaseCropAndPad": _crop,
    "BaseDistortion": _distort,
    "CropAndPad": _crop_and_pad,
    "D4": _symmetry,
    "HorizontalFlip": _flip_x,
    "MaxSizeTransform": _resize,
    "Pad": _pad,
    "Perspective": _perspective,
    "RandomRotate90": _rotate_90,
    "RandomScale": _resize,
    "Resize": _resize,
    "Rotate": _rotate,
    "Transpose": _transpose,
    "VerticalFlip": _flip_y,
    "_BaseRandomSizedCrop": _crop,
}
