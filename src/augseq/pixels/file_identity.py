"""Identify the current version of a file without reading it."""

import os
from typing import NamedTuple

from augseq.storage.path_encoding import for_system

_UNKNOWN = bytes(16)


class Identity(NamedTuple):
    """A version of a source file.

    Attributes:
        num_bytes: Size in bytes.
        modified_ns: Modification time, in nanoseconds since 1970 UTC.
        content_hash: Required content hash, as in a probe; 16 zero bytes for any content.
    """

    num_bytes: int
    modified_ns: int
    content_hash: bytes = _UNKNOWN

    def accepts(self, cached: "Identity") -> bool:
        """Return whether pixels cached under another identity are valid for this one."""
        hashes = (cached.content_hash, _UNKNOWN)
        return cached[:2] == self[:2] and self.content_hash in hashes


def file_identity(path: str, content_hash: bytes = _UNKNOWN) -> Identity | None:
    """Return the current identity of a file; None if it cannot be inspected."""
    try:
        status = os.stat(for_system(path))
    except OSError:
        return None
    return Identity(status.st_size, status.st_mtime_ns, content_hash)
