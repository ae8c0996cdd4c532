"""Send objects through the pipes of a decoder process, arrays without a copy."""

import os
import pickle
import struct
from typing import Any

import numpy as np

_COUNT = struct.Struct("<I")


def send(pipe: int, message: object) -> None:
    """Write a message; arrays and `pickle.PickleBuffer`s are written without a copy.

    Raises:
        OSError: The reader has exited.
    """
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(pickled), *(buffer.raw() for buffer in buffers)]
    lengths = struct.pack(f"<{len(parts)}Q", *(part.nbytes for part in parts))
    for part in (memoryview(_COUNT.pack(len(parts)) + lengths), *parts):
        while part:
            part = part[os.write(pipe, part) :]


def receive(pipe: int) -> Any:
    """Wait for a message and return it.

    Raises:
        EOFError: The writer has exited.
    """
    (count,) = _COUNT.unpack(_read(pipe, _COUNT.size))
    lengths = struct.unpack(f"<{count}Q", _read(pipe, 8 * count))
    pickled, *buffers = (_read(pipe, length) for length in lengths)
    return pickle.loads(pickled, buffers=buffers)


def _read(pipe: int, num_bytes: int) -> memoryview:
    # Not a bytearray, which would be filled with zeros first.
    whole = np.empty(num_bytes, np.uint8).data
    rest = whole
    while rest:
        num_read = os.readv(pipe, [rest]) if hasattr(os, "readv") else _read_into(pipe, rest)
        if not num_read:
            raise EOFError
        rest = rest[num_read:]
    return whole


def _read_into(pipe: int, room: memoryview) -> int:
    data = os.read(pipe, min(len(room), 1 << 20))
    room[: len(data)] = data
    return len(data)
