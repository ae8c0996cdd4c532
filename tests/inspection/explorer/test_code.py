"""The code of a list recreates the list."""

import inspect
import warnings
from dataclasses import dataclass
from typing import Any

import albumentations as A
import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from augseq.augment.albumentations_transform import AlbumentationsTransform
from augseq.augment.augmentation_list import make_augmentation_list
from augseq.errors import ArgumentError
from augseq.inspection.explorer.augment_code import code_of
from augseq.inspection.explorer.choices import Choices

IMAGE = np.random.default_rng(3).integers(0, 256, (40, 48, 3), np.uint8)

# Arguments of transforms without defaults.
NEEDED = {
    "height": 24, "width": 20, "size": (24, 20), "min_max_height": (10, 30),
    "num_grid_xy": (3, 3), "magnitude": 4,
}  # fmt: skip
# They need masks, boxes, functions, files or other images besides the image itself.
OTHERS = {
    "BBoxSafeRandomCrop", "ConstrainedCoarseDropout", "CropNonEmptyMaskIfExists", "FDA",
    "HistogramMatching", "Lambda", "MaskDropout", "Mosaic", "OverlayElements",
    "PixelDistributionAdaptation", "RandomCropNearBBox", "TextImage",
}  # fmt: skip


def kinds() -> list[type]:
    """All transforms of albumentations that need only an image, of any size."""
    found = []
    for name, kind in vars(A).items():
        if not inspect.isclass(kind) or not issubclass(kind, A.BasicTransform):
            continue
        if not kind.__module__.startswith("albumentations.augmentations") or name in OTHERS:
            continue
        needed = [
            key
            for key, one in inspect.signature(kind).parameters.items()
            if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
        ]
        if "3D" not in name and set(needed) <= set(NEEDED):
            found.append(kind)
    return found


def required(kind: type) -> dict[str, Any]:
    parameters = inspect.signature(kind).parameters
    return {
        key: NEEDED[key]
        for key, one in parameters.items()
        if one.default is one.empty and key in NEEDED
    }


def made(kind: type) -> Any:
    """Make a transform with its defaults; None if they do not go together."""
    with warnings.catch_warnings():
        # Some warn that they are slow or deprecated.
        warnings.simplefilter("ignore")
        try:
            transform = kind(**required(kind))
            # Those that need boxes or masks are refused, so no panel ever holds one.
            make_augmentation_list([transform])
        except (TypeError, ValueError):
            return None
        return transform


TRANSFORMS = [one for one in map(made, kinds()) if one is not None]


def evaluated(code: str, **names: Any) -> Any:
    return eval(code.removeprefix("augment="), {"A": A, **names})


def pixels(transform: Any, seed: int) -> np.ndarray | type:
    """The image that a transform returns, or the type of its exception."""
    try:
        return AlbumentationsTransform(transform)(IMAGE, np.random.default_rng(seed))
    except Exception as error:
        return type(error)


def assert_same_pixels(one: Any, other: Any) -> None:
    for seed in range(3):
        first, second = pixels(one, seed), pixels(other, seed)
        if isinstance(first, type):
            assert second is first
        else:
            np.testing.assert_array_equal(first, second)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda one: type(one).__name__)
def test_the_code_of_every_transform_makes_the_same_pixels(transform: Any) -> None:
    code = code_of(transform)
    if code is None:
        assert type(transform).__name__ == "FromFloat"
        return
    assert code.startswith(f"A.{type(transform).__name__}(")
    # Only the required arguments.
    leading = ", ".join(map(repr, required(type(transform)).values()))
    assert code == f"A.{type(transform).__name__}({leading})"
    assert_same_pixels(transform, evaluated(code))


@st.composite
def moved_lists(draw: st.DrawFn) -> tuple[Choices, list[tuple[int, str, Any]]]:
    """Lists with some parameters moved anywhere within the limits of their sliders."""
    places = draw(st.lists(st.integers(0, len(TRANSFORMS) - 1), min_size=1, max_size=3))
    try:
        choices = Choices([TRANSFORMS[place] for place in places])
    except ArgumentError:
        # Normalize before a transform that clips: refused as a list, so no panel ever holds one.
        reject()
    moves = []
    for place, choice in enumerate(choices):
        for parameter in choice.parameters:
            if not draw(st.booleans()):
                continue
            share = st.floats(parameter.low, parameter.high).map(lambda x: float(f"{x:.3g}"))
            number = st.integers(int(parameter.low), int(parameter.high))
            one = number if parameter.is_whole else share
            value: Any = draw(st.booleans() if isinstance(parameter.value, bool) else one)
            if isinstance(parameter.value, tuple):
                value = tuple(sorted((value, draw(one))))
            moves.append((place, parameter.name, value))
    return choices, moves


