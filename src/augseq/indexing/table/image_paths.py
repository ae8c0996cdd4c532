"""Convert the paths in a table, and check that the files exist."""

import os
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, LabelError, MissingFileError
from augseq.indexing.table.images_inside import holds_images, images_inside
from augseq.indexing.table.missing_files import explain_missing
from augseq.indexing.table.source_table import SourceTable
from augseq.indexing.unicode_forms import FileNames
from augseq.remote.url import is_remote, is_web
from augseq.terminal_text import listed

# Longer values are not paths.
_MOST_BYTES = 1000
# An absolute path, a doubled slash, a folder "." or "..", or nothing after the last slash.
_UNUSUAL = r"(^|/)\.{0,2}(/|$)|^[A-Za-z]:"


def manifest_paths(
    source: SourceTable, column: str, root: str, suffix: str | None = None
) -> pa.Array:
    r"""Return the paths in a column, relative to a root, with `/`.

    In a path with `\` and no `/`, `\` is a Windows separator; otherwise it can be part of a name.
    The suffix is appended to paths that do not end with it.

    Raises:
        ArgumentError: The column does not contain strings, or a path is outside the root.
        LabelError: A path is missing or blank.
    """
    values = source.columns.column(column).combine_chunks()
    if holds_images(values.type):
        raise ArgumentError(_are_bytes(values, column, source))
    if suffix is not None and pa.types.is_integer(values.type):
        values = values.cast(pa.string())  # Ids such as 10023.
    if not (is_text(values.type) or pa.types.is_null(values.type)):
        raise ArgumentError(
            f"The column {column!r} must contain paths as text. Received: {values.type}. "
            "Choose another with `path_column` (at the shell: --path-column). If these are file "
            'names without their extension, pass it: path_suffix=".jpg" (--path-suffix .jpg).'
        )
    paths = values.cast(pa.string())
    missing = is_blank(paths)
    if pc.any(missing).as_py():
        raise LabelError(
            f"Every row must have a path; it is missing in {source.places(missing)}. Remove those "
            "rows."
        )
    if suffix is not None:
        ends = pc.ends_with(pc.utf8_lower(paths), suffix.lower())
        paths = pc.if_else(ends, paths, pc.binary_join_element_wise(paths, suffix, ""))
    is_windows = pc.match_substring(paths, "\\")
    if os.sep == "/":
        is_windows = pc.and_(is_windows, pc.invert(pc.match_substring(paths, "/")))
    paths = pc.if_else(is_windows, pc.replace_substring(paths, "\\", "/"), paths)
    below = _without(root, paths)
    unusual = pc.match_substring_regex(below, _UNUSUAL)
    if not pc.any(unusual).as_py():
        return below
    rows = np.flatnonzero(unusual.to_numpy(zero_copy_only=False)).tolist()
    texts = paths.filter(unusual).to_pylist()
    below_root = [_below(root, path, source, row) for path, row in zip(texts, rows, strict=True)]
    return pc.replace_with_mask(below, unusual, pa.array(below_root, pa.string()))


def _are_bytes(values: pa.Array, column: str, source: SourceTable) -> str:
    first = values.drop_null()[0].as_py() if values.null_count < len(values) else b""
    if (
        isinstance(first, bytes)
        and len(first) < _MOST_BYTES
        and first.isascii()
        and b"\n" not in first
    ):
        return (
            f"The column {column!r} of {source.name} must contain paths as text, not as bytes. "
            f"Received: {first!r}. Decode them: frame[{column!r}].str.decode('utf-8')."
        )
    return images_inside(column, source.name, str(values.type))


def _without(root: str, paths: pa.Array) -> pa.Array:
    """Strip the root from paths that begin with it."""
    if is_web(root):  # Web addresses are percent-encoded.
        return paths
    start = root.replace(os.sep, "/").rstrip("/") + "/"
    begins = pc.starts_with(paths, start)
    if not pc.any(begins).as_py():
        return paths
    # 1 microsecond per path; with `os.path.relpath`, 15.
    return pc.if_else(begins, pc.utf8_slice_codeunits(paths, len(start)), paths)


