"""A mask of each image: the class of every pixel, which moves with the image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.mixing import Mix
from augseq.augment.moving_map import UNCOVERED, MapKind
from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.column_checks import check_classes_option
from augseq.loading.targets.map_file import MapFiles, check_column_name, map_files
from augseq.loading.targets.map_rows import MapRows, map_rows, needs_column
from augseq.loading.targets.mirrored_classes import (
    ClassMirror,
    check_mirror_classes,
    class_mirror,
    mirror_text,
)
from augseq.loading.targets.stored_map import StoredMap
from augseq.loading.targets.target import ImageOptions
from augseq.loading.targets.view import TargetView
from augseq.manifest.record import Record
from augseq.pixels.cache.record_cache import RecordCache
from augseq.pixels.mask_file import read_mask
from augseq.pixels.options import PixelDtype
from augseq.pixels.source import ArraySource
from augseq.terminal_text import options_text
from augseq.types import Array, Image
from augseq.validation import briefly, check_bool, check_whole, did_you_mean, is_whole, make_plain

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

Value: TypeAlias = int | tuple[int, int, int]
"""A palette index, a grey value, or a colour (red, green, blue), as stored in a mask."""

_UNKNOWN = UNCOVERED - 1
_MOST_CLASSES = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A mask of each image as the target: the class of every pixel.

    The mask moves with the image through resizing and geometric augmentations, each pixel to its
    nearest neighbour; other augmentations do not touch it. Areas that the image does not cover
    after that, such as the corners of a rotated one, are ignored.

    The target of a record is int32, shape (height, width), for sparse losses; with `one_hot`,
    float32, shape (height, width, num_classes), in which an ignored pixel is all 0.

    Args:
        column: Name of the column with the paths of the masks, relative to the root, as from
            `images.with_column("mask", pattern="masks/{stem}.png")`. A mask has the size of its
            upright image, and a lossless format such as PNG. For `ImageSequence.from_arrays`, an
            array of integers or booleans, shape (n, height, width), or (n, height, width, 3) for
            colours.
        classes: Names of the classes, in the order of their numbers.
        ignore: Number of ignored pixels in the target, outside of those of the classes; pass the
            same to the loss: `SparseCategoricalCrossentropy(ignore_class=255)`.
        coding: The class of each stored value, by name; None for ignored. Values are palette
            indices (not the colours of the palette), grey values, or colours
            (red, green, blue). Several values can be one class. If None, value k is
            class k, and the value `ignore` is ignored.
        one_hot: Whether each class gets a channel of its own.
        mirror: Classes that change places when left and right change sides, as in a horizontal
            flip: a dict of pairs of names, such as {"left hand": "right hand"}. None: the class of
            a pixel stays the same.

    Raises:
        ArgumentError: An option is invalid.

    Example:
        `augseq.Mask("mask", classes=["background", "cell"], coding={0: "background", 255: "cell"})`
    """

    column: str | npt.NDArray[Any]
    classes: Sequence[str]
    ignore: int = 255
    coding: Mapping[Any, str | None] | None = None
    one_hot: bool = False
    mirror: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        make_plain(self, "classes", "ignore", "coding", "one_hot")
        if not hasattr(self.column, "shape"):
            check_column_name("Mask", self.column, "mask")
        check_classes_option("Mask", self.classes)
        if self.classes is None or not all(isinstance(name, str) for name in self.classes):
            raise ArgumentError(
                "`classes` of Mask must be a list of names, in the order of their numbers. "
                f"Received: classes={briefly(self.classes)}"
            )
        check_mirror_classes("Mask", self.mirror, self.classes)
        check_whole("ignore", self.ignore, least=-1, most=2**31 - 1)
        if 0 <= self.ignore < len(self.classes) or len(self.classes) > _MOST_CLASSES:
            raise ArgumentError(
                f"`ignore` must not be the number of a class, 0 to {len(self.classes) - 1}. "
                f"Received: ignore={self.ignore}"
            )
        _check_coding(self.coding, self.classes)
        check_bool("one_hot", self.one_hot)

    def __repr__(self) -> str:
        return options_text(self)

    def bind(self, manifest: "Manifest", images: ImageOptions) -> "MaskTarget":
        """Return the masks of the records of a manifest; see `TargetOption`.

        Args:
            manifest: The records; every one must have a path.
            images: How images are decoded.

        Raises:
            ArgumentError: The manifest does not have the column, or it is not text.
            LabelError: A record has no path.
        """
        if not isinstance(self.column, str):
            raise needs_column(self)
        option = f"Mask({self.column!r})"
        return self._target(map_files(manifest, option, self.column, "mask", images.decode))

    def bind_rows(self, source: ArraySource, dtype: PixelDtype, name: str) -> "MaskTarget":
        """Return the masks in the rows of an array.

        Args:
            source: The images of the sequence.
            dtype: Not used.
            name: Name of the argument in messages.

        Raises:
            ArgumentError: The array does not fit the images.
        """
        masks = map_rows(self, self.column, source, name=name, kind="mask", dtypes="biu")
        *_, last = shape = masks.rows.shape
        if len(shape) == 4 and last != 1 and (last != 3 or masks.rows.dtype != np.uint8):
            raise ArgumentError(
                f"`{name}` must contain one integer for each pixel, or colours, uint8 and of 3 "
                f"channels. Received: shape {shape}, dtype {masks.rows.dtype}. To convert one-hot "
                "masks: masks.argmax(-1)"
            )
        return self._target(masks)

    def _target(self, masks: MapFiles | MapRows) -> "MaskTarget":
        coding = self.coding
        if coding is None:
            coding = {**dict(enumerate(self.classes)), self.ignore: None}
        return MaskTarget(
            maps=masks,
            classes=tuple(self.classes),
            ignore=self.ignore,
            one_hot=bool(self.one_hot),
            coding=tuple(coding.items()),
            class_mirror=class_mirror("Mask", self.mirror, self.classes),
        )


