"""The transforms of albumentations that need only an image, to choose from by name."""

import inspect
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from augseq.augment.suitability import reason_against_parts
from augseq.errors import ArgumentError

# They do nothing alone.
_EXCLUDED = frozenset({"Lambda", "NoOp"})


@cache
def transform_names() -> tuple[str, ...]:
    """Return the names of all transforms of albumentations that need only an image, sorted."""
    import albumentations

    kinds = inspect.getmembers(albumentations, _is_transform)
    return tuple(name for name, kind in kinds if _made(kind, (224, 224)) is not None)


def make_transform(name: str, size: tuple[int, int]) -> Any:
    """Create a transform with its defaults.

    Args:
        name: One of `transform_names()`.
        size: (height, width) in pixels of what a crop or a resize returns.

    Raises:
        ArgumentError: There is no such transform.
    """
    if name not in transform_names():
        raise ArgumentError(f"There is no transform {name!r} to add.")
    import albumentations

    return _made(getattr(albumentations, name), size)


def _is_transform(value: Any) -> bool:
    import albumentations

    is_abstract = value in (
        albumentations.BasicTransform,
        albumentations.DualTransform,
        albumentations.ImageOnlyTransform,
        albumentations.Transform3D,
    )
    return (
        inspect.isclass(value)
        and issubclass(value, albumentations.BasicTransform)
        and not is_abstract
        and value.__name__ not in _EXCLUDED
    )


def _made(kind: type, size: tuple[int, int]) -> Any:
    """Return a transform of a class; None if it needs more than a size."""
    for options in _ways(size):
        try:
            with warnings.catch_warnings():
                # Such as those about arguments that have no default yet.
                warnings.simplefilter("ignore")
                made = kind(**options)
        except Exception:
            continue
        return made if reason_against_parts(made) is None else None
    return None


def _ways(size: tuple[int, int]) -> Iterator[dict[str, Any]]:
    height, width = size
    yield {}
    yield {"size": size}
    yield {"height": height, "width": width}
