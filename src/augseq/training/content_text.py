"""A short description of an object with a hash of its content, to compare runs."""

import functools
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augseq.augment.albumentations_transform import AlbumentationsTransform
from augseq.training.content_walk import ContentWalk, captured

_HASH_DIGITS = 16
_LONGEST_VALUE = 30
_SIMPLE = (type(None), bool, int, float, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The description of an object.

    Attributes:
        text: Readable text, followed by " #" and the hash.
        unknown: Parts that cannot be compared, each with the path to it.
    """

    text: str
    unknown: tuple[str, ...]


def describe_content(value: Any, *, longest: int = 140) -> Content:
    """Describe an object so that a later run can check whether it has the same one.

    Args:
        value: Any object; only its content counts, not its memory address.
        longest: Maximum length of the text before the hash.
    """
    walk = ContentWalk()
    digest = walk.digest(value).hex()[:_HASH_DIGITS]
    text = object_text(value)
    if len(text) > longest:
        text = f"{text[: longest - 3]}..."
    return Content(text=f"{text} #{digest}", unknown=tuple(dict.fromkeys(walk.unknown)))


def is_same_content(one: Any, other: Any) -> bool:
    """Compare two descriptions by their hashes, ignoring the text before them."""
    if isinstance(one, str) and isinstance(other, str) and " #" in one and " #" in other:
        return one.rpartition(" #")[2] == other.rpartition(" #")[2]
    return bool(one == other)


def object_text(value: Any) -> str:
    """Return readable text of an object on one line, without memory addresses."""
    return " ".join(_text(value).split())


def _text(value: Any) -> str:
    if isinstance(value, AlbumentationsTransform):
        return f"{value.name}({value.settings})"
    if isinstance(value, functools.partial):
        options = {str(number): item for number, item in enumerate(value.args)} | value.keywords
        return f"partial({_text(value.func)}{_options(options, before=', ')})"
    if isinstance(value, types.MethodType):
        return f"{_text(value.__self__)}.{value.__func__.__name__}"
    if isinstance(value, types.FunctionType):
        return f"{value.__name__}({_options(captured(value))})"
    if isinstance(value, type):
        return value.__name__
    if getattr(type(value), "__repr__", None) is object.__repr__:
        return f"{type(value).__name__}({_options(getattr(value, '__dict__', {}))})"
    try:
        # The memory address is not part of the content.
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
    except Exception:
        return type(value).__name__


def _options(values: Mapping[str, Any], before: str = "") -> str:
    """List the options that have short, readable values."""
    shown = [
        f"{name}={item!r}"
        for name, item in values.items()
        if type(item) in _SIMPLE and len(repr(item)) <= _LONGEST_VALUE
    ]
    return before * bool(shown) + ", ".join(shown)
