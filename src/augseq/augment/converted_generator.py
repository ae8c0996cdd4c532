"""The result of `image_data_generator`: a list, its code, and what differs."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, overload


class GeneratorPart(Protocol):
    """One augmentation, and how to write it."""

    @property
    def item(self) -> Any:
        """The augmentation."""
        ...

    @property
    def code(self) -> str:
        """An expression that creates it."""
        ...

    @property
    def definition(self) -> str:
        """A function that the expression refers to; empty if there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class ConvertedGenerator(Sequence[Any]):
    """The augmentations of an old `ImageDataGenerator`, as a list and as code.

    `image_data_generator` returns it. It is a list for `augment=`; extend it with
    `[*converted, A.GaussNoise()]`. `print` shows its code and its notes.

    Attributes:
        items: The augmentations, in the order in which Keras applies them.
        code: A program that creates the list, as `augment`.
        notes: What differs from Keras, and where the other arguments belong, in sentences.
    """

    items: tuple[Any, ...]
    code: str
    notes: tuple[str, ...]

    @classmethod
    def of(cls, parts: Sequence[GeneratorPart], notes: Sequence[str]) -> "ConvertedGenerator":
        """Return the list of some augmentations.

        Args:
            parts: The augmentations, each with its code.
            notes: As the attribute.
        """
        return cls(
            items=tuple(part.item for part in parts), code=_program(parts), notes=tuple(notes)
        )

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Return an augmentation, or several."""
        return self.items[index]

    def __len__(self) -> int:
        """Return the number of augmentations."""
        return len(self.items)

    def __repr__(self) -> str:
        lines = [
            textwrap.fill(note, 98, initial_indent="# - ", subsequent_indent="#   ")
            for note in self.notes
        ]
        return "\n".join([self.code, *(["", "# Notes", *lines] if lines else [])])


def _program(parts: Sequence[GeneratorPart]) -> str:
    definitions = "".join(f"\n\n{part.definition}\n" for part in parts if part.definition)
    elements = "".join(f"{_element(part.code)}\n" for part in parts)
    augment = f"augment = [\n{elements}]" if parts else "augment = []"
    body = f"{definitions}\n\n{augment}" if definitions else f"\n{augment}"
    imports = [
        ("A.", "import albumentations as A"),
        ("np.", "import numpy as np"),
        ("augseq.", "import augseq"),
    ]
    needed = [line for word, line in imports if word in body]
    return "\n".join([*needed, body]) if needed else augment


def _element(code: str) -> str:
    # All code breaks at spaces, since it is inside of brackets, and no text in it has spaces.
    return textwrap.fill(
        f"{code},", 100, initial_indent="    ", subsequent_indent="        ", break_on_hyphens=False
    )
