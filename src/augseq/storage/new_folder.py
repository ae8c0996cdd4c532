"""New folders that appear only once everything in them is written."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from augseq.errors import ArgumentError
from augseq.storage.atomic_file import SUFFIX
from augseq.types import PathLike


@contextmanager
def new_folder(path: PathLike) -> Iterator[Path]:
    """Create a folder to write into, which is renamed to `path` on success.

    After an error or an interruption, it is deleted, and nothing is at `path`.

    Args:
        path: An empty folder, or one to create.

    Yields:
        The folder with its temporary name, next to `path`.

    Raises:
        ArgumentError: The folder at `path` is not empty, or it is a file.
        OSError: The folder cannot be created.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ArgumentError(
            f"The folder {os.fspath(path)!r} must be empty, or not exist yet, so that nothing is "
            "overwritten. Choose another one, or delete it."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    # Next to the target, since a rename is only atomic within one file system.
    draft = target.parent / f".{target.name}.{secrets.token_hex(16)}{SUFFIX}"
    draft.mkdir()
    try:
        yield draft
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
