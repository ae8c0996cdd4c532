"""Predicted masks are written as PNG files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augseq.inspection.evaluation_figures.mask_files import write_mask


@pytest.mark.parametrize("num_classes", [2, 256, 300])
def test_the_values_of_a_mask_file_are_the_numbers_of_the_classes(
    tmp_path: Path, num_classes: int
) -> None:
    numbers = np.random.default_rng(0).integers(0, num_classes, (3, 4)).astype(np.uint16)
    names = [f"class {number}" for number in range(num_classes)]
    write_mask(tmp_path / "new" / "mask.png", numbers, names, (6, 4))
    with Image.open(tmp_path / "new" / "mask.png") as picture:
        assert picture.mode == ("P" if num_classes <= 256 else "I;16")
        np.testing.assert_array_equal(np.asarray(picture), numbers.repeat(2, axis=0))
