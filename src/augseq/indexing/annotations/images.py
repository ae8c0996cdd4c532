"""Find the files of annotated images, and compare their sizes with the annotated ones."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augseq.errors import DecodeError, MissingFileError, UnreadableError
from augseq.indexing.annotations.options import AnnotationOptions
from augseq.indexing.annotations.problems import Problems
from augseq.indexing.existing_folder import existing_folder
from augseq.indexing.look import num_readers
from augseq.indexing.table.image_paths import existing_paths, find_files, manifest_paths
from augseq.indexing.table.source_table import SourceTable
from augseq.indexing.unicode_forms import FileNames
from augseq.manifest.schema import check_paths_differ
from augseq.parallel_map.map_items import map_in_threads
from augseq.pixels.image_size import ImageSize, read_image_size
from augseq.remote.url import absolute_root
from augseq.types import PathLike

UNKNOWN_SIZE = (-1, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedImages:
    """The images of a dataset.

    Attributes:
        root: Folder that the paths are relative to.
        paths: Path of each image, with `/`.
        sizes: (height, width) in pixels, in the frame of the boxes; -1 if unknown.
        findings: Warnings about the files.
    """

    root: str
    paths: pa.Array
    sizes: npt.NDArray[np.int64]
    findings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def sizes_of(self, owners: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the sizes of some images, shape (n, 2); -1 for an image of position -1."""
        sizes = np.full((len(owners), 2), -1)
        sizes[owners >= 0] = self.sizes[owners[owners >= 0]]
        return sizes


def find_images(
    names: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    *,
    root: PathLike,
    source: str,
    places: Sequence[str],
    options: AnnotationOptions,
    problems: Problems,
) -> AnnotatedImages:
    """Return the files of annotated images.

    Args:
        names: Path of each image, as annotated.
        sizes: Annotated (height, width) of each, or `UNKNOWN_SIZE`.
        root: Folder that the paths are relative to.
        source: What lists the images, as in messages.
        places: Where each image is listed, as in messages.
        options: How to read annotations.
        problems: Gets the problems of single images.

    Raises:
        ArgumentError: Two images have the same path, or one is outside the root.
        MissingFileError: A file, or the root, does not exist.
    """
    folder = existing_folder(root) if options.check_files else absolute_root(root)
    table = SourceTable(
        name=source, columns=pa.table({"file": pa.array(names, pa.string())}), row_names=places
    )
    paths = manifest_paths(table, "file", folder)
    check_paths_differ(paths, source)
    if not options.check_files:
        return AnnotatedImages(root=folder, paths=paths, sizes=_array(sizes), findings=())
    exist = find_files(folder, paths)
    if options.invalid == "exclude" and exist.any():
        findings: tuple[str, ...] = ()
        paths = _found(folder, paths, exist)
        for missing in np.flatnonzero(~exist).tolist():
            problems.add(missing, places[missing], f"there is no file in {folder!r}")
    else:
        paths, findings = _existing(folder, paths, table)
        exist[:] = True
    check_paths_differ(paths, source)
    there = np.flatnonzero(exist).tolist()
    looks = map_in_threads(
        partial(_look, folder),
        [paths[position].as_py() for position in there],
        num_items=len(there),
        num_threads=num_readers(folder),
        title="Reading sizes",
        progress=options.progress,
    )
    found = list(sizes)
    for position, look in zip(there, looks, strict=True):
        if isinstance(look, str):
            problems.add(position, places[position], look)
        elif found[position] == UNKNOWN_SIZE:
            found[position] = getattr(look, options.frame)
        elif found[position] != getattr(look, options.frame):
            text = _contradiction(found[position], look, options)
            problems.add(position, places[position], text)
    return AnnotatedImages(root=folder, paths=paths, sizes=_array(found), findings=findings)


def _found(folder: str, paths: pa.Array, exist: npt.NDArray[np.bool_]) -> pa.Array:
    """Return paths in the Unicode form of their files, and mark those files as existing."""
    names, found = FileNames(folder), paths.to_pylist()
    for position in np.flatnonzero(~exist).tolist():
        real = names.find(found[position])
        if real is not None:
            found[position], exist[position] = real, True
    return pa.array(found, pa.string())


def _existing(folder: str, paths: pa.Array, table: SourceTable) -> tuple[pa.Array, tuple[str, ...]]:
    try:
        return existing_paths(folder, paths, table)
    except MissingFileError as error:
        raise MissingFileError(
            f"{error} If only some files are missing, you can exclude them with "
            'invalid="exclude" (at the shell: --invalid exclude).'
        ) from error


def _array(sizes: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    return np.array(sizes, np.int64).reshape(-1, 2)


def _look(root: str, path: str) -> ImageSize | str:
    try:
        return read_image_size(os.path.join(root, path))
    except DecodeError as error:
        return f"the image cannot be used: {error}"
    except (MissingFileError, UnreadableError) as error:
        return str(error)


def _contradiction(annotated: tuple[int, int], size: ImageSize, options: AnnotationOptions) -> str:
    found = getattr(size, options.frame)
    other = "stored" if options.frame == "upright" else "upright"
    text = (
        f"the annotated size must be that of the image. Received: {annotated[0]} x "
        f"{annotated[1]}, but the image has {found[0]} x {found[1]} pixels, {options.frame} "
        "(height x width)"
    )
    if annotated != getattr(size, other):
        return text
    return (
        f"{text}; its EXIF orientation is {size.orientation}, so the boxes seem to be drawn in "
        f"the {other} image: pass frame={other!r} (at the shell: --frame {other})"
    )
