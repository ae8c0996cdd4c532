"""Tar files to test with."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def png(number: int, size: tuple[int, int] = (9, 7)) -> bytes:
    """Return an image of one grey value."""
    file = io.BytesIO()
    Image.fromarray(np.full(size, number, np.uint8)).save(file, "PNG")
    return file.getvalue()


def write_tar(
    path: Path,
    members: Mapping[str, bytes | str] | Sequence[tuple[str, bytes | str]],
    **options: object,
) -> Path:
    """Write a tar file as other programs do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pairs = members.items() if isinstance(members, Mapping) else members
    with tarfile.open(path, "w", **options) as archive:  # type: ignore[call-overload]
        for name, content in pairs:
            data = content.encode() if isinstance(content, str) else content
            header = tarfile.TarInfo(name)
            header.size, header.mtime, header.uname = len(data), 1_600_000_000, "someone"
            if name.endswith("/"):
                header.type = tarfile.DIRTYPE
            archive.addfile(header, io.BytesIO(data))
    return path
