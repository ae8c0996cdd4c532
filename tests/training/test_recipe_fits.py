"""Real `fit` on epochs of every kind, killed in mid-epoch, resumed with other batches, and sharded.

The program is `recipe_fits.py`; what an epoch is made of is in `tests/laws/epoch_recipes.py`.
"""

import json
from pathlib import Path

import pytest

from tests.backends import BACKENDS, is_installed, run_warm
from tests.laws.epoch_recipes import COMBINATIONS, RECIPES

ROOT = Path(__file__).parents[2]
SINGLE = [name for name in RECIPES if name not in COMBINATIONS]


# All on one backend, and the combinations on all: Keras takes the batches of each in its own way,
# whatever they are made of.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "names",
    [
        pytest.param(COMBINATIONS, id="combinations"),
        pytest.param(SINGLE, id="single", marks=pytest.mark.long),
    ],
)
def test_each_record_is_trained_exactly_its_quota(
    backend: str, names: list[str], tmp_path: Path
) -> None:
    if not is_installed(backend):
        pytest.skip(f"needs keras and {backend}")
    module = "tests.training.recipe_fits"
    done = run_warm(backend, "-m", module, tmp_path, *names, cwd=ROOT, timeout=800)
    assert done.returncode == 0, done.stderr
    # Keras also prints.
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    problems = json.loads(line)
    assert problems.keys() == set(names)
    for name, problem in problems.items():
        assert problem is None, f"{name}: {problem}"
