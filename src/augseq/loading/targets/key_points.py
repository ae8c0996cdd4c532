"""The key points of the objects in an image, such as joints of a body or corners of a face."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.targets.annotated_frame import AnnotatedFrame, annotated_frame
from augseq.loading.targets.annotated_points import (
    annotated_mirror,
    annotated_num_points,
)
from augseq.loading.targets.column_checks import check_has_objects, files_at
from augseq.loading.targets.key_points_target import COUNTS, KeyPointsTarget
from augseq.loading.targets.row_objects import POINTS
from augseq.loading.targets.skeletons import common_edges
from augseq.loading.targets.target import ImageOptions
from augseq.manifest.categories import key_point_names
from augseq.manifest.mirrored_points import check_mirror, fitting_mirror
from augseq.terminal_text import options_text
from augseq.validation import check_bool, check_choice, check_whole, make_plain

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

_WAY_OUT = (
    "Index annotations with key points, with augseq.index_coco or augseq.index_yolo; an image "
    "without objects has an empty list there."
)


@dataclass(frozen=True, slots=True)
class KeyPoints:
    """The key points of the objects in each image as the target.

    Points move with the image through resizing and geometric augmentations. Where nothing moved,
    they are exactly as annotated. When left and right change sides, as in a horizontal flip, so do
    the points of a pair, such as the left and the right eye.

    The target of a record is float32, shape (num_points, 3), for one object in each image; with
    `max_objects`, shape (max_objects, num_points, 3). Each point is x, y and visibility: 2 for
    visible, 1 for hidden. Points that are not labelled, or outside the image, are (0, 0, 0), and so
    are all points of missing objects.

    Args:
        max_objects: Number of objects, which must be enough for every image. None: one object for
            each image, without an axis of its own.
        mirror: For each point, the number of the point that it changes places with when left and
            right change sides, such as [0, 2, 1] for a nose and two eyes. None: the `flip_idx` of
            a YOLO dataset, or pairs of names such as "left_eye" and "right_eye".
        relative: Whether x and y are relative to the size of the image as the model gets it, 0 to
            1; otherwise they are in pixels.
        pixel_centre: Coordinate of the centre of the first pixel: 0.5 if points are measured from
            the left and top edge of the image, like boxes; 0 if they are numbers of pixels, as
            some labelling tools write them.

    Raises:
        ArgumentError: An option is invalid.

    Example:
        `augseq.KeyPoints(max_objects=10)`
    """

    max_objects: int | None = None
    mirror: Sequence[int] | None = None
    relative: bool = False
    pixel_centre: float = 0.5

    def __post_init__(self) -> None:
        make_plain(self, "max_objects", "mirror", "relative", "pixel_centre")
        if self.max_objects is not None:
            check_whole("max_objects", self.max_objects, least=1)
        if self.mirror is not None:
            check_mirror(self.mirror)
        check_bool("relative", self.relative)
        check_choice("pixel_centre", self.pixel_centre, (0, 0.5))

    def __repr__(self) -> str:
        return options_text(self)

    def bind(
        self, manifest: "Manifest", images: ImageOptions, *, with_boxes: bool = False
    ) -> "KeyPointsTarget":
        """Return the key points of the records of a manifest; see `TargetOption`.

        Args:
            manifest: The records; all of them are checked.
            images: How the images of the sequence are loaded.
            with_boxes: Whether they belong to boxes, of which there can be any number.

        Raises:
            ArgumentError: The manifest has no key points, an image has more objects than
                `max_objects`, or `mirror` does not fit.
            LabelError: A record has no list of key points, or objects differ in their number.
        """
        check_has_objects(manifest, "KeyPoints", COUNTS, _WAY_OUT)
        check_has_objects(manifest, "KeyPoints", POINTS, _WAY_OUT)
        lists = manifest.arrow_column(COUNTS).combine_chunks()
        counts = np.array(lists.flatten().fill_null(0), np.int64)
        images_of = np.repeat(np.arange(len(manifest)), np.asarray(lists.value_lengths()))
        images_of, counts = images_of[counts > 0], counts[counts > 0]
        num_points = annotated_num_points(manifest, images_of, counts)
        points = np.asarray(manifest.arrow_column(POINTS).combine_chunks().flatten())
        has_any = points.reshape(len(counts), num_points, 3)[..., 2].any(axis=1)
        objects = np.bincount(images_of[has_any], minlength=len(manifest))
        if with_boxes and self.max_objects is not None:
            raise ArgumentError(
                "`max_objects` of the KeyPoints of Boxes must be None: there are as many objects "
                f"as boxes. Received: {self}"
            )
        if not with_boxes and objects.max(initial=0) > (self.max_objects or 1):
            raise _too_many(manifest, objects, self.max_objects)
        names = key_point_names(manifest.dataset_info, num_points)
        return KeyPointsTarget(
            max_objects=self.max_objects,
            num_points=num_points,
            names=names,
            mirror=annotated_mirror(self.mirror, manifest, num_points, names),
            relative=self.relative,
            pixel_centre=float(self.pixel_centre),
            frame=annotated_frame(manifest, images),
            edges=common_edges(manifest.dataset_info, num_points),
        )

    def of_rows(self, num_points: int) -> "KeyPointsTarget":
        """Return the key points of boxes in arrays.

        Args:
            num_points: Number of points of an object.

        Raises:
            ArgumentError: `mirror` does not have a number for each point.
        """
        return KeyPointsTarget(
            max_objects=None,
            num_points=num_points,
            names=(),
            mirror=None if self.mirror is None else fitting_mirror(self.mirror, num_points),
            relative=self.relative,
            pixel_centre=float(self.pixel_centre),
            frame=AnnotatedFrame((), {}),
        )


def _too_many(
    manifest: "Manifest", objects: npt.NDArray[np.int64], max_objects: int | None
) -> ArgumentError:
    files = files_at(manifest, objects > (max_objects or 1))
    if max_objects is None:
        return ArgumentError(
            "KeyPoints without `max_objects` requires at most one object with key points in each "
            f"image. Received: up to {objects.max()}, in {files}. Pass "
            f"max_objects={objects.max()} for an axis of objects."
        )
    return ArgumentError(
        f"`max_objects` must be enough for the objects of every image. Received: "
        f"max_objects={max_objects}, but there are up to {objects.max()} with key points, in "
        f"{files}. Pass max_objects={objects.max()}, or select other images."
    )