def is_text(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is one of its string types."""
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_blank(values: pa.Array) -> Any:
    """Return a mask of the values that are null, empty or only white space."""
    return pc.fill_null(pc.equal(pc.utf8_trim_whitespace(values), ""), True)


def existing_paths(
    root: str, paths: pa.Array, source: SourceTable
) -> tuple[pa.Array, tuple[str, ...]]:
    """Return the paths of the existing files, and warnings.

    A path can differ from that of its file only in its Unicode form. A million paths take seconds.

    Raises:
        MissingFileError: A file does not exist.
    """
    exists = find_files(root, paths)
    if exists.all():
        return paths, ()
    names = FileNames(root)
    missing = paths.filter(pa.array(~exists)).to_pylist()
    found = [names.find(path) for path in missing]
    if None in found:
        exists[~exists] = [path is not None for path in found]
        missing = [path for path, real in zip(missing, found, strict=True) if real is None]
        raise MissingFileError(
            f"There is no file for {len(missing)} of {len(paths)} paths in {root!r}: "
            f"{listed(missing)}; {source.places(~exists)}. "
            f"{explain_missing(root, missing, source, are_all=len(missing) == len(paths))}"
        )
    real_paths = pc.replace_with_mask(paths, pa.array(~exists), pa.array(found, pa.string()))
    return real_paths, (
        f"{len(found)} of {len(paths)} paths in {source.name} differ from their file names only in "
        f"their Unicode form, such as {missing[0]!r} ({missing[0]!a} for {found[0]!a}); the file "
        "names were used.",
    )


def find_files(root: str, paths: pa.Array) -> npt.NDArray[np.bool_]:
    """Return whether each path is a file below a local root, shape (len(paths),)."""
    files_of: dict[str, set[str]] = {}

    def is_file(path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if folder not in files_of:
            files_of[folder] = _files(os.path.join(root, folder))
        # `isfile` also finds names that differ in case on a case-insensitive file system.
        return name in files_of[folder] or os.path.isfile(os.path.join(root, path))

    # Listing each folder once takes a third of the time of checking each file, which threads do
    # not speed up.
    return np.fromiter(map(is_file, paths.to_pylist()), bool, len(paths))


def _files(folder: str) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()


def _below(root: str, path: str, source: SourceTable, row: int) -> str:
    below = path
    if is_remote(root) and path.startswith(f"{root}/"):
        below = path[len(root) + 1 :]
        if is_web(root):
            # A query can contain a secret, and would become part of a name.
            below = ".." if set(below) & set("?#") else unquote(below)
    elif os.path.isabs(path):
        try:
            below = os.path.relpath(path, root).replace(os.sep, "/")
        except ValueError:  # Another drive.
            below = ".."
    parts = [part for part in below.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or "://" in below or below.startswith("/"):
        place = source.places(np.arange(len(source.columns)) == row)
        raise ArgumentError(
            f"Paths must be below the root {root!r}. Received: {path!r} in {place}. "
            f"{_way_below(root, path, source)}"
        )
    return "/".join(parts)


def _way_below(root: str, path: str, source: SourceTable) -> str:
    if path.lower().startswith("file:"):
        return "Remove 'file://' from the path."
    if is_remote(path):
        folder = path.rpartition("/")[0]
        return (
            "It is an address, not a path: download the images first; or pass their common address "
            f"as the root: root={folder!r}, check_files=False (at the shell: "
            f"--images-root {folder})."
        )
    hint = "Pass a folder above all images as `root` (at the shell: --images-root)."
    # A path from another machine, or one that begins with a slash by mistake.
    tails = path.replace("\\", "/").split("/")[1:]
    for number in range(len(tails)):
        tail = "/".join(tails[number:])
        if ".." not in tails and not is_remote(root) and os.path.isfile(os.path.join(root, tail)):
            surplus = path[: len(path) - len(tail)]
            example = source.example(f"removeprefix({surplus!r})") or " in the annotations"
            return f"The root contains {tail!r}: remove {surplus!r} from the paths{example}."
    return hint
