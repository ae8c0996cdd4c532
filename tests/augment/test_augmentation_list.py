"""The user's list: valid elements, order, errors."""

import functools
import pickle
from collections.abc import Callable
from typing import Any

import albumentations as A
import keras
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.augment.augmentation_list import AugmentationList, make_augmentation_list

IMAGE = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def double(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image // 2 * 2


def mirror(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image[:, ::-1]


def shift(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image + rng.integers(1, 256, dtype=np.uint8)


def fail(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    raise ZeroDivisionError("no luck")


class Crop:
    """An object with `sets_size`."""

    sets_size = True

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image[:4, :4]


class UserLayer(keras.layers.Layer):  # type: ignore[misc]
    """A layer that a user wrote."""


def run(augment: Any, image: np.ndarray = IMAGE, seed: int = 0) -> np.ndarray:
    return make_augmentation_list(augment)(image, np.random.default_rng(seed))


def sequence_of(samples: augseq.Manifest, augment: list[Any], **options: Any) -> Any:
    return augseq.ImageSequence(
        samples, image_size=(16, 16), batch_size=4, seed=11, augment=augment, **options
    )


def test_an_empty_list_returns_the_image_itself() -> None:
    assert run(None) is IMAGE
    assert run([]) is IMAGE


def test_steps_run_in_order() -> None:
    assert run([shift, double]).max() % 2 == 0
    assert run([double, mirror, Crop()])[0, 0].tolist() == (IMAGE[0, -1] // 2 * 2).tolist()
    assert run([Crop(), mirror])[0, 0].tolist() == IMAGE[0, 3].tolist()


def test_steps_draw_in_turn_from_one_generator() -> None:
    rng = np.random.default_rng(3)
    first, second = (rng.integers(1, 256, dtype=np.uint8) for _ in range(2))
    assert np.array_equal(run([shift, shift], seed=3), IMAGE + first + second)


def test_one_list_can_mix_all_kinds() -> None:
    steps = make_augmentation_list((A.HorizontalFlip(p=1), double, Crop(), A.Compose([A.NoOp()])))
    assert steps.names == ["HorizontalFlip", "double", "Crop", "Compose"]
    expected = (IMAGE[:, ::-1] // 2 * 2)[:4, :4]
    assert np.array_equal(steps(IMAGE, np.random.default_rng(0)), expected)


def test_a_list_can_contain_partials_methods_and_builtins_without_signature() -> None:
    assert np.array_equal(run([functools.partial(shift)]), run([shift]))
    assert np.array_equal(run([Crop().__call__]), IMAGE[:4, :4])


def test_an_augmentation_list_is_returned_unchanged() -> None:
    steps = make_augmentation_list([shift])
    assert make_augmentation_list(steps) is steps
    assert isinstance(steps, augseq.Augmentation)


def test_every_step_and_the_caller_get_writable_pixels() -> None:
    """Also after a step that hands on what belongs to another, as arrays of Pillow's do."""
    seen = []

    def look(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        seen.append(image.flags.writeable)
        return image

    def through_pillow(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(Image.fromarray(image).transpose(Image.Transpose.ROTATE_180))

    result = run([look, through_pillow, look, through_pillow])
    assert seen == [True, True]
    assert result.flags.writeable
    assert np.array_equal(result, IMAGE)


def test_a_list_sets_the_size_if_one_step_does() -> None:
    assert make_augmentation_list([double, Crop()]).sets_size
    assert make_augmentation_list([A.RandomCrop(2, 2)]).sets_size
    assert not make_augmentation_list([double, A.HorizontalFlip()]).sets_size


def test_a_later_change_to_the_users_list_has_no_effect() -> None:
    mine = [double]
    steps = make_augmentation_list(mine)
    mine.append(fail)
    assert steps.names == ["double"]


def test_a_list_can_be_pickled() -> None:
    steps = make_augmentation_list([shift, A.ColorJitter(p=1), Crop()])
    twin: AugmentationList = pickle.loads(pickle.dumps(steps))
    assert np.array_equal(
        twin(IMAGE, np.random.default_rng(2)), steps(IMAGE, np.random.default_rng(2))
    )


@pytest.mark.parametrize(
    ("item", "advice"),
    [
        (A.HorizontalFlip, r"write HorizontalFlip\(\.\.\.\)"),
        (Crop, r"write Crop\(\.\.\.\)"),
        (keras.layers.RandomFlip("horizontal"), "put it in the model"),
        (keras.Sequential([keras.layers.RandomFlip()]), "put it in the model"),
        (UserLayer(), "put it in the model"),
        (lambda image: image, "must take two arguments"),
        (lambda image, _, __: image, "must take two arguments"),
        (lambda image, *, _rng: image, "must take two arguments"),
        ("HorizontalFlip", "cannot be called"),
        (None, "cannot be called"),
        ({"p": 0.5}, "cannot be called"),
        ([A.HorizontalFlip()], r"write \[\*first, \*second\]"),
    ],
)
def test_an_invalid_element_raises_an_error_with_its_number_and_advice(
    item: Any, advice: str
) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=advice) as caught:
        make_augmentation_list([double, item])
    assert "Element 2 of `augment`" in str(caught.value)


@pytest.mark.parametrize(
    "augment", ["strong", A.HorizontalFlip(), A.Compose([]), double, {}, 3, {"flip"}, IMAGE]
)
def test_anything_but_a_list_raises_an_error(augment: Any) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match="`augment` must be a list of augmentations"
    ):
        make_augmentation_list(augment)


def test_the_name_of_a_preset_raises_an_error_that_says_how_to_write_it() -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"Write augment=augseq\.preset\('light'\)"
    ):
        make_augmentation_list("light")


BROKEN: dict[str, tuple[Callable[[np.ndarray], Any], str]] = {
    "None": (lambda _: None, "Received: None"),
    "a dict": (lambda image: {"image": image}, "of type dict"),
    "a list": (lambda image: image.tolist(), "of type list"),
    "no channel axis": (lambda image: image[:, :, 0], r"shape=\(\d+, \d+\)"),
    "a batch axis": (lambda image: image[None], r"shape=\(1, \d+, \d+, 3\)"),
    "another number of channels": (lambda image: image[:, :, :1], r"shape=\(\d+, \d+, 1\)"),
    "channels first": (lambda image: image.transpose(2, 0, 1), r"shape=\(3, \d+, \d+\)"),
    "no pixels": (lambda image: image[:0], r"shape=\(0, \d+, 3\)"),
    "float64": (lambda image: image / 255, r"dtype=float64\. .*image\.astype\(.float32.\)"),
    "int64": (lambda image: image.astype(np.int64), "dtype=int64"),
    "float16": (lambda image: image.astype(np.float16), "dtype=float16"),
    "NaN": (lambda image: spoilt(image, np.nan), r"Received: 1 of \d+ values that are NaN"),
    "infinity": (lambda image: spoilt(image, np.inf), "NaN or infinite"),
    "both infinities": (lambda image: spoilt(image, np.inf, -np.inf), "Received: 2 of"),
}


def spoilt(image: np.ndarray, *values: float) -> np.ndarray:
    spoilt = image.astype(np.float32)
    spoilt[0, : len(values), 0] = values
    return spoilt


def test_huge_finite_values_are_accepted() -> None:
    huge = run([lambda image, _: np.full(image.shape, 3e38, np.float32)])
    assert (huge == np.float32(3e38)).all()


@pytest.mark.parametrize("broken", BROKEN)
def test_an_invalid_result_raises_an_error_with_the_number_of_the_step(
    broken: str,
) -> None:
    breaks, complaint = BROKEN[broken]
    with pytest.raises(augseq.errors.AugmentationError, match=complaint) as caught:
        run([double, lambda image, _: breaks(image)])
    assert str(caught.value).startswith("Augmentation 2, '<lambda>', must return an image")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_contract_names_the_record_and_how_to_replay_it(
    samples: augseq.Manifest, broken: str, workers: int
) -> None:
    breaks, complaint = BROKEN[broken]
    sequence = sequence_of(samples, [lambda image, _: breaks(image)], workers=workers)
    sequence.set_epoch(2)
    with pytest.raises(augseq.errors.AugmentationError, match=complaint) as caught:
        sequence[1]
    record = sequence.records(1)[0]
    text = str(caught.value)
    assert f"'{record.path}' (index {record.index}), epoch 2, seed 11" in text
    assert f"sequence.sample(epoch=2, index={record.index})" in text


@pytest.mark.parametrize("workers", [0, 2])
def test_an_exception_in_the_users_code_keeps_its_type_and_gets_notes(
    samples: augseq.Manifest, workers: int
) -> None:
    sequence = sequence_of(samples, [double, fail], workers=workers)
    sequence.set_epoch(3)
    sequence.on_epoch_begin()
    for batch in (0, 1):
        with pytest.raises(ZeroDivisionError, match="no luck") as caught:
            sequence[batch]
        assert str(caught.value) == "no luck"
        record = sequence.records(batch)[0]
        assert caught.value.__notes__ == [
            "Raised by augmentation 2, 'fail'.",
            f"While loading '{record.path}' (index {record.index}), epoch 3, seed 11. "
            f"To replay: sequence.sample(epoch=3, index={record.index})",
        ]


def test_an_exception_inside_a_transform_keeps_its_type_and_names_the_transform(
    samples: augseq.Manifest,
) -> None:
    def refuse(image: np.ndarray, **params: Any) -> np.ndarray:
        raise KeyError("mask")

    sequence = sequence_of(samples, [A.Compose([A.Lambda(image=refuse, p=1)])], workers=0)
    with pytest.raises(KeyError, match="mask") as caught:
        sequence[0]
    assert caught.value.__notes__[0] == "Raised by augmentation 1, 'Compose'."
    assert "index 0" in caught.value.__notes__[1]


def test_the_replay_call_in_a_note_raises_the_same_exception(samples: augseq.Manifest) -> None:
    def fail_sometimes(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if (draw := rng.integers(8)) == 0:
            raise ZeroDivisionError(f"drew {draw} for {image.sum()}")
        return image

    sequence = sequence_of(samples, [fail_sometimes], workers=0)
    with pytest.raises(ZeroDivisionError) as caught:
        [sequence[k] for k in range(len(sequence))]
    replay = caught.value.__notes__[-1].split("To replay: ")[1]
    with pytest.raises(ZeroDivisionError) as again:
        eval(replay, {"sequence": sequence})
    assert str(again.value) == str(caught.value)
    assert again.value.__notes__ == caught.value.__notes__
