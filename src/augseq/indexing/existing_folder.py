"""Check that folders and files exist, and suggest similar names."""

import os
from collections.abc import Collection, Sequence
from itertools import islice

from augseq.errors import ArgumentError, MissingFileError, NotAFolderError, UnreadableError
from augseq.indexing.unicode_forms import same_name
from augseq.remote.archives import archive_hint
from augseq.remote.url import absolute_root, is_remote
from augseq.terminal_text import listed
from augseq.types import PathLike
from augseq.validation import did_you_mean

# Names are compared one by one, so a folder of a million files would take a minute.
_MOST_NAMES = 5000


def existing_folder(folder: PathLike) -> str:
    """Return the absolute path of an existing folder, or raise an error."""
    root = absolute_root(folder)
    if is_remote(root):
        raise ArgumentError(
            f"The folder must be local. Received: {root!r}. index_folder lists remote folders, and "
            "index_table accepts them with check_files=False."
        )
    try:
        os.stat(root)
    except PermissionError as error:
        raise UnreadableError(f"Cannot access {root!r}: {error.strerror}.") from error
    except OSError as error:
        raise MissingFileError(describe_missing(os.fspath(folder), root)) from error
    if not os.path.isdir(root):
        raise NotAFolderError(
            f"{os.fspath(folder)!r} must be a folder of images, but is a file.{archive_hint(root)}"
        )
    return root


def existing_splits(root: str, splits: Sequence[str] | None) -> Sequence[str]:
    """Return the names of the splits, () for None; raise if one is invalid."""
    if splits is None:
        return ()
    is_list = isinstance(splits, Collection) and all(isinstance(split, str) for split in splits)
    if not is_list or isinstance(splits, str) or not splits or len(set(splits)) != len(splits):
        raise ArgumentError(
            f"`splits` must be a list of different sub-folders. Received: splits={splits!r}"
        )
    for split in splits:
        if not split or split.startswith(".") or "/" in split or os.sep in split:
            raise ArgumentError(
                f"A split must be the name of a sub-folder. Received: splits={list(splits)}"
            )
        # Remote folders are checked when they are listed.
        if not is_remote(root) and not os.path.isdir(os.path.join(root, split)):
            others = sorted(name for name in os.listdir(root) if os.path.isdir(f"{root}/{name}"))
            raise MissingFileError(
                f"There is no folder {split!r} in {root!r}.{same_name(split, others)} "
                f"Existing folders: {listed(others)}"
            )
    return splits


def describe_missing(folder: str, path: str, kind: str = "folder") -> str:
    """Return a message for a folder or a file that does not exist.

    Args:
        folder: The path as the user gave it.
        path: Its absolute path.
        kind: What it should be, such as "folder".
    """
    message = f"There is no {kind} {folder!r}: "
    parent, name = _first_missing(path)
    missing = os.path.join(parent, name)
    if folder.startswith("~"):
        return f"{message}'~' is not expanded. Write {os.path.expanduser(folder)!r}."
    if os.path.islink(missing):
        return (
            f"{message}{missing!r} is a symbolic link to {os.readlink(missing)!r}, which does not "
            "exist."
        )
    if not os.path.isdir(parent):
        return f"{message}{parent!r} is a file.{archive_hint(path)}"
    return f"{message}{parent!r} has no {name!r}.{did_you_mean(name, _names_in(parent))}"


def _first_missing(path: str) -> tuple[str, str]:
    """Return the deepest existing part of a path, and the next name."""
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
