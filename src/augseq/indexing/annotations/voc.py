"""Index Pascal VOC files: one XML file with the boxes of each image."""

import json
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from augseq.errors import AugseqWarning, ManifestError, MissingFileError
from augseq.indexing.annotations.box_numbers import voc_boxes
from augseq.indexing.annotations.images import UNKNOWN_SIZE, find_images
from augseq.indexing.annotations.objects import (
    AnnotatedObjects,
    check_boxes,
    manifest_of,
    text_array,
)
from augseq.indexing.annotations.options import AnnotationOptions, Frame, InvalidPolicy
from augseq.indexing.annotations.problems import Problems
from augseq.indexing.annotations.source_file import read_source_file
from augseq.indexing.annotations.voc_names import image_name, with_extensions
from augseq.indexing.annotations.xml_file import Element, parse_xml
from augseq.indexing.existing_folder import existing_folder
from augseq.indexing.labels import check_class_names
from augseq.indexing.scan import scan_folder
from augseq.manifest.classes import sorted_names
from augseq.manifest.manifest import Manifest
from augseq.terminal_text import listed
from augseq.types import PathLike
from augseq.validation import briefly, check_choice, did_you_mean, explains_names

FirstPixel: TypeAlias = Literal[1, 0]

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_INTEGER = re.compile(r"([0-9]{1,10})(\.0+)?", re.ASCII)
_FLAG_OF = {"1": True, "true": True, "0": False, "false": False, "unspecified": None, "": None}
FLAGS = {"difficult": "box_difficult", "truncated": "box_truncated"}


@explains_names
def index_voc(
    annotations: PathLike,
    root: PathLike,
    *,
    first_pixel: FirstPixel = 1,
    class_names: Sequence[str] | None = None,
    frame: Frame = "upright",
    invalid: InvalidPolicy = "raise",
    check_files: bool = True,
    progress: bool = True,
) -> Manifest:
    """Index the images and boxes of a folder of Pascal VOC files.

    The columns are those of `index_coco`, without ids and areas, and with `box_difficult` and
    `box_truncated`. Records come in the order of the paths of the XML files. The image of a file
    in a sub-folder is in the same sub-folder of `root`, unless the file has its path. `write_voc`
    writes the same numbers back.

    Args:
        annotations: Folder of the XML files, at any depth, such as "VOC2012/Annotations".
        root: Folder of the images, such as "VOC2012/JPEGImages".
        first_pixel: 1 if pixels are numbered from 1 and `xmax` and `ymax` are the last pixels of
            the box, as the format defines; 0 if they are coordinates from 0 and `xmax` and `ymax`
            are exclusive, as many labelling tools write.
        class_names: Classes, in the order of their numbers; all that occur if None, sorted by
            value if all are integers, otherwise by code point.
        frame: As for `index_coco`.
        invalid: As for `index_coco`.
        check_files: As for `index_coco`.
        progress: Whether long work shows a progress bar.

    Raises:
        ManifestError: A file is not a VOC file, contradicts `first_pixel`, or is invalid.
        MissingFileError: A folder or an image does not exist.
        UnreadableError: Access to a file is denied.
        ArgumentError: An option is invalid, or two files describe the same image.

    Warns:
        AugseqWarning: Images are excluded.

    Source:
        Everingham and Winn (2012), "The PASCAL Visual Object Classes Challenge 2012 Development
        Kit", describes the format.
    """
    check_choice("first_pixel", first_pixel, (1, 0))
    check_class_names(class_names)
    options = AnnotationOptions(
        frame=frame, invalid=invalid, check_files=check_files, progress=progress
    )
    manifest, findings = _manifest(annotations, root, int(first_pixel), class_names, options)
    for finding in findings:
        warnings.warn(finding, AugseqWarning, stacklevel=3)  # `explains_names` is between.
    return manifest


def _manifest(
    annotations: PathLike,
    root: PathLike,
    first_pixel: int,
    class_names: Sequence[str] | None,
    options: AnnotationOptions,
) -> tuple[Manifest, tuple[str, ...]]:
    folder = existing_folder(annotations)
    files = _xml_files(folder)
    trees = [_read(folder, name) for name in files]
    problems = Problems(repr(folder))
    names = [image_name(tree, name) for tree, name in zip(trees, files, strict=True)]
    images = find_images(
        with_extensions(names, files, root) if options.check_files else names,
        [_size(tree, name) for tree, name in zip(trees, files, strict=True)],
        root=root,
        source=f"the files in {folder!r}",
        places=[repr(name) for name in files],
        options=options,
        problems=problems,
    )
    owners = [(k, element) for k, tree in enumerate(trees) for element in tree.all("object")]
    objects = _objects(owners, files, first_pixel, problems)
    check_boxes(images, objects, problems)
    classes = _class_names(objects, class_names, problems)
    manifest = manifest_of(
        images,
        objects,
        image_columns={
            "image_attributes": text_array([_image_extras(tree) for tree in trees], repr(folder))
        },
        dataset_info=json.dumps(
            {"categories": [{"id": k, "name": name} for k, name in enumerate(classes, 1)]},
            ensure_ascii=False,
        ),
        options=options,
        problems=problems,
    )
    return manifest, (*images.findings, *problems.findings())


def _xml_files(folder: str) -> list[str]:
    """Return the paths of XML files, without hidden ones such as the `._x.xml` of macOS."""
    found = scan_folder(folder, suffixes={".xml"}, follow_links=False, progress=False)
    if not len(found.paths):
        raise MissingFileError(f"There are no .xml files in {folder!r}.")
    return sorted(found.paths.to_pylist())


