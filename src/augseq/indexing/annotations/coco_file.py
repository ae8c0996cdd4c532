"""Read the structure of a COCO file: its lists, ids and categories."""

import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

from augseq.errors import ManifestError
from augseq.indexing.annotations.source_file import read_source_file
from augseq.terminal_text import listed
from augseq.types import PathLike
from augseq.validation import briefly

# The keys of a file without annotations.
_OF_IMAGES = {"info", "licenses", "images", "categories"}
# Keys of other kinds of annotations, and what to do instead.
_OTHER_KINDS = (
    ("caption", "captions", "Pass the file of instances, such as 'instances_train2017.json'."),
    (
        "segments_info",
        "panoptic segments",
        "Pass the file of instances; or convert it with panopticapi's "
        "panoptic2detection_coco_format.py.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoFile:
    """The content of a COCO file.

    Attributes:
        source: Its name, as in messages.
        images: The objects in its list `images`.
        annotations: The objects in its list `annotations`.
        categories: The objects in its list `categories`, checked.
        info: Everything but images and annotations, as JSON text.
        is_list_of_images: Whether it has no list `annotations`.
    """

    source: str
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: list[dict[str, Any]]
    info: str
    is_list_of_images: bool

    def places(self, name: str) -> list[str]:
        """Return where each object of a list is, as in messages."""
        return [f"{name}[{number}]" for number in range(len(getattr(self, name)))]


def read_coco_file(path: PathLike) -> CocoFile:
    """Read a COCO file.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: Access to the file is denied.
        ManifestError: It is not a COCO file, or its categories are not valid.
    """
    source = repr(os.fspath(path))
    data = read_source_file(path)
    try:
        content = json.loads(data)
    except json.JSONDecodeError as error:
        raise ManifestError(
            f"{source} must be a COCO file, but is not valid JSON: {error.msg} in line "
            f"{error.lineno}, column {error.colno}."
        ) from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ManifestError(
            f"{source} must be a COCO file in UTF-8, but is not: {error}. Unpack it if it is "
            "compressed; otherwise save it as UTF-8."
        ) from error
    if not isinstance(content, dict):
        hint = ""
        if isinstance(content, list):
            hint = (
                " A list is another format, such as COCO's results, or the own format of a "
                "labelling tool: export the annotations as COCO."
            )
        raise ManifestError(
            f"{source} must be a COCO file: a JSON object with the lists images, annotations and "
            f"categories. Received: {type(content).__name__}.{hint}"
        )
    _check_kind(content, source)
    lists = {name: _rows(content, name, source) for name in ("images", "categories")}
    # Files of test images have none.
    is_list_of_images = _OF_IMAGES.issuperset(content)
    lists["annotations"] = [] if is_list_of_images else _rows(content, "annotations", source)
    rest = {key: value for key, value in content.items() if key not in ("images", "annotations")}
    _check_categories(lists["categories"], source)
    try:
        info = json.dumps(rest, ensure_ascii=False)
        info.encode()
    except UnicodeEncodeError as error:
        raise ManifestError(
            f"The text in {source} must be valid Unicode. Received: {error.object[:80]!a}"
        ) from error
    return CocoFile(source=source, info=info, is_list_of_images=is_list_of_images, **lists)


def _check_kind(content: dict[str, Any], source: str) -> None:
    """Raise `ManifestError` for COCO's files of other annotations than objects."""
    rows = content.get("annotations")
    first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    for key, kind, way in _OTHER_KINDS:
        if key in first and "bbox" not in first:
            raise ManifestError(
                f"{source} must have objects with a `bbox`. Received: {kind}, with {key!r}. {way}"
            )


def _rows(content: dict[str, Any], name: str, source: str) -> list[dict[str, Any]]:
    rows = content.get(name)
    if not isinstance(rows, list):
        there = f"it is {type(rows).__name__}" if name in content else f"only {listed(content, 8)}"
        hint = ' If no image has objects, add "annotations": [].' if name == "annotations" else ""
        raise ManifestError(
            f"{source} must be a COCO file with a list {name!r}. Received: {there}.{hint}"
        )
    if not set(map(type, rows)) <= {dict}:
        number = next(k for k, row in enumerate(rows) if type(row) is not dict)
        raise ManifestError(
            f"{name}[{number}] in {source} must be a JSON object. Received: {briefly(rows[number])}"
        )
    return rows


def _check_categories(categories: list[dict[str, Any]], source: str) -> None:
    for category, number in zip(
        categories, read_ids(categories, "id", "categories", source), strict=True
    ):
        category["id"] = number
    names = [category.get("name") for category in categories]
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise ManifestError(
                f"categories[{number}] in {source} must have a `name`. Received: "
                f"{briefly(categories[number])}"
            )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ManifestError(
            f"The categories in {source} must have different names. Repeated: "
            f"{listed(map(str, repeated))}. Rename one; or delete it, and give its annotations the "
            "id of the other."
        )


def as_whole(value: Any) -> Any:
    """Return a float such as 7.0 as an integer, if it is exact; anything else as it is."""
    is_exact = type(value) is float and value.is_integer() and abs(value) < 2**53
    return int(value) if is_exact else value


def read_ids(
    rows: list[dict[str, Any]], key: str, name: str, source: str, *, unique: bool = True
) -> list[Any]:
    """Return the ids of some objects: all integers of 64 bits, or all text.

    Tables with gaps turn integers into floats such as 7.0, which are read as integers.

    Args:
        rows: The objects.
        key: Key of the id.
        name: Name of the list, as in messages.
        source: Name of the file, as in messages.
        unique: Whether ids must differ.

    Raises:
        ManifestError: An id is missing, repeated, or of another type.
    """
    values: list[Any] = [row.get(key) for row in rows]
    kinds = set(map(type, values))
    if float in kinds:
        values = list(map(as_whole, values))
        kinds = set(map(type, values))
    kind = str if kinds == {str} else int
    if not kinds <= {kind}:
        number = next(k for k, value in enumerate(values) if type(value) is not kind)
        raise ManifestError(
            f"{name}[{number}] in {source} must have `{key}`: an integer, or text in all "
            f"{name}. Received: {briefly(values[number])}"
        )
    if kind is int and values and not -(2**63) <= min(values) <= max(values) < 2**63:
        number = next(k for k, value in enumerate(values) if not -(2**63) <= value < 2**63)
        raise ManifestError(
            f"The `{key}` of {name}[{number}] in {source} must fit 64 bits. Received: "
            f"{values[number]}"
        )
    if unique and len(set(values)) != len(values):
        repeated = next(value for value, count in Counter(values).items() if count > 1)
        numbers = [k for k, value in enumerate(values) if value == repeated]
        raise ManifestError(
            f"Each `{key}` in `{name}` of {source} must be unique. Received: {repeated!r} in "
            f"{name}[{numbers[0]}] and {name}[{numbers[1]}]"
        )
    return values
