"""Option groups: a command takes a dataclass; users see one option per field."""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_args

import typer

from augseq.validation import is_in_range, number_rule, whole_rule


def with_flat_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes the fields of its dataclass parameters as options.

    Typer reads options from the parameters of a function. Without this, each command would have to
    repeat the same ten options in its signature, calls and imports.

    Args:
        command: A function; the fields of its dataclass parameters are annotated as Typer options.
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

    flat = [parameter for p in parameters for parameter in _flattened(p)]
    for p in flat:
        _hide_type_of_flag(p.annotation)
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


def _hide_type_of_flag(annotation: Any) -> None:
    """Show no `<bool>` beside a flag in the help, where it looks like a value to pass."""
    kind, *details = get_args(annotation) or (None,)
    if kind in (bool, bool | None):
        for detail in details:
            detail.metavar = ""


def _default(field: "Field[Any]") -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default


def number_option(
    description: str,
    *,
    kind: type[int] | type[float] = int,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    **settings: Any,
) -> Any:
    """Return a numeric option that is refused in the words of the Python argument.

    Args:
        description: The help text.
        kind: `int` or `float`.
        above: Exclusive minimum, for `float` only.
        least: Minimum value.
        most: Maximum value.
        **settings: Further arguments of `typer.Option`.
    """
    is_valid = functools.partial(is_in_range, above=above, least=least, most=most)
    rule = (
        whole_rule(least=least, most=most)
        if kind is int
        else number_rule(above=above, least=least, most=most)
    )

    def parse(value: Any) -> Any:
        number = _number(value, kind)
        if number is not None and is_valid(number):
            return number
        text = f"must be {rule}. Received: {value!r}."
        meant = _number(value, float)
        # For example 2e8.
        if number is None and meant is not None and meant.is_integer() and is_valid(meant):
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
