"""Images held in memory, so that many samples need only one decode."""

from collections.abc import Mapping
from dataclasses import dataclass

from augseq.loading.pipeline import Pipeline
from augseq.manifest.record import Record
from augseq.pixels.decoded_image import DecodedImage, OpenImage
from augseq.pixels.region import WHOLE
from augseq.storage.array_content import array_text
from augseq.types import Image


@dataclass(frozen=True, slots=True)
class PreloadedSource:
    """A source of images that are already in memory.

    Attributes:
        images: By index of the record; each of shape (height, width, channels), uint8 or float32.
    """

    images: Mapping[int, Image]

    @property
    def reads_files(self) -> bool:
        """False: the pixels are in memory."""
        return False

    @property
    def cache(self) -> None:
        """None: there is nothing to decode."""

    def describe(self) -> str:
        """Return "images in memory"."""
        return "images in memory"

    def content_text(self) -> str:
        """Describe each image."""
        return ", ".join(map(array_text, self.images.values()))

    def fetch(self, record: Record) -> None:
        """Do nothing: the pixels are in memory."""

    def open(self, record: Record) -> OpenImage:
        """Return the image of a record."""
        return DecodedImage(self.images[record.index])


def unvaried_image(record: Record, pipeline: Pipeline) -> Image:
    """Return the image that all samples start from: resized, if that comes first.

    Raises:
        Exception: As `pipeline.source.open`.
    """
    opened = pipeline.source.open(record)
    if not pipeline.resizes_first:
        return opened.read(WHOLE)
    return pipeline.resized(opened.read(pipeline.region(opened.shape, None)))
