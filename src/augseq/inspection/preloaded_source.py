"""Images held in memory, so that many samples need only one decode."""

from collections.abc import Mapping
from dataclasses import dataclass

from augseq.loading.pipeline import Pipeline
from augseq.manifest.record import Record
from augseq.pixels.decoded_image import DecodedImage, OpenImage, cut_scale, read_scale
from augseq.pixels.region import WHOLE, Region
from augseq.storage.array_content import array_text
from augseq.types import Image


@dataclass(frozen=True, slots=True)
class PreloadedSource:
    """A source of images that are already in memory.

    Attributes:
        images: By index of the record.
    """

    images: Mapping[int, OpenImage]

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
        return ", ".join(array_text(image.read(WHOLE)) for image in self.images.values())

    def fetch(self, record: Record) -> None:
        """Do nothing: the pixels are in memory."""

    def open(self, record: Record) -> OpenImage:
        """Return the image of a record."""
        return self.images[record.index]


class HeldImage:
    """An image of which each scale that crops need is decoded once, and held.

    Args:
        opened: The image.
    """

    def __init__(self, opened: OpenImage) -> None:
        self._opened = opened
        self._scales: dict[int, Image] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the whole image."""
        return self._opened.shape

    def read(self, region: Region) -> Image:
        """Return the pixels of a region, read-only."""
        scale = region.scale(self.shape)
        if scale not in self._scales:
            pixels = read_scale(self._opened, scale).view()
            pixels.flags.writeable = False
            self._scales[scale] = pixels
        return cut_scale(self._scales[scale], region, self.shape)


def unvaried_image(record: Record, pipeline: Pipeline) -> OpenImage:
    """Return the image that all samples start from: resized, if that comes first.

    Raises:
        Exception: As `pipeline.source.open`.
    """
    opened = pipeline.source.open(record)
    if not pipeline.resizes_first:
        return HeldImage(opened)
    image = pipeline.resized(opened.read(pipeline.region(opened.shape, None))).view()
    image.flags.writeable = False
    return DecodedImage(image)
