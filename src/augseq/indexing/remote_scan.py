"""Walk a remote folder, listing many folders at a time."""

import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from augseq.errors import MissingFileError
from augseq.remote.folder import Entry, RemoteFolder

# Folders listed at a time: nearly all of the time is spent waiting.
_NUM_THREADS = 16


def walk_remote(folder: RemoteFolder, start: str = "") -> Iterator[tuple[str, list[str], int]]:
    """Yield each folder's prefix, its file names, and its number of links.

    As for a local folder, the prefix is `a/b/`, empty for the root, and folders and links that
    begin with a dot are skipped. The folders come in no particular order.

    Args:
        folder: The remote folder.
        start: Prefix of the only sub-folder to walk; empty for all.

    Raises:
        AugseqError: A folder cannot be listed.
    """
    if folder.is_archive:
        yield from _walk_list(folder, start)
        return
    answers: queue.SimpleQueue[tuple[str, Future[list[Entry]]]] = queue.SimpleQueue()
    pool = ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="augseq listing")

    def ask(prefix: str) -> None:
        future = pool.submit(folder.entries, prefix[:-1])
        future.add_done_callback(lambda done: answers.put((prefix, done)))

    try:
        ask(start)
        num_waiting = 1
        while num_waiting:
            prefix, answer = answers.get()
            num_waiting -= 1
            folders, names, num_links = _by_kind(answer.result())
            for name in folders:
                ask(f"{prefix}{name}/")
            num_waiting += len(folders)
            yield prefix, names, num_links
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _walk_list(folder: RemoteFolder, start: str) -> Iterator[tuple[str, list[str], int]]:
    """Do the same as `walk_remote`, from a single listing of everything."""
    by_folder: dict[str, list[Entry]] = {"": []}
    for entry in folder.all_entries():
        prefix, _, name = entry.name.rpartition("/")
        prefix = f"{prefix}/" if prefix else ""
        by_folder.setdefault(prefix, []).append(Entry(name, entry.kind))
        if entry.kind == "directory":
            by_folder.setdefault(f"{entry.name}/", [])
    if start not in by_folder:
        raise MissingFileError(f"There is no folder {start[:-1]!r} in {folder.root!r}.")
    for prefix, inside in by_folder.items():
        if prefix.startswith(start) and not f"/{prefix}".count("/."):
            _, names, num_links = _by_kind(inside)
            yield prefix, names, num_links


def _by_kind(entries: list[Entry]) -> tuple[list[str], list[str], int]:
    """Return folder names, file names (also hidden), and the number of links."""
    seen = [entry for entry in entries if not entry.name.startswith(".")]
    folders = [entry.name for entry in seen if entry.kind == "directory"]
    files = [entry.name for entry in entries if entry.kind == "file"]
    return folders, files, sum(entry.kind == "link" for entry in seen)
