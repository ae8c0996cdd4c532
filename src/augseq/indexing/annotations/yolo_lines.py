"""Read the label files of YOLO: one object a line."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath

from augseq.errors import MissingFileError, UnreadableError
from augseq.indexing.annotations.source_file import read_source_file

_NO_BOX = [float("nan")] * 4


@dataclass(slots=True)
class YoloObject:
    """One line of a label file, with numbers relative to the size of the image.

    Attributes:
        number: Number of the class.
        line: Line in the file, from 1.
        box: Centre x, centre y, width, height; NaN for a polygon.
        polygon: x and y of each corner; empty for a box.
        keypoints: The values of all key points; empty without key points.
    """

    number: int
    line: int
    box: list[float] = field(default_factory=lambda: list(_NO_BOX))
    polygon: list[float] = field(default_factory=list)
    keypoints: list[float] = field(default_factory=list)


def label_path(image: str) -> str:
    """Return the path of the label file of an image.

    The last folder `images` becomes `labels`; without one, the file is next to the image.

    >>> label_path("/data/images/train/1.jpg")
    '/data/labels/train/1.txt'
    """
    parts = list(PurePath(image).with_suffix(".txt").parts)
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return str(PurePath(*parts))


def read_labels(
    path: str, name: str, kpt_shape: tuple[int, int] | None, report: Callable[[str, str], None]
) -> list[YoloObject] | None:
    """Read a label file; None if there is none.

    Args:
        path: The file.
        name: Its name, as in messages.
        kpt_shape: Number of key points, and of values for each; None without key points.
        report: Called with a place and what is wrong there.
    """
    try:
        text = read_source_file(path).decode("utf-8-sig")
    except MissingFileError:
        return None
    except UnreadableError as error:
        report(name, str(error))
        return []
    except UnicodeDecodeError:
        report(name, "the file must be text")
        return []
    objects: list[YoloObject] = []
    line_of: dict[str, int] = {}
    for line, content in enumerate(text.split("\n"), 1):
        words = content.split()
        if not words:
            continue
        key = " ".join(words)
        if key in line_of:
            report(f"{name}, line {line}", f"the line must not repeat line {line_of[key]}")
        line_of.setdefault(key, line)
        found = _object(words, line, kpt_shape)
        if isinstance(found, str):
            report(f"{name}, line {line}", f"{found}. Received: {content.strip()!r:.120}")
        else:
            objects.append(found)
    return objects


def _object(words: list[str], line: int, kpt_shape: tuple[int, int] | None) -> YoloObject | str:
    """Return the object of a line, or what is wrong with it."""
    try:
        number, *values = map(float, words)
    except ValueError:
        return "a line must have numbers, separated by spaces"
    # Python reads "1_0" as 10.
    if "_" in "".join(words) or not number.is_integer() or number < 0:
        return "a line must begin with the number of a class, and have only numbers"
    found = YoloObject(int(number), line)
    if kpt_shape is not None:
        expected = 4 + kpt_shape[0] * kpt_shape[1]
        if len(values) != expected:
            return (
                f"with kpt_shape={list(kpt_shape)}, a line must have the number of a class, and "
                f"{expected} numbers: a box and its key points"
            )
        found.box, found.keypoints = values[:4], values[4:]
        flags = found.keypoints[2::3] if kpt_shape[1] == 3 else []
        return found if {0, 1, 2}.issuperset(flags) else "the visibility must be 0, 1 or 2"
    if len(values) == 4:
        found.box = values
        return found
    if len(values) >= 6 and len(values) % 2 == 0:
        found.polygon = values
        return found
    if len(values) == 5:
        return (
            "a line of 6 numbers is a prediction with a confidence, not a label. Remove the last "
            "number"
        )
    return (
        "a line must have the number of a class, and 4 numbers for a box, or x and y of at least "
        "3 corners for a polygon (4 for an oriented box); key points require `kpt_shape` in "
        "data.yaml"
    )
