"""A temporary file by which other machines can tell whether they see the same folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from augseq.storage.atomic_file import temporary_file

_CONTENT = b"Other machines look for this file, to see whether they share this folder.\n"


@contextmanager
def visible_file(folder: str) -> Iterator[Mapping[str, int]]:
    """Create a file in a folder for a `with` block.

    Yields:
        The path of the file, and its size in bytes.

    Raises:
        OSError: It cannot be written.
    """
    with temporary_file(folder) as file:
        file.write(_CONTENT)
        file.flush()
        yield {file.name: len(_CONTENT)}
