"""Boxes and key points as they are drawn: places, colours and names."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.overlays import class_color
from augseq.loading.targets.view import ObjectsView, Skeleton
from augseq.terminal_text import shortened

Places: TypeAlias = npt.NDArray[np.float64]
"""x and y of points, in shares of the width and height of the image, shape (n, 2)."""

_MOST_LABELS = 12
_MOST_LETTERS = 20
# More objects than this have thinner lines, or nothing else of the image would be visible.
_MOST_WITH_FULL_LINES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnObject:
    """An object as it is drawn over an image.

    Attributes:
        name: Name of its class; may be empty.
        color: Colour of its class, "#rrggbb".
        corners: Corners of its box, in order around it; none without a box.
        points: Its labelled key points.
        point_names: Name of each of these points; may be empty.
        point_colors: Colour of each.
        is_hidden: Whether each is hidden, shape (num_points,).
        edges: Pairs of `points` to connect, by number.
    """

    name: str
    color: str
    corners: Places
    points: Places
    point_names: Sequence[str] = ()
    point_colors: Sequence[str] = ()
    is_hidden: npt.NDArray[np.bool_]
    edges: Sequence[tuple[int, int]] = ()

    @property
    def is_upright(self) -> bool:
        """Whether the sides of its box are parallel to those of the image."""
        return all(len(np.unique(values)) <= 2 for values in self.corners.T)

    def bounds(self) -> Places:
        """Return the corners (left, top) and (right, bottom) of the visible part."""
        places = self.corners if len(self.corners) else self.points
        return np.asarray(np.clip([places.min(axis=0), places.max(axis=0)], 0, 1))


def drawn_objects(
    view: ObjectsView, shape: tuple[int, ...], *, first_color: int
) -> list[DrawnObject]:
    """Return objects as they are drawn.

    Args:
        view: The objects.
        shape: (height, width, ...) of the image.
        first_color: Number of the colour of the first class. Those of key points follow after
            those of the classes.
    """
    sides, point_sides = (
        np.array((size or shape[:2])[::-1], np.float64) for size in (view.size, view.points_size)
    )
    color_of = point_colors(view, first_color=first_color)
    shift = (0.5 - view.pixel_centre) / np.array(shape[1::-1], np.float64)
    found = []
    for number, label in enumerate(view.classes.tolist()):
        corners = np.zeros((0, 2)) if view.corners is None else view.corners[number] / sides
        points = np.zeros((0, 3)) if view.points is None else view.points[number]
        places = np.flatnonzero(points[:, 2] > 0).tolist()
        skeleton = view.skeletons.get(label, Skeleton())
        names = [skeleton.names[k] if k < len(skeleton.names) else "" for k in places]
        color = class_color(first_color + label)
        new = {old: k for k, old in enumerate(places)}
        edges = [(new[a], new[b]) for a, b in skeleton.edges if a in new and b in new]
        found.append(
            DrawnObject(
                name=view.class_names[label] if label < len(view.class_names) else "",
                color=color,
                corners=np.asarray(corners, np.float64),
                points=np.asarray(points[places, :2] / point_sides + shift, np.float64),
                point_names=names,
                point_colors=[color_of.get(name, color) for name in names],
                is_hidden=points[places, 2] == 1,
                edges=edges,
            )
        )
    return found


def line_scale(num_objects: int) -> float:
    """Return how wide the lines of so many objects are drawn, from 0.3 to 1 times the usual."""
    return float(np.clip((_MOST_WITH_FULL_LINES / max(1, num_objects)) ** 0.5, 0.3, 1))


def point_colors(view: ObjectsView, *, first_color: int) -> dict[str, str]:
    """Return the colour of each name of a key point.

    Args:
        view: The objects.
        first_color: Number of the colour of the first class.
    """
    names = dict.fromkeys(name for one in view.skeletons.values() for name in one.names)
    start = first_color + max(1, len(view.class_names))
    return {name: class_color(start + number) for number, name in enumerate(names)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLabel:
    """The name of an object, at a free place of the picture.

    Attributes:
        text: The name, shortened.
        color: Colour of its background.
        ink: Colour of its letters, black or white.
        left: In the unit of the picture, like `top`, `width` and `height`.
    """

    text: str
    color: str
    left: float
    top: float
    width: float
    height: float

    @property
    def ink(self) -> str:
        """The colour of its letters that can be read best: "#000000" or "#ffffff"."""
        red, green, blue = bytes.fromhex(self.color[1:])
        return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"

    def overlaps(self, other: "PlacedLabel") -> bool:
        """Return whether both cover a common place."""
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and self.top < other.top + other.height
            and other.top < self.top + self.height
        )


def place_labels(
    objects: Sequence[DrawnObject],
    width: float,
    height: float,
    measure: Callable[[str], tuple[float, float]],
) -> list[PlacedLabel]:
    """Return labels that are inside the picture and do not overlap; others are omitted.

    Large objects come first, so that small ones at their edges do not take their place.

    Args:
        objects: The objects.
        width: Width of the picture, in any unit.
        height: Its height.
        measure: Returns width and height of a text, in the same unit.
    """
    named = [one for one in objects if one.name and len(one.corners) + len(one.points)]
    named.sort(key=lambda one: -float(np.prod(np.diff(one.bounds(), axis=0))))
    placed: list[PlacedLabel] = []
    for one in named:
        for label in _candidates(one, width, height, measure):
            if not any(map(label.overlaps, placed)):
                placed.append(label)
                break
        if len(placed) == _MOST_LABELS:
            break
    return placed


def _candidates(
    one: DrawnObject,
    width: float,
    height: float,
    measure: Callable[[str], tuple[float, float]],
) -> Iterator[PlacedLabel]:
    """Yield the places for a label that are inside the picture, best first."""
    text = shortened(one.name, _MOST_LETTERS)
    long, high = measure(text)
    (left, top), (right, bottom) = one.bounds() * (width, height)
    # Above the box, at the top inside it, below it, at its bottom inside it.
    for up in (top - high, top, bottom, bottom - high):
        for along in (left, right - long):
            place = min(max(along, 0.0), width - long)
            if 0 <= up <= height - high and place >= 0:
                yield PlacedLabel(
                    text=text, color=one.color, left=place, top=up, width=long, height=high
                )
