"""Which augmentations are on, and how each is set."""

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
        item: As one writes it into `augment=[...]`.
        step: What runs.
        name: Its name.
        is_on: Whether it runs.
        parameters: What can be moved.
        code: The expression that makes it.
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
        """Look at an augmentation.

        Args:
            item: A transform of albumentations, a function or an object.
            name: Its name.
            fallback: Its code, where no other tells all of it.
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

        What the class makes of the value, a kernel size rounded up, say, is what then stands in
        `parameters`.

        Raises:
            Exception: Whatever the class raises about the value.
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
            parameters=tuple(_placed(one, arguments) for one in self.parameters),
            _arguments=arguments,
        )


class Choices:
    """A list of augmentations that can be switched and moved; the state behind the panel.

    Args:
        items: Albumentations transforms, functions and objects, as for `ImageSequence`.

    Raises:
        ArgumentError: An element is none of these.
    """

    def __init__(self, items: Sequence[Any]) -> None:
        names = make_augmentation_list(items).names
        self._choices = [
            Choice.of(_own(item), name, fallback=f"augment[{place}]")
            for place, (item, name) in enumerate(zip(items, names, strict=True))
        ]

    def __getitem__(self, place: int) -> Choice:
        return self._choices[place]

    def __iter__(self) -> Iterator[Choice]:
        return iter(self._choices)

    def switch(self, place: int, is_on: bool) -> None:
        """Switch an augmentation on or off."""
        self._choices[place] = replace(self._choices[place], is_on=is_on)

    def move(self, place: int, name: str, value: Value) -> None:
        """Give a parameter of a transform another value; where that fails, nothing changes.

        Raises:
            Exception: Whatever the transform raises about the value.
        """
        self._choices[place] = self._choices[place].moved(name, value)

    @property
    def places_on(self) -> list[int]:
        """The places of those that are on."""
        return [place for place, choice in enumerate(self._choices) if choice.is_on]

    @property
    def items(self) -> list[Any]:
        """The list as one gives it to `ImageSequence(augment=...)`: those that are on."""
        return [_own(self._choices[place].item) for place in self.places_on]

    @property
    def augment(self) -> AugmentationList:
        """What runs."""
        return AugmentationList(tuple(self._choices[place].step for place in self.places_on))

    @property
    def code(self) -> str:
        """The list as code, with `import albumentations as A`."""
        return list_code([self._choices[place].code for place in self.places_on])

    @property
    def has_elements_by_place(self) -> bool:
        """Whether the code names elements of the list that was given, as `augment[2]`."""
        return any(self._choices[place].code == f"augment[{place}]" for place in self.places_on)


def items_of(augment: AugmentationList) -> list[Any]:
    """Return a list of augmentations as it was given to a sequence."""
    return [
        step.transform if isinstance(step, AlbumentationsTransform) else step
        for step in augment.steps
    ]


def _own(item: Any) -> Any:
    # Only transforms of albumentations are changed by those who use them.
    return copy.deepcopy(item) if is_albumentations(item) else item


def _step_of(item: Any) -> Augmentation:
    return make_augmentation_list([item]).steps[0]


def _placed(parameter: Parameter, arguments: dict[str, Any]) -> Parameter:
    value = value_of(arguments.get(parameter.name))
    return parameter if value is None else replace(parameter, value=value)
