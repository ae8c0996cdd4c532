"""What happens to each record, decided once: the configuration of the way of a sample."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.crop import Crop
from augseq.loading.targets.target import Target
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.region import Region
from augseq.pixels.resize import covered_size, resize_image
from augseq.pixels.source import ImageSource, files_of
from augseq.types import Image
from augseq.validation import check_choice

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

PixelDtype: TypeAlias = Literal["float32", "uint8"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything between a record and its sample, as one immutable plan.

    Attributes:
        source: Where the pixels come from.
        augment: What varies them.
        resize: Size of the result; None keeps what the source and the augmentations give.
        dtype: dtype of the batch, "float32" or "uint8"; the range of values stays the same.
        scaled_decode: Whether large JPEG files are decoded at a half, a quarter or an eighth
            where that still covers the size to which they are shrunk. It changes pixels.
        targets: What the model is to predict, by name; empty for prediction.
    """

    source: ImageSource
    augment: AugmentationList
    resize: ResizeOptions | None
    dtype: PixelDtype
    scaled_decode: bool = False
    targets: Mapping[str, Target] = field(default_factory=dict)

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


def plain_pipeline(
    manifest: "Manifest",
    *,
    augment: AugmentationList,
    resize: ResizeOptions,
    decode: DecodeOptions | None = None,
) -> Pipeline:
    """Return the pipeline of an `ImageSequence` with no other option, and without targets."""
    return Pipeline(
        source=files_of(manifest, decode), augment=augment, resize=resize, dtype="float32"
    )
