"""Find the arguments that recreate a transform of albumentations."""

import copy
import inspect
import warnings
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

# Attributes that are not settings: generators, drawn parameters, and tables of methods.
_NOT_SETTINGS = frozenset(
    {
        *("params", "seed", "random_generator", "py_random", "invalid_args", "_strict"),
        *("_key2func", "_available_keys", "_additional_targets", "transforms_ps"),
    }
)
_NOT_ARGUMENTS = ("seed", "strict", "self")


def arguments_of(transform: Any) -> dict[str, Any] | None:
    """Return constructor arguments that recreate an equivalent transform.

    Args:
        transform: A transform of albumentations, or a composition; the transforms inside it are
            copied, under "transforms".

    Returns:
        All arguments that can be passed together, by name; None if the transform holds something
        that arguments cannot express, such as a function or a picture.
    """
    stored = _stored(transform)
    tidy = {name: _tidy(value) for name, value in stored.items()}
    # Affine stores a default shift in a form that, as an argument, would mean a different one.
    fewer = ({key: tidy[key] for key in tidy if key != name} for name in tidy)
    candidates = chain((tidy, stored), fewer)
    return next((arguments for arguments in candidates if _makes(transform, arguments)), None)


def needed_arguments(transform: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fewest and shortest arguments that make the same transform.

    This is found by trying, not by looking up defaults: a class stores its defaults in other forms
    than it accepts.

    Args:
        transform: The transform that they make.
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
    """Create a transform of the same class.

    Args:
        transform: A transform of this class.
        arguments: Constructor arguments by name.

    Raises:
        Exception: Whatever the class raises for them.
    """
    with warnings.catch_warnings():
        # Users were warned when they created their transform.
        warnings.simplefilter("ignore")
        return type(transform)(**copy.deepcopy(dict(arguments)))


def _stored(transform: Any) -> dict[str, Any]:
    names = [name for name in inspect.signature(type(transform)).parameters if name[0] != "_"]
    values = {name: getattr(transform, name) for name in names if hasattr(transform, name)}
    if hasattr(transform, "get_transform_init_args"):
        values |= transform.get_transform_init_args()
    return {name: values[name] for name in names if name in values and name not in _NOT_ARGUMENTS}


def _tidy(value: Any) -> Any:
    """Return plain numbers, without rounding errors in the last digits."""
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


def _is_same(a: Any, b: Any) -> bool:
    """Return whether two settings and their types are equal: 1 and 1.0 can differ."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_is_same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(_is_same, a, b))
    if hasattr(a, "set_random_state"):
        return _is_same(_settings(a), _settings(b))
    return bool(np.array_equal(a, b)) if isinstance(a, np.ndarray) else bool(a == b)
