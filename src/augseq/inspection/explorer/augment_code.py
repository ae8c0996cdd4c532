"""Write a list of augmentations as code."""

import dataclasses
import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from augseq.augment.albumentations_parts import is_albumentations
from augseq.inspection.explorer.arguments import arguments_of, needed_arguments

_MOST_IN_A_LINE = 88


def code_of(item: Any) -> str | None:
    """Return an expression that creates or names an augmentation.

    A transform of albumentations has only the arguments that differ from the defaults. A function
    is written as its name.

    Returns:
        The expression; None if no code can express it, such as an object of a class that does not
        record how it was created.
    """
    if is_albumentations(item):
        arguments = arguments_of(item)
        return None if arguments is None else transform_code(item, arguments)
    name = str(getattr(item, "__name__", ""))
    if name.isidentifier() and not isinstance(item, type):
        return name
    text = repr(item) if dataclasses.is_dataclass(item) else None
    # A memory address is not code.
    return None if text is None or " at 0x" in text else text


def transform_code(transform: Any, arguments: Mapping[str, Any]) -> str | None:
    """Return the call that creates a transform of albumentations.

    Args:
        transform: The transform.
        arguments: All its arguments.

    Returns:
        As `code_of`.
    """
    texts = {name: _text(value) for name, value in needed_arguments(transform, arguments).items()}
    if None in texts.values():
        return None
    leading = _leading(type(transform), texts)
    words = [str(texts.pop(name)) for name in leading]
    words += [f"{name}={text}" for name, text in texts.items()]
    return f"{_class_code(type(transform))}({', '.join(words)})"


def list_code(items: Sequence[str]) -> str:
    """Return `augment=[...]`, on one line if that is short."""
    line = f"augment=[{', '.join(items)}]"
    if len(line) <= _MOST_IN_A_LINE:
        return line
    return "\n".join(["augment=[", *(f"    {item}," for item in items), "]"])


def _text(value: Any) -> str | None:
    """Return an argument as an expression; None if it is not a plain value."""
    if is_albumentations(value) and not isinstance(value, type):
        return code_of(value)
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, dict):
        pairs = [(_text(key), _text(part)) for key, part in value.items()]
        words = [None if None in pair else f"{pair[0]}: {pair[1]}" for pair in pairs]
        return _joined(words, "{", "}")
    if isinstance(value, list):
        return _joined(list(map(_text, value)), "[", "]")
    if isinstance(value, tuple):
        return _joined(list(map(_text, value)), "(", ",)" if len(value) == 1 else ")")
    return None


def _joined(words: Sequence[str | None], first: str, last: str) -> str | None:
    return None if None in words else f"{first}{', '.join(map(str, words))}{last}"


def _leading(kind: type, texts: Mapping[str, Any]) -> list[str]:
    """Return the leading arguments without a default, which are passed by position."""
    names = []
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.default is not parameter.empty or name not in texts:
            break
        names.append(name)
    return names


def _class_code(kind: type) -> str:
    """Return the name of a class, with `A.` if albumentations has it under that name."""
    is_theirs = getattr(sys.modules.get("albumentations"), kind.__name__, None) is kind
    return f"A.{kind.__name__}" if is_theirs else kind.__name__
