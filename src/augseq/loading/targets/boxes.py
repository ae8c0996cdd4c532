"""The boxes of the objects in an image, with their classes, for a detector."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Geometry, Size
from augseq.augment.moved_shapes import move_boxes
from augseq.augment.moving_map import MapKind, MovingMap
from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.annotated_frame import AnnotatedFrame, annotated_frame
from augseq.loading.targets.box_format import BoxFormat, format_boxes, read_boxes
from augseq.loading.targets.column_checks import (
    check_classes_option,
    check_no_missing,
    files_at,
    unknown_classes,
)
from augseq.loading.targets.target import ImageOptions, Target
from augseq.loading.targets.view import TargetView
from augseq.manifest.record import Record
from augseq.pixels.region import Region
from augseq.terminal_text import first_few, options_text
from augseq.types import Array, Image, Value
from augseq.validation import briefly, check_choice, check_number, check_whole, is_ordered

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

Excluded: TypeAlias = Literal["crowd", "difficult", "truncated"]
OtherClasses: TypeAlias = Literal["error", "exclude"]

BOXES, LABELS = "boxes", "labels"
PADDING = -1
_CLASSES = "box_classes"
_WAY_OUT = (
    "Index the annotations with augseq.index_coco, index_voc or index_yolo; an image without "
    "objects has an empty list there."
)
# Rounding alone makes no box less visible.
_ROUNDING = 1e-9
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes and classes of the objects in each image as the target.

    Boxes move with the image through resizing and geometric augmentations. Where nothing moved,
    they are exactly as annotated. A box that is partly cut off becomes the bounds of the part that
    is still visible. Images that lose all boxes are kept.

    The target of a record is a dict of two arrays, which is what Keras' and KerasHub's detectors
    expect: "boxes", float32, shape (max_boxes, 4), and "labels", int32, shape (max_boxes,). Both
    end with rows of -1. So a batch has y["boxes"] of shape (batch, max_boxes, 4) and y["labels"]
    of shape (batch, max_boxes).

    Args:
        format: How boxes are written, with the names of `keras.utils.bounding_boxes`: "xyxy",
            "yxyx", "xywh", "center_xywh", "center_yxhw", or relative to the size of the image as
            the model gets it, "rel_xyxy", "rel_yxyx", "rel_xywh" or "rel_center_xywh". Others are
            in pixels from the left and top edge, so that the box of a whole image of 100 x 200
            pixels (height x width) is (0, 0, 200, 100) in "xyxy".
        max_boxes: Number of rows, which must be enough for every image. None: the most that an
            image of the manifest has. Pass a number to give training and validation the same
            shape.
        classes: Names of the classes, in the order of their numbers. None: all classes of the
            annotations (`manifest.box_class_names`).
        other_classes: What to do about boxes of classes that are not in `classes`: "error", or
            "exclude" these boxes.
        exclude: Kinds of boxes to exclude: "crowd" (groups, in COCO), "difficult" or "truncated"
            (in Pascal VOC).
        min_visibility: Share of the area of a box, 0 to 1, that must still be visible after all
            augmentations; others are excluded from the sample. With 0, a box is excluded only if
            nothing of it is visible.
        min_area_px: Smallest area of a box in the image as the model gets it, in square pixels.

    Raises:
        ArgumentError: An option is invalid.

    Example:
        `augseq.ImageSequence(augseq.index_coco("train.json", "images"), targets=augseq.Boxes())`
    """

    format: BoxFormat = "xyxy"
    max_boxes: int | None = None
    classes: Sequence[str] | None = None
    other_classes: OtherClasses = "error"
    exclude: Sequence[Excluded] = ()
    min_visibility: float = 0.0
    min_area_px: float = 0.0

    def __post_init__(self) -> None:
        check_choice("format", self.format, get_args(BoxFormat))
        if self.max_boxes is not None:
            check_whole("max_boxes", self.max_boxes, least=1)
        check_classes_option("Boxes", self.classes)
        check_choice("other_classes", self.other_classes, get_args(OtherClasses))
        kinds = self.exclude
        if not is_ordered(kinds) or not set(kinds) <= set(get_args(Excluded)):
            raise ArgumentError(
                f"`exclude` must be a list of {', '.join(map(repr, get_args(Excluded)))}. "
                f"Received: exclude={briefly(kinds)}"
            )
        check_number("min_visibility", self.min_visibility, least=0, most=1)
        check_number("min_area_px", self.min_area_px, least=0)

    def __repr__(self) -> str:
        return options_text(self)

    def bind(self, manifest: "Manifest", images: ImageOptions) -> "BoxesTarget":
        """Return the boxes of the records of a manifest; see `TargetOption`.

        Args:
            manifest: The records; all of them are checked.
            images: How the images of the sequence are loaded.

        Raises:
            ArgumentError: The manifest has no boxes, or an image has more than `max_boxes`.
            LabelError: A record has no list of boxes, or one of a class that is not in `classes`.
        """
        check_no_missing(manifest, "Boxes", BOXES, _WAY_OUT)
        classes = tuple(manifest.box_class_names if self.classes is None else self.classes)
        flags = tuple(f"box_{kind}" for kind in self.exclude)
        images_of, names = _objects(manifest)
        is_known = np.isin(names, np.array(classes, object))
        if self.other_classes == "error" and not is_known.all():
            raise _unknown(manifest, images_of, names, is_known, classes)
        is_used = is_known & ~_flagged(manifest, flags, images_of)
        counts = np.bincount(images_of[is_used], minlength=len(manifest))
        most = int(counts.max(initial=0))
        if self.max_boxes is not None and most > self.max_boxes:
            raise _too_many(manifest, counts, self.max_boxes)
        return BoxesTarget(
            format=self.format,
            max_boxes=max(1, most) if self.max_boxes is None else int(self.max_boxes),
            classes=classes,
            flags=tuple(name for name in flags if name in manifest.table.column_names),
            min_visibility=float(self.min_visibility),
            min_area_px=float(self.min_area_px),
            frame=annotated_frame(manifest, images),
        )


