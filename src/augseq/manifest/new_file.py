"""Write a file whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from augseq.errors import ArgumentError, MissingFileError
from augseq.types import PathLike
from augseq.unfinished import put_in_place, remove_unfinished, unfinished_file


@contextmanager
def new_file(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file that takes its place at `path` when all is written, or never.

    Raises:
        MissingFileError: The folder that it is to lie in is not there.
        ArgumentError: The path is a folder.
        OSError: The file cannot be written; what was at `path` is untouched.
    """
    target = Path(path).absolute()
    if not target.parent.is_dir():
        raise MissingFileError(f"Cannot write {os.fspath(path)!r}: there is no such folder.")
    if target.is_dir():
        raise ArgumentError(f"Cannot write {os.fspath(path)!r}: it is a folder.")
    folder, prefix = str(target.parent), f".{target.name}."
    remove_unfinished(folder, prefix)
    # Beside the target, since a rename is atomic within one file system only.
    with unfinished_file(folder, prefix) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
        put_in_place(file, str(target))