def _read(folder: str, name: str) -> Element:
    tree = parse_xml(read_source_file(Path(folder, name)), repr(name))
    if tree.name != "annotation":
        raise ManifestError(
            f"{name!r} must be a Pascal VOC file: an XML element <annotation>. Received: "
            f"<{tree.name:.80}> in line {tree.line}. Export the annotations as Pascal VOC; or move "
            "files of other kinds out of the folder."
        )
    return tree


def _size(tree: Element, name: str) -> tuple[int, int]:
    size = tree.find("size")
    texts = [None if size is None else size.value(side) for side in ("height", "width")]
    # Some tools write 0 for unknown.
    if texts in ([None, None], ["0", "0"]):
        return UNKNOWN_SIZE
    matches = [_INTEGER.fullmatch(text or "") for text in texts]
    sides = [0 if match is None else int(match[1]) for match in matches]
    if not all(0 < side < 2**31 for side in sides):
        line = tree.line if size is None else size.line
        raise ManifestError(
            f"{name!r}, line {line}: height and width must be integers above 0. Received: "
            f"height={texts[0]!r}, width={texts[1]!r}"
        )
    return sides[0], sides[1]


def _objects(
    owners: list[tuple[int, Element]], files: list[str], first_pixel: int, problems: Problems
) -> AnnotatedObjects:
    images = np.array([image for image, _ in owners], np.int64)

    def place(number: int) -> str:
        image, element = owners[number]
        return f"{files[image]!r}, line {element.line}"

    def report(number: int, text: str) -> None:
        problems.add(int(images[number]), place(number), text)

    classes: list[str | None] = []
    written = np.full((len(owners), 4), np.nan)
    flags: dict[str, list[bool | None]] = {column: [] for column in FLAGS.values()}
    extras: list[str | None] = []
    for number, (_, element) in enumerate(owners):
        classes.append(element.value("name") or None)
        if classes[-1] is None:
            report(number, "an object must have a <name>")
        written[number] = _corners(element, number, report)
        for tag, column in FLAGS.items():
            flags[column].append(_flag(element, tag, number, report))
        extras.append(_json(element, {"name", "bndbox", *FLAGS}))
    # The last pixel of a box that is thinner than a pixel has a number below 1.
    is_low = (written[:, :2] < first_pixel - 0.5).any(axis=1)
    for number in np.flatnonzero(is_low & first_pixel).tolist():
        report(
            number,
            "with first_pixel=1, the first pixel has the number 1. Received: "
            f"{_shown(written[number])}. If coordinates begin at 0, pass first_pixel=0 (at the "
            "shell: --first-pixel 0)",
        )
    return AnnotatedObjects(
        images=images,
        boxes=voc_boxes(first_pixel)(written),
        written=written,
        classes=text_array(classes, problems.source),
        columns={
            **{column: pa.array(values, pa.bool_()) for column, values in flags.items()},
            "box_attributes": text_array(extras, problems.source),
        },
        place=place,
        shown=lambda number: _shown(written[number]),
    )


def _shown(numbers: Any) -> str:
    return ", ".join(f"{k}={v:g}" for k, v in zip(_CORNERS, numbers.tolist(), strict=True))


def _corners(element: Element, number: int, report: Any) -> list[float]:
    box = element.find("bndbox")
    if box is None:
        tags = listed(child.name for child in element.children) or "nothing"
        report(number, f"an object must have a <bndbox>. Received: only {tags}")
        return [np.nan] * 4
    texts = [box.value(corner) for corner in _CORNERS]
    try:
        return [_number(text) for text in texts]
    except ValueError:
        received = dict(zip(_CORNERS, texts, strict=True))
        report(number, f"<bndbox> must have four numbers. Received: {briefly(received)}")
        return [np.nan] * 4


def _number(text: str | None) -> float:
    # Python reads "1_0" as 10.
    if text is None or "_" in text:
        raise ValueError(text)
    return float(text)


def _flag(element: Element, tag: str, number: int, report: Any) -> bool | None:
    text = element.value(tag) or ""
    if text.lower() not in _FLAG_OF:
        report(number, f"<{tag}> must be 0 or 1. Received: {text!r:.80}")
    return _FLAG_OF.get(text.lower())


def _image_extras(tree: Element) -> str | None:
    return _json(tree, {"filename", "size", "object"})


def _json(element: Element, known: set[str]) -> str | None:
    """Return the unknown children of an element as JSON text: a list of [tag, content].

    Its own attributes come first, with the tag "@".
    """
    rest = [_content(child) for child in element.children if child.name not in known]
    size = element.find("size")
    if "size" in known and size is not None and size.find("depth"):
        # The number of channels has no column.
        rest.append(["size", [_content(child) for child in size.all("depth")]])
    if element.attributes:
        rest.insert(0, ["@", element.attributes])
    return json.dumps(rest, ensure_ascii=False) if rest else None


def _content(element: Element) -> list[Any]:
    content = [_content(child) for child in element.children] or element.text
    return [element.name, content, *([element.attributes] if element.attributes else [])]


def _class_names(
    objects: AnnotatedObjects, class_names: Sequence[str] | None, problems: Problems
) -> list[str]:
    found = Counter(objects.classes.to_pylist())
    found.pop(None, None)
    if class_names is None:
        return sorted_names(list(found))
    for number, name in enumerate(objects.classes.to_pylist()):
        if name is not None and name not in class_names:
            text = f"there is no class {name!r} in `class_names`.{did_you_mean(name, class_names)}"
            problems.add(int(objects.images[number]), objects.place(number), text)
    return list(class_names)
