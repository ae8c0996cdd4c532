"""How each albumentations transform moves the points of an image, from the parameters it drew."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from augseq.augment.geometry import Geometry, Matrix, Size
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
    kind: Any = type(transform)
    return _move_of(kind)


def applying_class(kind: type) -> str:
    """Return the name of the class of albumentations that has the `apply` of a transform.

    Args:
        kind: Class of the transform.

    Returns:
        The name, such as "BaseDistortion"; empty if a user's class overrides `apply`.
    """
    owner = next(owner for owner in kind.__mro__ if "apply" in vars(owner))
    return owner.__name__ if owner.__module__.startswith("albumentations.") else ""


# Every transform of every sample asks for it.
@cache
def _move_of(kind: type) -> Move | None:
    return MOVES.get(applying_class(kind))


def _resize(geometry: Geometry, drawn: Drawn) -> Geometry:
    (height, width), (new_height, new_width) = geometry.size, drawn.size
    return geometry.scaled(drawn.size, new_width / width, new_height / height)


def _crop(geometry: Geometry, drawn: Drawn) -> Geometry:
    """Pad if needed, crop, and resize to the size of the result."""
    pad = drawn.params.get("pad_params") or {}
    left, top, right, bottom = map(int, drawn.params["crop_coords"])
    offsets = (pad.get("pad_left", 0) - left, pad.get("pad_top", 0) - top)
    return _resize(geometry.scaled((bottom - top, right - left), 1, 1, *offsets), drawn)


def _crop_and_pad(geometry: Geometry, drawn: Drawn) -> Geometry:
    height, width = geometry.size
    left, top, right, bottom = map(int, drawn.params["crop_params"] or (0, 0, width, height))
    geometry = geometry.scaled((bottom - top, right - left), 1, 1, -left, -top)
    above, below, before, after = map(int, drawn.params["pad_params"] or (0, 0, 0, 0))
    height, width = geometry.size
    padded = (height + above + below, width + before + after)
    return _resize(geometry.scaled(padded, 1, 1, before, above), drawn)


def _pad(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.scaled(drawn.size, 1, 1, drawn.params["pad_left"], drawn.params["pad_top"])


def _flip_x(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.scaled(drawn.size, -1, 1, geometry.size[1], 0)


def _flip_y(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.scaled(drawn.size, 1, -1, 0, geometry.size[0])


def _transpose(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.scaled(drawn.size, swaps=True)


def _rotate_90(geometry: Geometry, drawn: Drawn) -> Geometry:
    return _turned(geometry, drawn.params["factor"])


def _symmetry(geometry: Geometry, drawn: Drawn) -> Geometry:
    element = drawn.params["group_element"]
    if element == "hvt":
        return _transpose(_turned(geometry, 2), drawn)
    flips = {"h": _flip_x, "v": _flip_y, "t": _transpose}
    if element in flips:
        return flips[element](geometry, drawn)
    return _turned(geometry, {"e": 0, "r90": 1, "r180": 2, "r270": 3}[element])


def _turned(geometry: Geometry, number: int) -> Geometry:
    """Return the geometry after counterclockwise turns by 90 degrees."""
    for _ in range(number):
        height, width = geometry.size
        geometry = geometry.scaled((width, height), 1, -1, 0, width, swaps=True)
    return geometry


def _affine(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.moved(_between_edges(drawn.params["matrix"]), drawn.size)


def _rotate(geometry: Geometry, drawn: Drawn) -> Geometry:
    geometry = geometry.moved(_between_edges(drawn.params["matrix"]), geometry.size)
    if not drawn.transform.crop_border:
        return geometry
    return geometry.scaled(drawn.size, 1, 1, -drawn.params["x_min"], -drawn.params["y_min"])


def _perspective(geometry: Geometry, drawn: Drawn) -> Geometry:
    height, width = drawn.size
    # 1 if the size is not kept.
    scale = np.diag([width / drawn.params["max_width"], height / drawn.params["max_height"], 1])
    return geometry.moved(_between_edges(scale @ drawn.params["matrix"]), drawn.size)


def _distort(geometry: Geometry, drawn: Drawn) -> Geometry:
    return geometry.after(warp_step(drawn.params["map_x"], drawn.params["map_y"]))


def _between_edges(matrix: Matrix) -> Matrix:
    """Return a matrix for points from the edge of an image, given that for numbers of pixels.

    OpenCV counts from the centre of the first pixel.
    """
    if matrix.shape[0] == 2:
        matrix = np.vstack([matrix, (0, 0, 1)])
    moved: Matrix = _FROM_CENTRE @ matrix @ _TO_CENTRE
    return moved


_FROM_CENTRE = np.array([(1, 0, 0.5), (0, 1, 0.5), (0, 0, 1)])
_TO_CENTRE = np.array([(1, 0, -0.5), (0, 1, -0.5), (0, 0, 1)])


MOVES: dict[str, Move] = {
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
"""How transforms move points, by the class whose `apply` moves the image."""
