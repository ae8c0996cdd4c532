"""Report images that were not indexed because of their file extensions."""

import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from augseq.errors import AugseqError, install_command
from augseq.indexing.endings import DEFAULT, Endings, ending_of, is_unread
from augseq.indexing.scan import Scan
from augseq.pixels.decoders.registry import (
    HEAD_BYTES,
    missing_extras,
    readable_endings,
    recognize_format,
)
from augseq.remote.folder import RemoteFolder
from augseq.storage.path_encoding import for_system
from augseq.terminal_text import first_few

# More extensions than this are summarized as patterns.
_MOST_ENDINGS = 6
_SHOWN = 5
# Extensions in an archive whose files are opened.
_MOST_REMOTE = 20
_EXCLUDE = (
    ' Some files with these extensions are not images: exclude them with unreadable="exclude" '
    "(--unreadable exclude)."
)


@dataclass(frozen=True, slots=True)
class SkippedImages:
    """Images with extensions that were not indexed.

    Attributes:
        counts: Number of files by extension, for extensions with images.
        examples: Paths of some of the images.
        are_mixed: Whether other files have the same extensions.
    """

    counts: Mapping[str, int]
    examples: Sequence[str]
    are_mixed: bool

    def __bool__(self) -> bool:
        return bool(self.counts)

    def describe(self, root: str) -> str:
        """Return a warning with their number, and how to index them."""
        most = sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        counted = (f"{count:,} x {_shown_ending(ending)}" for ending, count in most)
        kinds = first_few(counted, _SHOWN, rest="more extensions")
        endings = [DEFAULT, *suggested_endings(self.counts, self.examples)]
        shell = shlex.quote(",".join(ending or "none" for ending in endings))
        count = sum(self.counts.values())
        what = (
            f"1 file in {root!r} seems to be an image, but is not indexed because of its extension"
            if count == 1
            else f"{count:,} files in {root!r} seem to be images, but are not indexed because of "
            "their extensions"
        )
        return (
            f"{what}: {kinds} (such as {self.examples[0]!r}). "
            f"To index them: extensions={endings} (at the shell: --extensions {shell})."
            + _EXCLUDE
            * self.are_mixed
        )


def find_skipped_images(place: str | RemoteFolder, scan: Scan) -> SkippedImages:
    """Read the first bytes of a few files of each extension that was not indexed.

    Args:
        place: A folder or archive. Files in other remote folders are not opened, since each would
            cost a request: there, names such as "1.jpg?w=300" count as images.
        scan: The scan of it.
    """
    samples = {e: paths for e, paths in scan.samples.items() if not is_unread(e)}
    if not isinstance(place, str):
        samples = dict(islice(samples.items(), _MOST_REMOTE))
    examples = [path for paths in samples.values() for path in paths if _is_image(place, path)]
    endings = sorted({ending_of(path.rpartition("/")[2]) for path in examples})
    return SkippedImages(
        counts={ending: scan.other_suffixes[ending] for ending in endings},
        examples=sorted(examples),
        are_mixed=sum(len(samples[ending]) for ending in endings) > len(examples),
    )


def describe_skipped(
    place: str | RemoteFolder, root: str, scan: Scan, endings: Endings, *, is_all: bool = False
) -> Iterator[str]:
    """Yield warnings about the images and folders that a scan skipped.

    Args:
        place: The folder that was scanned.
        root: Its name in messages.
        scan: The scan of it.
        endings: The indexed extensions. If some usual ones are missing, other images are skipped
            on purpose, and not reported.
        is_all: Whether no image was found, so that they are reported in any case.
    """
    if scan.system_folders:
        folders = ", ".join(f"{n:,} x {name!r}" for name, n in sorted(scan.system_folders.items()))
        yield f"Skipped system folders in {root!r}: {folders}."
    num_hidden = sum(name.lower().endswith(tuple(endings.plain)) for name in scan.hidden)
    if num_hidden:
        images = "1 hidden image" if num_hidden == 1 else f"{num_hidden:,} hidden images"
        yield f"Skipped {images} in {root!r}: the name begins with a dot. Rename to index."
    unread = {kind: n for kind, n in scan.other_suffixes.items() if is_unread(kind)}
    if unread:
        kinds = ", ".join(f"{count} x {kind}" for kind, count in sorted(unread.items()))
        yield (
            f"{root!r} contains images in unsupported formats, which are not indexed: {kinds}"
            + _missing_extras(unread)
            + ' (`color_mode="bands"` reads .npy)' * (".npy" in unread)
        )
    if is_all or endings.holds_default:
        skipped = find_skipped_images(place, scan)
        if skipped:
            yield skipped.describe(root)


