"""Walk a folder and find its image files, in an order of our own."""

import heapq
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from tqdm.auto import tqdm

from augseq.errors import ManifestError, UnreadableError
from augseq.indexing.endings import Endings, ending_of
from augseq.indexing.remote_scan import walk_remote
from augseq.remote.folder import RemoteFolder
from augseq.storage.path_encoding import all_from_system, from_system

# Files of each unknown suffix, and suffixes, that are looked at: at most so many are opened.
_SAMPLES = 3
_SAMPLED_SUFFIXES = 300
# What systems and programs make beside a person's own folders.
_SYSTEM_FOLDERS = frozenset({
    "__macosx",  # Zip files of macOS: attributes of the files.
    "@eadir", "#recycle", "#snapshot",  # Synology: thumbnails, deleted files, copies.
    "@recycle", "@__thumb", "@recently-snapshot",  # QNAP.
    "$recycle.bin", "system volume information",  # Windows.
    "lost+found",  # Linux, which only root may list.
    "~snapshot",  # NetApp.
    "__pycache__",
})  # fmt: skip
_HAS_JUNCTIONS = os.name == "nt"
# What Windows calls IO_REPARSE_TAG_MOUNT_POINT; `DirEntry.is_junction` came with Python 3.12.
_JUNCTION = 0xA0000003


@dataclass(slots=True, kw_only=True)
class Scan:
    """What a walk found below a folder.

    Attributes:
        paths: Image files, relative to the folder with `/`, sorted by code point.
        folders: Folders directly below the folder or, where splits are scanned, directly below
            each split, as "train/cat"; with the number of images at any depth in each.
        num_links: Symbolic links, and junctions of Windows, that were skipped, since links
            were not to be followed.
        num_dead_links: Links that were to be followed, but lead nowhere, or to a folder that
            is listed already.
        other_suffixes: Files skipped because of their suffix, counted by it.
        samples: Paths of a few files of each of those suffixes.
        system_folders: Folders that were skipped, since systems make them; counted by name.
        hidden: Names of hidden files, but not the `._x` of macOS, which accompany others.
    """

    paths: pa.StringArray = field(default_factory=lambda: pa.array([], pa.string()))
    folders: dict[str, int] = field(default_factory=dict)
    num_links: int = 0
    num_dead_links: int = 0
    other_suffixes: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[str]] = field(default_factory=dict, compare=False)
    system_folders: Counter[str] = field(default_factory=Counter)
    hidden: list[str] = field(default_factory=list, compare=False)

    def count_others(self, prefix: str, names: Sequence[str]) -> None:
        """Count files of a folder that are not images, and keep a few paths of each suffix."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in names:
            groups[ending_of(name)].append(name)
        for ending, group in groups.items():
            self.other_suffixes[ending] += len(group)
            if ending in self.samples or len(self.samples) < _SAMPLED_SUFFIXES:
                paths = self.samples.setdefault(ending, [])
                # The smallest, so that the order of the file system decides nothing.
                first = heapq.nsmallest(_SAMPLES - len(paths), group)
                paths += [prefix + name for name in first]


def scan_folder(
    root: str | RemoteFolder,
    *,
    splits: Sequence[str] = (),
    suffixes: Collection[str] | Endings,
    follow_links: bool,
    progress: bool,
) -> Scan:
    """Find the image files at any depth below a folder, or below some of its sub-folders.

    Hidden files and folders (a leading dot) and those of the system are skipped. Where links are
    followed, each folder is listed once, under its own path if that is below `root` (or below the
    same split), so a walk always ends.

    Raises:
        UnreadableError: The system refuses to list a folder.
        RemoteError: A remote folder does not answer.
        ManifestError: The name of an image is not valid UTF-8.
    """
    found = Scan()
    endings = suffixes if isinstance(suffixes, Endings) else Endings(frozenset(suffixes))
    columns = []
    # The bar shows itself on long work only.
    with tqdm(desc="Indexing", unit=" images", delay=0.5, disable=not progress) as bar:
        for start in [f"{split}/" for split in splits] or [""]:
            walk = (
                _walk(root, start, follow_links, found)
                if isinstance(root, str)
                else (_walk_far(root, start, found))
            )
            for prefix, names in walk:
                images = _images(prefix, names, endings, found)
                if prefix != start:
                    found.folders[prefix[: prefix.index("/", len(start))]] += len(images)
                if images:
                    # One folder's paths at a time become Arrow, while the processor still has
                    # them at hand: a list of a million took twice as long to convert, and 60 MB
                    # more.
                    columns.append(_path_column(prefix, images))
                bar.update(len(images))
    found.paths = _in_order(pa.concat_arrays([found.paths, *columns]))
    return found


def _images(prefix: str, names: list[str], endings: Endings, found: Scan) -> list[str]:
    # The first name's ending first, since most others share it, and capitals only where there may
    # be some: a million names took 0.08 s instead of 0.20; and with `splitext` in the loop 0.6.
    first = "".join(names[:1]).lower()
    plain = tuple(sorted(endings.plain, key=first.endswith, reverse=True))
    images = [name for name in names if name.endswith(plain)]
    if len(images) < len(names):
        images = [name for name in names if name.lower().endswith(plain)]
    if len(images) == len(names):
        return images
    taken = set(images)
    others = [name for name in names if name not in taken]
    if endings.has_odd:
        odd = {name for name in others if endings.is_odd_image(name.lower())}
        others = [name for name in others if name not in odd]
        images += odd
    found.count_others(prefix, others)
    return images


def _path_column(prefix: str, names: list[str]) -> pa.StringArray:
    """Join a folder's prefix and the names in it, sorted by code point."""
    try:
        start = pa.scalar(prefix, pa.string())
        # Joined in Arrow and not in Python, a million names of one folder took 0.8 s less.
        return pc.binary_join_element_wise(start, _sorted(names), "")
    except UnicodeEncodeError as error:
        path = error.object if error.object == prefix else prefix + error.object
        raise ManifestError(not_utf8("file", path)) from error


