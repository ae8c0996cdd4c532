"""Index a COCO file: the boxes, polygons, masks and key points of images, as JSON."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from augseq.errors import AugseqWarning, ManifestError
from augseq.indexing.annotations.box_numbers import looks_like_corners, looks_relative
from augseq.indexing.annotations.coco_file import CocoFile, as_whole, read_coco_file, read_ids
from augseq.indexing.annotations.coco_objects import extras, read_objects
from augseq.indexing.annotations.images import UNKNOWN_SIZE, find_images
from augseq.indexing.annotations.objects import (
    check_boxes,
    check_points,
    manifest_of,
    text_array,
)
from augseq.indexing.annotations.options import AnnotationOptions, Frame, InvalidPolicy
from augseq.indexing.annotations.problems import Problems
from augseq.manifest.manifest import Manifest
from augseq.types import PathLike
from augseq.validation import briefly, explains_names

_IMAGE_KEYS = {"id", "file_name", "height", "width"}


@explains_names
def index_coco(
    annotations: PathLike,
    root: PathLike | None = None,
    *,
    frame: Frame = "upright",
    invalid: InvalidPolicy = "raise",
    check_files: bool = True,
    progress: bool = True,
) -> Manifest:
    """Index the images and boxes of a COCO file.

    The columns `boxes`, `box_classes` and others hold the objects of each image; the page
    docs/annotations.md describes them. Images without objects have empty lists. Records come in
    the order of the file. `write_coco` writes the same numbers back.

    Args:
        annotations: The JSON file, such as "annotations/instances_train2017.json".
        root: Folder that the file names are relative to; the folder of the file if None.
        frame: How the images were shown when the boxes were drawn: "upright", with the EXIF
            orientation applied, or "stored", without.
        invalid: What to do about images with invalid annotations, such as empty boxes, boxes
            outside the image, or a missing file: "raise" lists them in an error; "exclude" moves
            them to `excluded`, with the reason.
        check_files: Whether to check that each file exists, and has the annotated size, by its
            header. It must be False for a remote root.
        progress: Whether long work shows a progress bar.

    Returns:
        A manifest whose `box_class_names` are the categories in the order of their ids, including
        those without boxes. It has no labels.

    Raises:
        ManifestError: The file is not a COCO file, or annotations are invalid.
        MissingFileError: The file, the root or an image does not exist.
        UnreadableError: Access to the file is denied.
        ArgumentError: An option is invalid, or two images have the same file.

    Warns:
        AugseqWarning: Images are excluded.

    Source:
        https://cocodataset.org/#format-data describes the format.
    """
    options = AnnotationOptions(
        frame=frame, invalid=invalid, check_files=check_files, progress=progress
    )
    manifest, findings = manifest_of_coco(annotations, root, options)
    for finding in findings:
        warnings.warn(finding, AugseqWarning, stacklevel=3)  # `explains_names` is between.
    return manifest


def manifest_of_coco(
    annotations: PathLike, root: PathLike | None, options: AnnotationOptions
) -> tuple[Manifest, tuple[str, ...]]:
    """Do the same as `index_coco`, but return the warnings."""
    with _paused_collection():
        return _read(annotations, root, options)


@contextmanager
def _paused_collection() -> Iterator[None]:
    """Pause the search for reference cycles, in which JSON has none.

    It would go over the millions of objects of a large file many times: half of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(
    annotations: PathLike, root: PathLike | None, options: AnnotationOptions
) -> tuple[Manifest, tuple[str, ...]]:
    content = read_coco_file(annotations)
    source, problems = content.source, Problems(content.source)
    rows = content.images
    ids = read_ids(rows, "id", "images", source)
    image_ids = pa.array(ids)
    images = find_images(
        _file_names(rows, source),
        [
            _size(row, f"{place} in {source}")
            for row, place in zip(rows, content.places("images"), strict=True)
        ],
        root=Path(annotations).absolute().parent if root is None else root,
        source=f"`images` in {source}",
        places=content.places("images"),
        options=options,
        problems=problems,
    )
    objects = read_objects(content, ids, images, problems)
    check_boxes(images, objects, problems)
    sides = images.sizes_of(objects.images)[:, ::-1]
    if looks_like_corners(objects.written, sides):
        problems.hint = (
            "All boxes would be inside their images as [left, top, right, bottom], but a `bbox` of "
            "COCO is [left, top, width, height]."
        )
    check_points(images, objects, "polygons", "point of a polygon", problems)
    check_points(images, objects, "keypoints", "key point", problems)
    manifest = manifest_of(
        images,
        objects,
        image_columns={
            "image_id": image_ids,
            "image_attributes": extras(rows, _IMAGE_KEYS, source),
        },
        dataset_info=content.info,
        options=options,
        problems=problems,
    )
    findings = (
        *images.findings,
        *problems.findings(),
        *_doubts(content, is_relative=looks_relative(objects.written, sides)),
    )
    return manifest, findings


def _doubts(content: CocoFile, *, is_relative: bool) -> Iterator[str]:
    """Yield warnings about a file that is valid, but may not be what is meant."""
    if is_relative:
        yield (
            f"No box in {content.source} is larger than 1 x 1 pixel. If these numbers are relative "
            "to the size of the image, as in YOLO's files, multiply them by its width and height: "
            "COCO's are pixels"
        )
    if content.is_list_of_images:
        yield (
            f"{content.source} has no list 'annotations', like a file of test images: no image has "
            "objects"
        )


def _file_names(images: list[dict[str, Any]], source: str) -> list[str]:
    names: list[Any] = [_file_name(image) for image in images]
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise ManifestError(
                f"images[{number}] in {source} must have a `file_name`. Received: "
                f"{briefly(images[number])}"
            )
    text_array(names, source)
    return names


def _file_name(image: dict[str, Any]) -> Any:
    url = image.get("coco_url")
    if "file_name" in image or not isinstance(url, str):
        return image.get("file_name")
    # LVIS has only ".../train2017/000000391895.jpg": its images are in several folders of COCO.
    return "/".join(url.split("/")[-2:])


def _size(image: dict[str, Any], place: str) -> tuple[int, int]:
    height, width = as_whole(image.get("height")), as_whole(image.get("width"))
    if height is None and width is None:
        return UNKNOWN_SIZE
    if type(height) is int and type(width) is int and 0 < height < 2**31 and 0 < width < 2**31:
        return height, width
    raise ManifestError(
        f"The height and width of {place} must be integers above 0, in pixels. Received: "
        f"height={height!r}, width={width!r}. Delete both to read them from the image."
    )
