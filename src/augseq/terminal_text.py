"""Format text for a terminal: escape it, cut it to a width, summarize objects."""

import signal
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

WIDTH = 96
"""Maximum columns of a line; leaves a margin in a terminal of 100 columns."""

_MOST_LINES = 9
_MOST_COLUMNS = 60


def escaped(text: str) -> str:
    r"""Escape control codes, newlines and bidi marks as `repr` does.

    >>> escaped("cat\x1b[2J\n")
    'cat\\x1b[2J\\n'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def shortened(text: str, most: int) -> str:
    """Return text as one escaped line, cut in the middle to `most` columns.

    >>> shortened("cat_0001.jpg", 8), shortened("cat_0001.jpg", 1)
    ('cat….jpg', '…')
    """
    # Cut before escaping too: a name can have millions of characters.
    if len(text) > 2 * most:
        text = f"{text[:most]}{text[-most:]}"
    text = escaped(" ".join(text.split()))
    if num_columns(text) <= most:
        return text
    # Keep more of the end: file names carry their number there.
    end = most // 2
    return f"{_beginning(text, most - end - 1)}…{_beginning(text[::-1], end)[::-1]}"


def short_number(value: float) -> str:
    """Return a number with four digits that matter, without an exponent if it is readable.

    >>> short_number(79752.3), short_number(0.86276), short_number(3.0)
    ('79,750', '0.8628', '3')
    """
    return f"{float(f'{value:.4g}'):,.10g}"


def num_columns(text: str) -> int:
    """Return the width of text in terminal columns: two per CJK character or emoji.

    >>> num_columns("cat"), num_columns("猫")
    (3, 2)
    """
    return len(text) if text.isascii() else sum(map(_width, text))


def padded(text: str, width: int) -> str:
    """Pad text with spaces on the right to at least `width` columns."""
    return text + " " * (width - num_columns(text))


def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _beginning(text: str, most: int) -> str:
    """Return the longest prefix that fits into `most` columns."""
    for end, char in enumerate(text):
        most -= _width(char)
        if most < 0:
            return text[:end]
    return text


def printable_message(text: str, most: int = 10_000) -> str:
    """Escape control codes in a message, but keep its line breaks."""
    if len(text) > most:
        text = f"{text[: most // 2]} [...] {text[-most // 2 :]}"
    return "\n".join(map(escaped, text.split("\n")))


def first_few(
    texts: Iterable[str], most: int = 3, *, between: str = ", ", rest: str = "more"
) -> str:
    """Join the first few texts, and count the rest.

    Args:
        texts: Shown as they are; `listed` quotes names.
        most: How many to show.
        between: Separator.
        rest: Noun for the rest.

    >>> first_few(["1", "2", "3", "4", "5"], rest="more rows")
    '1, 2, 3 and 2 more rows'
    """
    texts = list(texts)
    num_more = len(texts) - most
    return between.join(texts[:most]) + (f" and {num_more:,} {rest}" if num_more > 0 else "")


def listed(names: Iterable[str], most: int = 3) -> str:
    """Join the first few names in quotes, and count the rest.

    >>> listed(["cat", "dog"])
    "'cat', 'dog'"
    """
    return first_few(map(repr, names), most)


def array_text(values: Any) -> str:
    """Return the shape, dtype and range of an array, or of each array in a mapping.

    Args:
        values: An array of numbers, or arrays by name.
    """
    if isinstance(values, Mapping):
        parts = (f"{name}: {array_text(array)}" for name, array in values.items())
        return shortened("; ".join(parts), WIDTH - 12)
    text = f"{tuple(values.shape)} {values.dtype}"
    if not values.size or values.dtype.kind not in "biuf":
        return text
    return f"{text}, {_number(values.min())} to {_number(values.max())}"


def array_rows(arrays: Mapping[str, Any]) -> dict[str, str]:
    """Return the text of each array for `table_text`; several arrays of a value have a row each.

    Args:
        arrays: Arrays, or arrays by name, by the name of the value.
    """
    rows: dict[str, str] = {}
    for name, values in arrays.items():
        parts = values if isinstance(values, Mapping) else {"": values}
        rows |= {f"{name} {part}".rstrip(): array_text(array) for part, array in parts.items()}
    return rows


def options_text(options: Any, **texts: str) -> str:
    """Return a dataclass instance as a call, without fields at their defaults.

    Of an array, only the shape is shown.

    Args:
        options: A dataclass instance. Fields with `repr=False` are not shown.
        **texts: Text to show for a field instead of its value; "" hides the field.
    """
    shown = []
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name in texts:
            text = texts[field.name]
        elif not field.repr:
            text = ""
        elif getattr(value, "shape", ()):
            text = f"<array of {value.shape}>"
        else:
            text = "" if value == _default(field) else repr(value)
        shown += [f"{field.name}={shortened(text, _MOST_COLUMNS)}"] if text else []
    return call_text(type(options).__name__, *shown)


def call_text(name: str, *arguments: str) -> str:
    """Return a call on one line, or with one line per argument if it is too long.

    Args:
        name: Name of the callable.
        *arguments: Each as text.
    """
    line = f"{name}({', '.join(arguments)})"
    if num_columns(line) <= WIDTH:
        return line
    lines = [f"    {shortened(argument, WIDTH - 8)}," for argument in arguments]
    return first_lines("\n".join([f"{name}(", *lines, ")"]))


def table_text(title: str, rows: Mapping[str, str]) -> str:
    """Return a title, and below it one line per name with its text.

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
    """Return a title, and below it the count of each name, or of the first few.

    Args:
        title: The first line.
        counts: Counts by name.
    """
    some = dict(list(counts.items())[: _MOST_LINES - 2 if len(counts) >= _MOST_LINES else None])
    width = max((len(f"{count:,}") for count in some.values()), default=0)
    text = table_text(title, {name: f"{count:>{width},}" for name, count in some.items()})
    more = len(counts) - len(some)
    return f"{text}\n  and {more:,} more" if more else text


def first_lines(text: str) -> str:
    """Return the first lines of a text, each cut to `WIDTH`, and count the rest."""
    lines = text.split("\n")
    shown = [_fitted(line, WIDTH) for line in lines]
    if len(shown) > _MOST_LINES:
        more = len(shown) - _MOST_LINES + 1
        shown[_MOST_LINES - 1 :] = [f"… and {more:,} more lines"]
    return "\n".join(shown)


def _fitted(line: str, most: int) -> str:
    # `shortened` collapses spaces, so a line that fits is left alone.
    fits = num_columns(line) <= most and line.isprintable()
    return line if fits else shortened(line, most)


def _default(field: "Field[Any]") -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def _number(value: Any) -> str:
    return f"{value:.4g}" if value.dtype.kind == "f" else str(value)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: "1 box", "2,000 classes"."""
    ending = "" if count == 1 else "es" if noun.endswith(("x", "s", "ch")) else "s"
    return f"{count:,} {noun}{ending}"


def ending(exit_code: int | None) -> str:
    """Return how a process ended, as a predicate: "ended with exit code 1"."""
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    # Real-time signals have no name.
    except ValueError:
        return f"was ended by signal {-exit_code}"
