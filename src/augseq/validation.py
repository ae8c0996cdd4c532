"""Argument checks, with errors that state the rule and the value received."""

import difflib
import functools
import inspect
import math
import reprlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.foreign_names import ARGUMENTS, ARGUMENTS_BESIDE, VALUES

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
# Numbers of arguments that a message can list.
_FEW = 6


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
        names = [choice for choice in choices if isinstance(choice, str)]
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        received = _received(name, value)
        raise ArgumentError(f"`{name}` must be one of {allowed}. {received}{hint and f'.{hint}'}")


def check_bool(name: str, value: object) -> None:
    """Raise `ArgumentError` for anything but True, False, 1 and 0, such as the text "False"."""
    if not isinstance(value, int | np.bool_) or value not in (0, 1):
        raise ArgumentError(f"`{name}` must be True or False. {_received(name, value)}")


def check_whole(name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """Return an integer within limits as an int, or raise `ArgumentError`."""
    if is_whole(value) and value >= least and (most is None or value <= most):
        return int(value)
    rule = whole_rule(least=least, most=most)
    raise ArgumentError(f"`{name}` must be {rule}. {_received(name, value)}")


def _received(name: str, value: object) -> str:
    """Return the end of a message, with what to use for a value of another library."""
    answer = VALUES.get((name, value)) if value is None or isinstance(value, str) else None
    return f"Received: {name}={value!r}{f'. {answer}' if answer else ''}"


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


def make_plain(options: object, *names: str) -> None:
    """Replace numpy values in fields of a frozen dataclass by Python's, and lists by tuples.

    Such options have a `repr`, can be compared and pickled, and are the same as those of a run
    that was written with Python values.

    Args:
        options: A frozen dataclass instance.
        *names: Names of fields.
    """
    for name in names:
        object.__setattr__(options, name, _plain(getattr(options, name)))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    return tuple(map(_plain, value)) if is_ordered(value) else value


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


def explains_arguments(kind: type[_T]) -> type[_T]:
    """Make a class explain unknown keyword arguments, as `explains_names` does."""
    kind.__init__ = explains_names(kind.__init__)  # type: ignore[method-assign]
    return kind


def _answer(function: Callable[..., Any], name: str, known: list[str]) -> str:
    title = function.__qualname__.removesuffix(".__init__")
    text = f"{title} has no argument `{name}`."
    answers = ARGUMENTS
    for argument, others in ARGUMENTS_BESIDE.items():
        answers = answers | others if argument in known else answers
    if name in answers:
        return f"{text} {answers[name]}"
    close = nearest_names(name, known)
    if close:
        return f"{text} Did you mean `{close[0]}`?"
    own = [f"`{argument}`" for argument in known if argument != "self"]
    return f"{text} It has {', '.join(own)}." if len(own) <= _FEW else text


def rectangular(rows: Any, name: str) -> npt.NDArray[Any]:
    """Return rows as an array.

    Args:
        rows: An array, or lists of numbers.
        name: Name of the argument in messages.

    Raises:
        ArgumentError: The rows differ in shape.
    """
    try:
        return np.asarray(rows)
    except ValueError as error:
        raise ArgumentError(
            f"All rows of `{name}` must have the same shape. Received: {briefly(rows)}. Fill "
            "shorter rows, for example with -1."
        ) from error
