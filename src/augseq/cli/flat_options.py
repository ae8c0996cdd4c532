"""Groups of options: a command takes one dataclass, and its user sees an option for each field."""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import typer


def with_flat_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes the fields of its dataclasses as options.

    Typer reads options from the parameters of a function. Without this, the same ten options
    would stand in the signature of each command, in its call and among its imports.

    Args:
        command: Its parameters that are dataclasses have fields annotated as Typer's options.
    """
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {
        p.name: p.annotation for p in parameters if is_dataclass(p.annotation)
    }

    @functools.wraps(command)
    def run(**options: Any) -> None:
        for name, group in groups.items():
            values = {field.name: options.pop(field.name) for field in fields(group)}
            options[name] = group(**values)
        command(**options)

    flat = [one for p in parameters for one in _flattened(p)]
    run.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in flat}
    return run


def _flattened(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    if not is_dataclass(parameter.annotation):
        yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        return
    for field in fields(parameter.annotation):
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(field),
            annotation=field.type,
        )


def _default(field: "Field[Any]") -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default


def number_option(
    description: str,
    *,
    kind: type[int] | type[float] = int,
    least: float | None = None,
    most: float | None = None,
    **settings: Any,
) -> Any:
    """Return an option for a number, whose error says what must hold in our words.

    Args:
        description: What the help says.
        kind: `int` or `float`.
        least: The number must be this or more.
        most: It must be this or less.
        **settings: Further ones of `typer.Option`.
    """

    def is_right(number: float) -> bool:
        return (least is None or number >= least) and (most is None or number <= most)

    def parse(value: Any) -> Any:
        number = _number(value, kind)
        if number is not None and is_right(number):
            return number
        limits = f" of at least {least}" if most is None else f" from {least} to {most}"
        text = f"must be {'an integer' if kind is int else 'a number'}"
        text += f"{limits * (least is not None)}. Received: {value!r}."
        meant = _number(value, float)
        # Such as 2e8.
        if number is None and meant is not None and meant.is_integer() and is_right(meant):
            text += f" Write {int(meant)}."
        raise typer.BadParameter(text)

    return typer.Option(
        help=description, parser=parse, min=least, max=most, **{"metavar": "NUMBER", **settings}
    )


def _number(value: Any, kind: Callable[[Any], Any]) -> Any:
    try:
        return kind(value)
    except ValueError:
        return None
