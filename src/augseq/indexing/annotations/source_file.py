"""Read an annotation file as a whole."""

import os

from augseq.errors import ManifestError, MissingFileError, UnreadableError
from augseq.indexing.existing_folder import describe_missing
from augseq.types import PathLike


def read_source_file(path: PathLike) -> bytes:
    """Return the bytes of an annotation file.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: Access to the file is denied.
        ManifestError: It is a folder, or not a regular file.
    """
    name = os.fspath(path)
    if os.path.exists(name) and not os.path.isfile(name):
        kind = "a folder" if os.path.isdir(name) else "not a regular file"
        raise ManifestError(f"{name!r} must be an annotation file, but is {kind}.")
    try:
        with open(name, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise MissingFileError(describe_missing(name, os.path.abspath(name), "file")) from error
    except OSError as error:
        raise UnreadableError(f"Cannot read {name!r}: {error.strerror}.") from error
