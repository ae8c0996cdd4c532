"""Text that people read in a terminal: escaped, cut to a width, short for any object."""

import signal
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

WIDTH = 96
"""Columns of a line, at most: a terminal of 100 has room for a margin."""

_MOST_LINES = 9
_MOST_COLUMNS = 60


def escaped(text: str) -> str:
    r"""Write what is not printable as Python does: control codes, line ends, marks of direction.

    >>> escaped("cat\x1b[2J\n")
    'cat\\x1b[2J\\n'
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def shortened(text: str, most: int) -> str:
    """Return a text in one line of at most `most` columns, escaped and cut in its middle.

    >>> shortened("cat_0001.jpg", 8), shortened("cat_0001.jpg", 1)
    ('cat….jpg', '…')
    """
    # Cut first as well: a name may have millions.
    if len(text) > 2 * most:
        text = f"{text[:most]}{text[-most:]}"
    text = escaped(" ".join(text.split()))
    if num_columns(text) <= most:
        return text
    # Of names of files, the end tells more: it has the number.
    end = most // 2
    return f"{_beginning(text, most - end - 1)}…{_beginning(text[::-1], end)[::-1]}"


def num_columns(text: str) -> int:
    """Count the columns of a terminal that a text takes: two for a Chinese character or an emoji.

    >>> num_columns("cat"), num_columns("猫")
    (3, 2)
    """
    return len(text) if text.isascii() else sum(map(_width, text))


def padded(text: str, width: int) -> str:
    """Return a text with spaces behind it, `width` columns wide or wider."""
    return text + " " * (width - num_columns(text))


def _width(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _beginning(text: str, most: int) -> str:
    """Return as many of the first characters as fit into so many columns."""
    for end, sign in enumerate(text):
        most -= _width(sign)
        if most < 0:
            return text[:end]
    return text


def printable_message(text: str, most: int = 10_000) -> str:
    """Return a message that keeps its lines and nothing else that a terminal acts on."""
    if len(text) > most:
        text = f"{text[: most // 2]} [...] {text[-most // 2 :]}"
    return "\n".join(map(escaped, text.split("\n")))


def first_few(
    texts: Iterable[str], most: int = 3, *, between: str = ", ", rest: str = "more"
) -> str:
    """Join the first few texts, and say how many more there are.

    Args:
        texts: Each as it is to be shown; `listed` puts names in quotes.
        most: How many to show.
        between: What separates them.
        rest: What the others are called.

    >>> first_few(["1", "2", "3", "4", "5"], rest="more rows")
    '1, 2, 3 and 2 more rows'
    """
    texts = list(texts)
    num_more = len(texts) - most
    return between.join(texts[:most]) + (f" and {num_more:,} {rest}" if num_more > 0 else "")


def listed(names: Iterable[str], most: int = 3) -> str:
    """Write the first few names in quotes, and say how many more there are.

    >>> listed(["cat", "dog"])
    "'cat', 'dog'"
    """
    return first_few(map(repr, names), most)


def array_text(values: Any) -> str:
    """Return shape, dtype and range of an array; of a mapping those of each of its arrays.

    Args:
        values: An array of numbers, or arrays by name.
    """
    if isinstance(values, Mapping):
        parts = (f"{name}: {array_text(one)}" for name, one in values.items())
        return shortened("; ".join(parts), WIDTH - 12)
    what = f"{tuple(values.shape)} {values.dtype}"
    if not values.size or values.dtype.kind not in "biuf":
        return what
    return f"{what}, {_number(values.min())} to {_number(values.max())}"


def options_text(options: Any, **texts: str) -> str:
    """Return a dataclass as a call with the fields that are not at their defaults.

    Args:
        options: An instance of a dataclass. Fields with `repr=False` are not shown.
        **texts: What to show of a field in place of its value; "" for nothing.
    """
    shown = []
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in texts:
            text = texts[field.name]
        else:
            text = "" if not field.repr or value == _default(field) else repr(value)
        shown += [f"{field.name}={shortened(text, _MOST_COLUMNS)}"] if text else []
    return call_text(type(options).__name__, *shown)


def call_text(name: str, *arguments: str) -> str:
    """Return a call in one line, or with a line for each argument where it is too long.

    Args:
        name: Of what is called.
        *arguments: Each as text.
    """
    line = f"{name}({', '.join(arguments)})"
    if num_columns(line) <= WIDTH:
        return line
    lines = [f"    {shortened(one, WIDTH - 8)}," for one in arguments]
    return first_lines("\n".join([f"{name}(", *lines, ")"]))


def table_text(title: str, rows: Mapping[str, str]) -> str:
    """Return a title, and below it a line for each name with what there is to say.

    Args:
        title: The first line.
        rows: Texts by name.
    """
    names = [shortened(name, _MOST_COLUMNS) for name in rows]
    width = max(map(num_columns, names), default=0)
    lines = [
        f"  {padded(name, width)}  {_fitted(text, WIDTH - width - 4)}"
        for name, text in zip(names, rows.values(), strict=True)
    ]
    return "\n".join([shortened(title, WIDTH), *lines])


def counts_text(title: str, counts: Mapping[str, int]) -> str:
    """Return a title, and below it how often each name comes; for many names some of them.

    Args:
        title: The first line.
        counts: By name.
    """
    some = dict(list(counts.items())[: _MOST_LINES - 2 if len(counts) >= _MOST_LINES else None])
    width = max((len(f"{count:,}") for count in some.values()), default=0)
    text = table_text(title, {name: f"{count:>{width},}" for name, count in some.items()})
    more = len(counts) - len(some)
    return f"{text}\n  and {more:,} more" if more else text


def first_lines(text: str) -> str:
    """Return the first lines of a text, each cut to the width, and how many more there are."""
    lines = text.split("\n")
    shown = [_fitted(line, WIDTH) for line in lines]
    if len(shown) > _MOST_LINES:
        more = len(shown) - _MOST_LINES + 1
        shown[_MOST_LINES - 1 :] = [f"… and {more:,} more lines"]
    return "\n".join(shown)


def _fitted(line: str, most: int) -> str:
    # Only a long line loses its indent and its columns.
    fits = num_columns(line) <= most and line.isprintable()
    return line if fits else shortened(line, most)


def _default(field: "Field[Any]") -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def _number(value: Any) -> str:
    return f"{value:.4g}" if value.dtype.kind == "f" else str(value)


def ending(exit_code: int | None) -> str:
    """Say how a process ended, as what follows "it"."""
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    # Those for programs' own use have no name.
    except ValueError:
        return f"was ended by signal {-exit_code}"
