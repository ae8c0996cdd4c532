"""Argument checks, with errors that state the rule and the value received."""

import difflib
import functools
import inspect
import math
import reprlib
from collections.abc import Callable, Collection, Iterable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from augseq.errors import ArgumentError

_P = ParamSpec("_P")
_R = TypeVar("_R")

_TRANSFORM = "Use a transform in `augment`, such as albumentations.HorizontalFlip()."
_SPLIT = "Use train, val = manifest.split(val=0.2)."
_OF_SEQUENCE = "It is an option of ImageSequence."
_OF_TABLE = "It is an option of index_table."
_OF_INDEX = "It is an option of index_folder."

# Argument names of Keras' loaders, torch and pandas; and augseq's own, on the wrong function.
_ANSWERS = {
    "augmentations": "Use `augment`: a list.",
    "brightness_range": _TRANSFORM,
    "channel_shift_range": _TRANSFORM,
    "class_mode": 'Use `label_mode`: "int", "categorical", "binary" or None.',
    "classes": "Use `class_names` of index_folder.",
    "crop_to_aspect_ratio": 'Use resize_mode="crop".',
    "data_format": "Remove it: images are (height, width, channels).",
    "directory": "Use the first argument of index_folder.",
    "fill_mode": _TRANSFORM,
    "height_shift_range": _TRANSFORM,
    "horizontal_flip": _TRANSFORM,
    "num_workers": "Use `workers`.",
    "pad_to_aspect_ratio": 'Use resize_mode="pad".',
    "prefetch_factor": "Use `max_queue_size`.",
    "preprocessing_function": "Use a function f(image, rng) in `augment`.",
    "rescale": "Use keras.layers.Rescaling(1 / 255) as the first layer of the model.",
    "rotation_range": _TRANSFORM,
    "shear_range": _TRANSFORM,
    "subset": _SPLIT,
    "target_size": "Use `image_size`: (height, width).",
    "transform": "Use `augment`: a list.",
    "transforms": "Use `augment`: a list.",
    "use_multiprocessing": 'Use worker_kind="processes".',
    "validation_split": _SPLIT,
    "vertical_flip": _TRANSFORM,
    "width_shift_range": _TRANSFORM,
    "x_col": "Use `path_column` of index_table.",
    "y_col": "Use `label_column` of index_table.",
    "zoom_range": _TRANSFORM,
    **dict.fromkeys(("class_names", "extensions", "follow_links", "labels"), _OF_INDEX),
    **dict.fromkeys(("augment", "batch_size", "color_mode", "image_size"), _OF_SEQUENCE),
    **dict.fromkeys(("label_column", "path_column"), _OF_TABLE),
    **dict.fromkeys(("interpolation", "label_mode", "seed", "shuffle"), _OF_SEQUENCE),
}

# Overrides for index_table.
_ANSWERS_FOR_TABLES = {
    "classes": "Use `class_names`.",
    "directory": "Use `root`: the folder of the images.",
    "folder": "Use `root`: the folder of the images.",
    "labels": "Use `label_column`.",
    "sep": "Use `delimiter`.",
}


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Raise `ArgumentError` if a value is not one of the choices."""
    try:
        # Refuses arrays, which have no hash, and compare element by element.
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
    rule = whole_rule(least=least, most=most)
    raise ArgumentError(f"`{name}` must be {rule}. Received: {name}={value!r}")


def whole_rule(*, least: float | None = None, most: float | None = None) -> str:
    """Return the rule for an integer within limits, such as "an integer of at least 1"."""
    if least is None:
        return "an integer"
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"
    return f"an integer {limits}"


def check_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
) -> float:
    """Return a finite number within limits as a float, or raise `ArgumentError`.

    Args:
        name: Name of the argument, for the message.
        value: A Python or numpy number; True and False are refused.
        above: Exclusive lower limit.
        least: Inclusive lower limit.
        most: Inclusive upper limit.
    """
    number = _as_float(value)
    if is_in_range(number, above=above, least=least, most=most):
        return number
    rule = number_rule(above=above, least=least, most=most)
    raise ArgumentError(f"`{name}` must be {rule}. Received: {name}={value!r}")


def number_rule(
    *, above: float | None = None, least: float | None = None, most: float | None = None
) -> str:
    """Return the rule for a number within limits, such as "a finite number above 0"."""
    limits = [("above", above), ("of at least", least), ("at most", most)]
    text = " and ".join(f"{words} {limit}" for words, limit in limits if limit is not None)
    return f"a finite number {text}".rstrip()


def is_in_range(
    number: float,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
) -> bool:
    """Return whether a number is finite and within limits."""
    is_high_enough = (above is None or number > above) and (least is None or number >= least)
    # `math.isfinite` fails for an integer that is too large for a float.
    is_finite = -math.inf < number < math.inf
    return is_finite and is_high_enough and (most is None or number <= most)


def _as_float(value: Any) -> float:
    """Return a number as a float; NaN if it is not a number or too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def is_whole(value: Any) -> bool:
    """Return whether a value is a Python or numpy integer; True and False are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_ordered(names: object) -> bool:
    """Return whether names are a non-string collection with a reproducible order.

    The order of a set of strings differs between processes, so labels would differ too.
    """
    return isinstance(names, Collection) and not isinstance(names, str | bytes | set | frozenset)


def briefly(value: object) -> str:
    """Return the repr of a value, with long lists and strings cut short.

    >>> briefly(list(range(100)))
    '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...]'
    """
    return _BRIEF.repr(value)


_BRIEF = reprlib.Repr()
_BRIEF.maxlist = _BRIEF.maxtuple = _BRIEF.maxset = _BRIEF.maxfrozenset = _BRIEF.maxdict = 10
_BRIEF.maxstring = _BRIEF.maxother = 200


def nearest_names(name: str, choices: Iterable[str]) -> list[str]:
    """Return up to three choices similar to a misspelt name, the nearest first.

    >>> nearest_names("photoss", ["notes", "Photos", "photos_2"])
    ['Photos', 'photos_2']
    """
    spellings: dict[str, list[str]] = {}
    for choice in choices:
        spellings.setdefault(choice.casefold(), []).append(choice)
    close = difflib.get_close_matches(name.casefold(), spellings, n=3)
    return [choice for folded in close for choice in spellings[folded]][:3]


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return a hint with the nearest choices, with a space before it; or ""."""
    names = nearest_names(name, choices)
    return f" Did you mean {' or '.join(map(repr, names))}?" if names else ""


def explains_names(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make a function explain unknown keyword arguments.

    It then raises an `ArgumentError` that names the argument to use, instead of a TypeError.
    """
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: _P.args, **options: _P.kwargs) -> _R:
        for name in options:
            if name not in known:
                raise ArgumentError(_answer(function, name, known))
        return function(*args, **options)

    return checked


def _answer(function: Callable[..., Any], name: str, known: list[str]) -> str:
    title = function.__qualname__.removesuffix(".__init__")
    text = f"{title} has no argument `{name}`."
    answers = _ANSWERS | (_ANSWERS_FOR_TABLES if "label_column" in known else {})
    if name in answers:
        return f"{text} {answers[name]}"
    close = nearest_names(name, known)
    return f"{text} Did you mean `{close[0]}`?" if close else text
