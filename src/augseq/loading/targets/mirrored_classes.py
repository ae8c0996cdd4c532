"""Which classes change places when left and right change sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from augseq.errors import ArgumentError
from augseq.types import Array
from augseq.validation import briefly, did_you_mean


@dataclass(frozen=True, slots=True)
class ClassMirror:
    """The classes of a target, and which of them change places.

    Attributes:
        names: The classes, in the order of their numbers.
        partners: The number of the partner of each class, or its own.
    """

    names: tuple[str | int, ...]
    partners: tuple[int, ...]

    def numbers(self, numbers: Array) -> Array:
        """Return the partners of class numbers, in their dtype and shape."""
        return np.asarray(np.array(self.partners, numbers.dtype)[numbers.astype(np.intp)])

    def columns(self, values: Array) -> Array:
        """Return values with one column for each class, on the last axis, after the change."""
        return np.asarray(values[..., list(self.partners)])

    def labels_in(self, shares: Array, label: int, share: float) -> tuple[int, int]:
        """Return the labels of both images in a mixed one, perhaps after a change.

        Args:
            shares: The share of each class, shape (num_classes,).
            label: The label of the first image, before a change.
            share: The share of the first image; 1 if it is not mixed.
        """
        found = [k for k in (label, self.partners[label]) if shares[k] > share - 1e-4]
        # If both are possible, the other image has the rest alone.
        own = min(found or [label], key=lambda k: abs(float(shares[k]) - share))
        rest = np.array(shares, np.float64)
        rest[own] -= share
        return own, int(rest.argmax())


def check_mirror_classes(option: str, mirror: Any, classes: Sequence[Any] | None) -> None:
    """Raise `ArgumentError` unless these are pairs of different classes, or None.

    Args:
        option: The option in messages, such as "Label".
        mirror: A dict of pairs.
        classes: The classes; None if they are not known yet.
    """
    if mirror is None:
        return
    pairs = list(mirror.items()) if isinstance(mirror, Mapping) else []
    partner_of = dict(pairs) | {right: left for left, right in pairs}
    is_clear = all(partner_of[a] == b and partner_of[b] == a and a != b for a, b in pairs)
    if not pairs or not is_clear:
        raise ArgumentError(
            f"`mirror` of {option} must be a dict of pairs of classes that change places when left "
            'and right do, each class in one pair, such as {"left hand": "right hand"}. '
            f"Received: mirror={briefly(mirror)}"
        )
    unknown = [name for name in partner_of if classes is not None and name not in classes]
    if unknown:
        raise ArgumentError(
            f"The classes in `mirror` of {option} must be among its classes. Received: "
            f"{unknown[0]!r}, with the classes {briefly(list(classes or ()))}."
            f"{did_you_mean(str(unknown[0]), map(str, classes or ()))}"
        )


def class_mirror(
    option: str, mirror: Mapping[Any, Any] | None, classes: Sequence[Any]
) -> ClassMirror | None:
    """Return which classes change places, after checking that they exist; None without any.

    Raises:
        ArgumentError: `mirror` has a class that is not in `classes`.
    """
    check_mirror_classes(option, mirror, classes)
    if mirror is None:
        return None
    partner_of = {**mirror, **{right: left for left, right in mirror.items()}}
    names = list(classes)
    partners = tuple(names.index(partner_of.get(name, name)) for name in names)
    return ClassMirror(tuple(names), partners)


def mirror_text(mirror: ClassMirror | None) -> str:
    """Return which classes change places, for `Target.content`; empty without any."""
    return "" if mirror is None else f", mirror={mirror.partners}"
