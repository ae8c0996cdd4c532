"""The boxes of the objects in an image, with their classes, for a detector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from augseq.errors import ArgumentError
from augseq.loading.targets.annotated_frame import AnnotatedFrame, annotated_frame
from augseq.loading.targets.annotated_outlines import POLYGON_COLUMNS
from augseq.loading.targets.box_checks import (
    check_corners,
    check_counts,
    flagged,
    read_objects,
    unknown_boxes,
)
from augseq.loading.targets.box_format import CORNERS, BoxFormat
from augseq.loading.targets.boxes_target import BoxesTarget
from augseq.loading.targets.column_checks import check_classes_option, check_has_objects
from augseq.loading.targets.key_points import KeyPoints
from augseq.loading.targets.key_points_target import KeyPointsTarget
from augseq.loading.targets.mirrored_classes import check_mirror_classes, class_mirror
from augseq.loading.targets.row_objects import BOXES, row_objects
from augseq.loading.targets.target import ImageOptions
from augseq.pixels.options import PixelDtype
from augseq.pixels.source import ArraySource
from augseq.terminal_text import array_text, options_text
from augseq.validation import (
    briefly,
    check_bool,
    check_choice,
    check_number,
    check_whole,
    is_ordered,
    make_plain,
)

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

Excluded: TypeAlias = Literal["crowd", "difficult", "truncated"]
OtherClasses: TypeAlias = Literal["error", "exclude"]

_WAY_OUT = (
    "Index the annotations with augseq.index_coco, index_voc or index_yolo; an image without "
    "objects has an empty list there."
)
# The random streams have room for 256.
_MOST_ATTEMPTS = 200


@dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes and classes of the objects in each image as the target.

    Boxes move with the image through resizing and geometric augmentations. Where nothing moved,
    they are exactly as annotated. A box that is partly cut off becomes the bounds of the part that
    is still visible. Images that lose all boxes are kept.

    The target of a record is a dict of two arrays, which is what KerasHub's RetinaNet expects:
    "boxes", float32, shape (max_boxes, 4), and "labels", int32, shape (max_boxes,). Both
    end with rows of -1. So a batch has y["boxes"] of shape (batch, max_boxes, 4) and y["labels"]
    of shape (batch, max_boxes).

    Args:
        format: How boxes are written, with the names of `keras.utils.bounding_boxes`: "xyxy",
            "yxyx", "xywh", "center_xywh", "center_yxhw", or relative to the size of the image as
            the model gets it, "rel_xyxy", "rel_yxyx", "rel_xywh" or "rel_center_xywh". Others are
            in pixels from the left and top edge, so that the box of a whole image of 100 x 200
            pixels (height x width) is (0, 0, 200, 100) in "xyxy". "corners" and "rel_corners" are
            for oriented boxes, which are polygons of four points in a YOLO dataset: x and y of each
            corner, in the order of the annotations, shape (max_boxes, 4, 2). Corners can be outside
            the image. Where left and right change sides, the first two corners are exchanged, and
            the last two, so that they go round in the same direction.
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
        tight: Whether moved boxes are computed from the polygons of objects, where there are any,
            and not from the corners of their boxes. They are then smaller after a rotation.
        key_points: The key points of the same objects, as a third array "keypoints", float32, shape
            (max_boxes, num_points, 3), whose rows are those of the boxes, and 0 where there is no
            box. None: no key points.
        attempts: How often an image with boxes is augmented at most, each time with other draws,
            until one of its boxes is left; for random crops. The first attempt has the draws of
            `attempts=1`. If all of them lose all boxes, the last one is used.
        mirror: Classes that change places when left and right change sides, as in a horizontal
            flip: a dict of pairs of names, such as {"left hand": "right hand"}. None: the class of
            a box stays the same.
        arrays: For `ImageSequence.from_arrays`: a dict of "boxes", in this format, and "labels",
            perhaps "keypoints", with the shapes of a batch of all images. None for a manifest.

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
    tight: bool = False
    key_points: KeyPoints | None = None
    attempts: int = 1
    mirror: Mapping[str, str] | None = None
    arrays: Mapping[str, Any] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        make_plain(self, "classes", "exclude", "max_boxes", "min_visibility", "min_area_px")
        make_plain(self, "tight", "attempts")
        check_choice("format", self.format, get_args(BoxFormat))
        if self.max_boxes is not None:
            check_whole("max_boxes", self.max_boxes, least=1)
        check_classes_option("Boxes", self.classes)
        check_mirror_classes("Boxes", self.mirror, self.classes)
        check_choice("other_classes", self.other_classes, get_args(OtherClasses))
        kinds = self.exclude
        if not is_ordered(kinds) or not set(kinds) <= set(get_args(Excluded)):
            raise ArgumentError(
                f"`exclude` must be a list of {', '.join(map(repr, get_args(Excluded)))}. "
                f"Received: exclude={briefly(kinds)}"
            )
        check_number("min_visibility", self.min_visibility, least=0, most=1)
        check_number("min_area_px", self.min_area_px, least=0)
        check_bool("tight", self.tight)
        if self.key_points is not None and not isinstance(self.key_points, KeyPoints):
            raise ArgumentError(
                "`key_points` of Boxes must be augseq.KeyPoints(...), or None. "
                f"Received: key_points={briefly(self.key_points)}"
            )
        check_whole("attempts", self.attempts, least=1, most=_MOST_ATTEMPTS)

    def __repr__(self) -> str:
        if self.arrays is None:
            return options_text(self)
        return options_text(self, arrays=f"<{array_text(self.arrays)}>")

    def bind(self, manifest: "Manifest", images: ImageOptions) -> "BoxesTarget":
        """Return the boxes of the records of a manifest; see `TargetOption`.

        Args:
            manifest: The records; all of them are checked.
            images: How the images of the sequence are loaded.

        Raises:
            ArgumentError: The manifest has no boxes, or an image has more than `max_boxes`.
            LabelError: A record has no list of boxes, or one of a class that is not in `classes`.
        """
        if self.arrays is not None:
            raise ArgumentError(
                f"Only ImageSequence.from_arrays takes Boxes with `arrays`. Received: {self}"
            )
        check_has_objects(manifest, "Boxes", BOXES, _WAY_OUT)
        classes = tuple(manifest.box_class_names if self.classes is None else self.classes)
        if not classes:
            raise ArgumentError(
                "Boxes requires the names of the classes, which this manifest does not have. Pass "
                'classes=images.unique("box_classes"), with the whole manifest as `images`. '
                f"Received: {self}"
            )
        existing = manifest.table.column_names
        flags = tuple(name for kind in self.exclude if (name := f"box_{kind}") in existing)
        images_of, names = read_objects(manifest)
        known = set(classes)
        # `np.isin` would compare each name with each class.
        is_known = np.array([name in known for name in names], np.bool_)
        if self.other_classes == "error" and not is_known.all():
            raise unknown_boxes(manifest, images_of, names, is_known, classes)
        is_used = is_known & ~flagged(manifest, flags, images_of)
        if self.format in CORNERS:
            check_corners(manifest, images_of, is_used)
        most = check_counts(manifest, images_of[is_used], self.max_boxes)
        uses_polygons = self.tight or self.format in CORNERS
        return BoxesTarget(
            format=self.format,
            max_boxes=max(1, most) if self.max_boxes is None else int(self.max_boxes),
            classes=classes,
            flags=flags,
            outlines=tuple(n for n in POLYGON_COLUMNS if n in existing) if uses_polygons else (),
            min_visibility=float(self.min_visibility),
            min_area_px=float(self.min_area_px),
            key_points=self._bound_points(manifest, images),
            attempts=int(self.attempts),
            class_mirror=class_mirror("Boxes", self.mirror, classes),
            frame=annotated_frame(manifest, images),
            most=most,
        )

    def bind_rows(self, source: ArraySource, dtype: PixelDtype, name: str) -> "BoxesTarget":
        """Return the boxes of the images in an array.

        Args:
            source: The images of the sequence.
            dtype: Not used.
            name: Name of the argument in messages.

        Raises:
            ArgumentError: The arrays do not fit the images, or an option requires a manifest.
        """
        num_images, height, width, _ = source.images.shape
        rows = row_objects(
            self.arrays,
            self.format,
            None if self.classes is None else tuple(self.classes),
            num_images=num_images,
            size=(height, width),
            name=name,
        )
        if self.exclude or (rows.points is None) != (self.key_points is None):
            raise ArgumentError(
                f"`{name}`: Boxes of arrays take no `exclude`, and `key_points` only with an array "
                f'"keypoints". Received: {self}'
            )
        most = int((rows.labels >= 0).sum(axis=1).max(initial=0))
        if self.max_boxes is not None and most > self.max_boxes:
            raise ArgumentError(
                "`max_boxes` must be enough for the boxes of every image. Received: "
                f"max_boxes={self.max_boxes}, but there are up to {most}"
            )
        points = None
        if self.key_points is not None and rows.points is not None:
            points = self.key_points.of_rows(rows.points.shape[2])
        return BoxesTarget(
            format=self.format,
            max_boxes=self.max_boxes or rows.labels.shape[1],
            classes=rows.classes,
            flags=(),
            outlines=POLYGON_COLUMNS if rows.is_oriented else (),
            min_visibility=float(self.min_visibility),
            min_area_px=float(self.min_area_px),
            key_points=points,
            attempts=int(self.attempts),
            class_mirror=class_mirror("Boxes", self.mirror, rows.classes),
            frame=AnnotatedFrame((), {}),
            rows=rows,
            most=most,
        )

    def _bound_points(self, manifest: "Manifest", images: ImageOptions) -> KeyPointsTarget | None:
        if self.key_points is None:
            return None
        return self.key_points.bind(manifest, images, with_boxes=True)
