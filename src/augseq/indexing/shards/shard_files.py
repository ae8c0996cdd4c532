"""Find the tar files of a dataset: a folder, a pattern with braces or wildcards, or a list."""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from augseq.errors import ArgumentError, MissingFileError, UnreadableError
from augseq.indexing.existing_folder import describe_missing
from augseq.remote.folder import RemoteFolder
from augseq.remote.options import RemoteOptions
from augseq.remote.url import absolute_root, is_remote
from augseq.storage.path_encoding import from_system
from augseq.terminal_text import listed
from augseq.types import PathLike
from augseq.validation import is_ordered

ShardNames: TypeAlias = PathLike | Sequence[PathLike]

DECOMPRESS = (
    "Decompress it, for example with `gzip -d`, `zstd -d` or `xz -d`: compression hardly makes "
    "JPEG and PNG files smaller anyway."
)
"""What to do with a compressed shard."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_COMPRESSED = re.compile(r"\.(tar\.\w+|tgz|tbz2?|txz|tzst)$", re.IGNORECASE)


class Shards(NamedTuple):
    """The tar files of a dataset.

    Attributes:
        root: Folder that their paths are relative to, or the address of a remote one.
        paths: Path of each, with `/`.
    """

    root: str
    paths: list[str]


def find_shards(shards: ShardNames, remote: RemoteOptions) -> Shards:
    """Return the tar files that a user names.

    Raises:
        ArgumentError: They are not paths, or one is named twice.
        MissingFileError: A file or folder does not exist, or there are no tar files.
        UnreadableError: Tar files in a folder are compressed.
        RemoteError: A remote folder does not answer.
    """
    names: list[Any] = list(shards) if is_ordered(shards) else [shards]  # type: ignore[arg-type]
    if not names or not all(isinstance(name, str | os.PathLike) for name in names):
        raise ArgumentError(
            "`shards` must be a folder, a pattern such as 'shards/train-{000..099}.tar', or a list "
            f"of tar files. Received: shards={shards!r}"
        )
    paths = list(chain.from_iterable(_expanded(os.fspath(name), remote) for name in names))
    repeated = [path for path, count in Counter(paths).items() if count > 1]
    if repeated:
        raise ArgumentError(f"Each shard must be named once. Repeated: {listed(repeated)}")
    folders = [path.rpartition("/")[0] for path in paths]
    root = _common_folder(folders)
    return Shards(root, [path[len(root) :].lstrip("/") for path in paths])


def _common_folder(folders: list[str]) -> str:
    if len({is_remote(folder) for folder in folders}) > 1:
        raise ArgumentError(f"All shards must be local, or all remote. Received: {listed(folders)}")
    if not is_remote(folders[0]):
        return os.path.commonpath([folder or "/" for folder in folders]).replace(os.sep, "/")
    parts = [folder.split("/") for folder in folders]
    same = [row[0] for row in zip(*parts, strict=False) if len(set(row)) == 1]
    root = "/".join(folders[0].split("/")[: len(same)])
    if not is_remote(root) or not all(f"{folder}/".startswith(f"{root}/") for folder in folders):
        raise ArgumentError(
            f"All shards must be below one remote folder. Received: {listed(folders)}"
        )
    return root


def _expanded(name: str, remote: RemoteOptions) -> list[str]:
    """Return the paths of all shards that one name stands for, absolute, with `/`."""
    if is_remote(name):
        return _remote_shards(name, remote)
    if os.path.isdir(name):
        return _of_folder(absolute_root(name), sorted(map(from_system, os.listdir(name))))
    if os.path.exists(name):
        return [_absolute(name)]
    found = list(expand_braces(name))
    if len(found) == 1 and glob.has_magic(name):
        found = sorted(glob.glob(name, recursive=True))
        if not found:
            raise MissingFileError(f"No files match the pattern {name!r}.")
    missing = [path for path in found if not os.path.isfile(path)]
    if missing:
        text = describe_missing(missing[0], os.path.abspath(missing[0]), "shard")
        if len(found) > 1:
            text += f" {len(missing)} of the {len(found)} shards of {name!r} are missing."
        raise MissingFileError(text)
    return [_absolute(path) for path in found]


def _absolute(path: str) -> str:
    return from_system(os.path.abspath(path)).replace(os.sep, "/")


def _remote_shards(name: str, remote: RemoteOptions) -> list[str]:
    if glob.has_magic(name.partition("://")[2]):
        raise ArgumentError(
            "Remote shards cannot be found by wildcards. Pass the folder, a list, or a range in "
            f"braces, such as 's3://bucket/train-{{000..099}}.tar'. Received: {name!r}"
        )
    if "{" in name or name.lower().endswith(".tar"):
        return list(expand_braces(name))
    root = absolute_root(name)
    entries = RemoteFolder(root, remote).entries()
    return _of_folder(root, sorted(entry.name for entry in entries if entry.kind == "file"))


def _of_folder(folder: str, names: list[str]) -> list[str]:
    """Return the tar files of a folder."""
    folder = folder.replace(os.sep, "/").rstrip("/")
    compressed = [name for name in names if _COMPRESSED.search(name)]
    if compressed:
        raise UnreadableError(
            f"Shards must be plain tar files, so that images can be read in place, but {folder!r} "
            f"has compressed ones: {listed(compressed)}. {DECOMPRESS}"
        )
    found = [f"{folder}/{name}" for name in names if name.lower().endswith(".tar")]
    if not found:
        raise MissingFileError(
            f"The folder {folder!r} has no .tar files. It contains: {listed(names) or 'nothing'}."
        )
    return found


def expand_braces(pattern: str) -> Iterator[str]:
    """Yield the texts that a pattern with braces stands for, as a shell does.

    >>> list(expand_braces("{train,val}-{08..10}.tar"))[:4]
    ['train-08.tar', 'train-09.tar', 'train-10.tar', 'val-08.tar']

    Raises:
        ArgumentError: A range counts down, or braces contain neither a range nor a list.
    """
    found = _BRACES.search(pattern)
    if found is None:
        yield pattern
        return
    before, after = pattern[: found.start()], pattern[found.end() :]
    for choice in _choices(found.group(1), pattern):
        for rest in expand_braces(after):
            yield f"{before}{choice}{rest}"


def _choices(text: str, pattern: str) -> list[str]:
    numbers = _RANGE.fullmatch(text)
    if numbers is None and "," in text:
        return text.split(",")
    if numbers is None or int(numbers[1]) > int(numbers[2]):
        raise ArgumentError(
            "Braces in the name of shards must contain a range such as {000..099}, or names such "
            f"as {{train,val}}. Received: {pattern!r}"
        )
    # Zeros in front give the width, as in a shell.
    width = len(numbers[1]) if numbers[1].startswith("0") else 0
    return [f"{n:0{width}d}" for n in range(int(numbers[1]), int(numbers[2]) + 1)]
