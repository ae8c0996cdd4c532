"""The input image itself as the target, to train an autoencoder."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from augseq.loading.targets.target import Target
from augseq.manifest.record import Record
from augseq.types import Array, Image

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest


@dataclass(frozen=True, slots=True)
class InputImage:
    """The input image as the target, for an autoencoder.

    The target equals the input, after all augmentations: shape (height, width, channels), and
    the dtype and range of the pixels, usually float32 from 0 to 255. End the model with
    `keras.layers.Rescaling(255)` if its last activation is a sigmoid.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", labels=None, progress=False)
        >>> batches = augseq.ImageSequence(images, image_size=(8, 8), targets=augseq.InputImage())
        >>> x, y = batches[0]
        >>> bool((x == y).all())
        True
    """

    def bind(self, manifest: "Manifest | None", dtype: str) -> "InputImageTarget":
        """Return the target for pixels of a dtype; see `TargetOption`.

        Args:
            manifest: Not used: the target is the image.
            dtype: dtype of the pixels in a batch.
        """
        return InputImageTarget(dtype=dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImageTarget(Target):
    """The input image as the target.

    Attributes:
        dtype: dtype of the pixels in a batch.
    """

    dtype: str

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the image as the model gets it, shape (height, width, channels)."""
        assert image is not None
        return image.astype(self.dtype, copy=False)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(height, width, channels), not known before an image is loaded."""
        return (None, None, None)

    @property
    def text(self) -> str:
        """The target in a few words."""
        return f"the input image, {self.dtype} (height, width, channels)"

    @property
    def content(self) -> str:
        """What decides the values, beside the image."""
        return repr(self)
