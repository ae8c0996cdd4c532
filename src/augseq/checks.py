"""Checks of arguments that say what must hold and what came."""

from typing import Any

import numpy as np

from augseq.errors import ArgumentError


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Raise `ArgumentError` where a value is not one of the choices."""
    try:
        # An array, which has no hash, is equal to nothing as a whole.
        hash(value)
        is_choice = value in choices
    except TypeError:
        is_choice = False
    if not is_choice:
        allowed = ", ".join(map(repr, choices))
        raise ArgumentError(f"`{name}` must be one of {allowed}. Received: {name}={value!r}")


def check_whole(name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """Return an integer within limits as an int, or raise `ArgumentError`."""
    if is_whole(value) and value >= least and (most is None or value <= most):
        return int(value)
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise ArgumentError(f"`{name}` must be an integer {limits}. Received: {name}={value!r}")


def is_whole(value: Any) -> bool:
    """Tell whether a value is an integer of Python or numpy; True and False are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
