"""Small images for display, loaded within a time limit, or the reason for none."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from PIL import Image as PillowImage

from augseq.errors import AugseqError
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import Region
from augseq.pixels.resize import covered_size
from augseq.pixels.source import files_of
from augseq.types import Image

Look: TypeAlias = Image | str
"""An image, shape (height, width, 3), uint8; or the reason why there is none."""

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
ImageOf: TypeAlias = Callable[[Item], Image]
"""Returns the image of an item, shape (height, width, channels), uint8 or float32."""


def load_looks(
    items: Sequence[Item], image_of: ImageOf[Item], *, side_px: int, limit_s: float
) -> list[Look]:
    """Load images that fit into a square; never raise, nor exceed a limit by much.

    Args:
        items: What to load images of, such as records.
        image_of: Loads the image of an item; an exception becomes the reason.
        side_px: Maximum length of the longer side.
        limit_s: Time limit for all images; for those not ready by then, that is the reason.
    """
    return load_within(items, lambda item: shrunk(image_of(item), side_px), limit_s=limit_s)


def load_within(
    items: Sequence[Item], load: Callable[[Item], Loaded], *, limit_s: float
) -> list[Loaded | str]:
    """Load something for each item; never raise, nor exceed a limit by much.

    Args:
        items: What to load something for, such as records.
        load: Called for each item; an exception becomes the reason why there is nothing.
        limit_s: Time limit for all items; for those not ready by then, that is the reason.
    """
    loaded: list[Loaded | str] = [f"was not ready within {limit_s:g} s"] * len(items)
    is_late = threading.Event()

    def load_all() -> None:
        for place, item in enumerate(items):
            if is_late.is_set():
                return
            try:
                loaded[place] = load(item)
            except Exception as error:
                loaded[place] = reason_of(error)

    # Not a pool: at exit, Python would wait for a thread that reads from a dead network drive.
    thread = threading.Thread(target=load_all, name="augseq-looks", daemon=True)
    thread.start()
    thread.join(limit_s)
    is_late.set()
    return list(loaded)


def file_images(manifest: Manifest, *, side_px: int) -> ImageOf[Record]:
    """Return a function that reads images, no larger than a thumbnail needs.

    Args:
        manifest: Manifest of the records.
        side_px: Longer side that the images will be downscaled to.
    """
    source = files_of(manifest)
    fitting = ResizeOptions(image_size=(side_px, side_px), resize_mode="pad")

    def image_of(record: Record) -> Image:
        opened = source.open(record)
        return opened.read(Region(covers=covered_size(opened.shape, fitting)))

    return image_of


def shrunk(image: Image, side_px: int) -> Image:
    """Return a uint8 image, shape (height, width, 3), no side longer than `side_px`."""
    picture = PillowImage.fromarray(displayable(image)).convert("RGB")
    picture.thumbnail((side_px, side_px), PillowImage.Resampling.LANCZOS)
    return np.array(picture)


def displayable(image: Image) -> Image:
    """Return an image as uint8 pixels, 0 to 255, with 3 or 4 channels.

    uint8, and floats within 0 to 255, keep their values; floats within 0 to 1, and those of any
    other range (such as normalized ones), are stretched to it.
    """
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        if low < 0 or high > 255 or high <= 1:
            low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
            image = (image - low) * (255 / max(high - low, 1e-12))
        image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    channels = image.shape[2]
    return image if channels in (3, 4) else np.repeat(image[:, :, :1], 3, axis=2)


def record_title(record: Record, class_names: Sequence[str]) -> str:
    """Return the class name of a record; its file name if there are no class names."""
    if record.target is None or not class_names:
        return record.path.rsplit("/", 1)[-1]
    return class_names[record.target]


def reason_of(error: Exception) -> str:
    """Return why an image cannot be shown, in one line, without advice."""
    cause = error.__cause__ if isinstance(error, AugseqError) else None
    text = str(cause or error).strip().split("\n")[0]
    return text if isinstance(error, AugseqError) and text else f"{type(error).__name__}: {text}"
