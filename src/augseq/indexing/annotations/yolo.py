"""Index a YOLO dataset: a text file with boxes or polygons for each image."""

import os
import warnings
from collections.abc import Sequence
from functools import partial
from itertools import chain, combinations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augseq.errors import ArgumentError, AugseqWarning
from augseq.indexing.annotations.box_numbers import yolo_boxes
from augseq.indexing.annotations.images import UNKNOWN_SIZE, AnnotatedImages, find_images
from augseq.indexing.annotations.objects import (
    AnnotatedObjects,
    Ragged,
    check_boxes,
    check_points,
    counts_column,
    manifest_of,
    text_array,
)
from augseq.indexing.annotations.options import AnnotationOptions, Frame, InvalidPolicy
from augseq.indexing.annotations.problems import Problems
from augseq.indexing.annotations.yolo_data import YoloData, images_of, read_yolo_data
from augseq.indexing.annotations.yolo_lines import YoloObject, label_path, read_labels
from augseq.indexing.table.index_table import MissingLabels
from augseq.manifest.manifest import Manifest
from augseq.types import PathLike
from augseq.validation import check_choice, explains_names

Owners: TypeAlias = list[tuple[int, YoloObject]]
"""Objects, each with the position of its image."""

_NO_LABELS = (
    "there is no such label file. For an image without objects, create an empty one; or pass "
    'missing_labels="keep" (at the shell: --missing-labels keep)'
)


@explains_names
def index_yolo(
    data: PathLike,
    root: PathLike | None = None,
    *,
    splits: Sequence[str] | None = None,
    missing_labels: MissingLabels = "error",
    frame: Frame = "upright",
    invalid: InvalidPolicy = "raise",
    progress: bool = True,
) -> Manifest:
    """Index the images and boxes of a YOLO dataset.

    The columns are those of `index_coco`, without ids and areas, and with `split`. Lines of 4
    numbers after the class are boxes; longer ones are polygons, oriented boxes among them, or key
    points if the file has `kpt_shape`. The label file of an image is found by its path: the last
    folder `images` in it becomes `labels`. `write_yolo` writes the same numbers back.

    Args:
        data: The file that names classes and splits, such as "data.yaml".
        root: Folder of the dataset; None for the `path` in the file, which is relative to the
            folder of the file.
        splits: Splits to read; None for those of train, val and test that the file has.
        missing_labels: What to do about images without a label file: "error" refuses them;
            "keep" reads them as images without objects. An empty file always means that.
        frame: As for `index_coco`.
        invalid: As for `index_coco`.
        progress: Whether long work shows a progress bar.

    Raises:
        ManifestError: The file is not a `data.yaml`, or labels are invalid.
        MissingFileError: A file or folder does not exist.
        UnreadableError: Access to a file is denied.
        ArgumentError: An option is invalid, or an image is in two splits or outside the root.

    Warns:
        AugseqWarning: Images are excluded.

    Source:
        https://docs.ultralytics.com/datasets describes the format.
    """
    check_choice("missing_labels", missing_labels, ("error", "keep"))
    if isinstance(splits, str):
        raise ArgumentError(f"`splits` must be a list of names. Received: splits={splits!r}")
    options = AnnotationOptions(frame=frame, invalid=invalid, progress=progress)
    content = read_yolo_data(data, root, splits)
    manifest, findings = _manifest(content, missing_labels, options)
    for finding in findings:
        warnings.warn(finding, AugseqWarning, stacklevel=3)  # `explains_names` is between.
    return manifest


def _manifest(
    data: YoloData, missing_labels: MissingLabels, options: AnnotationOptions
) -> tuple[Manifest, tuple[str, ...]]:
    found = {split: images_of(data, split) for split in data.splits}
    _check_splits(found, data)
    paths = list(chain.from_iterable(found.values()))
    problems = Problems(data.source)
    label_paths = list(map(label_path, paths))
    places = [_place(path, data.root) for path in label_paths]
    images = find_images(
        paths,
        [UNKNOWN_SIZE] * len(paths),
        root=data.root,
        source=data.source,
        places=[_place(path, data.root) for path in paths],
        options=options,
        problems=problems,
    )
    owners: Owners = []
    for position, path in enumerate(label_paths):
        report = partial(problems.add, position)
        labels = read_labels(path, places[position], data.kpt_shape, report)
        if labels is None and missing_labels == "error":
            problems.add(position, places[position], _NO_LABELS)
        owners += [(position, found) for found in labels or []]
    objects = _objects(owners, images, data, problems, places)
    check_boxes(images, objects, problems)
    sides = images.sizes_of(objects.images)[:, ::-1]
    if (objects.boxes[:, 2:] > 2 * np.abs(sides)).any():
        problems.hint = (
            "The numbers must be relative to the width and height of the image, from 0 to 1, but "
            "some seem to be pixels."
        )
    splits = [split for split, paths in found.items() for _ in paths]
    manifest = manifest_of(
        images,
        objects,
        image_columns={"split": text_array(splits, data.source)},
        dataset_info=data.info,
        options=options,
        problems=problems,
    )
    return manifest, (*data.findings, *images.findings, *problems.findings())


