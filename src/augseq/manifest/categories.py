"""The categories of an annotated dataset, which a manifest holds as JSON text."""

import json
from collections.abc import Sequence
from typing import Any

from augseq.errors import ArgumentError


def category_names(dataset_info: str) -> tuple[str, ...]:
    """Return the names of the categories, in the order of their ids.

    >>> category_names('{"categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]}')
    ('cat', 'dog')
    """
    return tuple(category["name"] for category in sorted_categories(dataset_info))


def sorted_categories(dataset_info: str) -> list[dict[str, Any]]:
    """Return the categories in the order of their ids, or of the list if they have none."""
    if not dataset_info:
        return []
    return _by_id(json.loads(dataset_info))


def key_point_names(dataset_info: str, num_points: int) -> tuple[str, ...]:
    """Return the names of the key points of all objects that have any.

    Args:
        dataset_info: As in `Manifest`.
        num_points: Number of key points of an object.

    Returns:
        One name for each point; empty if they have none, or categories contradict each other.

    >>> key_point_names('{"categories": [{"id": 1, "name": "cat", "keypoints": ["nose"]}]}', 1)
    ('nose',)
    """
    found = set(filter(None, named_points(dataset_info)))
    return found.pop() if len(found) == 1 and {len(n) for n in found} == {num_points} else ()


def named_points(dataset_info: str) -> list[tuple[str, ...]]:
    """Return the names of the key points of each category; empty for those without.

    Args:
        dataset_info: As in `Manifest`: COCO's categories can have `keypoints`; a YOLO dataset can
            have `kpt_names`. Names that are no list are ignored.
    """
    categories = sorted_categories(dataset_info)
    by_number = json.loads(dataset_info).get("kpt_names") if categories else None
    found = []
    for number, category in enumerate(categories):
        names = category.get("keypoints")
        if names is None and isinstance(by_number, dict):
            names = by_number.get(str(number))
        found.append(tuple(map(str, names)) if isinstance(names, list) else ())
    return found


def check_dataset_info(dataset_info: str) -> None:
    """Raise `ArgumentError` unless this is the JSON text of a dataset with categories, or ""."""
    try:
        names = category_names(dataset_info)
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return
    # A manifest file can contain anything.
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise ArgumentError(
        "`dataset_info` must be JSON text with a list of `categories`, each with an `id` and a "
        f"different `name`. Received: {dataset_info!r:.200}"
    )


def common_info(infos: Sequence[str]) -> str:
    """Return what the parts of a dataset say in common.

    Parts without annotations are ignored. Only values that are equal in all parts are returned.

    Raises:
        ArgumentError: The categories differ.
    """
    known = list(dict.fromkeys(filter(None, infos)))
    if len(known) < 2:
        return known[0] if known else ""
    contents = [json.loads(info) for info in known]
    first = contents[0]
    for content in contents[1:]:
        if _by_id(content) != _by_id(first):
            raise ArgumentError(
                "All manifests must have the same categories of boxes. Received: "
                f"{_shown(first)} and {_shown(content)}. Correct the annotation files, so that "
                "each id has the same name in all of them, and index them again; for Pascal VOC, "
                "pass the same `class_names` to index_voc for all parts."
            )
    same = {
        key: value
        for key, value in first.items()
        if key == "categories" or all(content.get(key) == value for content in contents)
    }
    return json.dumps(same, ensure_ascii=False)


def _by_id(content: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(content["categories"], key=lambda category: category["id"])


def _shown(content: dict[str, Any]) -> str:
    return f"{[(c['id'], c['name']) for c in content['categories']]!r:.200}"
