"""Real training on several targets, inputs and weights ends as with plain arrays."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.backends import BACKENDS, python_on_backends

CASES = (
    "several outputs, inputs and weights",
    "a number",
    "several labels",
    "masks",
    "one-hot masks",
    "a class and a mask with weights",
    "boxes",
    "the image itself",
    "mixed images",
)
_PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def differences(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By backend and case, how much the trained weights differ from those with plain arrays."""
    folder = tmp_path_factory.mktemp("photos")
    program = ["-W", "ignore", "-m", "tests.training.fits_of_targets"]
    found = {}
    # Each writes its own images: one must not read what another is writing.
    programs = {backend: [*program, str(folder / backend)] for backend in BACKENDS}
    with python_on_backends(programs, tmp_path_factory, cwd=_PROJECT) as runs:
        for backend, (process, place) in runs.items():
            code = process.wait(240)
            assert code == 0, (place / "errors").read_text()[-3000:]
            found[backend] = json.loads((place / "out").read_text().splitlines()[-1])
    return found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_training_ends_with_the_weights_of_plain_arrays(
    backend: str, case: str, differences: dict[str, Any]
) -> None:
    if backend not in differences:
        pytest.skip(f"needs {backend}")
    assert differences[backend][case] < 1e-6


@pytest.mark.parametrize(
    "case", ["weighted masks", "weighted one-hot masks", "weighted images", "weighted pairs"]
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_loss_of_each_image_is_that_of_its_pixels_times_its_weight(
    backend: str, case: str, differences: dict[str, Any]
) -> None:
    if backend not in differences:
        pytest.skip(f"needs {backend}")
    assert differences[backend][case] < 1e-4


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_weighted_metric_of_masks_counts_no_padding(
    backend: str, differences: dict[str, Any]
) -> None:
    if backend not in differences:
        pytest.skip(f"needs {backend}")
    assert differences[backend]["a weighted metric of padded shards"] < 1e-4


@pytest.mark.parametrize("backend", BACKENDS)
def test_weighted_metrics_are_refused_where_keras_changes_the_weights(
    backend: str, differences: dict[str, Any]
) -> None:
    if backend not in differences:
        pytest.skip(f"needs {backend}")
    difference, is_refused = differences[backend]["a weighted metric beside ignore_class"]
    assert (difference > 1) == is_refused == (backend == "torch")
