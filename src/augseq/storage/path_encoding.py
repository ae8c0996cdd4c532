"""Names of files: UTF-8 in manifests, whatever encoding Python takes the system's names to have.

In a locale that is not UTF-8 it takes them to be Latin-1, say, so that one folder would give other
paths, other classes and another order on another machine.
"""

import os
import sys

_IS_UTF8 = sys.getfilesystemencoding() == "utf-8"


def from_system(name: str) -> str:
    """Return a name that the system gave, as a manifest has it."""
    return name if _IS_UTF8 else os.fsencode(name).decode("utf-8", "surrogateescape")


def all_from_system(names: list[str]) -> list[str]:
    """Return many such names; at no cost in the usual case."""
    return names if _IS_UTF8 else [from_system(name) for name in names]


def for_system(path: str) -> str | bytes:
    """Return a path of a manifest, as the system takes it."""
    return path if _IS_UTF8 else path.encode("utf-8", "surrogateescape")
