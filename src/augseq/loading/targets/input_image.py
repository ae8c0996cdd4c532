"""The input image itself as the target, to train an autoencoder or to remove noise."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from augseq.augment.mixing import Mix
from augseq.augment.moving_map import MapKind, MovingMap
from augseq.loading.targets.target import ImageOptions, Target
from augseq.loading.targets.view import TargetView
from augseq.manifest.record import Record
from augseq.pixels.region import Region
from augseq.terminal_text import options_text
from augseq.types import Array, Image
from augseq.validation import check_bool, make_plain

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest


@dataclass(frozen=True, slots=True)
class InputImage:
    """The input image as the target, for an autoencoder, or to remove noise.

    The target equals the input, after all augmentations: shape (height, width, channels), and
    the dtype and range of the pixels, usually float32 from 0 to 255. End the model with
    `keras.layers.Rescaling(255)` if its last activation is a sigmoid.

    Args:
        clean: Whether only geometric augmentations apply to the target: it is cropped, flipped
            and rotated like the input, but does not get its noise, blur, dropout or colours. The
            model then learns to remove those.

    Raises:
        ArgumentError: `clean` is not a bool.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", labels=None, progress=False)
        >>> batches = augseq.ImageSequence(images, image_size=(8, 8), targets=augseq.InputImage())
        >>> x, y = batches[0]
        >>> bool((x == y).all())
        True
    """

    clean: bool = False

    def __post_init__(self) -> None:
        make_plain(self, "clean")
        check_bool("clean", self.clean)

    def __repr__(self) -> str:
        return options_text(self)

    def bind(self, manifest: "Manifest", images: ImageOptions) -> "InputImageTarget":
        """Return the target for pixels of a dtype; see `TargetOption`.

        Args:
            manifest: Not used: the target is the image.
            images: How the images of the sequence are loaded.
        """
        return InputImageTarget(dtype=images.dtype, clean=self.clean)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImageTarget(Target):
    """The input image as the target.

    Attributes:
        dtype: dtype of the pixels in a batch.
        clean: Whether only geometric augmentations apply to it.
    """

    dtype: str
    clean: bool = False

    @property
    def map_kind(self) -> MapKind | None:
        """For the clean image "pixels": it moves with the augmented one."""
        return "pixels" if self.clean else None

    def read_map(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> MovingMap:
        """Return a copy of the pixels that were read of the image."""
        return MovingMap(pixels.copy(), "pixels")

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the image as the model gets it, or the clean one, (height, width, channels)."""
        assert image is not None
        return image.astype(self.dtype, copy=False)

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return an empty text: images can be mixed."""
        return ""

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the mixed image, or both clean images, mixed in the same way."""
        return mix.pixels(own, other) if self.clean else image.astype(self.dtype, copy=False)

    def view(self, value: Array) -> TargetView:
        """Return the image."""
        return TargetView(title="clean image" if self.clean else "input image", image=value)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(height, width, channels), not known before an image is loaded."""
        return (None, None, None)

    @property
    def num_loss_axes(self) -> int:
        """Height and width."""
        return 2

    @property
    def text(self) -> str:
        """The target in a few words."""
        name = "clean image" if self.clean else "input image"
        return f"the {name}, {self.dtype} (height, width, channels)"

    @property
    def content(self) -> str:
        """What decides the values, beside the image."""
        return repr(self)
