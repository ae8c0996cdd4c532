"""The names of key points and the lines between them, as an annotation file states them."""

from typing import Any

from augseq.loading.targets.view import Skeleton
from augseq.manifest.categories import named_points, sorted_categories


def skeletons_of(dataset_info: str) -> dict[int, Skeleton]:
    """Return the skeleton of each class that has one, by its number.

    Annotation files can contain anything there; whatever is not valid is not drawn.

    Args:
        dataset_info: As in `Manifest`: COCO's categories can have `keypoints` with names and
            `skeleton` with pairs of numbers from 1; a YOLO dataset can have `kpt_names`.

    >>> skeletons_of('{"categories": [{"id": 7, "name": "cat", "keypoints": ["nose", "tail"], '
    ...              '"skeleton": [[1, 2]]}]}')
    {0: Skeleton(names=('nose', 'tail'), edges=((0, 1),))}
    """
    found = {}
    categories, names = sorted_categories(dataset_info), named_points(dataset_info)
    for number, category in enumerate(categories):
        skeleton = Skeleton(names=names[number], edges=_edges(category.get("skeleton")))
        if skeleton.names or skeleton.edges:
            found[number] = skeleton
    return found


def common_edges(dataset_info: str, num_points: int) -> tuple[tuple[int, int], ...]:
    """Return the lines between key points; none if classes contradict each other.

    Args:
        dataset_info: As in `Manifest`.
        num_points: Number of key points of an object.
    """
    found = {one.edges for one in skeletons_of(dataset_info).values() if one.edges}
    edges = found.pop() if len(found) == 1 else ()
    return tuple(pair for pair in edges if max(pair) < num_points)


def _edges(pairs: Any) -> tuple[tuple[int, int], ...]:
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        return ()
    return tuple((a - 1, b - 1) for a, b in pairs)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(type(n) is int and n > 0 for n in pair)
