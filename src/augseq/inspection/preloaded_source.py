"""Images that are held, so that many samples are made of each and it is decoded once."""

from collections.abc import Mapping
from dataclasses import dataclass

from augseq.loading.sample import Pipeline
from augseq.manifest.record import Record
from augseq.pixels.decode import DecodedImage, OpenImage
from augseq.pixels.region import WHOLE
from augseq.types import Image


@dataclass(frozen=True, slots=True)
class HeldSource:
    """A source of images that are there already.

    Attributes:
        images: By index of their record; each shape (height, width, channels), uint8 or float32.
    """

    images: Mapping[int, Image]

    def open(self, record: Record) -> OpenImage:
        """Give the image of a record."""
        return DecodedImage(self.images[record.index])


def unvaried_image(record: Record, pipeline: Pipeline) -> Image:
    """Return what all samples of an image begin with: resized already where that comes first.

    Raises:
        Exception: As `pipeline.source.open`.
    """
    opened = pipeline.source.open(record)
    if not pipeline.resizes_first:
        return opened.read(WHOLE)
    return pipeline.resized(opened.read(pipeline.region(opened.shape, None)))
