"""Read an annotation file as a whole."""

import os

from augseq.errors import ManifestError, MissingFileError, UnreadableError
from augseq.indexing.existing_folder import describe_missing
from augseq.types import PathLike

# Of COCO and YOLO.
_ENDINGS = (".json", ".yaml", ".yml")


def read_source_file(path: PathLike) -> bytes:
    """Return the bytes of an annotation file.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: Access to the file is denied.
        ManifestError: It is a folder, or not a regular file.
    """
    name = os.fspath(path)
    if os.path.exists(name) and not os.path.isfile(name):
        is_folder = os.path.isdir(name)
        kind = "a folder" if is_folder else "not a regular file"
        found = _annotation_files(name) if is_folder else []
        hint = f" Pass a file in it, such as {found[0]!r}." if found else ""
        raise ManifestError(f"{name!r} must be an annotation file, but is {kind}.{hint}")
    try:
        with open(name, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise MissingFileError(describe_missing(name, os.path.abspath(name), "file")) from error
    except OSError as error:
        raise UnreadableError(f"Cannot read {name!r}: {error.strerror}.") from error


def _annotation_files(folder: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(_ENDINGS)]