def _check_splits(found: dict[str, list[str]], data: YoloData) -> None:
    for one, other in combinations(found, 2):
        shared = set(found[one]).intersection(found[other])
        if shared:
            raise ArgumentError(
                "Each image must occur only once; otherwise it could be in both training and test. "
                f"{one!r} and {other!r} of {data.source} share images, such "
                f"as {_place(min(shared), data.root)}. Read one of them, with splits=[{one!r}] (at "
                f"the shell: --splits {one}), and divide it with `split`."
            )


def _place(path: str, root: str) -> str:
    try:
        return repr(os.path.relpath(path, root))
    except ValueError:  # Another drive.
        return repr(path)


def _objects(
    owners: Owners,
    images: AnnotatedImages,
    data: YoloData,
    problems: Problems,
    places: Sequence[str],
) -> AnnotatedObjects:
    positions = np.array([position for position, _ in owners], np.int64)
    # The sizes of missing images are unknown; they have a problem already.
    sides = np.abs(images.sizes[positions, ::-1]).astype(np.float64).reshape(-1, 2)
    written = np.array([found.box for _, found in owners], np.float64).reshape(-1, 4)
    boxes = yolo_boxes(sides)(written)
    polygons = _pixels([found.polygon for _, found in owners], sides, 2)
    width = 2 if data.kpt_shape is None else data.kpt_shape[1]
    keypoints = _pixels([found.keypoints for _, found in owners], sides, width)
    _set_bounds(boxes, polygons)

    def place(number: int) -> str:
        position, found = owners[number]
        return f"{places[position]}, line {found.line}"

    def shown(number: int) -> str:
        found = owners[number][1]
        return f"{found.polygon or found.box}"

    for number, (position, found) in enumerate(owners):
        if found.number not in data.names:
            text = f"there is no class {found.number} in the `names` of {data.source}"
            problems.add(position, place(number), text)
    corners = polygons.counts // 2
    objects = AnnotatedObjects(
        images=positions,
        boxes=boxes,
        written=written,
        classes=text_array([data.names.get(found.number) for _, found in owners], data.source),
        columns={
            "box_polygons": counts_column((corners > 0).astype(np.int64)),
            "box_keypoints": counts_column(keypoints.counts // width),
        },
        ragged={
            "polygon_points": Ragged(
                values=pa.array(corners[corners > 0], pa.int32()),
                counts=(corners > 0).astype(np.int64),
            ),
            "polygons": polygons,
            "keypoints": _with_visibility(keypoints, width),
        },
        place=place,
        shown=shown,
    )
    check_points(images, objects, "polygons", "corner", problems)
    check_points(images, objects, "keypoints", "key point", problems)
    return objects


def _pixels(lists: list[list[float]], sides: npt.NDArray[np.float64], width: int) -> Ragged:
    """Return relative points in pixels; a third value of each is kept."""
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    points = np.array(list(chain.from_iterable(lists)), np.float64).reshape(-1, width)
    points[:, :2] *= sides[np.repeat(np.arange(len(lists)), counts // width)]
    return Ragged(values=pa.array(points.ravel()), counts=counts)


def _set_bounds(boxes: npt.NDArray[np.float64], polygons: Ragged) -> None:
    """Set the boxes of polygons to their bounds."""
    counts = polygons.counts // 2
    has_any = counts > 0
    if has_any.any():
        points = np.asarray(polygons.values).reshape(-1, 2)
        starts = (np.cumsum(counts) - counts)[has_any]
        boxes[has_any, :2] = np.minimum.reduceat(points, starts)
        boxes[has_any, 2:] = np.maximum.reduceat(points, starts)


def _with_visibility(keypoints: Ragged, width: int) -> Ragged:
    """Return key points with a visibility: 2, or 0 for those at (0, 0), which are not labelled."""
    if width == 3:
        return keypoints
    points = np.asarray(keypoints.values).reshape(-1, 2)
    flags = np.where((points != 0).any(axis=1, keepdims=True), 2.0, 0.0)
    values = np.concatenate([points, flags], axis=1).ravel()
    return Ragged(values=pa.array(values), counts=keypoints.counts // 2 * 3)
