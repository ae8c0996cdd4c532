"""The parameters for sliders: the numbers among the arguments of a transform."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from augseq.inspection.explorer.arguments import rebuilt

Value: TypeAlias = bool | int | float | tuple[int, int] | tuple[float, float]
"""A switch, an amount, or a range of amounts."""

# Numbers that are not amounts: codes of OpenCV, colours, sizes as (height, width), and arguments
# for masks and boxes.
_NO_AMOUNTS = ("border_mode", "fill", "interpolation", "keypoint", "mask_drop", "mask_interp")
_NO_RANGES = frozenset(
    {"cell_shape", "grid", "grid_yx", "num_grid_xy", "shift_xy", "size", "target_size"}
    | {"tile_grid_size", "holes_number_xy", "channels"}
)
_DEGREES = {"angle": 360.0, "rotate": 180.0, "limit": 180.0, "shear": 45.0, "slant": 45.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One adjustable argument.

    Attributes:
        name: Name of the argument.
        value: Current value: a bool, a number, or a pair (low, high).
        low: Smallest value of the slider.
        high: Largest value of the slider.
        step: Step between two values of the slider.
    """

    name: str
    value: Value
    low: float = 0
    high: float = 1
    step: float = 1

    @property
    def is_whole(self) -> bool:
        """Whether it accepts only integers."""
        return _is_whole(self.value)


def find_parameters(transform: Any, arguments: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Find the adjustable arguments, `p` first, with limits that the class accepts.

    Args:
        transform: A transform of albumentations.
        arguments: All its arguments; the limits are found by trying, since what a class accepts
            can depend on its other arguments.
    """
    names = sorted((name for name in arguments if _is_amount(name)), key=lambda name: name != "p")
    return tuple(
        parameter for name in names for parameter in _parameters(transform, arguments, name)
    )


def value_of(argument: Any) -> Value | None:
    """Return an argument as a bool, a number, or a pair (low, high); otherwise None.

    Equal pairs for x and y are returned as one pair.
    """
    if isinstance(argument, dict) and argument.get("x") == argument.get("y") is not None:
        argument = argument["x"]
    if isinstance(argument, bool | int | float):
        return argument
    if not isinstance(argument, tuple | list) or len(argument) != 2:
        return None
    low, high = argument
    if not all(isinstance(part, int | float) and not isinstance(part, bool) for part in argument):
        return None
    return (low, high) if low <= high else None


def _is_amount(name: str) -> bool:
    return name not in _NO_RANGES and not name.startswith(_NO_AMOUNTS)


def _parameters(transform: Any, arguments: Mapping[str, Any], name: str) -> Iterator[Parameter]:
    value = value_of(arguments[name])
    if isinstance(value, bool):
        yield Parameter(name=name, value=value)
        return
    if value is None or not all(map(math.isfinite, _pair(value))):
        return
    if name == "p":
        yield Parameter(name=name, value=float(_pair(value)[0]), step=0.05)
        return

    is_pair = isinstance(value, tuple)

    def accepts(low: float, high: float) -> bool:
        pair = (low, high) if is_pair else low
        try:
            rebuilt(transform, {**arguments, name: pair})
        except Exception:
            return False
        return True

    lows, highs = _candidates(name, value)
    first, last = _pair(value)
    low = next((limit for limit in lows if accepts(limit, last)), first)
    high = next((limit for limit in highs if accepts(first if is_pair else limit, limit)), last)
    if low < high:
        step = 1 if _is_whole(value) else _round_up((high - low) / 100)
        yield Parameter(name=name, value=value, low=low, high=high, step=step)


def _candidates(name: str, value: Value) -> tuple[list[float], list[float]]:
    """Return limits to try, from the widest to the narrowest."""
    first, last = _pair(value)
    is_whole = _is_whole(value)
    turn = next((turn for key, turn in _DEGREES.items() if name.split("_")[0] == key), None)
    reach = _reach(max(abs(first), abs(last)), is_whole=is_whole)
    if turn is not None and max(abs(first), abs(last)) <= turn and not is_whole:
        reach = turn
    is_signed = first < 0 or first == last == 0
    shares: list[float] = [reach, reach / 2, reach / 4, reach / 10]
    if is_whole:
        shares = [int(share) for share in shares]
    highs = [share for share in shares if share >= last]
    lows = [-share for share in shares if -share <= first] if is_signed else []
    near = (0, 1, 2, 3) if is_whole else (0.0, reach / 100, reach / 10)
    return lows + [share for share in near if share <= first], highs


def _reach(most: float, *, is_whole: bool) -> float:
    """Return a round number a few times as large as a value."""
    if is_whole:
        return max(10, int(_round_up(2 * most)))
    if 0.25 < most < 1 or most == 0:
        return 1.0
    return _round_up((2 if most >= 1 else 4) * most)


def _round_up(number: float) -> float:
    """Return the next number that is 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(number)) if number else 1.0
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= number * (1 - 1e-9))


def _is_whole(value: Value) -> bool:
    return all(isinstance(part, int) for part in _pair(value))


def _pair(value: Value) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (value, value)