def _check_coding(coding: Any, classes: Sequence[str]) -> None:
    if coding is None:
        return
    example = '{0: "road", 1: "car", 255: None} or {(128, 64, 128): "road"}'
    if not isinstance(coding, Mapping) or not coding:
        raise ArgumentError(
            f"`coding` must be a dict from stored values to classes, such as {example}. "
            f"Received: coding={briefly(coding)}"
        )
    are_colors = {isinstance(value, tuple) for value in coding}
    if len(are_colors) > 1 or not all(map(_is_value, coding)):
        raise ArgumentError(
            "The keys of `coding` must be integers of at least 0, or colours (red, green, blue) "
            "from 0 to 255, not both (at the shell: --mask-coding). "
            f"Received: {briefly(list(coding))}"
        )
    unknown = [name for name in coding.values() if name is not None and name not in classes]
    if unknown:
        raise ArgumentError(
            "The values of `coding` must be in `classes`, or None for ignored pixels (at the "
            "shell: --mask-coding and --mask-classes). "
            f"Received: {unknown[0]!r}.{did_you_mean(str(unknown[0]), list(classes))}"
        )


def _is_value(value: Any) -> bool:
    if isinstance(value, tuple):
        return len(value) == 3 and all(is_whole(part) and 0 <= part <= 255 for part in value)
    return is_whole(value) and 0 <= value < 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskTarget(StoredMap):
    """The mask of a record, with the class of every pixel.

    Attributes:
        maps: Where the masks are.
        classes: Names of the classes.
        ignore: Number of ignored pixels in the target.
        one_hot: Whether each class gets a channel of its own.
        coding: Stored values, each with the name of its class, or None for ignored.
        class_mirror: Which classes change places in a mirrored image; None if none do.
    """

    classes: tuple[str, ...]
    ignore: int
    one_hot: bool
    coding: tuple[tuple[Value, str | None], ...]
    class_mirror: ClassMirror | None = field(default=None)
    _keys: npt.NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _codes: npt.NDArray[np.uint16] = field(init=False, repr=False, compare=False)
    _byte_codes: bytes | None = field(init=False, repr=False, compare=False)
    _is_plain: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numbers = {name: number for number, name in enumerate(self.classes)} | {None: UNCOVERED}
        table = sorted((_key(value), numbers[name]) for value, name in self.coding)
        object.__setattr__(self, "_keys", np.array([key for key, _ in table], np.int64))
        object.__setattr__(self, "_codes", np.array([code for _, code in table], np.uint16))
        small = _table(self._keys, self._codes, 256).astype(np.int8).tobytes()
        # As signed bytes, `UNCOVERED` and `_UNKNOWN` are -1 and -2, which must not be classes.
        object.__setattr__(self, "_byte_codes", small if len(self.classes) <= 128 else None)
        # Whether the stored bytes are the class numbers already, and 255 is ignored.
        numbered = [*((k, name) for k, name in enumerate(self.classes)), (255, None)]
        is_plain = self._byte_codes is not None and dict(self.coding) == dict(numbered)
        object.__setattr__(self, "_is_plain", is_plain)

    @property
    def map_kind(self) -> MapKind:
        """Always "labels"."""
        return "labels"

    @property
    def _dtype(self) -> type[np.unsignedinteger[Any]]:
        """The dtype of stored class numbers; its largest number is an ignored pixel."""
        return np.uint8 if self._byte_codes is not None else np.uint16

    def decoded(
        self, record: Record, shape: tuple[int, ...], content: bytes | None = None
    ) -> Image:
        """Return the class of every pixel, shape (height, width, 1); see `StoredMap`."""
        values = self.maps.read(record, lambda data: read_mask(data, shape), content)
        if values.ndim == 3 and values.shape[2] == 1:
            values = values[:, :, 0]
        values = values.view(np.uint8) if values.dtype == np.bool_ else values
        return self._coded(values, record)[:, :, np.newaxis]

    def moving(self, part: Image) -> npt.NDArray[np.uint16]:
        """Return class numbers as uint16, shape (height, width), `UNCOVERED` where ignored."""
        codes = part[:, :, 0]
        if codes.dtype == np.uint8:
            # As a signed byte, 255 is -1, and so `UNCOVERED`.
            return codes.view(np.int8).astype(np.int16).view(np.uint16)
        return codes.astype(np.uint16)

    def packed(self, values: Array) -> Image:
        """Return class numbers of the stored dtype, shape (height, width, 1)."""
        # The low byte of `UNCOVERED` is 255.
        return values.astype(self._dtype)[:, :, np.newaxis]

    def unpacked(self, pixels: Image) -> Array:
        """Return what `packed` got."""
        return self.moving(pixels)

    def with_cache(self, cache: RecordCache) -> "MaskTarget":
        """Return the target with a cache of class numbers, which depend on the coding."""
        if not isinstance(self.maps, MapFiles):
            return self
        content = f"labels {self._keys.tolist()} {self._codes.tolist()} {self._has_colors}"
        maps = cache.maps(self.maps.files, content, self._dtype)
        return replace(self, maps=self.maps.with_cache(maps))

    def load(self, record: Record, image: Image | None = None) -> Array:
        """Return the class of every pixel, given the mask after it has moved with the image."""
        assert image is not None
        if self.one_hot:
            # The row after those of the classes is that of ignored pixels.
            rows = np.eye(len(self.classes) + 1, len(self.classes), dtype=np.float32)
            return rows[np.minimum(image, len(self.classes))]
        numbers = image.astype(np.int32)
        # A third of the time of `np.where`.
        np.copyto(numbers, self.ignore, where=image == UNCOVERED)
        return numbers

    def mirrored(self, value: Array) -> Array:
        """Return the classes of the mirrored image."""
        assert self.class_mirror is not None
        if self.one_hot:
            return self.class_mirror.columns(value)
        is_class = value != self.ignore
        found = value.copy()
        found[is_class] = self.class_mirror.numbers(value[is_class])
        return found

    def mixing_obstacle(self, *, blends: bool) -> str:
        """Return why class numbers cannot be blended, or an empty text."""
        if not blends or self.one_hot:
            return ""
        return (
            "In a blend, each pixel has two classes, which one number cannot say. Use only "
            "augseq.CutMix, or pass one_hot=True to augseq.Mask for a share of each class."
        )

    def mixed(self, own: Array, other: Array, mix: Mix, image: Image) -> Array:
        """Return the mask of the mixed image; in a blend, the share of each class.

        A pixel that one of the images ignores has only the share of the other.
        """
        return mix.pixels(own, other)

    def view(self, value: Array) -> TargetView:
        """Return the class of every pixel."""
        if self.one_hot:
            labels = np.where(value.any(axis=2), value.argmax(axis=2), -1)
        else:
            labels = np.where(value == self.ignore, -1, value)
        return TargetView(title=self.maps.title, labels=labels, class_names=self.classes)

    @property
    def _has_colors(self) -> bool:
        return isinstance(self.coding[0][0], tuple)

    def _coded(self, values: npt.NDArray[Any], record: Record) -> Image:
        """Return the class number of each pixel, of the stored dtype."""
        has_colors = self._has_colors
        if has_colors != (values.ndim == 3):
            stored = "colours (RGB)" if values.ndim == 3 else "palette indices or grey values"
            expected = "colours" if has_colors else "integers"
            raise LabelError(
                f"The coding has {expected}, but {self.maps.where(record)} has {stored}. Pass "
                "their classes as `coding` of augseq.Mask, such as "
                + (
                    '{(0, 0, 0): "road"} (at the shell: --mask-coding "#000000=road").'
                    if values.ndim == 3
                    else '{0: "road"} (at the shell: --mask-coding 0=road).'
                )
            )
        if self._is_plain and values.dtype == np.uint8:
            # As a signed byte, 255 is -1, and so `UNCOVERED`; 128 to 254 are less.
            signed = np.ascontiguousarray(values).view(np.int8)
            if signed.max() < len(self.classes) and signed.min() >= -1:
                return signed.view(np.uint8)
        codes: npt.NDArray[Any]
        keys = _packed(values) if has_colors else values
        if keys.dtype == np.uint8 and self._byte_codes is not None:
            # A third of the time of an index array.
            coded = np.frombuffer(keys.tobytes().translate(self._byte_codes), np.uint8)
            codes = coded.reshape(keys.shape)
        elif keys.dtype == np.uint8:
            codes = _table(self._keys, self._codes, 256)[keys]
        elif keys.dtype == np.uint16:
            codes = _table(self._keys, self._codes, 65_536)[keys]
        else:
            places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            codes = np.where(self._keys[places] == keys, self._codes[places], _UNKNOWN)
        # As a byte, 254.
        is_unknown = codes == np.array(_UNKNOWN).astype(codes.dtype)
        if is_unknown.any():
            raise _unknown(values, is_unknown, self.maps.where(record), self)
        return codes.astype(self._dtype, copy=False)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(height, width) or (height, width, num_classes), of sizes that are not known yet."""
        return (None, None, len(self.classes)) if self.one_hot else (None, None)

    @property
    def text(self) -> str:
        """The column and classes, dtype and shape."""
        shape = f"float32 (height, width, {len(self.classes)})"
        if not self.one_hot:
            shape = f"int32 (height, width), {self.ignore} ignored"
        return f"masks {self.maps.text} of {len(self.classes)} classes, {shape}"

    @property
    def content(self) -> str:
        """What decides the values, beside the column and the files."""
        options = (self.classes, self.ignore, self.one_hot, self.coding)
        return f"MaskTarget({self.maps.content}, {options}){mirror_text(self.class_mirror)}"


def _key(value: Value) -> int:
    if isinstance(value, tuple):
        return (int(value[0]) << 16) | (int(value[1]) << 8) | int(value[2])
    return int(value)


def _packed(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    wide = colors.astype(np.int32)
    return (wide[:, :, 0] << 16) | (wide[:, :, 1] << 8) | wide[:, :, 2]


def _table(
    keys: npt.NDArray[np.int64], codes: npt.NDArray[np.uint16], size: int
) -> npt.NDArray[np.uint16]:
    table = np.full(size, _UNKNOWN, np.uint16)
    fits = (keys >= 0) & (keys < size)
    table[keys[fits]] = codes[fits]
    return table


def _unknown(
    values: npt.NDArray[Any], is_unknown: npt.NDArray[np.bool_], where: str, target: MaskTarget
) -> LabelError:
    row, column = (int(place) for place in np.argwhere(is_unknown)[0])
    value = values[row, column]
    count = int(np.count_nonzero((values == value).reshape(*is_unknown.shape, -1).all(2)))
    shown = tuple(value.tolist()) if values.ndim == 3 else int(value)
    at_shell = f"#{bytes(shown).hex()}" if isinstance(shown, tuple) else shown
    known = [stored for stored, _ in target.coding]
    return LabelError(
        f"Every pixel of a mask must have a known value, but {where} has {shown} in row {row}, "
        f"column {column}, and in {count:,} of {is_unknown.size:,} pixels. Known values: "
        f"{briefly(known)}. Pass all values as `coding` of augseq.Mask, with {{{shown}: None}} to "
        f"ignore this one (at the shell: --mask-coding with '{at_shell}=ignored')."
    )
