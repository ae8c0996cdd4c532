"""Small images for display, loaded within a time limit, or the reason for none."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from PIL import Image as PillowImage

from augseq.errors import AugseqError, DecodeError
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Record
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.options import Bands, DecodeOptions, ResizeOptions, has_bands
from augseq.pixels.region import Region
from augseq.pixels.resize import covered_size
from augseq.pixels.source import files_of
from augseq.types import Image

Look: TypeAlias = Image | str
"""An image, shape (height, width, 3), uint8; or the reason why there is none."""

_MOST_SORTED_PX = 512

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
    open_record = opener(manifest)
    fitting = ResizeOptions(image_size=(side_px, side_px), resize_mode="pad")

    def image_of(record: Record) -> Image:
        opened, bands = open_record(record)
        image = opened.read(Region(covers=covered_size(opened.shape, fitting)))
        return shown_bands(image, bands)[0]

    return image_of


def opener(manifest: Manifest) -> Callable[[Record], tuple[OpenImage, Bands | None]]:
    """Return a function that opens images to show them: of colours, or else of bands."""
    source, of_bands = files_of(manifest), files_of(manifest, DecodeOptions(color_mode="bands"))

    def open_record(record: Record) -> tuple[OpenImage, Bands | None]:
        try:
            return source.open(record), None
        except DecodeError as error:
            if not has_bands(str(error)):
                raise
            opened = of_bands.open(record)
            return opened, bands_of(opened.read(Region(box=(0, 0, 1, 1))))

    return open_record


def shrunk(image: Image, side_px: int) -> Image:
    """Return a uint8 image, shape (height, width, 3), no side longer than `side_px`."""
    picture = PillowImage.fromarray(displayable(image)).convert("RGB")
    picture.thumbnail((side_px, side_px), PillowImage.Resampling.LANCZOS)
    return np.array(picture)


def displayable(image: Image) -> Image:
    """Return an image of colours as uint8 pixels, 0 to 255, with 3 or 4 channels.

    uint8, and floats within 0 to 255, keep their values; floats within 0 to 1, and those of any
    other range (such as normalized ones), are stretched to it. Images of other numbers of channels
    are drawn as by `shown_bands`.
    """
    if image.shape[2] not in (1, 3, 4):
        return shown_bands(image, bands_of(image))[0]
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        if low < 0 or high > 255 or high <= 1:
            low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
            image = (image - low) * (255 / max(high - low, 1e-12))
        image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    channels = image.shape[2]
    return image if channels in (3, 4) else np.repeat(image, 3, axis=2)


def shown_bands(image: Image, bands: Bands | None) -> tuple[Image, str]:
    """Return an image to draw for one of bands, and which of them it shows.

    The first three channels are red, green and blue; of fewer, the first one is grey. 8-bit numbers
    are shown as they are, all others stretched, in each band from its 2nd to its 98th percentile.

    Args:
        image: Shape (height, width, channels).
        bands: What images of bands are alike in; None for colours, which are returned unchanged,
            unless they have a number of channels that colours cannot have.

    Returns:
        uint8, shape (height, width, 3), and a few words; "" for colours.
    """
    channels = image.shape[2]
    if bands is None:
        if channels in (1, 3, 4):
            return image, ""
        bands = bands_of(image)
    image = image[:, :, : 3 if channels >= 3 else 1]
    # An augmentation can have changed the number of channels.
    numbers = bands.channels if len(bands.channels) == channels else range(channels)
    shown = ", ".join(map(str, numbers[: image.shape[2]]))
    note = f"band{'s' * (image.shape[2] > 1)} {shown} of {max(bands.number, channels)}"
    if bands.dtype == "uint8":
        # A batch has them as floats.
        return displayable(image), note
    parts = np.stack([_stretched(image[:, :, k]) for k in range(image.shape[2])], axis=2)
    return displayable(parts), f"{note}, each from its 2nd to its 98th percentile"


def bands_of(image: Image) -> Bands:
    """Return what an image of bands has in common with others."""
    return Bands(image.shape[2], "uint8" if image.dtype == np.uint8 else "float32")


def _stretched(band: Image) -> Image:
    """Return a band as uint8, with its percentiles as 0 and 255."""
    # Some of the pixels are enough, and sorting all takes seconds.
    step = max(1, max(band.shape) // _MOST_SORTED_PX)
    low, high = np.percentile(band[::step, ::step].astype(np.float64), (2, 98))
    scaled = (band.astype(np.float64) - low) * (255 / max(high - low, 1e-12))
    return np.asarray(np.rint(scaled).clip(0, 255), np.uint8)


def record_title(record: Record, class_names: Sequence[str], label: int | None = None) -> str:
    """Return the class name of a record; its file name if there are no class names.

    Args:
        record: The record.
        class_names: Names by label.
        label: Its label, if that is not the one in the manifest.
    """
    label = record.target if label is None else label
    if label is None or not class_names:
        return record.path.rsplit("/", 1)[-1]
    return class_names[label]


def reason_of(error: Exception) -> str:
    """Return why an image cannot be shown, in one line, without advice."""
    cause = error.__cause__ if isinstance(error, AugseqError) else None
    text = str(cause or error).strip().split("\n")[0]
    return text if isinstance(error, AugseqError) and text else f"{type(error).__name__}: {text}"
