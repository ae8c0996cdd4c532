"""How one record becomes one image: the whole pipeline on one screen."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.crop import Crop
from augseq.errors import AugmentationError, AugseqError
from augseq.manifest.record import Record
from augseq.pixels.options import ResizeOptions
from augseq.pixels.region import Region
from augseq.pixels.resize import covered_size, resize_image
from augseq.pixels.source import ImageSource
from augseq.progress_note import THIS_THREAD
from augseq.sampling.randomness import Stream, lent_rng
from augseq.terminal_text import array_text, table_text
from augseq.types import Image
from augseq.validation import check_choice

PixelDtype: TypeAlias = Literal["float32", "uint8"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything between a record and its pixels, as one immutable plan.

    Attributes:
        source: Where the pixels come from.
        augment: What varies them.
        resize: Size of the result; None keeps what the source and the augmentations give.
        dtype: dtype of the batch, "float32" or "uint8"; the range of values stays the same.
        scaled_decode: Whether large JPEG files are decoded at a half, a quarter or an eighth
            where that still covers the size to which they are shrunk. It changes pixels.
    """

    source: ImageSource
    augment: AugmentationList
    resize: ResizeOptions | None
    dtype: PixelDtype
    scaled_decode: bool = False

    def __post_init__(self) -> None:
        check_choice("dtype", self.dtype, ("float32", "uint8"))

    @property
    def resizes_first(self) -> bool:
        """Whether images are resized before they are augmented.

        That saves the work on pixels that would be thrown away; but a list that itself sets
        the size, with a crop say, must see the whole image.
        """
        return self.resize is not None and not self.augment.sets_size

    def draw_crop(self, shape: tuple[int, ...], rng: np.random.Generator) -> Crop | None:
        """Draw the crop that the list begins with, if it sees the whole image and says so."""
        return None if self.resizes_first else self.augment.draw_crop(shape, rng)

    def region(self, shape: tuple[int, ...], crop: Crop | None) -> Region:
        """Return what must be decoded of an image.

        Args:
            shape: (height, width, channels) of the whole image.
            crop: What the list begins with.
        """
        box, covers = (crop.box, crop.covers) if crop else (None, None)
        if self.resizes_first and self.resize is not None:
            covers = covered_size(shape, self.resize)
        return Region(box=box, covers=covers if self.scaled_decode else None)

    def resized(self, image: Image) -> Image:
        """Return the image at the size of the plan; the image itself where it has it."""
        return image if self.resize is None else resize_image(image, self.resize)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One record with its pixels.

    Attributes:
        record: The record.
        image: Shape (height, width, channels), uint8 or float32.
    """

    record: Record
    image: Image

    def __repr__(self) -> str:
        return table_text(f"Sample of {self.record}", {"image": array_text(self.image)})


def load_sample(record: Record, pipeline: Pipeline, *, seed: int, epoch: int) -> Sample:
    """Make the image that a record has in an epoch; a function of its arguments alone.

    Raises:
        AugseqError: The file or an augmentation is at fault; the message names the record.
        Exception: Whatever an augmentation raised, with a note that says how to replay it.
    """
    where = {"epoch": epoch, "index": record.index}
    # Whoever waits too long for this thread reads here what it is at.
    note = THIS_THREAD.note
    note[0], note[1] = record.index, 0
    with _naming(record, seed, epoch), lent_rng(seed, Stream.AUGMENT, **where) as rng:
        opened = pipeline.source.open(record)
        crop = pipeline.draw_crop(opened.shape, rng)
        image = opened.read(pipeline.region(opened.shape, crop))
        if pipeline.resizes_first:
            image = pipeline.resized(image)
        image = pipeline.augment(image, rng, crop)
        image = pipeline.resized(image)
        _check_dtype(image, pipeline.dtype)
    return Sample(record=record, image=image)


def _check_dtype(image: Image, dtype: PixelDtype) -> None:
    if dtype == "uint8" and image.dtype != np.uint8:
        raise AugmentationError(
            f'dtype="uint8" needs uint8 pixels after the last augmentation. '
            f'Received: {image.dtype}. Drop the step that makes floats, or use dtype="float32".'
        )


@contextmanager
def _naming(record: Record, seed: int, epoch: int) -> Iterator[None]:
    try:
        yield
    except AugmentationError as error:
        # In the message and not in a note, since a backend may keep nothing but the message.
        where = replay_text(record, seed, epoch)
        raise AugmentationError(f"{error} {where}") from error.__cause__
    except AugseqError:
        raise
    except Exception as error:
        error.add_note(replay_text(record, seed, epoch))
        raise


def replay_text(record: Record, seed: int, epoch: int) -> str:
    """Say which sample something happened to, and how to make it again, alone."""
    return (
        f"While making {record}, epoch {epoch}, seed {seed}. "
        f"To replay: sequence.sample(epoch={epoch}, index={record.index})"
    )