def _objects(manifest: "Manifest") -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Return the position of the image, and the name of the class, of each object."""
    lists = [manifest.arrow_column(name, "Boxes").combine_chunks() for name in (BOXES, _CLASSES)]
    lengths, counts = (np.asarray(part.fill_null([]).value_lengths()) for part in lists)
    wrong = lengths != 4 * counts
    if wrong.any():
        raise LabelError(
            f"There must be four numbers in the column {BOXES!r} for each class in {_CLASSES!r}. "
            f"Received: {lengths[wrong][0]} numbers and {counts[wrong][0]} classes for "
            f"{files_at(manifest, wrong)}"
        )
    names = np.array(lists[1].flatten().to_pylist(), object)
    return np.repeat(np.arange(len(manifest)), counts), names


def _flagged(
    manifest: "Manifest", flags: Sequence[str], images_of: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return which objects have one of some flags, shape (num_objects,)."""
    is_flagged = np.zeros(len(images_of), np.bool_)
    for name in flags:
        if name in manifest.table.column_names:
            lists = manifest.arrow_column(name).combine_chunks()
            # A missing list has no flags.
            has_list = np.asarray(lists.is_valid())[images_of]
            is_flagged[has_list] |= np.array(lists.flatten().fill_null(False), np.bool_)
    return is_flagged


def _unknown(
    manifest: "Manifest",
    images_of: npt.NDArray[np.int64],
    names: npt.NDArray[Any],
    is_known: npt.NDArray[np.bool_],
    classes: Sequence[str],
) -> LabelError:
    unknown = list(dict.fromkeys(names[~is_known].tolist()))
    has_it = np.isin(np.arange(len(manifest)), images_of[names == unknown[0]])
    error = unknown_classes("Boxes", unknown, classes, files_at(manifest, has_it))
    return LabelError(f'{error} To exclude such boxes, pass other_classes="exclude".')


