"""Names of cached images and maps, by the identity of their files."""

import hashlib
import os
from typing import TypeAlias

from augseq.manifest.record import Record
from augseq.pixels.file_identity import Identity
from augseq.pixels.source import FileSource

Key: TypeAlias = tuple[str, Identity]
"""Name of a cached image, and identity of its file."""


def cache_key(files: FileSource, record: Record, part: str = "") -> Key | None:
    """Return the key of what is cached of the file of a record; None without a file.

    Args:
        files: The files.
        record: The record, with the path of the file.
        part: Distinguishes what is cached of the same file, such as of several tiles.

    Raises:
        UnreadableError: The file leads out of the folder, or the remote folder denies access.
        RemoteError: The remote folder does not respond.
    """
    identity = files.identity(record)
    if identity is None:
        return None
    name = (os.path.join(files.root, record.path) + part).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(name, digest_size=16).hexdigest(), identity
