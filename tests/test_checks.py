"""Checks of arguments: what came is told, whatever it is."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import augseq
from augseq.checks import check_choice


@pytest.mark.parametrize("value", ["a", None, np.str_("b")])
def test_a_choice_passes(value: Any) -> None:
    check_choice("kind", value, ("a", "b", None))


@pytest.mark.parametrize(
    "value", ["c", 1, ["a"], {}, np.array(["a"]), np.array(["a", "b"]), pd.Series(["a", "b"])]
)
def test_all_else_is_refused_in_words(value: Any) -> None:
    with pytest.raises(augseq.ArgumentError, match=r"`kind` must be one of 'a', 'b'\. Received"):
        check_choice("kind", value, ("a", "b"))
