"""Numbers to predict are distinguished from class codes."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import augseq

RNG = np.random.default_rng(8)


def warns(labels: Any, **options: Any) -> bool:
    """Return whether a table with these labels causes a warning about numbers to predict."""
    frame = pd.DataFrame({"path": [f"{k}.jpg" for k in range(len(labels))], "kind": labels})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        augseq.index_table(frame, root="/photos", label_column="kind", check_files=False, **options)
    return any("numbers to predict" in str(warning.message) for warning in caught)


TO_PREDICT = {
    "12 ages": [23, 45, 31, 67, 19, 52, 38, 71, 28, 60, 34, 49],
    "ages with repeats": RNG.integers(18, 90, 60).tolist(),
    "many ages": RNG.integers(18, 90, 600).tolist(),
    "prices": RNG.integers(100_000, 900_000, 300).tolist(),
    "angles": list(range(-180, 180, 15)),
    "text of ages": list(map(str, [23, 45, 31, 67, 19, 52, 38, 71])),
    "text of lengths": [f"{value:.2f}" for value in RNG.uniform(0, 50, 40)],
    "fractions that come often": [f"{value:.1f}" for value in RNG.uniform(0, 5, 2000)],
    "years": RNG.integers(1900, 2020, 100).tolist(),
    "scores below 0": (-RNG.permutation(40)).tolist(),
    "whole floats": [float(value) for value in RNG.integers(20, 80, 30)],
    "ages with gaps": [23.0, np.nan, 45.0, 31.0, 67.0, 19.0, 52.0, 38.0, 71.0],
}
CODES = {
    "digits": list(range(10)) * 3,
    "digits once": list(range(10)),
    "from 1": list(range(1, 103)),
    "a thousand classes": list(range(1000)) * 2,
    "a subset of a thousand": sorted(RNG.choice(1000, 50, replace=False).tolist()) * 10,
    "people": RNG.integers(1, 10_178, 100).repeat(20).tolist(),
    "ten grades": [value / 2 for value in range(10)] and [f"{v / 2}" for v in range(10)] * 9,
    "ASCII codes": [*range(48, 58), *range(65, 91), *range(97, 123)] * 40,
    "two": [0, 1] * 3,
    "few ratings": [1, 3, 5, 7],
    "padded": [f"{code:03}" for code in range(40)],
    "names": [f"c{code}" for code in range(30)],
    "booleans": [True, False],
    "names beside numbers": [*map(str, RNG.integers(18, 90, 20)), "unknown"],
    "the word nan": ["nan", "inf", "cat"],
}


@pytest.mark.parametrize("labels", TO_PREDICT.values(), ids=TO_PREDICT.keys())
def test_numbers_to_predict_are_reported(labels: Any) -> None:
    assert warns(labels, missing_labels="keep")


@pytest.mark.parametrize("labels", CODES.values(), ids=CODES.keys())
def test_class_codes_are_not_reported(labels: Any) -> None:
    assert not warns(labels)


def test_class_names_confirm_that_numbers_are_classes() -> None:
    ages = [str(age) for age in TO_PREDICT["12 ages"]]
    assert warns(ages)
    assert not warns(ages, class_names=sorted(ages))


def test_the_warning_says_what_to_do_and_that_works(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    ages = TO_PREDICT["12 ages"]
    rows = "".join(f"{k}.jpg,{age}\n" for k, age in enumerate(ages))
    table.write_text(f"path,age\n{rows}")
    way_out = r"12 different values in 12 rows, from 19 to 71.*label_column=None.*--no-labels"
    with pytest.warns(augseq.AugseqWarning, match=way_out):
        augseq.index_table(table, label_column="age", check_files=False)
    kept = augseq.index_table(table, label_column=None, check_files=False)
    assert kept.class_names == ()
    assert kept.column("age").astype(int).tolist() == ages
