"""Write predicted masks as PNG files."""

import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from augseq.inspection.drawing.overlays import class_color, resized_map
from augseq.storage.atomic_file import atomic_write
from augseq.types import PathLike

_MOST_IN_PALETTE = 256
_BACKGROUND = "#000000"


def write_mask(
    path: PathLike,
    numbers: npt.NDArray[np.integer[Any]],
    class_names: Sequence[str],
    size: tuple[int, int],
) -> None:
    """Write a mask as a PNG file: a palette for up to 256 classes, otherwise 16-bit grey.

    The value of a pixel is the number of its class. The colours of the palette are those of other
    pictures of masks.

    Args:
        path: The file, whose folder is created.
        numbers: Class of each pixel, shape (height, width).
        class_names: Names of the classes.
        size: (height, width) of the file; the nearest pixels are used.
    """
    values = resized_map(numbers, size)
    if len(class_names) <= _MOST_IN_PALETTE:
        picture = Image.fromarray(values.astype(np.uint8))
        colors = [class_color(k, name) or _BACKGROUND for k, name in enumerate(class_names)]
        picture.putpalette(b"".join(bytes.fromhex(color[1:]) for color in colors))
    else:
        picture = Image.fromarray(values.astype(np.uint16))
    os.makedirs(os.path.dirname(os.fspath(path)), exist_ok=True)
    with atomic_write(path) as file:
        picture.save(file, format="PNG")


def mask_names(paths: Sequence[str]) -> list[str]:
    """Return a different name for the mask of each image, relative, with the extension .png.

    Absolute paths are taken relative to the folder that they have in common.

    >>> mask_names(["cats/1.jpg", "cats/1.png", "../2.jpg", "/3.jpg", "7"])
    ['cats/1.png', 'cats/1_2.png', '2.png', '3.png', '7.png']
    >>> mask_names(["/photos/new/a.jpg", "/photos/new/b/c.jpg"])
    ['a.png', 'b/c.png']
    """
    taken: set[str] = set()
    found = []
    folders = [os.path.dirname(path) for path in paths]
    common = os.path.commonpath(folders) if folders and all(map(os.path.isabs, folders)) else ""
    for path in paths:
        below = path[len(common) :].replace("\\", "/")
        parts = [part for part in PurePosixPath(below).parts if part.strip("./")]
        plain = str(PurePosixPath(*parts).with_suffix("")) if parts else "image"
        plain = plain.replace(":", "_")
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name)
        found.append(f"{name}.png")
    return found