def _shown_ending(ending: str) -> str:
    if not ending:
        return "no extension"
    is_plain = ending.isprintable() and ending == ending.strip()
    return ending if is_plain else repr(ending)


def _missing_extras(kinds: Collection[str]) -> str:
    extras = missing_extras(kinds)
    return f". To read them: {install_command(*extras)}" if extras else ""


def suggested_endings(counts: Collection[str], examples: Sequence[str]) -> list[str]:
    """Return the values of `extensions` that include files like the examples.

    >>> suggested_endings([".jpg_large", ""], ["1.jpg_large", "2"])
    ['', '.jpg_large']
    >>> suggested_endings([".jpg?n=1", ".jpg?n=2"], ["1.jpg?n=1", "2.jpg?n=2"])
    ['.jpg?n=*']
    """
    found: dict[str, set[str]] = {}
    for path in examples:
        name = path.rpartition("/")[2].lower()
        inside = _ending_inside(name)
        start, ending = (inside[1], inside[0]) if inside else ("", ending_of(name))
        found.setdefault(start, set()).add(ending)
    endings = [
        ending
        for start, group in sorted(found.items())
        for ending in (_as_pattern(start, group, counts) if start else sorted(group))
    ]
    is_plain = all(ending.isprintable() and "," not in ending for ending in endings)
    return endings if len(endings) <= _MOST_ENDINGS and is_plain else ["*"]


def _as_pattern(start: str, endings: Collection[str], counts: Collection[str]) -> list[str]:
    """Return a few extensions unchanged, but many as a pattern after `start`."""
    is_printable = all(ending.isprintable() and "," not in ending for ending in endings)
    are_whole = all(ending in counts for ending in endings) and not _seem_numbered(endings)
    if are_whole and is_printable and len(endings) < _MOST_ENDINGS:
        return sorted(endings)
    if not is_printable:
        return [f"{start}*"]
    first, last = min(endings), max(endings)
    if first == last:
        return [f"{first[: len(start) + 1]}*"]
    common = next(n for n, letter in enumerate(last) if first[n : n + 1] != letter)
    return [f"{first[:common].rstrip('0123456789')}*"]


def _seem_numbered(endings: Collection[str]) -> bool:
    """Return whether extensions differ only in numbers."""
    return len(endings) > 1 and len({re.sub(r"[0-9]+", "0", ending) for ending in endings}) == 1


def _ending_inside(name: str) -> re.Match[str] | None:
    """Find an image extension inside a name: "1.jpg?w=300", "1.jpg.1", "1.jpeg~"."""
    endings = "|".join(map(re.escape, readable_endings()))
    return re.search(rf"({endings})([^a-z0-9].*)", name, re.DOTALL)


def _is_image(place: str | RemoteFolder, path: str) -> bool:
    if isinstance(place, str):
        return recognize_format(_head(os.path.join(place, path))) is not None
    if not place.is_archive:
        return bool(_ending_inside(path.rpartition("/")[2].lower()))
    try:
        head = place.read(path, max_bytes=HEAD_BYTES)[:HEAD_BYTES]
    except AugseqError:
        return False
    return recognize_format(head) is not None


def _head(path: str) -> bytes:
    try:
        with open(for_system(path), "rb", buffering=0) as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""
