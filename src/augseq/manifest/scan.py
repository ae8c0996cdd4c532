"""Walk a folder and find its image files, in an order of our own."""

import os
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from tqdm.auto import tqdm

from augseq.errors import UnreadableError


@dataclass(slots=True, kw_only=True)
class Scan:
    """What a walk found below a folder.

    Attributes:
        paths: Image files, relative to the folder with `/`, sorted by code point.
        folders: Folders directly below, sorted.
        num_links: Symbolic links that were not followed.
        other_suffixes: Files left aside because of their suffix, counted by it.
    """

    paths: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    num_links: int = 0
    other_suffixes: Counter[str] = field(default_factory=Counter)


def scan_folder(
    root: str, *, suffixes: Collection[str], follow_links: bool, progress: bool
) -> Scan:
    """Find the image files at any depth below a folder.

    Hidden files and folders (a leading dot) are skipped. Where links are followed, a link to
    a folder that encloses it is not, so a walk always ends.

    Raises:
        UnreadableError: The system refuses to list a folder.
    """
    found = Scan()
    # The bar shows itself on long work only.
    with tqdm(desc="Indexing", unit=" images", delay=0.5, disable=not progress) as bar:
        for prefix, entries in _walk(root, follow_links):
            before = len(found.paths)
            _sort_out(prefix, entries, found, suffixes, follow_links)
            bar.update(len(found.paths) - before)
    found.paths.sort()
    found.folders.sort()
    return found


def _sort_out(
    prefix: str,
    entries: list[os.DirEntry[str]],
    found: Scan,
    suffixes: Collection[str],
    follow_links: bool,
) -> None:
    for entry in entries:
        if entry.is_symlink() and not follow_links:
            found.num_links += 1
        elif entry.is_dir():
            if not prefix:
                found.folders.append(entry.name)
        elif entry.is_file():
            suffix = os.path.splitext(entry.name)[1].lower()
            if suffix in suffixes:
                found.paths.append(prefix + entry.name)
            else:
                found.other_suffixes[suffix] += 1


def _walk(root: str, follow_links: bool) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Yield each folder as its prefix (`a/b/`, empty for the root) and its visible entries."""
    waiting = [(root, "", frozenset({_identity(root)}))]
    while waiting:
        folder, prefix, enclosing = waiting.pop()
        entries = _visible_entries(folder)
        yield prefix, entries
        for entry in entries:
            if not entry.is_dir(follow_symlinks=follow_links):
                continue
            inner = enclosing
            if follow_links:
                identity = _identity(entry.path)
                if identity in enclosing:
                    continue
                inner = enclosing | {identity}
            waiting.append((entry.path, f"{prefix}{entry.name}/", inner))


def _visible_entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except PermissionError as error:
        raise UnreadableError(
            f"Cannot list the folder {folder!r}: {error.strerror}. "
            "Give yourself permission to read it, or move it elsewhere."
        ) from error


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino
