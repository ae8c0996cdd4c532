"""Paths of files inside tar files: where their bytes are, and whether those are still there.

Such a path is `train-000.tar@1536+10234.1a2b3c4d/cats/0001.jpg`: the tar file, the position of the
member's first byte, its size in bytes, the CRC-32 of the 512 bytes of header before it, and the
member's own name. A member is read with one system call, and the header, which holds its name,
size and time, shows whether the tar file was replaced by another one.
"""

import os
import re
import zlib
from typing import NamedTuple

from augseq.errors import ChangedFileError

HEADER_BYTES = 512
_MEMBER = re.compile(r"(.+?)@(\d{1,18})\+(\d{1,18})\.([0-9a-f]{8})/(.+)", re.DOTALL)


class Member(NamedTuple):
    """A file inside a tar file.

    Attributes:
        tar_path: Path of the tar file.
        start: Position of its first byte in the tar file.
        num_bytes: Size.
        header_crc: CRC-32 of the header, which is directly before it.
        name: Its path once extracted.
    """

    tar_path: str
    start: int
    num_bytes: int
    header_crc: int
    name: str

    @property
    def path(self) -> str:
        """The path that `parse_member` reads."""
        place = f"{self.tar_path}@{self.start}+{self.num_bytes}.{self.header_crc:08x}"
        return f"{place}/{self.name}"

    @property
    def header_start(self) -> int:
        """Position of its header in the tar file."""
        return self.start - HEADER_BYTES

    @property
    def num_bytes_read(self) -> int:
        """Size of the header and the file together."""
        return HEADER_BYTES + self.num_bytes

    def checked(self, block: bytes) -> bytes:
        """Return the bytes of the file from its header and bytes together.

        Raises:
            ChangedFileError: They are not those of this member.
        """
        if len(block) == self.num_bytes_read:
            header, data = block[:HEADER_BYTES], block[HEADER_BYTES:]
            if zlib.crc32(header) == self.header_crc:
                return data
            change = "another file, or none, begins there now"
        else:
            change = f"the tar file ends {self.num_bytes_read - len(block)} bytes too early"
        raise ChangedFileError(
            f"The tar file {self.tar_path!r} must be the one that was indexed, with {self.name!r} "
            f"of {self.num_bytes} bytes at byte {self.start}, but {change}. Restore it, or index "
            "again: augseq.index_webdataset(shards), at the shell: augseq index SHARDS "
            "--webdataset."
        )


def extracted_path(path: str) -> str:
    """Return a path as it is after each tar file is extracted into a folder of its name.

    >>> extracted_path("train-000.tar@1536+10234.1a2b3c4d/cats/1.jpg"), extracted_path("dogs/2.jpg")
    ('train-000/cats/1.jpg', 'dogs/2.jpg')
    """
    member = parse_member(path)
    return path if member is None else f"{os.path.splitext(member.tar_path)[0]}/{member.name}"


def parse_member(path: str) -> Member | None:
    """Return the member that a path leads to; None for all other paths."""
    # Most paths have no "@": a regex would take 0.5 microseconds.
    found = _MEMBER.fullmatch(path) if "@" in path else None
    if found is None:
        return None
    tar_path, start, num_bytes, crc, name = found.groups()
    return Member(tar_path, int(start), int(num_bytes), int(crc, 16), name)
