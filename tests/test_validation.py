"""Argument checks: messages state the rule and the value received."""

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

import augseq
from augseq.validation import check_choice, check_number


@pytest.mark.parametrize("value", ["a", None, np.str_("b")])
def test_a_choice_passes(value: Any) -> None:
    check_choice("kind", value, ("a", "b", None))


@pytest.mark.parametrize(
    "value", ["c", 1, ["a"], {}, np.array(["a"]), np.array(["a", "b"]), pd.Series(["a", "b"])]
)
def test_other_values_are_refused_with_the_choices(value: Any) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"`kind` must be one of 'a', 'b'\. Received"
    ):
        check_choice("kind", value, ("a", "b"))


@pytest.mark.parametrize(
    "value", [0, 3, -2, 1.5, np.float32(0.5), np.float64(7), np.int64(-4), np.uint8(9)]
)
def test_a_real_number_of_python_or_numpy_comes_back_as_a_float(value: Any) -> None:
    found = check_number("x", value)
    assert type(found) is float
    assert found == value


@pytest.mark.parametrize(
    "value",
    [
        *(True, False, np.True_, "3", None, [1], 1j, np.complex64(1), Fraction(1, 2)),
        *(float("nan"), float("inf"), float("-inf"), np.float32("nan"), np.float64("inf")),
        *(10**400, -(10**400), np.array([1.0, 2.0])),
    ],
)
def test_values_that_are_not_finite_numbers_are_refused(value: Any) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=r"`x` must be a finite number.*x="):
        check_number("x", value)


@pytest.mark.parametrize(
    ("limits", "allowed", "refused", "text"),
    [
        ({"above": 0}, [0.1, 5], [0, -1], "above 0"),
        ({"least": 0}, [0, 0.1], [-0.1], "of at least 0"),
        ({"most": 1}, [1, -9], [1.1], "at most 1"),
        ({"above": 0, "most": 1}, [1e-9, 1], [0, 1.5], "above 0 and at most 1"),
        ({"least": 1, "most": 2.5}, [1, 2.5], [0.9, 3], "of at least 1 and at most 2.5"),
    ],
)
def test_limits_are_enforced_and_named(
    limits: dict[str, float], allowed: list[float], refused: list[float], text: str
) -> None:
    for value in allowed:
        assert check_number("x", value, **limits) == value
    for value in refused:
        with pytest.raises(augseq.errors.ArgumentError) as caught:
            check_number("x", value, **limits)
        assert str(caught.value) == f"`x` must be a finite number {text}. Received: x={value!r}"