def not_utf8(kind: str, path: str) -> str:
    """Return what is wrong with a name that the system takes and no manifest can hold."""
    received = path.encode("utf-8", "surrogateescape")
    return f"A {kind}'s name must be valid UTF-8. Received: {received!r}. Rename it."


def _sorted(names: list[str]) -> pa.StringArray:
    """Sort names by code point, which is also the order of their bytes."""
    column = pa.array(names, pa.string())
    keys = _sort_keys(column)
    order = pc.sort_indices(column) if keys is None else pa.array(np.argsort(keys))
    return column.take(order)


def _sort_keys(names: pa.StringArray) -> npt.NDArray[np.uint64] | None:
    """Return a number for each name that sorts as it does, where numbered files allow that.

    That is where all have one length and differ in at most eight places. With numbers, a million
    names in one folder are sorted in 0.16 s instead of 0.38.
    """
    _, offsets, text = names.buffers()
    ends = np.frombuffer(offsets, np.int32)
    length = ends[1]
    if np.any(np.diff(ends) != length):
        return None
    letters = np.frombuffer(text, np.uint8).reshape(len(names), length)
    places = np.flatnonzero(letters.min(axis=0) != letters.max(axis=0))
    if len(places) > 8:
        return None
    big_endian = np.zeros((len(names), 8), np.uint8)
    big_endian[:, : len(places)] = letters[:, places]
    return big_endian.view(">u8").ravel().astype(np.uint64)


def _in_order(paths: pa.StringArray) -> pa.StringArray:
    """Sort paths, which are sorted already unless folders hold both images and folders."""
    if pc.all(pc.less(paths[:-1], paths[1:])).as_py():
        return paths
    return paths.take(pc.sort_indices(paths))


def _walk(
    root: str, start: str, follow_links: bool, found: Scan
) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder's prefix (`a/b/`, empty for the root) and the names of its files.

    It begins with the prefix `start`, which is empty or ends in `/`.
    """
    seen: set[tuple[int, int]] = set()
    # Real folders first, so that a link never takes one away from its own path; then links by
    # path, so that the file system's order decides nothing.
    waiting = [(False, start, os.path.join(root, start[:-1]) if start else root)]
    while waiting:
        is_link, prefix, folder = heapq.heappop(waiting)
        if follow_links:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                found.num_dead_links += 1
                continue
            seen.add((status.st_dev, status.st_ino))
        if prefix.count("/") == start.count("/") + 1:
            found.folders[prefix[:-1]] = 0
        names, others = _visible_entries(folder, found)
        for entry in others:
            leads_away = _is_link(entry)
            if leads_away and not follow_links:
                found.num_links += 1
            elif leads_away and not os.path.exists(entry.path):
                found.num_dead_links += 1
            elif entry.is_dir() and _is_system_folder(entry.name):
                found.system_folders[entry.name] += 1
            elif entry.is_dir():
                name = from_system(entry.name)
                heapq.heappush(waiting, (is_link or leads_away, f"{prefix}{name}/", entry.path))
            elif entry.is_file():
                names.append(entry.name)
            # Else a named pipe, a socket, a device: no image, and opening it may hang.
        yield prefix, all_from_system(names)


def _is_link(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry leads elsewhere: a symbolic link, or a junction of Windows."""
    if entry.is_symlink() or not _HAS_JUNCTIONS:
        return entry.is_symlink()
    tag: int = getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0)
    return tag == _JUNCTION


def _walk_far(folder: RemoteFolder, start: str, found: Scan) -> Iterator[tuple[str, list[str]]]:
    """Yield what `_walk` does, of a remote folder."""
    for prefix, names, num_links in walk_remote(folder, start):
        *above, last = f"/{prefix}".rstrip("/").split("/")
        if any(map(_is_system_folder, above)):
            continue
        if _is_system_folder(last):
            found.system_folders[last] += 1
            continue
        if prefix != start:
            found.folders.setdefault(prefix[: prefix.index("/", len(start))], 0)
        found.num_links += num_links
        found.hidden += [name for name in names if name[0] == "." and name[1:2] != "_"]
        yield prefix, [name for name in names if name[0] != "."]


def _visible_entries(folder: str, found: Scan) -> tuple[list[str], list[os.DirEntry[str]]]:
    """Return the names of ordinary files, and the entries of all else, that are not hidden."""
    names, others = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == ".":
                    if name[1:2] != "_" and entry.is_file(follow_symlinks=False):
                        found.hidden.append(name)
                    continue
                # Listing a folder tells this much; asking for more would ask for each file.
                if entry.is_file(follow_symlinks=False):
                    names.append(name)
                else:
                    others.append(entry)
    except PermissionError as error:
        raise UnreadableError(
            f"Cannot list the folder {folder!r}: {error.strerror}. "
            "Change its permissions, or move it."
        ) from error
    return names, others


def _is_system_folder(name: str) -> bool:
    """Tell whether a folder of this name is never one of images to train on."""
    return name.casefold() in _SYSTEM_FOLDERS