def _too_many(manifest: "Manifest", counts: npt.NDArray[np.int64], max_boxes: int) -> ArgumentError:
    return ArgumentError(
        f"`max_boxes` must be enough for the boxes of every image. Received: "
        f"max_boxes={max_boxes}, but there are up to {counts.max()}, in "
        f"{files_at(manifest, counts > max_boxes)}. Pass max_boxes={counts.max()}, or select "
        "other images."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxesTarget(Target):
    """The boxes and labels of a record.

    Attributes:
        format: How boxes are written.
        max_boxes: Number of rows.
        classes: Names of the classes; boxes of others are excluded.
        flags: Columns of flags; boxes with one of them are excluded.
        min_visibility: As in `Boxes`.
        min_area_px: As in `Boxes`.
        frame: The frame in which the images were annotated.
    """

    format: BoxFormat
    max_boxes: int
    classes: tuple[str, ...]
    flags: tuple[str, ...]
    min_visibility: float
    min_area_px: float
    frame: AnnotatedFrame
    _label_of: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        label_of = {name: label for label, name in enumerate(self.classes)}
        object.__setattr__(self, "_label_of", label_of)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the objects, and of the size of the image."""
        return (BOXES, _CLASSES, *self.flags, *self.frame.columns)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its arrays."""
        return (BOXES, LABELS)

    @property
    def map_kind(self) -> MapKind:
        """Always "points"."""
        return "points"

    def read_map(
        self, record: Record, shape: tuple[int, ...], region: Region, pixels: Image
    ) -> MovingMap:
        """Return the geometry of the whole image.

        Raises:
            LabelError: The image was annotated with another size.
        """
        return self.frame.geometry(record, shape)

    def load(self, record: Record, image: Any = None) -> Value:
        """Return the boxes and labels, given the geometry of the image after it has moved."""
        geometry: Geometry = image
        boxes, labels = self._annotated(record, geometry.first_size)
        boxes, shares = move_boxes(geometry, boxes)
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        is_visible = (shares > 0) & (shares >= self.min_visibility - _ROUNDING)
        is_kept = is_visible & (areas >= self.min_area_px)
        kept = format_boxes(boxes[is_kept], self.format, geometry.size)
        rows = np.full((self.max_boxes, 4), PADDING, np.float32)
        numbers = np.full(self.max_boxes, PADDING, np.int32)
        rows[: len(kept)] = kept
        numbers[: len(kept)] = labels[is_kept]
        return {BOXES: rows, LABELS: numbers}

    def _annotated(self, record: Record, size: Size) -> tuple[Array, npt.NDArray[np.int64]]:
        """Return the boxes of a record in the image as it is loaded, and their labels."""
        columns = record.columns
        boxes = np.array(columns[BOXES], np.float64).reshape(-1, 4)
        labels = np.array([self._label_of.get(name, -1) for name in columns[_CLASSES]], np.int64)
        is_used = labels >= 0
        for name in self.flags:
            is_used &= ~np.array(columns[name] or [False] * len(labels), np.bool_)
        if not is_used.all():
            boxes, labels = boxes[is_used], labels[is_used]
        if record.index in self.frame.turns:
            ends = self.frame.placed(boxes.reshape(-1, 2, 2), record, size)
            boxes = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)
        return boxes, labels

    def objects_in(self, value: Value, size: Size) -> tuple[Array, list[str]]:
        """Return the boxes of a value, and the names of their classes.

        Args:
            value: What `load` returned, or a row of a batch.
            size: (height, width) of its image in pixels.

        Returns:
            Left, top, right, bottom in pixels, float64, shape (n, 4), without padding; and n names.
        """
        assert not isinstance(value, np.ndarray)
        is_object = value[LABELS] >= 0
        boxes = read_boxes(value[BOXES][is_object], self.format, size)
        return boxes, [self.classes[label] for label in value[LABELS][is_object].tolist()]

    def view(self, value: Value) -> TargetView:
        """Return the names of the classes of the boxes."""
        _, names = self.objects_in(value, (1, 1))
        return TargetView(title=BOXES, text=first_few(names, _SHOWN) or "no boxes")

    @property
    def shape(self) -> tuple[int, ...]:
        """(max_boxes, 4), the shape of its boxes."""
        return (self.max_boxes, 4)

    @property
    def text(self) -> str:
        """The number of classes, the format, dtypes and shapes."""
        boxes, labels = (self.max_boxes, 4), (self.max_boxes,)
        return (
            f"boxes of {len(self.classes)} classes, {self.format}, float32 {boxes}, "
            f"and labels, int32 {labels}"
        )

    @property
    def content(self) -> str:
        """What decides the values, beside the columns."""
        return repr(self)
