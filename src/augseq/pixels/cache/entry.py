"""One decoded image in a file: a header, then the pixels as they lie in memory.

A file is used only if its header and its length are right to the byte, so a truncated one is
ignored. No `fdatasync`, which took 4 ms an image on a disk: after a power failure, file systems
that write data before lengths (ext4, XFS, Btrfs, APFS) leave a file that is too short. That holds
for plain writes only. Space reserved with `posix_fallocate` would come back at full length and
black, and a hole in a mapped file is a SIGBUS when the disk is full.
"""

import mmap
import os
import struct
from typing import BinaryIO

import numpy as np

from augseq.pixels.file_identity import Identity
from augseq.types import Image

_MAGIC = b"augseq\0\1"
# Magic, the source's identity, height, width, channels; the pixels begin on a cache line.
_HEADER = struct.Struct("<8sQq16sIII12x")


def entry_bytes(shape: tuple[int, ...]) -> int:
    """Return the length of the file of an image of uint8, in bytes."""
    height, width, channels = shape
    return _HEADER.size + height * width * channels


def write_entry(file: BinaryIO, identity: Identity, pixels: Image) -> None:
    """Write an image.

    Args:
        file: An empty file.
        identity: Of the file that the pixels were decoded from.
        pixels: Shape (height, width, channels), uint8.
    """
    file.write(_HEADER.pack(_MAGIC, *identity, *pixels.shape))
    file.write(np.ascontiguousarray(pixels).data)


def map_entry(path: str, identity: Identity) -> Image | None:
    """Map the image in a file into memory; only the parts that are used are read.

    Args:
        path: A file that `write_entry` wrote, or any other, or none.
        identity: Of the source file as it is now.

    Returns:
        Shape (height, width, channels), uint8, read-only; None where the file does not hold
        the image of this identity, whole.
    """
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        num_bytes = os.fstat(file).st_size
        if num_bytes <= _HEADER.size:
            return None
        memory = mmap.mmap(file, num_bytes, access=mmap.ACCESS_READ)
    except OSError:
        # A folder, say, or a file system that maps nothing.
        return None
    finally:
        os.close(file)
    magic, *kept, height, width, channels = _HEADER.unpack_from(memory)
    shape = (height, width, channels)
    if magic != _MAGIC or not identity.accepts(Identity(*kept)) or entry_bytes(shape) != num_bytes:
        return None
    return np.frombuffer(memory, np.uint8, offset=_HEADER.size).reshape(shape)
