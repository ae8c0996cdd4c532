"""Backups of programs that call `fit` several times; each scenario is a function of `fits`."""

import ast
import json
from pathlib import Path

import pytest

from tests.backends import is_installed, run_warm

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "fits.py"

pytestmark = pytest.mark.timeout(900)


def scenario_names() -> list[str]:
    """Read the names from the source, since importing it would start Keras."""
    functions = [n for n in ast.parse(PROGRAM.read_text()).body if isinstance(n, ast.FunctionDef)]
    decorated = {f.name: [getattr(d, "id", None) for d in f.decorator_list] for f in functions}
    return [name for name, decorators in decorated.items() if "scenario" in decorators]


# JAX starts threads when it is loaded, which a fork does not have. TensorFlow takes three times as
# long as torch; `tests/laws/test_resume_law.py` kills runs on it.
@pytest.fixture(
    scope="module", params=["torch", pytest.param("tensorflow", marks=pytest.mark.long)]
)
def problems(request: pytest.FixtureRequest) -> dict[str, str | None]:
    backend = request.param
    if not is_installed(backend):
        pytest.skip(f"needs keras and {backend}")
    done = run_warm(backend, "-m", "tests.training.fits", cwd=ROOT, timeout=800)
    found: dict[str, str | None] = {}
    for line in done.stdout.splitlines():
        # Keras also prints.
        if line.startswith("{"):
            found |= json.loads(line)
    assert done.returncode == 0, done.stderr
    return found


@pytest.mark.parametrize("scenario", scenario_names())
def test_fits(scenario: str, problems: dict[str, str | None]) -> None:
    problem = problems[scenario]
    if problem is not None:
        # The traceback of its process, which ends with what was found and what was expected.
        pytest.fail(f"{scenario}:\n{problem}", pytrace=False)
