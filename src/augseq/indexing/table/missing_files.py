"""Explain why files in a table are not found, and suggest a fix."""

import os
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from augseq.indexing.table.source_table import SourceTable

_MOST_FILES = 200_000
_MOST_PATHS = 1_000


@dataclass(frozen=True, slots=True)
class _Difference:
    """How a path in a table differs from that of its file.

    Attributes:
        kind: How the names differ: "ending" (missing), "other ending", "case", "spaces", or "".
        ending: Extension of the file, if the path has none or another.
        prefix: Leading folders that the path lacks, with a slash at the end.
        surplus: Leading folders that the path has in addition, with a slash at the end.
    """

    kind: str
    ending: str = ""
    prefix: str = ""
    surplus: str = ""


def explain_missing(
    root: str, missing: Sequence[str], source: SourceTable, *, are_all: bool
) -> str:
    """Return why files are not found, and what to do.

    Args:
        root: Local folder that the paths are relative to.
        missing: Paths of the missing files, with `/`.
        source: Where the paths are listed.
        are_all: Whether all files are missing, so that the folder may be wrong.
    """
    if any("\\" in path for path in missing):
        return "Some paths contain '\\', which is not a separator here: use '/' in all paths."
    files = _Files(root)
    found = [
        (difference, path, file)
        for path in missing[:_MOST_PATHS]
        for difference, file in files.differences(path)
    ]
    counts = Counter(difference for difference, _, _ in found)
    if not counts and not are_all:
        what = "rows" if source.has_rows else "entries"
        return f"Remove the {what} of missing files, or restore the files."
    if not counts:
        return "Is `root` (at the shell: --images-root) the folder that the paths are relative to?"
    common = counts.most_common(1)[0][0]
    path, file = next(pair for difference, *pair in found if difference == common)
    endings = {difference.ending for difference in counts if difference.kind == common.kind}
    return f"The file of {path!r} seems to be {file!r}. " + " ".join(
        _ways_out(root, common, sorted(endings), source)
    )


def _ways_out(
    root: str, difference: _Difference, endings: list[str], source: SourceTable
) -> Iterator[str]:
    place = "table" if source.has_rows else "annotations"
    if difference.kind == "ending" and source.has_rows and len(endings) == 1:
        ending = difference.ending
        yield (
            f"The paths lack the extension: pass path_suffix={ending!r} (at the shell: "
            f"--path-suffix {shlex.quote(ending)})."
        )
    elif difference.kind == "ending":
        yield f"The paths lack their extensions ({', '.join(endings)}): add them to the {place}."
    elif difference.kind == "other ending":
        yield f"The paths have a different extension than the files: correct it in the {place}."
    elif difference.kind == "case":
        yield "They differ in upper and lower case: spell the paths like the file names."
    elif difference.kind == "spaces":
        yield f"The paths have spaces around them: remove the spaces{source.example('strip()')}."
    if difference.prefix:
        folder = os.path.join(root, difference.prefix[:-1])
        yield (
            f"The paths are relative to another folder: pass root={folder!r} (at the shell: "
            f"--images-root {shlex.quote(folder)})."
        )
    elif difference.surplus and os.path.basename(root) == difference.surplus[:-1]:
        folder = os.path.dirname(root)
        yield (
            f"The paths are relative to the parent folder: pass root={folder!r} (at the shell: "
            f"--images-root {shlex.quote(folder)})."
        )
    elif difference.surplus:
        example = source.example(f"removeprefix({difference.surplus!r})")
        yield (
            f"The paths begin with {difference.surplus!r}, which is not in the root: remove it"
            f"{example or ' in the annotations'}."
        )


class _Files:
    """The files below a folder, indexed by name and by name without extension."""

    def __init__(self, root: str) -> None:
        self._by_name: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for path in _files_below(root):
            name = _folded(path.rpartition("/")[2])
            self._by_name.setdefault(name, []).append(path)
            self._by_stem.setdefault(os.path.splitext(name)[0], []).append(path)

    def differences(self, path: str) -> Iterator[tuple[_Difference, str]]:
        """Yield the only file that a path may mean, and how they differ, if any."""
        plain = "/".join(part.strip() for part in path.split("/")).lstrip("/")
        folder, _, name = plain.rpartition("/")
        key = _folded(name)
        for files in (
            self._by_name.get(key, []),
            self._by_stem.get(key, []),
            self._by_stem.get(os.path.splitext(key)[0], []),
        ):
            exact = [file for file in files if _names(file) & {name, os.path.splitext(name)[0]}]
            nearest = _nearest(exact or files, folder)
            if nearest is not None:
                yield _difference(path, plain, nearest), nearest
                return


def _names(file: str) -> set[str]:
    name = file.rpartition("/")[2]
    return {name, os.path.splitext(name)[0]}


def _nearest(files: Sequence[str], folder: str) -> str | None:
    """Return the only file whose folder best matches; None for none or several."""
    for wanted in (
        lambda place: place == folder,
        lambda place: f"/{place}".endswith(f"/{folder}") if folder else True,
        lambda place: f"/{folder}".endswith(f"/{place}") if place else True,
        lambda place: _folded(place) == _folded(folder),
    ):
        fitting = [file for file in files if wanted(file.rpartition("/")[0])]
        if fitting:
            return fitting[0] if len(fitting) == 1 else None
    return None


def _difference(path: str, plain: str, file: str) -> _Difference:
    folder, _, name = plain.rpartition("/")
    place, _, real = file.rpartition("/")
    kind, ending = "", ""
    if _folded(name) == _folded(os.path.splitext(real)[0]):
        kind, ending = "ending", os.path.splitext(real)[1]
    elif _folded(name) != _folded(real):
        kind, ending = "other ending", os.path.splitext(real)[1]
    elif (name, folder.casefold() == place.casefold()) != (real, folder == place):
        kind = "case"
    elif path.strip() != path or "/ " in path or " /" in path:
        kind = "spaces"
    folder, place = f"{folder}/".lstrip("/"), f"{place}/".lstrip("/")
    if folder.casefold() == place.casefold():
        return _Difference(kind, ending)
    if place.endswith(folder):
        return _Difference(kind, ending, prefix=place[: len(place) - len(folder)])
    return _Difference(kind, ending, surplus=folder[: len(folder) - len(place)])


def _files_below(root: str) -> Iterator[str]:
    num_files = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        prefix = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in names:
            yield name if prefix == "." else f"{prefix}/{name}"
        num_files += len(names)
        if num_files > _MOST_FILES:
            return


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
