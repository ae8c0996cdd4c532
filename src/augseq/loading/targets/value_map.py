"""A number for every pixel as the target, such as depth, heat or alpha; moves with the image."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from augseq.augment.mixing import Mix
from augseq.augment.moving_map import MapKind, with_weights, without_weights
from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.map_file import MapFiles, check_column_name, map_files
from augseq.loading.targets.map_rows import MapRows, map_rows, needs_column
from augseq.loading.targets.stored_map import StoredMap
from augseq.loading.targets.target import ImageOptions
from augseq.loading.targets.view import TargetView
from augseq.manifest.record import Record
from augseq.pixels.cache.record_cache import RecordCache
from augseq.pixels.options import PixelDtype
from augseq.pixels.source import ArraySource
from augseq.pixels.value_file import read_values
from augseq.terminal_text import options_text
from augseq.types import Array, Image
from augseq.validation import briefly, check_whole, make_plain

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest


@dataclass(frozen=True, slots=True, eq=False)
class ValueMap:
    """Numbers for every pixel of each image as the target, such as depth.

    The map moves with the image through resizing and geometric augmentations, with the same
    interpolation as the image; other augmentations do not touch it. Missing values, and areas
    that the image does not cover after that, become `fill`; neither is mixed into its neighbours.
    Values are not changed otherwise: a depth stays the same when its image is enlarged.

    The target of a record is float32, shape (height, width, channels): stored values times
    `scale`.

    Args:
        column: Name of the column with the paths of the maps, relative to the root, as from
            `images.with_column("depth", pattern="depth/{stem}.png")`. A map has the size of its
            upright image, and is a PNG, a TIFF, a .npy file, or in another format of Pillow. For
            `ImageSequence.from_arrays`, an array of shape (n, height, width) or
            (n, height, width, channels).
        scale: Units per stored value: 0.001 for depth stored in millimetres and trained on in
            metres, 1 / 255 for alpha stored in 8 bits. None keeps the stored values.
        missing: The stored value of pixels without a measurement, often 0, or float("nan"). None
            if every pixel has a value.
        fill: The target where there is no value.
        channels: Numbers per pixel, such as 3 for surface normals.

    Raises:
        ArgumentError: An option is invalid.

    Example:
        `augseq.ValueMap("depth", scale=0.001, missing=0)`
    """

    column: str | npt.NDArray[Any]
    scale: float | None = None
    missing: float | None = None
    fill: float = 0.0
    channels: int = 1

    def __post_init__(self) -> None:
        make_plain(self, "scale", "missing", "fill", "channels")
        if not hasattr(self.column, "shape"):
            check_column_name("ValueMap", self.column, "value map")
        finite = self.scale is None or (_is_number(self.scale) and 0 < abs(self.scale) < math.inf)
        if not finite:
            raise _wrong("scale", self.scale, "a finite number other than 0, or None")
        if self.missing is not None and not _is_number(self.missing):
            raise _wrong(
                "missing", self.missing, 'a stored value, such as 0 or float("nan"), or None'
            )
        if not _is_number(self.fill):
            raise _wrong("fill", self.fill, "a number")
        check_whole("channels", self.channels, least=1)

    def __repr__(self) -> str:
        return options_text(self)

    def bind(self, manifest: "Manifest", images: ImageOptions) -> "ValueMapTarget":
        """Return the maps of the records of a manifest; see `TargetOption`.

        Args:
            manifest: The records; every one must have a path.
            images: How images are decoded.

        Raises:
            ArgumentError: The manifest does not have the column, or it is not text.
            LabelError: A record has no path.
        """
        if not isinstance(self.column, str):
            raise needs_column(self)
        option = f"ValueMap({self.column!r})"
        return self._target(map_files(manifest, option, self.column, "value map", images.decode))

    def bind_rows(self, source: ArraySource, dtype: PixelDtype, name: str) -> "ValueMapTarget":
        """Return the maps in the rows of an array.

        Args:
            source: The images of the sequence.
            dtype: Not used.
            name: Name of the argument in messages.

        Raises:
            ArgumentError: The array does not fit the images.
        """
        maps = map_rows(self, self.column, source, name=name, kind="value map", dtypes="biuf")
        found = maps.rows.shape[3] if maps.rows.ndim == 4 else 1
        if found != self.channels:
            raise ArgumentError(
                f"`{name}` must have channels={self.channels} numbers for each pixel. Received: "
                f"shape {maps.rows.shape}. Pass channels={found} to augseq.ValueMap"
            )
        return self._target(maps)

    def _target(self, maps: MapFiles | MapRows) -> "ValueMapTarget":
        return ValueMapTarget(
            maps=maps,
            scale=1.0 if self.scale is None else float(self.scale),
            missing=None if self.missing is None else float(self.missing),
            fill=float(self.fill),
            num_channels=int(self.channels),
        )


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float | np.integer | np.floating)
    return is_real and not isinstance(value, bool)


def _wrong(name: str, value: Any, expected: str) -> ArgumentError:
    return ArgumentError(
        f"`{name}` of ValueMap must be {expected}. Received: {name}={briefly(value)}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMapTarget(StoredMap):
    """The value map of a record.

    Attributes:
        maps: Where the maps are.
        scale: Units per stored value.
        missing: Stored value of pixels without a value; None if all have one.
        fill: Value of all pixels without one.
        num_channels: Numbers per pixel.
    """

    scale: float
    missing: float | None
    fill: float
    num_channels: int

    @property
    def map_kind(self) -> MapKind:
        """Always "values"."""
        return "values"

    def decoded(
        self, record: Record, shape: tuple[int, ...], content: bytes | None = None
    ) -> Image:
        """Return the values of all pixels, NaN where there are none; see `StoredMap`."""
        channels = self.num_channels
        read = self.maps.read(record, lambda data: read_values(data, shape, channels), content)
        # Larger 64-bit floats become infinite, and are refused.
        with np.errstate(over="ignore"):
            stored = read.reshape(*shape[:2], channels).astype(np.float32, copy=False)
            scaled = stored * np.float32(self.scale)
        is_known = self._known(stored, record)
        return scaled if is_known.all() else np.where(is_known[:, :, np.newaxis], scaled, np.nan)

    def moving(self, part: Image) -> Array:
        """Return values with their weights; see `with_weights`."""
        return with_weights(part, ~np.isnan(part[:, :, 0]))

    def packed(self, values: Array) -> Image:
        """Return the values with their weights, which are fractions once they are resized."""
        return values

    def unpacked(self, pixels: Image) -> Array:
        """Return what `packed` got."""
        return pixels

    def with_cache(self, cache: RecordCache) -> "ValueMapTarget":
        """Return the target with a cache of values, which depend on `scale` and `missing`."""
        if not isinstance(self.maps, MapFiles):
            return self
        maps = cache.maps(
            self.maps.files,
            f"values {self.scale} {self.missing} {self.num_channels}",
            np.float32,
            num_channels=self.num_channels,
            resized_channels=self.num_channels + 1,
        )
        return replace(self, maps=self.maps.with_cache(maps))

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the values, given the map after it has moved with the image."""
        assert image is not None
        return without_weights(image, self.fill)

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return why values such as depth cannot be blended, or an empty text."""
        if not blends:
            return ""
        return (
            "In a blend, each pixel shows two values, such as two depths, and not their average. "
            "Use only augseq.CutMix."
        )

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the values of the mixed image."""
        return mix.pixels(own, other)

    def view(self, value: Array) -> TargetView:
        """Return the values of one channel, the first of two, or three channels as a picture."""
        if self.num_channels == 3:
            return TargetView(title=self.maps.title, image=value)
        values = value[:, :, 0]
        # Without missing values, 0 is usually a value like any other.
        if self.missing is not None or self.fill != 0:
            values = np.where(values == np.float32(self.fill), np.float32(np.nan), values)
        return TargetView(title=self.maps.title, values=values)

    def _known(self, stored: npt.NDArray[np.float32], record: Record) -> npt.NDArray[np.bool_]:
        """Return which pixels have a value, shape (height, width)."""
        is_missing: npt.NDArray[np.bool_] = np.zeros(stored.shape[:2], np.bool_)
        if self.missing is not None:
            is_nan = math.isnan(self.missing)
            is_meant = np.isnan(stored) if is_nan else stored == np.float32(self.missing)
            # One channel that is not a number is enough; one that is 0 can be a value.
            is_missing = np.asarray(is_meant.any(2) if is_nan else is_meant.all(2), np.bool_)
        is_wrong = ~np.isfinite(stored).all(2) & ~is_missing
        if is_wrong.any():
            raise _not_finite(stored, is_wrong, self.maps.where(record))
        return ~is_missing

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(height, width, channels), of a size that is not known yet."""
        return (None, None, self.num_channels)

    @property
    def text(self) -> str:
        """The column, dtype and shape."""
        shape = f"float32 (height, width, {self.num_channels})"
        return f"value maps {self.maps.text}, {shape}, {self.fill:g} where unknown"

    @property
    def content(self) -> str:
        """What decides the values, beside the column and the files."""
        options = (self.scale, self.missing, self.fill, self.num_channels)
        return f"ValueMapTarget({self.maps.content}, {options})"


def _not_finite(
    stored: npt.NDArray[np.float32], is_wrong: npt.NDArray[np.bool_], where: str
) -> LabelError:
    row, column = (int(place) for place in np.argwhere(is_wrong)[0])
    pixel = stored[row, column]
    value = float(pixel[~np.isfinite(pixel)][0])
    count = int(np.count_nonzero(is_wrong))
    return LabelError(
        f"Every pixel of a value map must have a finite number, but {where} has {value} in row "
        f"{row}, column {column}, and no finite number in {count:,} of {is_wrong.size:,} pixels. "
        f'If that marks missing values, pass missing=float("{value}") to augseq.ValueMap.'
    )
