"""The first line of a CSV file: which separator it has, and whether it names the columns."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from augseq.errors import ArgumentError, ManifestError
from augseq.pixels.decoders.registry import all_endings

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_FIRST_LINE_LETTERS = 2**20


def check_first_line(
    path: Path, delimiter: str, choose: Callable[[Sequence[str]], list[str]]
) -> None:
    """Raise `ManifestError` where a file has another separator, or no names of columns.

    Args:
        path: A CSV file.
        delimiter: What is to separate its cells.
        choose: Raises `ArgumentError` for names without the columns that are wanted.
    """
    with open(path, encoding="utf-8-sig", newline="") as file:
        line = next((line for line in file if line.strip()), "")[:_FIRST_LINE_LETTERS]
    names = _cells(line, delimiter)
    if not names or "\0" in line or _fits(choose, names):
        return
    if names[0].lower().startswith("sep=") or line.lower().startswith("sep="):
        raise ManifestError(
            f"{str(path)!r} begins with the line {line.strip()!r}, which only Excel reads. Delete "
            f"that line, and give its separator: {_option(line.strip()[4:5] or ';')}."
        )
    others = {other: _cells(line, other) for other in SEPARATORS if other != delimiter}
    # Names with a separator in them are none, unless they are those that are wanted.
    fitting = [
        other
        for other, cells in others.items()
        # A space may stand beside a comma.
        if (other != " " and len(cells) > len(names))
        or (len(cells) > 1 and (other != " " or len(names) == 1) and _fits(choose, cells))
    ]
    if fitting:
        other = max(fitting, key=lambda kind: (_fits(choose, others[kind]), len(others[kind])))
        raise ManifestError(
            f"The columns of {str(path)!r} are separated by {SEPARATORS[other]}, not by "
            f"{SEPARATORS.get(delimiter, repr(delimiter))}: {_option(other)}. Its first line is "
            f"{line.strip()[:200]!r}."
        )
    if any(cell.strip().lower().endswith(all_endings()) for cell in line.split(delimiter)):
        raise ManifestError(
            f"The first line of {str(path)!r} must name the columns, but seems to be an image: "
            f"{line.strip()[:200]!r}. Write a line such as {f'path{delimiter}label'!r} above it, "
            "or read the file with pandas.read_csv(path, header=None, names=[...]) and pass the "
            "frame."
        )


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [name for name in next(csv.reader([line], delimiter=delimiter), []) if name]
    except csv.Error:
        return []


def _fits(choose: Callable[[Sequence[str]], list[str]], names: Sequence[str]) -> bool:
    try:
        choose(names)
    except ArgumentError:
        return False
    return True


def _option(delimiter: str) -> str:
    at_the_shell = "'\\t'" if delimiter == "\t" else f"{delimiter!r}"
    return f"pass delimiter={delimiter!r} (at the shell: --delimiter {at_the_shell})"
