"""The polygons, masks and key points of COCO annotations."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augseq.indexing.annotations.objects import Ragged, counts_column
from augseq.indexing.annotations.run_lengths import mask_problem
from augseq.validation import briefly

Report = Callable[[int, str], None]
_NUMBERS = {int, float}


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygons:
    """The polygons of objects.

    Attributes:
        num_polygons: Number of polygons of each object; null if no object has any.
        points_of_polygons: For each object, the number of points of each of its polygons.
        coordinates: For each object, x and y of all points.
    """

    num_polygons: pa.Array
    points_of_polygons: Ragged
    coordinates: Ragged


@dataclass(frozen=True, slots=True, kw_only=True)
class Keypoints:
    """The key points of objects.

    Attributes:
        num_points: Number of key points of each object; null if no object has any.
        coordinates: For each object, x, y and visibility of all points.
    """

    num_points: pa.Array
    coordinates: Ragged


def read_segmentations(
    rows: list[dict[str, Any]], sizes: npt.NDArray[np.int64], report: Report
) -> tuple[Polygons, list[str | None]]:
    """Return the polygons, and the masks as JSON text, of some annotations.

    Args:
        rows: The annotations.
        sizes: (height, width) of the image of each, shape (n, 2); -1 if unknown.
        report: Called with the position of an annotation, and what is wrong with it.
    """
    is_plain = _are_polygons([row.get("segmentation") for row in rows])
    polygons: list[list[list[float]]] = []
    masks: list[str | None] = [None] * len(rows)
    for number, row in enumerate(rows):
        shape = row.get("segmentation") or []
        if type(shape) is dict:
            masks[number] = json.dumps(shape, ensure_ascii=False)
            problem = mask_problem(shape, sizes[number].tolist())
            if problem:
                report(number, f"`segmentation` must be a mask: {problem}. {_received(shape)}")
            shape = []
        elif not is_plain and (type(shape) is not list or not all(map(_is_polygon, shape))):
            report(
                number,
                "`segmentation` must be a list of polygons [x, y, x, y, x, y, ...] of at least 3 "
                f"points, or run lengths. {_received(shape)}",
            )
            shape = []
        polygons.append(shape)
    flat = list(chain.from_iterable(polygons))
    counts = np.fromiter(map(len, polygons), np.int64, len(polygons))
    lengths = np.fromiter(map(len, flat), np.int64, len(flat))
    ends = np.concatenate([[0], np.cumsum(lengths)])
    last = np.cumsum(counts)
    return (
        Polygons(
            num_polygons=counts_column(counts),
            points_of_polygons=Ragged(values=pa.array(lengths // 2, pa.int32()), counts=counts),
            coordinates=Ragged(values=_floats(flat), counts=ends[last] - ends[last - counts]),
        ),
        masks,
    )


def read_keypoints(
    rows: list[dict[str, Any]], report: Report
) -> tuple[Keypoints, dict[int, dict[str, Any]]]:
    """Return the key points of some annotations, and counts that do not fit them, by position.

    Args:
        rows: The annotations.
        report: Called with the position of an annotation, and what is wrong with it.
    """
    points: list[list[float]] = []
    odd_counts: dict[int, dict[str, Any]] = {}
    if not any("keypoints" in row or "num_keypoints" in row for row in rows):
        # Most files have none.
        points, rows = [[]] * len(rows), []
    for number, row in enumerate(rows):
        found = row.get("keypoints") or []
        if not _is_keypoints(found):
            report(
                number,
                "`keypoints` must be [x, y, visibility, x, y, visibility, ...] with visibility 0, "
                f"1 or 2. {_received(found)}",
            )
            found = []
        points.append(found)
        if "num_keypoints" in row:
            num_labelled = sum(1 for flag in found[2::3] if flag)
            # Otherwise it is known from the points.
            if row["num_keypoints"] != num_labelled or not found:
                odd_counts[number] = {"num_keypoints": row["num_keypoints"]}
    counts = np.fromiter(map(len, points), np.int64, len(points))
    keypoints = Keypoints(
        num_points=counts_column(counts // 3),
        coordinates=Ragged(values=_floats(points), counts=counts),
    )
    return keypoints, odd_counts


def check_num_keypoints(
    rows: list[dict[str, Any]],
    categories: list[dict[str, Any]],
    keypoints: Keypoints,
    report: Report,
) -> None:
    """Report annotations with another number of key points than their category has names for."""
    named = {
        category["id"]: len(category["keypoints"])
        for category in categories
        if isinstance(category.get("keypoints"), list) and category["keypoints"]
    }
    counts = keypoints.coordinates.counts // 3
    for number in np.flatnonzero(counts).tolist() if named else ():
        expected = named.get(rows[number]["category_id"], counts[number])
        if counts[number] != expected:
            report(
                number,
                f"`keypoints` must have 3 values for each of the {expected} names of its category. "
                f"Received: {3 * counts[number]} values",
            )


def flat_floats(lists: list[list[float]]) -> npt.NDArray[np.float64]:
    """Return the numbers of all lists, one after the other; integers that are too large are inf."""
    try:
        return np.fromiter(chain.from_iterable(lists), np.float64)
    except OverflowError:
        return np.array([_as_float(value) for value in chain.from_iterable(lists)], np.float64)


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _floats(lists: list[list[float]]) -> pa.Array:
    return pa.array(flat_floats(lists), pa.float64())


def _are_polygons(shapes: list[Any]) -> bool:
    """Return whether all shapes that are not masks are valid; takes a third of the time."""
    lists = [shape for shape in shapes if shape and type(shape) is not dict]
    if not {*map(type, lists)} <= {list}:
        return False
    flat = list(chain.from_iterable(lists))
    if not {*map(type, flat)} <= {list} or any(n < 6 or n % 2 for n in {*map(len, flat)}):
        return False
    return _NUMBERS.issuperset(map(type, chain.from_iterable(flat)))


def _is_polygon(points: Any) -> bool:
    is_list = type(points) is list and len(points) >= 6 and len(points) % 2 == 0
    return is_list and _NUMBERS.issuperset(map(type, points))


def _is_keypoints(values: Any) -> bool:
    if type(values) is not list or len(values) % 3 or not _NUMBERS.issuperset(map(type, values)):
        return False
    return {0, 1, 2}.issuperset(values[2::3])


def _received(value: Any) -> str:
    return f"Received: {briefly(value)}"
