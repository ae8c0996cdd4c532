"""What tells one state of a file from another, without reading it."""

import os
from typing import NamedTuple

from augseq.storage.path_encoding import for_system

_UNKNOWN = bytes(16)


class Identity(NamedTuple):
    """What tells one state of a source file from another.

    Attributes:
        num_bytes: Its size.
        modified_ns: When it was last changed, in nanoseconds since 1970 UTC.
        content_hash: What its content must be, as a probe has it; 16 zero bytes where any will do.
    """

    num_bytes: int
    modified_ns: int
    content_hash: bytes = _UNKNOWN

    def accepts(self, kept: "Identity") -> bool:
        """Tell whether pixels that were kept under another identity are right under this one."""
        hashes = (kept.content_hash, _UNKNOWN)
        return kept[:2] == self[:2] and self.content_hash in hashes


def file_identity(path: str, content_hash: bytes = _UNKNOWN) -> Identity | None:
    """Return the identity of a file as it is now; None where there is none to be seen."""
    try:
        status = os.stat(for_system(path))
    except OSError:
        return None
    return Identity(status.st_size, status.st_mtime_ns, content_hash)
