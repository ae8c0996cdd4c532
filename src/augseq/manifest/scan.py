"""Walk a folder and find its image files, in an order of our own."""

import heapq
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
        num_links: Symbolic links that were left aside, since links were not to be followed.
        num_dead_links: Links that were to be followed, but lead nowhere, or to a folder that
            is listed already.
        other_suffixes: Files left aside because of their suffix, counted by it.
    """

    paths: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    num_links: int = 0
    num_dead_links: int = 0
    other_suffixes: Counter[str] = field(default_factory=Counter)


def scan_folder(
    root: str, *, suffixes: Collection[str], follow_links: bool, progress: bool
) -> Scan:
    """Find the image files at any depth below a folder.

    Hidden files and folders (a leading dot) are skipped. Where links are followed, each folder
    is listed once, under its own path if that is below `root`, so a walk always ends.

    Raises:
        UnreadableError: The system refuses to list a folder.
    """
    found = Scan()
    # The bar shows itself on long work only.
    with tqdm(desc="Indexing", unit=" images", delay=0.5, disable=not progress) as bar:
        for prefix, entries in _walk(root, follow_links, found):
            before = len(found.paths)
            for entry in entries:
                _sort_out(entry, prefix, found, suffixes)
            bar.update(len(found.paths) - before)
    found.paths.sort()
    found.folders.sort()
    return found


def _sort_out(entry: os.DirEntry[str], prefix: str, found: Scan, suffixes: Collection[str]) -> None:
    suffix = os.path.splitext(entry.name)[1].lower()
    if not entry.is_file():
        # A named pipe, a socket, a device: nothing that holds an image, and opening may hang.
        return
    if suffix in suffixes:
        found.paths.append(prefix + entry.name)
    else:
        found.other_suffixes[suffix] += 1


def _walk(
    root: str, follow_links: bool, found: Scan
) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Yield each folder's prefix (`a/b/`, empty for the root) and what it holds but folders."""
    seen: set[tuple[int, int]] = set()
    # Real folders first, so that a link never takes one away from its own path; then links by
    # path, so that the file system's order decides nothing.
    waiting = [(False, "", root)]
    while waiting:
        is_link, prefix, folder = heapq.heappop(waiting)
        if follow_links:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                found.num_dead_links += 1
                continue
            seen.add((status.st_dev, status.st_ino))
        if prefix.count("/") == 1:
            found.folders.append(prefix[:-1])
        others = []
        for entry in _visible_entries(folder):
            if entry.is_symlink() and not follow_links:
                found.num_links += 1
            elif entry.is_symlink() and not os.path.exists(entry.path):
                found.num_dead_links += 1
            elif entry.is_dir():
                is_link_too = is_link or entry.is_symlink()
                heapq.heappush(waiting, (is_link_too, f"{prefix}{entry.name}/", entry.path))
            else:
                others.append(entry)
        yield prefix, others


def _visible_entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except PermissionError as error:
        raise UnreadableError(
            f"Cannot list the folder {folder!r}: {error.strerror}. "
            "Give yourself permission to read it, or move it elsewhere."
        ) from error
