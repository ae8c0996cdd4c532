"""The arguments that make a transform of albumentations anew."""

import copy
import inspect
import warnings
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

# What a transform keeps beside its settings: generators, draws, and tables of its own methods.
_NOT_SETTINGS = frozenset(
    {
        *("params", "seed", "random_generator", "py_random", "invalid_args", "_strict"),
        *("_key2func", "_available_keys", "_additional_targets", "transforms_ps"),
    }
)
_NOT_KEPT = ("seed", "strict", "self")


def arguments_of(transform: Any) -> dict[str, Any] | None:
    """Return arguments with which the class of a transform makes one that does the same.

    Args:
        transform: A transform of albumentations, or a composition of some; those inside it are
            copies, under "transforms".

    Returns:
        All arguments that can be given at once, by name; None where the transform holds
        something that they do not tell, such as a function or a picture.
    """
    stored = _stored(transform)
    tidy = {name: _tidy(value) for name, value in stored.items()}
    # Affine keeps a shift that nobody asked for in a form that, given, would mean another.
    fewer = ({key: tidy[key] for key in tidy if key != name} for name in tidy)
    return next((one for one in chain((tidy, stored), fewer) if _makes(transform, one)), None)


def needed_arguments(transform: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return as few arguments as make the same transform, each as short as it can be.

    What can be excluded, or be written shorter, is tried and not looked up: a class keeps its
    defaults in other forms than it takes them.

    Args:
        transform: What they make.
        arguments: As `arguments_of` returns them.
    """
    needed = dict(arguments)
    for name in arguments:
        fewer = {key: value for key, value in needed.items() if key != name}
        if _makes(transform, fewer):
            needed = fewer
    for name, value in needed.items():
        for shorter in _shorter(value):
            if _makes(transform, {**needed, name: shorter}):
                needed[name] = shorter
                break
    return needed


def rebuilt(transform: Any, arguments: Mapping[str, Any]) -> Any:
    """Make a transform of the same class.

    Args:
        transform: Whose class.
        arguments: By name.

    Raises:
        Exception: Whatever the class raises about them.
    """
    with warnings.catch_warnings():
        # Its user was warned when they made theirs.
        warnings.simplefilter("ignore")
        return type(transform)(**copy.deepcopy(dict(arguments)))


def _stored(transform: Any) -> dict[str, Any]:
    names = [name for name in inspect.signature(type(transform)).parameters if name[0] != "_"]
    values = {name: getattr(transform, name) for name in names if hasattr(transform, name)}
    if hasattr(transform, "get_transform_init_args"):
        values |= transform.get_transform_init_args()
    return {name: values[name] for name in names if name in values and name not in _NOT_KEPT}


def _tidy(value: Any) -> Any:
    """Return plain numbers, without what a sum of floats left in the last digit."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, tuple | list):
        return type(value)(map(_tidy, value)) if type(value) in (tuple, list) else value
    return {key: _tidy(part) for key, part in value.items()} if type(value) is dict else value


def _shorter(value: Any) -> list[Any]:
    """Return other ways to write an argument, the shortest first."""
    ways = [_whole(value)]
    if isinstance(value, dict) and set(value) == {"x", "y"} and value["x"] == value["y"]:
        ways = [_whole(value["x"]), value["x"], *ways]
    return ways


def _whole(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(_whole, value))
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _makes(transform: Any, arguments: Mapping[str, Any]) -> bool:
    try:
        other = rebuilt(transform, arguments)
    except Exception:
        return False
    return type(other) is type(transform) and _is_same(_settings(other), _settings(transform))


def _settings(transform: Any) -> dict[str, Any]:
    return {key: value for key, value in vars(transform).items() if key not in _NOT_SETTINGS}


def _is_same(one: Any, other: Any) -> bool:
    """Tell whether two settings are equal, also in their types: 1 and 1.0 mean other things."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if hasattr(one, "set_random_state"):
        return _is_same(_settings(one), _settings(other))
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one == other)
