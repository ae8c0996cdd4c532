"""Write the pixels of samples, and the maps of their targets, to files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from augseq.errors import ArgumentError
from augseq.types import Image
from augseq.validation import check_choice, check_whole

ImageFormat: TypeAlias = Literal["png", "jpeg"]

_ENDINGS = {"png": ".png", "jpeg": ".jpg"}
# Rounding by resizing and augmentations.
_MARGIN = 0.5
_IGNORED = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenImages:
    """How images are written.

    Attributes:
        format: "png", which keeps all pixels, or "jpeg".
        quality: Quality of JPEG, 1 to 100.
    """

    format: ImageFormat
    quality: int

    def __post_init__(self) -> None:
        check_choice("image_format", self.format, tuple(_ENDINGS))
        check_whole("quality", self.quality, least=1, most=100)

    @property
    def ending(self) -> str:
        """Ending of the files."""
        return _ENDINGS[self.format]

    def write(self, image: Image, path: Path, where: str) -> None:
        """Write an image.

        Args:
            image: Shape (height, width, 1, 3 or 4), values 0 to 255.
            path: The file; its folder is created.
            where: The sample, as in messages.

        Raises:
            ArgumentError: The pixels are not between 0 and 255, or the format cannot hold them.
        """
        if image.shape[2] not in (1, 3, 4):
            raise ArgumentError(
                "Only images of 1, 3 or 4 channels can be written to image files. Received: "
                f"{image.shape[2]} channels in {where}. Write such arrays with numpy.save."
            )
        pixels = _in_bytes(image, where)
        if self.format == "jpeg" and pixels.shape[2] == 4:
            raise ArgumentError(
                "JPEG has no transparency. Pass image_format='png', or color_mode='rgb' to the "
                f"sequence. Received: image_format='jpeg', with {pixels.shape[2]} channels"
            )
        picture = PillowImage.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"quality": self.quality} if self.format == "jpeg" else {}
        picture.save(path, format=self.format, **options)


def write_mask(labels: npt.NDArray[np.integer], path: Path) -> None:
    """Write the class numbers of a mask as grey values; ignored pixels are 255.

    Args:
        labels: Class of each pixel, negative where ignored, shape (height, width).
        path: The file, a PNG; its folder is created.

    Raises:
        ArgumentError: There are more than 255 classes.
    """
    if labels.max(initial=0) >= _IGNORED:
        raise ArgumentError(
            f"Masks can be written with up to {_IGNORED} classes. Received: a pixel of class "
            f"number {labels.max()}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(np.where(labels < 0, _IGNORED, labels).astype(np.uint8)).save(path)


def write_values(values: npt.NDArray[np.float32], path: Path) -> None:
    """Write a value map as a numpy file; its folder is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)


def _in_bytes(image: Image, where: str) -> npt.NDArray[np.uint8]:
    """Return the pixels as uint8.

    Raises:
        ArgumentError: They are not between 0 and 255.
    """
    if image.dtype == np.uint8:
        return image
    low, high = float(image.min()), float(image.max())
    is_unit = 0 < high <= 1 and not np.array_equal(image, np.rint(image))
    if low < -_MARGIN or high > 255 + _MARGIN or is_unit or not np.isfinite(low + high):
        raise ArgumentError(
            "Only pixels between 0 and 255 can be written to image files. Received: "
            f"{low:.4g} to {high:.4g} in {where}. Remove augmentations that change the range, such "
            "as A.Normalize and A.ToFloat, and full_depth, from the sequence; train on the written "
            "images with them."
        )
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
