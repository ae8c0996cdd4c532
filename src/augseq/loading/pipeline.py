"""How a record becomes a sample: source, augmentations, resize, targets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from augseq.augment.augmentation_list import AugmentationList
from augseq.augment.crop import Crop
from augseq.loading.targets.target import Target
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.region import Region
from augseq.pixels.resize import resize_image, resized_region
from augseq.pixels.source import ImageSource, files_of
from augseq.types import Image
from augseq.validation import check_choice

if TYPE_CHECKING:
    # Imports pyarrow, which would cost each worker process 30 MB.
    from augseq.manifest.manifest import Manifest

PixelDtype: TypeAlias = Literal["float32", "uint8"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything that turns a record into a sample; immutable.

    Attributes:
        source: Where the pixels come from.
        augment: The augmentations.
        resize: Size of the result; None to not resize.
        dtype: dtype of the batch, "float32" or "uint8"; the range of values is the same.
        scaled_decode: Whether to decode large JPEG files at 1/2, 1/4 or 1/8 of their size if that
            still covers the size they are resized to. It changes pixels.
        targets: Targets by name; empty for prediction.
        inputs: Inputs other than the image, by name.
    """

    source: ImageSource
    augment: AugmentationList
    resize: ResizeOptions | None
    dtype: PixelDtype
    scaled_decode: bool = True
    targets: Mapping[str, Target] = field(default_factory=dict)
    inputs: Mapping[str, Target] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("dtype", self.dtype, ("float32", "uint8"))

    @property
    def resizes_first(self) -> bool:
        """Whether images are resized before they are augmented.

        This avoids work on pixels that would be discarded, but a list that sets the size, such
        as with a crop, needs the whole image.
        """
        return self.resize is not None and not self.augment.sets_size

    def draw_crop(self, shape: tuple[int, ...], rng: np.random.Generator) -> Crop | None:
        """Draw the crop that the list begins with; None without one or after a resize."""
        return None if self.resizes_first else self.augment.draw_crop(shape, rng)

    def region(self, shape: tuple[int, ...], crop: Crop | None) -> Region:
        """Return the region of an image that must be decoded.

        Args:
            shape: (height, width, channels) of the whole image.
            crop: The crop that the list begins with; None without one.
        """
        if self.resizes_first and self.resize is not None:
            return resized_region(shape, self.resize, scaled_decode=self.scaled_decode)
        box, covers = (crop.box, crop.covers) if crop else (None, None)
        return Region(box=box, covers=covers if self.scaled_decode else None)

    def resized(self, image: Image) -> Image:
        """Return the image, resized if this pipeline has a size."""
        return image if self.resize is None else resize_image(image, self.resize)


def plain_pipeline(
    manifest: "Manifest",
    *,
    augment: AugmentationList,
    resize: ResizeOptions,
    decode: DecodeOptions | None = None,
) -> Pipeline:
    """Return the pipeline of an `ImageSequence` with these options and no targets."""
    return Pipeline(
        source=files_of(manifest, decode), augment=augment, resize=resize, dtype="float32"
    )
