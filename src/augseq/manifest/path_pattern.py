"""Paths of files that belong to images, such as masks, made from the paths of the images."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from string import Formatter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, MissingFileError
from augseq.manifest.paths import check_paths
from augseq.remote.url import is_remote
from augseq.storage.path_encoding import all_from_system
from augseq.terminal_text import first_few
from augseq.types import Positions
from augseq.validation import did_you_mean

FIELDS = {
    "stem": "file name without its folder and extension",
    "name": "file name with its extension",
    "folder": "folder below that of all images",
}
_SHOWN = 3
_MOST_COMPARED = 5_000
_NONE = pa.array([], pa.string())


def paths_from_pattern(pattern: str, paths: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a path for each image.

    Args:
        pattern: A path relative to the root, such as "masks/{stem}.png"; see `FIELDS`.
        paths: Paths of the images, relative to their folder.

    Raises:
        ArgumentError: The pattern has an unknown field or none, leads out of the root, or gives
            several images the same path.
    """
    parts = _parsed(pattern)
    made = pa.chunked_array([_made(parts, chunk) for chunk in paths.chunks], pa.string())
    try:
        check_paths(made)
    except ArgumentError as error:
        raise ArgumentError(
            f"`pattern` must lead to files below the root of the manifest. {error}. For a folder "
            f'next to the root, write "../masks/..." at the beginning. '
            f"Received: pattern={pattern!r}"
        ) from error
    _check_different(made, paths, pattern)
    return made


def place_pattern(root: str, folder: str, pattern: str) -> tuple[str, str]:
    """Return the root that a pattern with leading "../" needs.

    Args:
        root: The root of a manifest.
        folder: The folder of the images below it, empty if it is the root itself.
        pattern: A path relative to the folder of the images.

    Returns:
        The root, and the pattern relative to it.

    Raises:
        ArgumentError: There is no such folder above the root, or the root is remote.
    """
    above, rest = f"{root}/{folder}" if folder else root, str(pattern)
    while rest.startswith("../"):
        if is_remote(root) or os.path.dirname(above) == above:
            raise ArgumentError(
                "`pattern` must lead to files below the root of the manifest, or next to it. "
                f"Received: pattern={pattern!r}, root={root!r}"
            )
        above, rest = os.path.dirname(above), rest[3:]
    if not folder and above == root:
        return root, pattern
    start = os.path.relpath(above, root).replace(os.sep, "/")
    if start.startswith(".."):
        return above, rest
    return root, rest if start == "." else f"{start}/{rest}"


