"""Small images for a person to look at: in time, and a reason where there is none."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image as PillowImage

from augseq.errors import AugseqError
from augseq.inspection.grid import displayable
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.region import Region
from augseq.pixels.resize import covered_size
from augseq.pixels.source import FileSource
from augseq.types import Image

Look: TypeAlias = Image | str
"""An image, shape (height, width, 3), uint8; or the reason why there is none."""

ImageOf: TypeAlias = Callable[[Record], Image]
"""Makes an image, shape (height, width, channels), uint8 or float32."""


def load_looks(
    records: Sequence[Record], image_of: ImageOf, *, side_px: int, limit_s: float
) -> list[Look]:
    """Make images that fit into a square; never raise, and never take much longer than a limit.

    Args:
        records: Of which.
        image_of: What makes an image; what it raises becomes the reason.
        side_px: Longer side of each at most.
        limit_s: Seconds for all together; for those that are not ready then, that is the reason.
    """
    looks: list[Look] = [f"was not ready within {limit_s:g} s"] * len(records)
    is_late = threading.Event()

    def load() -> None:
        for place, record in enumerate(records):
            if is_late.is_set():
                return
            looks[place] = _load(record, image_of, side_px)

    # Not a pool: Python would wait at its end for a thread that reads from a dead network drive.
    thread = threading.Thread(target=load, name="augseq-looks", daemon=True)
    thread.start()
    thread.join(limit_s)
    is_late.set()
    return list(looks)


def file_images(manifest: Manifest, *, side_px: int) -> ImageOf:
    """Return what reads the files of a manifest, with no more pixels than a small image needs.

    Args:
        manifest: Whose root the paths are relative to.
        side_px: Longer side that the images will be shrunk to.
    """
    source = FileSource(root=manifest.root, options=DecodeOptions())
    fitting = ResizeOptions(image_size=(side_px, side_px), resize_mode="pad")

    def image_of(record: Record) -> Image:
        opened = source.open(record)
        return opened.read(Region(covers=covered_size(opened.shape, fitting)))

    return image_of


def shrunk(image: Image, side_px: int) -> Image:
    """Return an image as uint8, shape (height, width, 3), with no side longer than so many px."""
    picture = PillowImage.fromarray(displayable(image)).convert("RGB")
    picture.thumbnail((side_px, side_px), PillowImage.Resampling.LANCZOS)
    return np.array(picture)


def reason_of(error: Exception) -> str:
    """Return why an image cannot be shown, in one line, without advice."""
    cause = error.__cause__ if isinstance(error, AugseqError) else None
    text = str(cause or error).strip().split("\n")[0]
    return text if isinstance(error, AugseqError) and text else f"{type(error).__name__}: {text}"


def _load(record: Record, image_of: ImageOf, side_px: int) -> Look:
    try:
        return shrunk(image_of(record), side_px)
    except Exception as error:
        return reason_of(error)
