"""Options of a training run are checked when they are made."""

import json
from typing import Any

import numpy as np
import pytest

import augseq
from augseq.augment.augmentation_list import AugmentationList


@pytest.mark.parametrize(
    "wrong",
    [
        *({"epochs": value} for value in (0, -1, 1.5, True, None)),
        *({"batch_size": value} for value in (0, 2.0, None)),
        *({"workers": value} for value in (-1, 1.5)),
        *({"image_size": value} for value in ((8, 0), (8,), 8, (8.0, 8), None)),
        *({"seed": value} for value in (-1, 2**64, 1.0, None)),
        *({"val": value} for value in (0, 1, -0.2, 1.5, float("nan"), True, "1")),
        *({"learning_rate": value} for value in (0, -1e-3, float("nan"), True, float("inf"), "1")),
    ],
)
def test_an_invalid_option_is_named_with_its_value(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(augseq.errors.ArgumentError, match=name) as caught:
        augseq.RunOptions(**wrong)
    assert repr(value) in str(caught.value)


def test_an_invalid_augmentation_raises_an_error_immediately() -> None:
    with pytest.raises(augseq.AugseqError, match="3"):
        augseq.RunOptions(augment=[3])


def test_the_defaults_are_valid_and_the_augmentations_are_one_list() -> None:
    options = augseq.RunOptions(val=0.5, learning_rate=1e-3)
    assert isinstance(options.augment, AugmentationList)
    assert (options.epochs, options.batch_size, options.image_size) == (50, 16, (128, 128))


def test_numpy_numbers_are_converted_for_json() -> None:
    options = augseq.RunOptions(
        image_size=(np.int64(8), np.int64(9)),  # type: ignore[arg-type]
        epochs=np.int64(3),  # type: ignore[arg-type]
        learning_rate=np.float32(0.5),  # type: ignore[arg-type]
        val=np.float64(0.25),
        seed=np.uint64(7),  # type: ignore[arg-type]
    )
    numbers = [options.image_size, options.epochs, options.learning_rate, options.val, options.seed]
    assert json.loads(json.dumps(numbers)) == [[8, 9], 3, 0.5, 0.25, 7]
