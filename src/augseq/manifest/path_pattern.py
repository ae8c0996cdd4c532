"""Paths of files that belong to images, such as masks, made from the paths of the images."""

import os
from collections import Counter
from collections.abc import Collection, Mapping
from string import Formatter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, MissingFileError
from augseq.manifest.paths import check_paths
from augseq.remote.url import is_remote
from augseq.terminal_text import first_few
from augseq.validation import did_you_mean

FIELDS = {
    "stem": "file name without its folder and extension",
    "name": "file name with its extension",
    "folder": "folder below that of all images",
}
_SHOWN = 3
_MOST_COMPARED = 5_000


def paths_from_pattern(pattern: str, paths: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a path for each image.

    Args:
        pattern: A path relative to the root, such as "masks/{stem}.png"; see `FIELDS`.
        paths: Paths of the images, relative to their folder.

    Raises:
        ArgumentError: The pattern has an unknown field or none, leads out of the root, or gives
            several images the same path.
    """
    pieces = [_piece(piece, paths) for piece in _parsed(pattern)]
    made = pc.binary_join_element_wise(*pieces, "")
    # An image in the root itself has no folder.
    made = pc.replace_substring_regex(made, "^/+|(/)/+", r"\1")
    made = made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])
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
    files_of: dict[str, frozenset[str]] = {}

    def is_there(path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if folder not in files_of:
            files_of[folder] = _files(os.path.join(root, folder))
        return name in files_of[folder] or os.path.isfile(os.path.join(root, path))

    exists = np.fromiter(map(is_there, made.to_pylist()), bool, len(made))
    if exists.all():
        return
    missing = pa.array(~exists)
    pairs = zip(made.filter(missing).to_pylist(), paths.filter(missing).to_pylist(), strict=True)
    texts = [f"{partner!r} for {image!r}" for partner, image in pairs]
    hint = _hint(made.filter(missing)[0].as_py(), made, files_of)
    raise MissingFileError(
        f"{len(texts):,} of {len(made):,} files do not exist below {root!r}: "
        f"{first_few(texts, _SHOWN)}.{hint} Add the files, or select the images that have one. "
        f"Received: pattern={pattern!r}"
    )


def _hint(path: str, made: pa.ChunkedArray, files_of: Mapping[str, Collection[str]]) -> str:
    """Return what the folder of a missing file contains instead, with a space before it."""
    folder, _, name = path.rpartition("/")
    if not files_of[folder]:
        return f" The folder {folder!r} has no files." if folder else ""
    used = set(made.to_pylist())
    surplus = [name for name in files_of[folder] if f"{folder}/{name}".lstrip("/") not in used]
    # Comparing a name with a thousand others takes 0.1 s.
    return did_you_mean(name, sorted(surplus)[:_MOST_COMPARED])


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


def _piece(part: tuple[str, str | None], paths: pa.ChunkedArray) -> pa.ChunkedArray:
    text, field = part
    if field is None:
        return pc.if_else(pc.is_valid(paths), text, text)
    names = pc.replace_substring_regex(paths, r"^.*/", "")
    if field == "stem":
        names = pc.replace_substring_regex(names, r"(.)\.[^.]*$", r"\1")
    elif field == "folder":
        names = pc.replace_substring_regex(paths, r"/?[^/]*$", "")
    return pc.binary_join_element_wise(text, names, "")


def _check_different(made: pa.ChunkedArray, paths: pa.ChunkedArray, pattern: str) -> None:
    if pc.count_distinct(made).as_py() == len(made):
        return
    counts = Counter(made.to_pylist())
    partner = next(path for path, count in counts.items() if count > 1)
    images = paths.filter(pc.equal(made, partner)).to_pylist()
    raise ArgumentError(
        "`pattern` must give each image its own file; use {folder} if images in different folders "
        f"have the same name. Received: pattern={pattern!r}, which gives {partner!r} to "
        f"{first_few(map(repr, images), _SHOWN)}"
    )


def _files(folder: str) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())
    except OSError:
        return frozenset()
