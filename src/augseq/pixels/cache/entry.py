"""Cache file of one image or map: a header, then the raw pixels, decoded or also resized.

A file is used only if its header and length match exactly, so a truncated one is ignored. There
is no `fdatasync`, which took 4 ms per image on a disk: after a power failure, file systems that
write data before lengths (ext4, XFS, Btrfs, APFS) leave a file that is too short. That holds for
plain writes only. Space reserved with `posix_fallocate` would come back at full length but black,
and a hole in a memory-mapped file raises SIGBUS when the disk is full.
"""

import mmap
import os
import struct
import sys
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from augseq.pixels import native
from augseq.pixels.file_identity import Identity
from augseq.types import Image

_MAGIC = b"augseq\0\2"
# Magic, the source's identity, height, width, channels, height and width before resizing, the
# number of the dtype, and whether the file scales; the pixels start on a cache line.
_HEADER = struct.Struct("<8sQq16sIIIIIB?2x")
_DTYPES = (np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.uint16))
# Otherwise Python duplicates the file handle, which costs as much as mapping.
_MAP: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}


class Entry(NamedTuple):
    """A cached image or map.

    Attributes:
        pixels: Shape (height, width, channels), uint8 or float32, or uint16 for maps; mapped and
            read-only, or a new array.
        shape: (height, width, channels) before it was resized; the shape of the pixels if it was
            not.
        scales: Whether the image was downscaled for `Region.covers`, if it was resized.
    """

    pixels: Image
    shape: tuple[int, ...]
    scales: bool


def entry_bytes(shape: tuple[int, ...], dtype: npt.DTypeLike) -> int:
    """Return the size of the cache file of an image or map, in bytes."""
    height, width, channels = shape
    return _HEADER.size + height * width * channels * np.dtype(dtype).itemsize


def write_entry(
    file: BinaryIO, identity: Identity, pixels: Image, shape: tuple[int, ...], *, scales: bool
) -> None:
    """Write an image or map to a cache file.

    Args:
        file: An empty file.
        identity: Identity of the file that the pixels were decoded from.
        pixels: Shape (height, width, channels), uint8, uint16 or float32.
        shape: As in `Entry`.
        scales: As in `Entry`.
    """
    kind = _DTYPES.index(pixels.dtype)
    file.write(_HEADER.pack(_MAGIC, *identity, *pixels.shape, *shape[:2], kind, scales))
    file.write(np.ascontiguousarray(pixels).data)


def map_entry(path: str, identity: Identity) -> Entry | None:
    """Memory-map the image in a cache file; only the parts that are used are read.

    Args:
        path: A file that `write_entry` wrote; it may also be missing or another file.
        identity: Current identity of the source file.

    Returns:
        None if the file is not a complete image with this identity.
    """
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        memory = mmap.mmap(file, 0, access=mmap.ACCESS_READ, **_MAP)
    except (OSError, ValueError):
        # For example a folder, a file system without mmap, or an empty file.
        return None
    finally:
        os.close(file)
    return _as_entry(np.frombuffer(memory, np.uint8), identity)


def read_entry(path: str, identity: Identity, num_bytes: int) -> Entry | None:
    """Read the whole image in a cache file of known size; see `map_entry`.

    It takes one system call without the interpreter lock, where mapping takes eight. The pixels are
    a new array.

    Args:
        path: As in `map_entry`.
        identity: As in `map_entry`.
        num_bytes: From `entry_bytes`.
    """
    # One more byte shows that a file is too long.
    buffer = np.empty(num_bytes + 1, np.uint8)
    count = -1 if native.module is None else native.module.read_into(path, buffer)
    if count < 0:
        try:
            with open(path, "rb", buffering=0) as file:
                count = file.readinto(buffer.data)
        except OSError:
            return None
    return _as_entry(buffer[:num_bytes], identity) if count == num_bytes else None


def _as_entry(content: Image, identity: Identity) -> Entry | None:
    """Return the image in the bytes of a cache file; None if they are something else."""
    if len(content) <= _HEADER.size:
        return None
    magic, *key, height, width, channels, first_height, first_width, kind, scales = (
        _HEADER.unpack_from(content.data)
    )
    shape = (height, width, channels)
    if (
        magic != _MAGIC
        or not identity.accepts(Identity(*key))
        or kind >= len(_DTYPES)
        or entry_bytes(shape, _DTYPES[kind]) != len(content)
    ):
        return None
    pixels = content[_HEADER.size :].view(_DTYPES[kind]).reshape(shape)
    return Entry(pixels, (first_height, first_width, channels), scales)
