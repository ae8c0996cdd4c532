"""Export the boxes of a manifest as Pascal VOC files."""

import json
import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from augseq.errors import ArgumentError, MissingFileError
from augseq.indexing.annotations.box_numbers import voc_boxes, voc_numbers, written_numbers
from augseq.indexing.annotations.voc import FLAGS, FirstPixel
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.object_columns import read_objects
from augseq.manifest.windows import check_whole_images
from augseq.storage.atomic_file import atomic_write
from augseq.terminal_text import listed
from augseq.types import PathLike
from augseq.validation import check_choice

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_NOT_IN_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_voc(manifest: Manifest, folder: PathLike, *, first_pixel: FirstPixel = 1) -> None:
    """Write a Pascal VOC file for each image of a manifest.

    `index_voc(folder, manifest.root, first_pixel=..., class_names=manifest.box_class_names)` reads
    them back: with equal columns for a manifest of `index_voc`, in the order of paths. Masks,
    polygons, key points, ids and areas have no place in the format, and are not written.

    Args:
        manifest: From `index_voc` or a similar function, or with the same columns.
        folder: An existing folder. Each file has the path of its image, with the ending ".xml".
        first_pixel: As for `index_voc`.

    Raises:
        ArgumentError: A column is missing, two files would have the same name, or text contains
            characters that XML does not allow.
        MissingFileError: The folder does not exist.
        OSError: A file cannot be written.
    """
    check_manifest(manifest)
    check_whole_images(manifest.table, "write_voc")
    check_choice("first_pixel", first_pixel, (1, 0))
    if not os.path.isdir(folder):
        raise MissingFileError(f"There is no folder {os.fspath(folder)!r}. Create it first.")
    write_voc_files(manifest, Path(folder), first_pixel=int(first_pixel))


def write_voc_files(
    manifest: Manifest, folder: Path, *, first_pixel: int = 1, below: str = ""
) -> None:
    """Do what `write_voc` does.

    Args:
        manifest: As for `write_voc`.
        folder: An existing folder.
        first_pixel: As for `write_voc`.
        below: Folder of the images, below the root: paths are relative to it.
    """
    objects = read_objects(manifest, "write_voc")
    _check_text(objects.classes)
    boxes = written_numbers(objects, voc_boxes(first_pixel), voc_numbers(first_pixel)).tolist()
    num_boxes = len(boxes)
    flags = {tag: objects.values(column) or [None] * num_boxes for tag, column in FLAGS.items()}
    extras = objects.values("box_attributes") or [None] * num_boxes
    trees: list[list[Any]] = [[] for _ in range(len(manifest))]
    for number, image in enumerate(objects.images.tolist()):
        corners = [[k, number_text(v)] for k, v in zip(_CORNERS, boxes[number], strict=True)]
        known = [
            ["name", objects.classes[number]],
            *([tag, str(int(v[number]))] for tag, v in flags.items() if v[number] is not None),
            ["bndbox", corners],
        ]
        trees[image].append(_element("object", known, extras[number]))
    for path, tree in zip(_paths(manifest, folder, below), _images(manifest, trees), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(_text(tree, "").encode())


def number_text(number: float) -> str:
    """Return the shortest decimal text that reads back as a number, without a final ".0"."""
    return np.format_float_positional(number, trim="-")


def _paths(manifest: Manifest, folder: Path, below: str) -> list[Path]:
    images = [
        PurePosixPath(posixpath.relpath(path, below) if below else path)
        for path in manifest.table.column("path").to_pylist()
    ]
    paths = [str(image.with_suffix(".xml")) for image in images]
    repeated = [path for path, count in Counter(paths).items() if count > 1]
    if repeated:
        raise ArgumentError(
            "Images in one folder must not differ only in the ending of their names, since "
            f"annotations have the name of their image. Repeated: {listed(repeated)}. Rename one."
        )
    return [folder / path for path in paths]


def _images(manifest: Manifest, objects: list[list[Any]]) -> Iterator[list[Any]]:
    columns = [
        manifest.arrow_column(name, "write_voc").to_pylist()
        for name in ("path", "image_height", "image_width")
    ]
    extras: list[str | None] = [None] * len(manifest)
    if "image_attributes" in manifest.table.column_names:
        extras = manifest.table.column("image_attributes").to_pylist()
    for path, height, width, parts, extra in zip(*columns, objects, extras, strict=True):
        size = [[k, str(v)] for k, v in (("width", width), ("height", height)) if v is not None]
        known = [["filename", posixpath.basename(path)], ["size", size], *parts]
        yield _element("annotation", known, extra)


def _element(name: str, known: list[Any], extra: str | None) -> list[Any]:
    """Return an element with its known children, and with those of its attributes column."""
    rest = [] if extra is None else json.loads(extra)
    # Attributes of COCO are a dict.
    rest = rest if isinstance(rest, list) else []
    own: dict[str, str] = next((part[1] for part in rest if part[0] == "@"), {})
    depth: list[Any] = next((part[1] for part in rest if part[0] == "size"), [])
    rest = [part for part in rest if part[0] not in ("@", "size")]
    known = [["size", part[1] + depth] if part[0] == "size" else part for part in known]
    known = [part for part in known if part != ["size", []]]
    return [name, known + rest, own]


def _text(element: list[Any], indent: str) -> str:
    name, content, *rest = element
    attributes = "".join(f" {k}={quoteattr(v)}" for k, v in (rest[0] if rest else {}).items())
    if isinstance(content, str):
        inside = escape(content, {"\r": "&#13;"})
    else:
        inside = "".join(f"\n{_text(child, indent + '  ')}" for child in content)
        inside += f"\n{indent}" if content else ""
    return f"{indent}<{name}{attributes}>{inside}</{name}>"


def _check_text(names: list[str]) -> None:
    for name in set(names):
        if name != name.strip() or not name or _NOT_IN_XML.search(name):
            raise ArgumentError(
                "The name of a class in a VOC file must not be empty, begin or end with a space, "
                f"or contain control characters. Received: {name!r}. Rename it with `with_column`."
            )
