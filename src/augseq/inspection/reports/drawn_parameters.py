"""Extract numbers from the parameters that a transform drew."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# Not informative: seeds, parameters for boxes as targets, and limits of a rotation, which are -1
# unless it crops.
NOT_TOLD = frozenset(
    {
        *("bbox_matrix", "order", "output_shape", "random_seed", "seed"),
        *("x_max", "x_min", "y_max", "y_min"),
    }
)
# Boxes as (left, top, right, bottom), in px; only their size can be compared between images.
_BOXES = {"crop_coords": "crop", "holes": "hole"}
# For parameters of albumentations 2.0 whose unit is certain.
_UNITS = {
    "angle": "degrees",
    "turn": "degrees",
    "rotate": "degrees",
    "shear x": "degrees",
    "shear y": "degrees",
    "translate x": "px",
    "translate y": "px",
    "crop width": "px",
    "crop height": "px",
    "hole width": "px",
    "hole height": "px",
    "scale x": "times",
    "scale y": "times",
    "alpha": "times",
    "brightness": "times",
    "contrast": "times",
    "saturation": "times",
    "gamma": "exponent",
    "hue": "turns of the colour circle",
}


def drawn_numbers(drawn: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the numbers among drawn parameters, each with its name.

    A mapping yields one for each key ("scale x"), a box its width and height, and the matrix of a
    rotation its angle. Seeds, text and larger arrays are skipped.

    Args:
        drawn: As in `AlbumentationsTransform.fired`.
    """
    for name, value in drawn.items():
        if name in NOT_TOLD or value is None:
            continue
        if name in _BOXES:
            yield from _sizes(_BOXES[name], np.asarray(value, np.float64).reshape(-1, 4))
        elif name == "matrix":
            # `Rotate` keeps its angle only in the matrix.
            yield from _turn(value) if "rotate" not in drawn else ()
        elif isinstance(value, Mapping):
            yield from ((f"{name} {key}", float(v)) for key, v in value.items() if _is_number(v))
        elif _is_number(value):
            yield name, float(value)


def unit_of(parameter: str) -> str:
    """Return the unit of a parameter that `drawn_numbers` names; empty if unknown."""
    return _UNITS.get(parameter, "")


def _sizes(name: str, boxes: np.ndarray) -> Iterator[tuple[str, float]]:
    for left, top, right, bottom in boxes:
        yield f"{name} width", right - left
        yield f"{name} height", bottom - top


def _turn(matrix: Any) -> Iterator[tuple[str, float]]:
    matrix = np.asarray(matrix)
    if matrix.shape in ((2, 3), (3, 3)):
        yield "turn", float(np.degrees(np.arctan2(-matrix[1, 0], matrix[0, 0])))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value)
