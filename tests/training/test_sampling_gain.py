"""The page's example over several seeds: a rare class is recognized only if it is sampled."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augseq

PAGE = Path(__file__).parents[2] / "docs" / "sampling.md"


@pytest.mark.long
@pytest.mark.timeout(600)
def test_balanced_classes_raise_the_mean_accuracy_of_every_seed() -> None:
    block = PAGE.read_text("utf-8").split("## A rare class")[1].split("```")[1]
    names: dict[str, Any] = {}
    exec(block.removeprefix("python").split("\nfor sampling in")[0], names)
    plain, balanced = (
        [np.mean(names["train"](sampling, seed)) for seed in range(5)]
        for sampling in (None, augseq.Balanced())
    )
    assert min(balanced) > max(plain) + 0.1
