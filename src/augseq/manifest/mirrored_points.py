"""Which key points change places when left and right change sides."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from augseq.errors import ArgumentError
from augseq.validation import briefly, is_ordered, is_whole


def check_mirror(mirror: Any, name: str = "`mirror`") -> None:
    """Raise `ArgumentError` unless these are the numbers of partners of points.

    Args:
        mirror: The number of the partner of each point.
        name: Where they come from, as in messages.
    """
    is_list = is_ordered(mirror) and all(map(is_whole, mirror))
    numbers = np.array(list(mirror), np.int64) if is_list else np.zeros(0, np.int64)
    is_right = sorted(numbers.tolist()) == list(range(len(numbers)))
    if not len(numbers) or not is_right or (numbers[numbers] != np.arange(len(numbers))).any():
        raise ArgumentError(
            f"{name} must have the number of a partner for each point, from 0, or its own number, "
            f"such as [0, 2, 1] for a nose and two eyes. Received: {briefly(mirror)}"
        )


def fitting_mirror(
    mirror: Sequence[int], num_points: int, name: str = "`mirror`"
) -> tuple[int, ...]:
    """Return the partners of points, or raise `ArgumentError` if there is not one for each."""
    if len(mirror) != num_points:
        raise ArgumentError(
            f"{name} must have a number for each of the {num_points} points. Received: "
            f"{briefly(list(mirror))}"
        )
    return tuple(map(int, mirror))


def partners_by_name(names: Sequence[str]) -> tuple[int, ...]:
    """Return the partner of each point by names such as "left_eye" and "right_eye".

    >>> partners_by_name(["nose", "left_eye", "right_eye"])
    (0, 2, 1)
    """
    others = [other if (other := _other_side(name)) in names else name for name in names]
    return tuple(names.index(other) for other in others)


def _other_side(name: str) -> str:
    """Return the name of a point after left and right have changed sides.

    >>> _other_side("left_eye"), _other_side("RightEye"), _other_side("l-hip"), _other_side("nose")
    ('right_eye', 'LeftEye', 'r-hip', 'nose')
    """
    found = _SIDE.search(name)
    if found is None:
        return name
    word = found.group()
    other = _SIDES[word.lower()]
    other = other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other
    return name[: found.start()] + other + name[found.end() :]


_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}
_SIDE = re.compile(r"left|right|(?<![a-z])[lr](?![a-z])", re.IGNORECASE)
