"""Which augmentations are on, and their parameters."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from augseq.augment.albumentations_parts import is_albumentations
from augseq.augment.albumentations_transform import AlbumentationsTransform
from augseq.augment.augmentation import Augmentation
from augseq.augment.augmentation_list import AugmentationList, make_augmentation_list
from augseq.inspection.explorer.arguments import arguments_of, rebuilt
from augseq.inspection.explorer.augment_code import code_of, list_code, transform_code
from augseq.inspection.explorer.parameters import Parameter, Value, find_parameters, value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One augmentation of the list.

    Attributes:
        item: The augmentation as in `augment=[...]`.
        step: The object that runs.
        name: Name of the augmentation.
        is_on: Whether it runs.
        parameters: The adjustable parameters.
        code: The expression that creates it.
    """

    item: Any
    step: Augmentation
    name: str
    is_on: bool = True
    parameters: tuple[Parameter, ...]
    code: str
    _arguments: dict[str, Any] | None = field(repr=False)

    @classmethod
    def of(cls, item: Any, name: str, *, fallback: str) -> Self:
        """Return the choice for an augmentation.

        Args:
            item: A transform of albumentations, a function or an object.
            name: Name of the augmentation.
            fallback: Its code if no expression can create it.
        """
        is_theirs = is_albumentations(item)
        arguments = arguments_of(item) if is_theirs else None
        parameters: tuple[Parameter, ...] = ()
        if arguments is not None:
            code = transform_code(item, arguments)
            parameters = find_parameters(item, arguments) if code else ()
        else:
            code = None if is_theirs else code_of(item)
        return cls(
            item=item,
            step=_step_of(item),
            name=name,
            parameters=parameters,
            code=code or fallback,
            _arguments=arguments,
        )

    def moved(self, name: str, value: Value) -> Self:
        """Return the choice with another value of a parameter.

        `parameters` then has the value that the class makes of it, such as a kernel size rounded
        up.

        Raises:
            Exception: Whatever the class raises for the value.
        """
        if self._arguments is None:
            raise ValueError(f"{self.name} has no parameter {name!r}.")
        item = rebuilt(self.item, {**self._arguments, name: value})
        arguments = arguments_of(item)
        code = None if arguments is None else transform_code(item, arguments)
        if arguments is None or code is None:
            raise ValueError(f"{self.name} cannot be written as code with {name}={value!r}.")
        return replace(
            self,
            item=item,
            step=_step_of(item),
            code=code,
            parameters=tuple(_updated(parameter, arguments) for parameter in self.parameters),
            _arguments=arguments,
        )


class Choices:
    """A list of augmentations to switch and adjust; the state of the panel.

    Args:
        items: Albumentations transforms, functions and objects, as for `ImageSequence`.

    Raises:
        ArgumentError: An element is none of these.
    """

    def __init__(self, items: Sequence[Any]) -> None:
        self._first = self._choices = _choices_of(items)

    def __len__(self) -> int:
        return len(self._choices)

    def __getitem__(self, place: int) -> Choice:
        return self._choices[place]

    def __iter__(self) -> Iterator[Choice]:
        return iter(self._choices)

    def switch(self, place: int, is_on: bool) -> None:
        """Switch an augmentation on or off."""
        self._set(place, replace(self._choices[place], is_on=is_on))

    def move(self, place: int, name: str, value: Value) -> None:
        """Set a parameter of a transform; if that fails, nothing changes.

        Raises:
            Exception: Whatever the transform raises for the value.
        """
        self._set(place, self._choices[place].moved(name, value))

    def _set(self, place: int, choice: Choice) -> None:
        # A new list, so that the first one can be restored.
        self._choices = [*self._choices[:place], choice, *self._choices[place + 1 :]]

    def add(self, item: Any) -> None:
        """Add a transform at the end of the list.

        Raises:
            ArgumentError: It is not an augmentation.
        """
        self._choices = [*self._choices, *_choices_of([item])]

    def remove(self, place: int) -> None:
        """Remove an augmentation from the list."""
        self._choices = self._choices[:place] + self._choices[place + 1 :]

    def shift(self, place: int, by: int) -> None:
        """Move an augmentation by some places, at most to the beginning or the end."""
        rest = self._choices[:place] + self._choices[place + 1 :]
        new = max(0, place + by)
        self._choices = [*rest[:new], self._choices[place], *rest[new:]]

    def replace(self, items: Sequence[Any] | None) -> None:
        """Start again from another list; None for the first one, as it was.

        Raises:
            ArgumentError: An element is not an augmentation.
        """
        self._choices = self._first if items is None else _choices_of(items)

    @property
    def places_on(self) -> list[int]:
        """The positions of the augmentations that are on."""
        return [place for place, choice in enumerate(self._choices) if choice.is_on]

    @property
    def items(self) -> list[Any]:
        """The augmentations that are on, for `ImageSequence(augment=...)`."""
        return [_copied(self._choices[place].item) for place in self.places_on]

    @property
    def augment(self) -> AugmentationList:
        """The augmentations that are on, as they run."""
        return AugmentationList(tuple(self._choices[place].step for place in self.places_on))

    @property
    def code(self) -> str:
        """The list as code, with `import albumentations as A`."""
        return list_code([self._choices[place].code for place in self.places_on])

    @property
    def has_elements_by_place(self) -> bool:
        """Whether the code refers to elements of the original list, as `augment[2]`."""
        return any(self._choices[place].code.startswith("augment[") for place in self.places_on)


def _choices_of(items: Sequence[Any]) -> list[Choice]:
    names = make_augmentation_list(items).names
    return [
        Choice.of(_copied(item), name, fallback=f"augment[{place}]")
        for place, (item, name) in enumerate(zip(items, names, strict=True))
    ]


def items_of(augment: AugmentationList) -> list[Any]:
    """Return a list of augmentations as it was passed to a sequence."""
    return [
        step.transform if isinstance(step, AlbumentationsTransform) else step
        for step in augment.steps
    ]


def _copied(item: Any) -> Any:
    # Only transforms of albumentations change when they are used.
    return copy.deepcopy(item) if is_albumentations(item) else item


def _step_of(item: Any) -> Augmentation:
    return make_augmentation_list([item]).steps[0]


def _updated(parameter: Parameter, arguments: dict[str, Any]) -> Parameter:
    value = value_of(arguments.get(parameter.name))
    return parameter if value is None else replace(parameter, value=value)
