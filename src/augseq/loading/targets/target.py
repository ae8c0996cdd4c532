"""The interface of all kinds of targets: what a user writes, and what a pipeline loads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from augseq.augment.mixing import Mix
from augseq.augment.moving_map import MapKind, MovingMap
from augseq.loading.targets.mirrored_classes import ClassMirror
from augseq.loading.targets.view import TargetView, numbers_text
from augseq.manifest.record import Record
from augseq.pixels.cache.record_cache import RecordCache
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.options import DecodeOptions, PixelDtype
from augseq.pixels.region import Region
from augseq.pixels.source import ImageSource
from augseq.types import Image, Value

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """How a sequence loads images, for targets that are images too.

    Attributes:
        dtype: dtype of the pixels in a batch.
        decode: How files are decoded.
        shorter_side_px: Shorter side that a cache downscales images to; None for full size.
    """

    dtype: PixelDtype
    decode: DecodeOptions
    shorter_side_px: int | None = None


class Target(Protocol):
    """A value of each record, as the model is trained on it; immutable and picklable.

    A further input of the model is loaded in the same way. Everything about classes has a default
    for values that are not classes: inherit from this class to get them.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the manifest that `load` reads."""
        return ()

    @property
    def parts(self) -> Mapping[str, tuple[int | None, ...]]:
        """Shapes of its arrays by name, if it has several; otherwise empty."""
        return {}

    def load(self, record: Record, image: Any = None) -> Value:
        """Return the value of a record; of one shape and dtype for all records.

        Args:
            record: The record, with at least the `columns`.
            image: The image as the model gets it, shape (height, width, channels); None if it is
                not loaded. For a target with a map or an image of its own, that map or image as
                the model gets it; for one with points, the `Geometry` of the image.

        Returns:
            An array; a dict of arrays for a target with `parts`.
        """
        ...

    @property
    def map_kind(self) -> MapKind | None:
        """Kind of the map that moves with the image, such as a mask; None without one."""
        return None

    @property
    def own_source(self) -> ImageSource | None:
        """Where an image that is augmented with draws of its own comes from; None without one.

        `load` then receives that image, augmented and resized.
        """
        return None

    def read_map(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> MovingMap:
        """Return the map of what was read of the image; called only if there is a `map_kind`.

        Args:
            record: The record, with at least the `columns`.
            shape: (height, width, channels) of the whole upright image.
            region: What was to be read of the image.
            pixels: The pixels that were read.

        Raises:
            AugseqError: The map cannot be read; the message names it and the image.
        """
        raise TypeError(f"{type(self).__name__} has no map")

    def with_cache(self, cache: RecordCache) -> "Target":
        """Return the same target, which reads its files through a cache."""
        return self

    def fill_cache(self, record: Record, image: OpenImage) -> bool:
        """Cache what is read of the files of a record, if it is missing and there is room.

        Args:
            record: The record, with at least the `columns`.
            image: Its image.

        Returns:
            Whether it is now cached; also if the target reads no files.

        Raises:
            AugseqError: A file cannot be read; the message names it and the image.
        """
        return True

    def entry_bytes(self, record: Record, shape: tuple[int, ...]) -> int:
        """Return the size of what a cache stores for a record, in bytes; 0 without a cache.

        Args:
            record: The record, with at least the `columns`.
            shape: (height, width, channels) of the whole upright image.
        """
        return 0

    @property
    def class_mirror(self) -> ClassMirror | None:
        """Which classes change places when left and right change sides; None if none do."""
        return None

    def mirrored(self, value: Any) -> Value:
        """Return a value after left and right have changed sides.

        Called only if there is a `class_mirror`, and the image is mirrored.

        Args:
            value: What `load` returned.
        """
        raise TypeError(f"{type(self).__name__} has no classes that change places")

    def columns_of(self, value: Any) -> dict[str, Any]:
        """Return the columns of a record whose value this is, to write it to a manifest.

        Called only if there is a `class_mirror`. Maps and objects have none: they are drawn.
        """
        return {}

    @property
    def attempts(self) -> int:
        """How often an image is augmented at most, until `has_lost_objects` is False."""
        return 1

    def has_lost_objects(self, record: Record, value: Any) -> bool:
        """Return whether a record has objects, but none is left in its value.

        Args:
            record: The record, with at least the `columns`.
            value: What `load` returned.
        """
        return False

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return why values cannot be mixed, and what to do instead; empty if they can.

        Args:
            blends: Whether images are also blended, and not only pasted into each other.
        """
        return f"A {type(self).__name__} does not define `mixed`."

    def mixed(self, own: Any, other: Any, mix: Mix, image: Image) -> Value:
        """Return the value of an image that is mixed with another one.

        Called only if there is no `mixing_obstacle`.

        Args:
            own: What `load` returned for the image.
            other: What `load` returned for the other image.
            mix: How the images are mixed.
            image: The mixed image, shape (height, width, channels).
        """
        raise TypeError(f"{type(self).__name__} cannot be mixed")

    def view(self, value: Any) -> TargetView:
        """Return how to show a value to a person.

        Args:
            value: What `load` returned, or a row of a batch.
        """
        return TargetView(text=numbers_text(value))

    @property
    def text(self) -> str:
        """The value in a few words, with dtype and shape, as the plan of a sequence shows it."""
        ...

    @property
    def content(self) -> str:
        """What decides the values, as text that is compared when a run resumes."""
        ...

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of one value; None for sizes that are not known before it is loaded."""
        ...

    @property
    def num_loss_axes(self) -> int:
        """How many axes of a value Keras' losses keep: 2 for masks, maps and images, else 0.

        Sample weights are repeated along these axes.
        """
        return 0

    @property
    def num_classes(self) -> int | None:
        """The number of classes; None where the target is not a class."""
        return None

    @property
    def is_one_hot(self) -> bool:
        """Whether each class has a column of its own, and exactly one of them is 1."""
        return False

    @property
    def as_one_hot(self) -> str:
        """What a user writes to get one-hot rows in place of class numbers."""
        return ""

    @property
    def as_numbers(self) -> str:
        """What a user writes to get class numbers in place of one-hot rows."""
        return ""

    def class_numbers(self, manifest: "Manifest") -> npt.NDArray[np.integer[Any]] | None:
        """Return the class of each record, shape (num_records,); None where there are none."""
        return None


@runtime_checkable
class TargetOption(Protocol):
    """A target as a user writes it, before it is checked against a manifest."""

    def bind(self, manifest: "Manifest", images: ImageOptions) -> Target:
        """Return the target for the records of a manifest, after checking all of them.

        Args:
            manifest: The records.
            images: How the images of the sequence are loaded.

        Raises:
            ArgumentError: The manifest does not have the columns, or an option is invalid.
            LabelError: A record has no value, or one that does not fit.
        """
        ...
