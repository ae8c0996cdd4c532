"""Identify the current version of a file without reading it."""

import os
import stat
from typing import NamedTuple

from augseq.pixels.links import check_inside, folder_is_inside
from augseq.storage.member_path import parse_member
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


def file_identity(
    path: str, content_hash: bytes = _UNKNOWN, *, inside: str | None = None
) -> Identity | None:
    """Return the current identity of a file; None if it cannot be inspected.

    Args:
        path: The file, or a file inside a tar file, whose time is that of the tar file.
        content_hash: As in `Identity`.
        inside: Folder that symbolic links must not lead out of; None if they can lead anywhere.

    Raises:
        UnreadableError: The file leads out of the folder.
    """
    member = parse_member(path)
    if member is not None:
        whole = file_identity(member.tar_path, content_hash, inside=inside)
        return None if whole is None else whole._replace(num_bytes=member.num_bytes)
    status = None if inside is None else _status_inside(path, inside)
    if status is None:
        if inside is not None:
            check_inside(inside, path)
        try:
            status = os.stat(for_system(path))
        except OSError:
            return None
    return Identity(status.st_size, status.st_mtime_ns, content_hash)


def _status_inside(path: str, folder: str) -> os.stat_result | None:
    """Return the status of a file that is certainly inside a folder, in one system call."""
    if not folder_is_inside(folder, os.path.dirname(path)):
        return None
    try:
        status = os.lstat(for_system(path))
    except OSError:
        return None
    return None if stat.S_ISLNK(status.st_mode) else status
