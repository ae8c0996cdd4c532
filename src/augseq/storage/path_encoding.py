"""Convert file names between UTF-8 and Python's file system encoding.

In a locale that is not UTF-8, Python decodes file names differently, for example as Latin-1, so
the same folder would have different paths, classes and order on another machine.
"""

import os
import sys

_IS_UTF8 = sys.getfilesystemencoding() == "utf-8"


def from_system(name: str) -> str:
    """Convert a name from the system to its form in a manifest."""
    return name if _IS_UTF8 else os.fsencode(name).decode("utf-8", "surrogateescape")


def all_from_system(names: list[str]) -> list[str]:
    """Convert many names from the system; no cost if Python uses UTF-8."""
    return names if _IS_UTF8 else [from_system(name) for name in names]


def for_system(path: str) -> str | bytes:
    """Convert a path from a manifest to the form that system calls accept."""
    return path if _IS_UTF8 else path.encode("utf-8", "surrogateescape")
