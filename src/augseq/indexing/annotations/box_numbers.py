"""The four numbers of a box in each format, and back without loss.

A box is left, top, right, bottom in pixels. Computing a width, or a centre, from it rounds, so
that reading the result does not always give the same box. So a manifest holds the numbers of the
file too: they are written again if they still give exactly this box.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.manifest.object_columns import ObjectColumns

Numbers: TypeAlias = npt.NDArray[np.float64]

# Steps by which a rounded number is off at most.
_STEPS = (1, -1, 2, -2)


def written_numbers(
    objects: ObjectColumns,
    read: Callable[[Numbers], Numbers],
    write: Callable[[Numbers], Numbers],
) -> Numbers:
    """Return the numbers to write for each box, shape (n, 4).

    Args:
        objects: The objects.
        read: Returns the boxes for numbers of the format, as its index function does.
        write: Returns the numbers for boxes.
    """
    computed = write(objects.boxes)
    written = objects.numbers("box_as_written")
    if written is None:
        return computed
    is_same = (read(written) == objects.boxes).all(axis=1, keepdims=True)
    return np.where(is_same, written, computed)


def coco_boxes(numbers: Numbers) -> Numbers:
    """Return boxes for COCO's left, top, width, height."""
    return np.concatenate([numbers[:, :2], numbers[:, :2] + numbers[:, 2:]], axis=1)


def looks_relative(numbers: Numbers, sides: npt.NDArray[np.int64]) -> bool:
    """Return whether all numbers seem to be relative to the size of the image, and not in pixels.

    Args:
        numbers: Four numbers for each box, shape (n, 4).
        sides: (width, height) of its image in pixels, shape (n, 2); negative if unknown.
    """
    return bool(len(numbers) and (numbers <= 1).all() and (sides > 1).all())


def looks_like_corners(numbers: Numbers, sides: npt.NDArray[np.int64]) -> bool:
    """Return whether COCO's numbers seem to be left, top, right, bottom.

    Then all boxes are inside their image; as left, top, width, height, some are not.

    Args:
        numbers: Four numbers for each box, shape (n, 4).
        sides: (width, height) of its image in pixels, shape (n, 2).
    """
    low, high = numbers[:, :2], numbers[:, 2:]
    is_outside = (low + high > sides).any()
    return bool(is_outside and ((low >= 0) & (low < high) & (high <= sides)).all())


def coco_numbers(boxes: Numbers) -> Numbers:
    """Return left, top, width, height, so that the sums give the same boxes."""
    low, high = boxes[:, :2], boxes[:, 2:]
    sides = solve(high - low, high, lambda sides: low + sides)
    return np.concatenate([low, sides], axis=1)


def voc_boxes(first_pixel: int) -> Callable[[Numbers], Numbers]:
    """Return a function that returns boxes for VOC's left, top, right, bottom."""
    offset = np.array([first_pixel, first_pixel, 0, 0])
    return lambda numbers: numbers - offset


def voc_numbers(first_pixel: int) -> Callable[[Numbers], Numbers]:
    """Return a function that returns left, top, right, bottom for boxes.

    Some boxes cannot be stated exactly in numbers from 1; these are rounded.
    """
    offset = np.array([first_pixel, first_pixel, 0, 0])
    return lambda boxes: solve(boxes + offset, boxes, lambda numbers: numbers - offset)


def yolo_boxes(sides: Numbers) -> Callable[[Numbers], Numbers]:
    """Return a function that returns boxes for YOLO's centre, width and height.

    Args:
        sides: (width, height) of the image of each box, in pixels, shape (n, 2).
    """

    def boxes_of(numbers: Numbers) -> Numbers:
        centre, half = numbers[:, :2], numbers[:, 2:] / 2
        return np.concatenate([(centre - half) * sides, (centre + half) * sides], axis=1)

    return boxes_of


def yolo_numbers(sides: Numbers) -> Callable[[Numbers], Numbers]:
    """Return a function that returns centre, width and height for boxes.

    Where no short decimals give exactly the box, they are rounded to 17 digits.
    """

    def numbers_of(boxes: Numbers) -> Numbers:
        low, high = boxes[:, :2] / sides, boxes[:, 2:] / sides
        numbers = np.concatenate([(low + high) / 2, high - low], axis=1)
        return shortest(numbers, boxes, yolo_boxes(sides))

    return numbers_of


def relative_numbers(pixels: Numbers, sides: Numbers) -> Numbers:
    """Return coordinates relative to the size of the image, as short as they can be."""
    solved = solve(pixels / sides, pixels, lambda numbers: numbers * sides)
    return shortest(solved, pixels, lambda numbers: numbers * sides)


def shortest(numbers: Numbers, goal: Numbers, read: Callable[[Numbers], Numbers]) -> Numbers:
    """Return numbers rounded to the fewest decimals for which `read` still gives a goal.

    Args:
        numbers: Shape (n, k).
        goal: What `read` must give for each row, shape (n, m).
        read: Returns the values of rows.
    """
    found = numbers.copy()
    is_open = np.ones((len(numbers), 1), bool)
    for decimals in range(1, 17):
        rounded = np.round(numbers, decimals)
        is_same = (read(rounded) == goal).all(axis=1, keepdims=True) & is_open
        found = np.where(is_same, rounded, found)
        is_open &= ~is_same
    return found


def solve(start: Numbers, goal: Numbers, read: Callable[[Numbers], Numbers]) -> Numbers:
    """Return the numbers next to `start` for which `read` gives exactly `goal`.

    Where there are none, `start` is returned.
    """
    found = start.copy()
    for steps in _STEPS:
        is_off = read(found) != goal
        if not is_off.any():
            break
        tried = start
        for _ in range(abs(steps)):
            tried = np.nextafter(tried, np.inf * steps)
        found = np.where(is_off & (read(tried) == goal), tried, found)
    return found