# A number moved to 0 can divide by it.
@pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::DeprecationWarning", "ignore::RuntimeWarning"
)
@settings(max_examples=60)
@given(moved_lists(), st.integers(0, 2**32))
def test_the_code_of_a_moved_list_makes_the_same_list(
    moved: tuple[Choices, list[tuple[int, str, Any]]], seed: int
) -> None:
    choices, moves = moved
    for place, name, value in moves:
        before = choices[place]
        try:
            choices.move(place, name, value)
        except Exception:
            # A value that the class refuses, with others or on its own, changes nothing.
            assert choices[place] is before
    again = evaluated(choices.code)
    assert len(again) == len(choices.items)
    for one, other in zip(choices.items, again, strict=True):
        # Compared by albumentations itself, not by the code under test.
        assert one.to_dict() == other.to_dict()
        first, second = pixels(one, seed), pixels(other, seed)
        if isinstance(first, np.ndarray):
            assert np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
        else:
            assert first is second


def test_code_has_only_what_differs_from_the_defaults() -> None:
    choices = Choices([A.RandomResizedCrop((96, 96), scale=(0.5, 1)), A.HorizontalFlip(p=0.3)])
    assert choices.code == (
        "augment=[A.RandomResizedCrop((96, 96), scale=(0.5, 1)), A.HorizontalFlip(p=0.3)]"
    )
    choices.move(1, "p", 0.5)
    assert choices.code.endswith("A.HorizontalFlip()]")
    choices.switch(0, False)
    assert choices.code == "augment=[A.HorizontalFlip()]"
    choices.switch(1, False)
    assert choices.code == "augment=[]"


def test_a_fraction_does_not_become_a_number_of_pixels() -> None:
    """In some transforms 1.0 is all of the image, and 1 is one pixel."""
    transform = A.CoarseDropout(hole_height_range=(1.0, 1.0), hole_width_range=(1, 1), p=1)
    code = code_of(transform)
    assert code == "A.CoarseDropout(hole_height_range=(1.0, 1.0), hole_width_range=(1, 1), p=1)"
    assert_same_pixels(transform, evaluated(code))


def darken(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image // 2


def keep(image: np.ndarray, **options: Any) -> np.ndarray:
    return image


@dataclass(frozen=True)
class Dim:
    by: int = 2

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image // self.by


class Opaque:
    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image


class OwnFlip(A.HorizontalFlip):
    """A transform of the user's own, which albumentations does not have."""


def test_functions_and_objects_are_written_by_name() -> None:
    opaque, picture = Opaque(), A.Lambda(image=keep, p=1)
    choices = Choices([darken, Dim(by=3), opaque, OwnFlip(p=0.1), picture])
    assert choices.code == "augment=[darken, Dim(by=3), augment[2], OwnFlip(p=0.1), augment[4]]"
    assert choices.has_elements_by_place
    assert choices.items[0] is darken
    assert choices.items[2] is opaque
    assert [bool(choice.parameters) for choice in choices] == [False, False, False, True, False]


def test_compositions_are_written_with_their_contents() -> None:
    inside = [A.GaussNoise(p=0.2), A.OneOf([A.Blur(), A.Rotate(limit=10)], p=0.7)]
    choices = Choices([A.SomeOf(inside, n=1, p=0.4), A.Compose([A.HorizontalFlip()])])
    assert choices.code.splitlines() == [
        "augment=[",
        "    A.SomeOf([A.GaussNoise(p=0.2), "
        "A.OneOf([A.Blur(), A.Rotate(limit=(-10, 10))], p=0.7)], p=0.4),",
        "    A.Compose([A.HorizontalFlip()]),",
        "]",
    ]
    assert choices[0].parameters[0].name == "p"
    choices.move(0, "p", 0.9)
    assert choices.items[0].p == 0.9
    for one, other in zip(choices.items, evaluated(choices.code), strict=True):
        assert_same_pixels(one, other)


def test_the_value_is_shown_as_the_class_stores_it() -> None:
    """An even kernel size is made odd by some, refused by others."""
    choices = Choices([A.RandomCrop(20, 20), A.RandomResizedCrop((8, 8))])
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        choices.move(0, "height", 0)
    with pytest.raises(ValueError, match="should be less than"):
        choices.move(1, "scale", (0.9, 0.2))
    assert choices.code == "augment=[A.RandomCrop(20, 20), A.RandomResizedCrop((8, 8))]"


def test_limits_are_accepted_by_the_class_and_include_the_value() -> None:
    for transform in TRANSFORMS:
        for choice in Choices([transform]):
            for parameter in choice.parameters:
                value = parameter.value
                if isinstance(value, bool):
                    continue
                low, high = value if isinstance(value, tuple) else (value, value)
                assert parameter.low <= low <= high <= parameter.high, (transform, parameter)
                assert 0 < parameter.step < parameter.high - parameter.low or parameter.is_whole


def test_changing_a_returned_list_changes_nothing() -> None:
    given_flip = A.HorizontalFlip(p=0.3)
    choices = Choices([given_flip])
    choices.items[0].p = given_flip.p = 1.0
    assert choices.code == "augment=[A.HorizontalFlip(p=0.3)]"
    assert choices.items[0].p == 0.3
