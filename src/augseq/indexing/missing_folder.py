"""Say where a folder was looked for, and which names are near it."""

import os
from itertools import islice

from augseq.remote.archives import archive_hint
from augseq.validation import did_you_mean

# Names are compared one by one, so that a folder of a million files would take a minute.
_MOST_NAMES = 5000


def describe_missing(folder: str, path: str, kind: str = "folder") -> str:
    """Return a message for a folder or a file that does not exist.

    Args:
        folder: As it was given.
        path: Its absolute path.
        kind: What it should be.
    """
    message = f"There is no {kind} {folder!r}: "
    parent, name = _first_missing(path)
    place = os.path.join(parent, name)
    if folder.startswith("~"):
        return f"{message}'~' is not expanded. Write {os.path.expanduser(folder)!r}."
    if os.path.islink(place):
        return f"{message}{place!r} is a symbolic link to {os.readlink(place)!r}, which is missing."
    if not os.path.isdir(parent):
        return f"{message}{parent!r} is a file.{archive_hint(path)}"
    return f"{message}{parent!r} has no {name!r}.{did_you_mean(name, _names_in(parent))}"


def _first_missing(path: str) -> tuple[str, str]:
    """Return the deepest part of a path that exists, and the name that is missing in it."""
    parent, name = os.path.split(path)
    while name and not os.path.exists(parent):
        if os.path.islink(parent):
            return os.path.split(parent)
        parent, name = os.path.split(parent)
    return parent, name or path


def _names_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, _MOST_NAMES)]
    except OSError:
        return []