def paths_below(folder: str, paths: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return paths relative to a folder that contains all of them; "" for the root."""
    return pc.utf8_slice_codeunits(paths, len(folder) + 1) if folder else paths


def check_existing(root: str, made: pa.ChunkedArray, paths: pa.ChunkedArray, pattern: str) -> None:
    """Check that files exist; each folder is listed once, and remote ones are not checked.

    Raises:
        MissingFileError: A file does not exist; the message names it and its image.
    """
    if is_remote(root):
        return
    exists = pa.chunked_array(_exist(root, made), pa.bool_())
    if pc.all(exists).as_py():
        return
    missing = pc.invert(exists)
    pairs = zip(made.filter(missing).to_pylist(), paths.filter(missing).to_pylist(), strict=True)
    texts = [f"{partner!r} for {image!r}" for partner, image in pairs]
    hint = _hint(root, made.filter(missing)[0].as_py(), made)
    raise MissingFileError(
        f"{len(texts):,} of {len(made):,} files do not exist below {root!r}: "
        f"{first_few(texts, _SHOWN)}.{hint} Add the files, or select the images that have one. "
        f"Received: pattern={pattern!r}"
    )


def _exist(root: str, made: pa.ChunkedArray) -> list[pa.BooleanArray]:
    """Return which files exist, by chunk."""
    listed: dict[str, pa.StringArray] = {}
    found = []
    for chunk in made.chunks:
        folders, names = _halves(chunk, "/")
        exists = np.zeros(len(chunk), np.bool_)
        # Folder by folder, since the names of one fit into the processor's cache.
        for folder, rows in _rows_by_value(folders):
            if folder not in listed:
                listed[folder] = _files(os.path.join(root, folder))
            exists[rows] = pc.is_in(names.take(pa.array(rows)), value_set=listed[folder])
        # Some systems ignore case, and a name can be stored in another way than it is listed.
        for place in np.flatnonzero(~exists):
            exists[place] = os.path.isfile(os.path.join(root, chunk[place].as_py()))
        found.append(pa.array(exists))
    return found


def _rows_by_value(values: pa.StringArray) -> Iterator[tuple[str, Positions]]:
    """Yield each different value, and the rows that have it."""
    coded = values.dictionary_encode()
    codes = coded.indices.to_numpy()
    # Nothing moves if the rows are sorted, as they are in an indexed folder.
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    for value, start, end in zip(coded.dictionary.to_pylist(), [0, *ends], ends, strict=False):
        yield value, order[start:end]


def _listed(root: str, folder: str) -> pa.StringArray:
    """Return the paths of the files in a folder, relative to the root."""
    start = pa.scalar(f"{folder}/" if folder else "", pa.string())
    return pc.binary_join_element_wise(start, _files(os.path.join(root, folder)), "")


def _hint(root: str, path: str, made: pa.ChunkedArray) -> str:
    """Return what the folder of a missing file contains instead, with a space before it."""
    folder, _, name = path.rpartition("/")
    listed = _listed(root, folder)
    if not len(listed):
        return f" The folder {folder!r} has no files." if folder else ""
    surplus = listed.filter(pc.invert(pc.is_in(listed, value_set=made)))
    names = sorted(path.rpartition("/")[2] for path in surplus.to_pylist())
    # Comparing a name with a thousand others takes 0.1 s.
    return did_you_mean(name, names[:_MOST_COMPARED])


def _parsed(pattern: str) -> list[tuple[str, str | None]]:
    """Return the parts of a pattern: text, and the field after it."""
    known = ", ".join(f"{{{name}}} ({meaning})" for name, meaning in FIELDS.items())
    try:
        parts = [(text, field) for text, field, *_ in Formatter().parse(pattern)]
    except (ValueError, TypeError) as error:
        raise ArgumentError(
            f"`pattern` must be text with fields in braces: {known}. "
            f"Received: pattern={pattern!r} ({error})"
        ) from error
    fields = [field for _, field in parts if field is not None]
    if not fields or not set(fields) <= set(FIELDS):
        raise ArgumentError(
            f"`pattern` must contain at least one of {known}, and no other field. "
            f"Received: pattern={pattern!r}"
        )
    return parts


def _made(parts: Sequence[tuple[str, str | None]], paths: pa.StringArray) -> pa.StringArray:
    """Return the text of a pattern for each path."""
    # A million paths take a third of the time of regular expressions.
    folders, names = _halves(paths, "/")
    values = {"folder": folders, "name": names}
    if any(field == "stem" for _, field in parts):
        stems, _ = _halves(names, ".")
        values["stem"] = pc.if_else(pc.equal(stems, ""), names, stems)
    pieces = [piece for text, field in parts for piece in (text, *_value(values, field))]
    made = pc.binary_join_element_wise(*pieces, "")
    # An image in the root itself has no folder.
    is_doubled = pc.or_(pc.starts_with(made, "/"), pc.match_substring(made, "//"))
    if pc.any(is_doubled).as_py():
        made = pc.replace_substring_regex(made, "^/+|(/)/+", r"\1")
    return made


def _value(values: Mapping[str, pa.StringArray], field: str | None) -> list[pa.StringArray]:
    return [] if field is None else [values[field]]


def _halves(texts: pa.StringArray, mark: str) -> tuple[pa.StringArray, pa.StringArray]:
    """Return what is before and after the last mark in each text; without one, "" and the text."""
    lists = pc.split_pattern(texts, mark, max_splits=1, reverse=True)
    offsets = lists.offsets.to_numpy()
    first, last = (lists.values.take(pa.array(ends)) for ends in (offsets[:-1], offsets[1:] - 1))
    has_mark = pa.array(np.diff(offsets) > 1)
    return pc.if_else(has_mark, first, ""), last


def _check_different(made: pa.ChunkedArray, paths: pa.ChunkedArray, pattern: str) -> None:
    # Sorted paths differ; to compare a million others takes 20 times as long.
    is_sorted = pc.all(pc.less(made.slice(0, max(0, len(made) - 1)), made.slice(1))).as_py()
    if is_sorted or pc.count_distinct(made).as_py() == len(made):
        return
    counts = Counter(made.to_pylist())
    partner = next(path for path, count in counts.items() if count > 1)
    images = paths.filter(pc.equal(made, partner)).to_pylist()
    raise ArgumentError(
        "`pattern` must give each image its own file; use {folder} if images in different folders "
        f"have the same name. Received: pattern={pattern!r}, which gives {partner!r} to "
        f"{first_few(map(repr, images), _SHOWN)}"
    )


def _files(folder: str) -> pa.StringArray:
    try:
        with os.scandir(folder) as entries:
            names = all_from_system([entry.name for entry in entries if entry.is_file()])
    except OSError:
        return _NONE
    try:
        return pa.array(names, pa.string())
    except UnicodeEncodeError:
        # No path of a manifest has a name that is not UTF-8.
        return pa.array([name for name in names if _is_utf8(name)], pa.string())


def _is_utf8(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
