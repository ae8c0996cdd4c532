"""Export the boxes of a manifest as a YOLO dataset."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, MissingFileError
from augseq.indexing.annotations.box_numbers import (
    relative_numbers,
    written_numbers,
    yolo_boxes,
    yolo_numbers,
)
from augseq.indexing.annotations.write_coco import parts, polygons_of
from augseq.indexing.annotations.write_voc import number_text
from augseq.indexing.annotations.yolo_data import SPLITS
from augseq.indexing.annotations.yolo_lines import label_path
from augseq.manifest.categories import key_point_names
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.mirrored_points import partners_by_name
from augseq.manifest.object_columns import CLASSES, ObjectColumns, read_objects
from augseq.manifest.windows import check_whole_images
from augseq.pixels.read import read_bytes
from augseq.remote.url import is_remote
from augseq.storage.member_path import extracted_path, parse_member
from augseq.storage.new_folder import new_folder
from augseq.terminal_text import listed
from augseq.types import PathLike
from augseq.validation import check_choice, did_you_mean

ImageFiles: TypeAlias = Literal["copy", "link", "none"]

_SPLIT = "split"


def write_yolo(manifest: Manifest, folder: PathLike, *, images: ImageFiles = "copy") -> None:
    """Write the images and boxes of a manifest as a YOLO dataset.

    The folder gets `data.yaml`, a list of images for each split, such as `train.txt`, and the
    images and labels in the folders `images` and `labels`. `index_yolo(folder / "data.yaml")`
    reads it back, with equal boxes, classes, polygons and key points for a manifest of
    `index_yolo`. An object with one polygon is written as polygon, one with key points with them,
    and all others as boxes. Names of key points are written as `kpt_names`, with `flip_idx`, the
    number of the partner of each, such as the right eye of the left one.

    Args:
        manifest: From `index_yolo` or a similar function, or with the same columns. A column
            `split` names the split of each image, train, val or test; all are in `train` without
            it.
        folder: An empty folder, or one to create. It appears only when everything is written.
        images: "copy" copies the image files; "link" creates hard links, which take no space;
            "none" leaves them out, so that you can provide them yourself.

    Raises:
        ArgumentError: A column is missing, the folder is not empty, two images would have the same
            label file, or the objects of a class have different numbers of key points.
        MissingFileError: An image does not exist.
        OSError: A file cannot be written.
    """
    check_manifest(manifest)
    check_whole_images(manifest.table, "write_yolo")
    check_choice("images", images, ("copy", "link", "none"))
    if images != "none" and is_remote(manifest.root):
        raise ArgumentError(
            'Images of a remote folder cannot be copied. Pass images="none", and download them. '
            f"Received: root={manifest.root!r}"
        )
    with new_folder(folder) as draft:
        write_yolo_files(manifest, draft, images=images)


def write_yolo_files(manifest: Manifest, folder: Path, *, images: ImageFiles) -> None:
    """Do what `write_yolo` does, in a folder that can have other files.

    Args:
        manifest: As for `write_yolo`.
        folder: An existing folder.
        images: As for `write_yolo`.
    """
    objects = read_objects(manifest, "write_yolo")
    names = _class_names(manifest, objects)
    lines = _lines(manifest, objects, names)
    paths, splits = _paths(manifest), splits_of(manifest)
    for source, path, text in zip(
        manifest.table.column("path").to_pylist(), paths, lines, strict=True
    ):
        _write(folder / label_path(path), text)
        if images != "none":
            _provide(Path(manifest.root, source), folder / path, images)
    for split in dict.fromkeys(splits):
        chosen = [f"./{p}\n" for p, s in zip(paths, splits, strict=True) if s == split]
        _write(folder / f"{split}.txt", "".join(chosen))
    _write(folder / "data.yaml", _data(manifest, objects, names, list(dict.fromkeys(splits))))


def splits_of(manifest: Manifest) -> list[str]:
    """Return the name of the split of each image in a YOLO dataset.

    Raises:
        ArgumentError: An image has none, or another one than YOLO datasets have.
    """
    if _SPLIT not in manifest.table.column_names:
        return ["train"] * len(manifest)
    splits = manifest.table.column(_SPLIT).to_pylist()
    wrong = [name for name in dict.fromkeys(splits) if name not in SPLITS]
    if wrong:
        path = manifest.table.column("path")[splits.index(wrong[0])].as_py()
        raise ArgumentError(
            f"The column {_SPLIT!r} must name the split of each image: {listed(SPLITS)}. Received: "
            f"{wrong[0]!r} for {path!r}.{did_you_mean(str(wrong[0]), SPLITS)} Select the images "
            f"that have a split, or assign other names: images.with_column({_SPLIT!r}, ...)."
        )
    return list(map(str, splits))


def _data(
    manifest: Manifest, objects: ObjectColumns, names: dict[str, int], splits: list[str]
) -> str:
    import yaml

    info = json.loads(manifest.dataset_info) if manifest.dataset_info else {}
    info.pop("categories", None)
    count = _num_keypoints(objects)
    if count and info.get("kpt_shape", [0])[0] != count:
        info["kpt_shape"] = [count, 3]
    point_names = key_point_names(manifest.dataset_info, count)
    # A YOLO dataset is written as it was read.
    if point_names and "kpt_names" not in info:
        # Without it, programs that mirror images would confuse left and right.
        info.setdefault("flip_idx", list(partners_by_name(point_names)))
        info["kpt_names"] = {number: list(point_names) for number in names.values()}
    content = {
        **{split: f"{split}.txt" for split in splits},
        "names": {number: name for name, number in names.items()},
        **info,
    }
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return text


def _class_names(manifest: Manifest, objects: ObjectColumns) -> dict[str, int]:
    """Return the number of each class."""
    names = manifest.box_class_names or sorted(set(objects.classes))
    unknown = [name for name in objects.classes if name not in set(names)]
    if unknown:
        raise ArgumentError(
            f"The column {CLASSES!r} must contain the names of categories. Received: "
            f"{unknown[0]!r}.{did_you_mean(unknown[0], names)} Categories: {list(names)}"
        )
    return {name: number for number, name in enumerate(names)}


def _num_keypoints(objects: ObjectColumns) -> int:
    """Return the number of key points that all objects have; 0 for none."""
    counts = {count or 0 for count in objects.values("box_keypoints") or [0]}
    if len(counts) > 1:
        raise ArgumentError(
            "In a YOLO dataset, all objects must have the same number of key points. Received: "
            f"{sorted(counts)}. Select the images with key points, or write them with write_coco."
        )
    return counts.pop() if counts else 0


def _lines(manifest: Manifest, objects: ObjectColumns, names: dict[str, int]) -> list[str]:
    """Return the text of the label file of each image."""
    sides = _sides(manifest)[objects.images]
    boxes = written_numbers(objects, yolo_boxes(sides), yolo_numbers(sides)).tolist()
    info = json.loads(manifest.dataset_info) if manifest.dataset_info else {}
    width = info.get("kpt_shape", [0, 3])[1]
    polygons = _relative(list(map(_only, polygons_of(objects))), sides, 2)
    keypoints = _relative(list(parts(objects, "box_keypoints", "keypoints", 3)), sides, 3)
    _num_keypoints(objects)
    lines: list[list[str]] = [[] for _ in range(len(manifest))]
    for number, image in enumerate(objects.images.tolist()):
        values = boxes[number]
        if keypoints[number]:
            points = np.array(keypoints[number]).reshape(-1, 3)[:, :width]
            values = values + points.ravel().tolist()
        elif polygons[number]:
            values = polygons[number]
        words = [str(names[objects.classes[number]]), *map(number_text, values)]
        lines[image].append(" ".join(words) + "\n")
    return ["".join(parts) for parts in lines]


def _sides(manifest: Manifest) -> npt.NDArray[np.float64]:
    """Return (width, height) of each image, shape (n, 2)."""
    columns = [manifest.arrow_column(f"image_{side}", "write_yolo") for side in ("width", "height")]
    if any(column.null_count for column in columns):
        raise ArgumentError(
            "write_yolo requires the size of each image in the columns 'image_height' and "
            "'image_width', but some are missing. Index again with check_files=True."
        )
    return np.stack([column.to_numpy() for column in columns], axis=1).astype(np.float64)


def _only(polygons: list[list[float]]) -> list[float]:
    """Return the only polygon of an object; empty if it has none, or several."""
    return polygons[0] if len(polygons) == 1 else []


def _relative(
    lists: list[list[float]], sides: npt.NDArray[np.float64], width: int
) -> list[list[float]]:
    """Return points relative to the sizes of their images; a third value of each is kept."""
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    points = np.array([value for values in lists for value in values]).reshape(-1, width)
    of_points = sides[np.repeat(np.arange(len(lists)), counts // width)]
    flat = relative_numbers(points[:, :2].reshape(-1, 1), of_points.reshape(-1, 1))
    points[:, :2] = flat.reshape(-1, 2)
    values, ends = points.ravel().tolist(), np.cumsum(counts).tolist()
    return [values[end - count : end] for end, count in zip(ends, counts.tolist(), strict=True)]


def _paths(manifest: Manifest) -> list[str]:
    """Return the paths of the images in the dataset: below a folder `images`."""
    paths = list(map(extracted_path, manifest.table.column("path").to_pylist()))
    paths = [p if "images" in PurePosixPath(p).parts[:-1] else f"images/{p}" for p in paths]
    repeated = [k for k, count in Counter(map(label_path, paths)).items() if count > 1]
    if repeated:
        raise ArgumentError(
            "Each image must have its own label file, which is named after it without its "
            f"extension. Repeated: {listed(repeated)}. Rename one of the images."
        )
    return paths


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _provide(source: Path, path: Path, images: ImageFiles) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if images == "link":
            os.link(source, path)
        elif parse_member(os.fspath(source)) is not None:
            path.write_bytes(read_bytes(os.fspath(source)))
        else:
            shutil.copyfile(source, path)
    except FileNotFoundError as error:
        raise MissingFileError(f"There is no image {os.fspath(source)!r}.") from error
