"""Check that the paths in a manifest stay below its root on every system."""

import os

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError
from augseq.terminal_text import listed

# Empty, absolute, with a drive, a zero byte or `..`; on Windows, a backslash is a separator too.
_OUTSIDE = r"^$|^[/\\]|^[A-Za-z]:|\x00|(^|[/\\])\.\.([/\\]|$)"
# Names that Windows opens as devices, in any folder and with any extension.
DEVICES = r"(?i)(^|[/\\])(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *([.:/\\]|$)"
_UNSAFE = f"{_OUTSIDE}|{DEVICES}" if os.name == "nt" else _OUTSIDE
_PIECE_BYTES = 2**20


def check_paths(*columns: pa.ChunkedArray) -> None:
    """Raise `ArgumentError` if a path could point outside its root."""
    for column in columns:
        if os.name != "nt" and all(_is_harmless(piece) for piece in column.chunks):
            continue
        unsafe = column.filter(pc.match_substring_regex(column, _UNSAFE))
        if len(unsafe):
            raise ArgumentError(
                "A path must point to a file below the root on every system: not empty, not "
                "absolute, and without `..`, drives, zero bytes or, on Windows, device names. "
                f"Received: {listed(unsafe.to_pylist(), 1)}"
            )


def _is_harmless(paths: pa.StringArray) -> bool:
    """Return whether paths are safe, by a quick check; False if in doubt."""
    starts_at_root = any(pc.any(pc.starts_with(paths, mark)).as_py() for mark in "/\\")
    if starts_at_root or pc.min(pc.binary_length(paths)).as_py() == 0:
        return False
    # All text together: a million paths take 0.02 s, compared with 0.12 s for the regex.
    text = paths.buffers()[2]
    letters = np.frombuffer(text if text is not None else b"", np.uint8)
    starts = range(0, len(letters), _PIECE_BYTES)
    return not any(_has_mark(letters[k : k + _PIECE_BYTES + 1]) for k in starts)


def _has_mark(letters: npt.NDArray[np.uint8]) -> bool:
    """Return whether text contains `..`, a colon or a zero byte.

    Any unsafe path does, unless it is empty or begins with a slash or a backslash.
    """
    is_dot = letters == ord(".")
    return bool(
        np.any(is_dot[:-1] & is_dot[1:]) or np.any(letters == ord(":")) or np.any(letters == 0)
    )
