"""The bytes of an image file."""

from augseq.errors import MissingFileError, UnreadableError
from augseq.file_names import for_system


def read_bytes(path: str) -> bytes:
    """Return all bytes of a file.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: The system refuses to read it.
    """
    try:
        # Read at once, so that a buffer would only cost time.
        with open(for_system(path), "rb", buffering=0) as file:
            return file.read()
    except FileNotFoundError as error:
        raise MissingFileError(f"There is no file {path!r}.") from error
    except IsADirectoryError as error:
        raise MissingFileError(f"{path!r} must be an image file, but it is a folder.") from error
    except PermissionError as error:
        raise UnreadableError(f"Cannot read {path!r}: {error.strerror}.") from error
