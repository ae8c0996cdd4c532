"""The key points of the objects in an image, such as joints of a body or corners of a face."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from augseq.augment.geometry import Geometry
from augseq.augment.moved_shapes import move_points
from augseq.augment.moving_map import MapKind, MovingMap
from augseq.errors import ArgumentError, LabelError
from augseq.loading.targets.annotated_frame import AnnotatedFrame, annotated_frame
from augseq.loading.targets.column_checks import check_has_objects, files_at
from augseq.loading.targets.skeletons import common_edges
from augseq.loading.targets.target import ImageOptions, Target
from augseq.loading.targets.view import ObjectsView, Skeleton, TargetView
from augseq.manifest.record import Record
from augseq.pixels.region import Region
from augseq.terminal_text import options_text
from augseq.types import Array, Image
from augseq.validation import briefly, check_choice, check_whole, is_ordered, is_whole

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

POINTS, COUNTS = "keypoints", "box_keypoints"
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
            a YOLO dataset, or pairs of names such as "left_eye" and "right_eye" of COCO.
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
        if self.max_objects is not None:
            check_whole("max_objects", self.max_objects, least=1)
        if self.mirror is not None:
            _check_mirror(self.mirror)
        check_choice("relative", self.relative, (False, True))
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
        num_points = _num_points(manifest, images_of, counts)
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
        names = _point_names(manifest, num_points)
        return KeyPointsTarget(
            max_objects=self.max_objects,
            num_points=num_points,
            names=names,
            mirror=_mirror_of(self.mirror, manifest, num_points, names),
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
            mirror=None if self.mirror is None else _checked_mirror(self.mirror, num_points),
            relative=self.relative,
            pixel_centre=float(self.pixel_centre),
            frame=AnnotatedFrame((), {}),
        )


def _check_mirror(mirror: Any, name: str = "`mirror`") -> None:
    is_list = is_ordered(mirror) and all(map(is_whole, mirror))
    numbers = np.array(list(mirror), np.int64) if is_list else np.zeros(0, np.int64)
    is_right = sorted(numbers.tolist()) == list(range(len(numbers)))
    if not len(numbers) or not is_right or (numbers[numbers] != np.arange(len(numbers))).any():
        raise ArgumentError(
            f"{name} must have the number of a partner for each point, from 0, or its own number, "
            f"such as [0, 2, 1] for a nose and two eyes. Received: {briefly(mirror)}"
        )


def _num_points(
    manifest: "Manifest", images_of: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> int:
    """Return the number of key points, which must be the same for all objects that have any.

    Raises:
        LabelError: It is not the same, or no object has any and the dataset does not state it.
    """
    numbers = np.unique(counts)
    if len(numbers) > 1:
        has_it = np.isin(np.arange(len(manifest)), images_of[counts == numbers[1]])
        raise LabelError(
            "KeyPoints requires the same number of points for all objects that have any. Received: "
            f"{numbers.tolist()} points; {numbers[1]} for {files_at(manifest, has_it)}. Select the "
            "images of one kind of objects."
        )
    if len(numbers):
        return int(numbers[0])
    named = {len(c["keypoints"]) for c in _categories(manifest) if c.get("keypoints")}
    named |= set((_info(manifest).get("kpt_shape") or ())[:1])
    if len(named) == 1:
        return int(named.pop())
    raise LabelError("KeyPoints requires objects with key points. Received: none in any image")


def _info(manifest: "Manifest") -> dict[str, Any]:
    return json.loads(manifest.dataset_info) if manifest.dataset_info else {"categories": []}


def _categories(manifest: "Manifest") -> list[dict[str, Any]]:
    categories: list[dict[str, Any]] = _info(manifest)["categories"]
    return [c for c in categories if isinstance(c.get("keypoints", []), list)]


def _point_names(manifest: "Manifest", num_points: int) -> tuple[str, ...]:
    """Return the names of the points; empty if they have none, or categories contradict."""
    found = {tuple(map(str, c["keypoints"])) for c in _categories(manifest) if c.get("keypoints")}
    return found.pop() if len(found) == 1 and {len(n) for n in found} == {num_points} else ()


def _mirror_of(
    wanted: Sequence[int] | None, manifest: "Manifest", num_points: int, names: Sequence[str]
) -> tuple[int, ...] | None:
    """Return the partner of each point; None if it is not known.

    Raises:
        ArgumentError: There is not one for each point.
    """
    mirror = wanted
    if mirror is None:
        mirror = _info(manifest).get("flip_idx")
        if mirror is not None:
            _check_mirror(mirror, "`flip_idx` of the annotations")
    if mirror is None and not names:
        return None
    if mirror is None:
        others = [other if (other := _other_side(name)) in names else name for name in names]
        return tuple(names.index(other) for other in others)
    return _checked_mirror(mirror, num_points)


def _checked_mirror(mirror: Sequence[int], num_points: int) -> tuple[int, ...]:
    if len(mirror) != num_points:
        raise ArgumentError(
            f"`mirror` must have a number for each of the {num_points} points. Received: "
            f"mirror={briefly(list(mirror))}"
        )
    return tuple(map(int, mirror))


def _other_side(name: str) -> str:
    """Return the name of a point after left and right have changed sides.

    >>> _other_side("left_eye"), _other_side("RightEye"), _other_side("l-hip"), _other_side("nose")
    ('right_eye', 'LeftEye', 'r-hip', 'nose')
    """
    found = _SIDE.search(name)
    if found is None:
        return name
    word = found.group()
    other = _SIDES[word.lower()]
    other = other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other
    return name[: found.start()] + other + name[found.end() :]


_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}
_SIDE = re.compile(r"left|right|(?<![a-z])[lr](?![a-z])", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPointsTarget(Target):
    """The key points of a record.

    Attributes:
        max_objects: As in `KeyPoints`.
        num_points: Number of points of an object.
        names: Their names; empty if not known.
        mirror: The number of the partner of each point; None if not known.
        relative: As in `KeyPoints`.
        pixel_centre: As in `KeyPoints`.
        frame: The frame in which the images were annotated.
        edges: Pairs of points to connect with a line.
    """

    max_objects: int | None
    num_points: int
    names: tuple[str, ...]
    mirror: tuple[int, ...] | None
    relative: bool
    pixel_centre: float
    frame: AnnotatedFrame
    # Only for pictures.
    edges: tuple[tuple[int, int], ...] = field(default=(), repr=False, compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the key points, and of the size of the image."""
        return (COUNTS, POINTS, *self.frame.columns)

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

    def load(self, record: Record, image: Any = None) -> Array:
        """Return the key points, given the geometry of the image after it has moved.

        Raises:
            LabelError: Left and right changed sides, and the partners of the points are not known.
        """
        objects, has_any = self.of_objects(record, image)
        rows = np.zeros((self.max_objects or 1, self.num_points, 3), np.float32)
        rows[: np.count_nonzero(has_any)] = objects[has_any]
        return rows[0] if self.max_objects is None else rows

    def of_objects(
        self, record: Record, geometry: Geometry
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return the key points of all objects of a record, and which objects are labelled.

        Args:
            record: The record.
            geometry: That of its image, after it has moved.

        Returns:
            Points, shape (n, num_points, 3), with zeros for objects that are not labelled; and
            flags, shape (n,).

        Raises:
            LabelError: As `load`.
        """
        counts = record.columns[COUNTS]
        found = np.zeros((len(counts), self.num_points, 3))
        has_points = np.array([bool(count) for count in counts], np.bool_)
        found[has_points] = np.array(record.columns[POINTS]).reshape(-1, self.num_points, 3)
        is_labelled = found[..., 2] > 0
        points, is_visible = self._moved(found[..., :2], record, geometry)
        if self.relative:
            points = points / geometry.size[::-1]
        found[..., :2] = points
        found[~(is_labelled & is_visible)] = 0
        if geometry.is_mirrored:
            found = found[:, self._partners(record)]
        return found, np.asarray(is_labelled.any(axis=1), np.bool_)

    def _moved(
        self, points: npt.NDArray[np.float64], record: Record, geometry: Geometry
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return annotated points where they are now, and whether they are visible."""
        if not geometry.steps and record.index not in self.frame.turns:
            # Also without rounding.
            return points, np.ones(points.shape[:-1], np.bool_)
        shift = 0.5 - self.pixel_centre
        points = self.frame.placed(points + shift, record, geometry.first_size)
        points, is_visible = move_points(geometry, points)
        return points - shift, is_visible

    def _partners(self, record: Record) -> list[int]:
        if self.mirror is None:
            raise LabelError(
                f"Left and right changed sides in {record}, but the annotations do not say which "
                "key points then change places. Pass `mirror` to augseq.KeyPoints: the number of "
                "a partner for each point, or its own number, such as [0, 2, 1] for a nose and two "
                f"eyes. Received: {self.num_points} points"
            )
        return list(self.mirror)

    def view(self, value: Array) -> TargetView:
        """Return the points, and how many there are."""
        points = self.edge_points(value.reshape(-1, self.num_points, 3))
        is_point = points[..., 2] > 0
        points = points[is_point.any(axis=1)]
        several = f" of {len(points)} objects" if self.max_objects is not None else ""
        objects = ObjectsView(
            classes=np.zeros(len(points), np.int64),
            points=points,
            skeletons={0: self.skeleton},
            points_size=self.size_in_view,
        )
        text = f"{int(is_point.sum())} points{several}"
        return TargetView(title=POINTS, text=text, objects=objects)

    def edge_points(self, points: Array) -> Array:
        """Return points measured from the left and top edge of the image, as for `ObjectsView`."""
        if self.relative:
            return points
        shift = 0.5 - self.pixel_centre
        return np.asarray(points + np.array([shift, shift, 0], points.dtype))

    @property
    def size_in_view(self) -> tuple[float, float] | None:
        """(height, width) of the image in the unit of the points; None for pixels."""
        return (1, 1) if self.relative else None

    @property
    def skeleton(self) -> Skeleton:
        """How to draw the points."""
        return Skeleton(names=self.names, edges=self.edges)

    @property
    def shape(self) -> tuple[int, ...]:
        """(num_points, 3) or (max_objects, num_points, 3)."""
        shape = (self.num_points, 3)
        return shape if self.max_objects is None else (self.max_objects, *shape)

    @property
    def text(self) -> str:
        """The number of points, dtype and shape."""
        return f"{self.num_points} key points, x, y and visibility, float32 {self.shape}"

    @property
    def content(self) -> str:
        """What decides the values, beside the columns."""
        return repr(self)
