"""What `fit` trains on each backend; each scenario is a function of `scenarios`."""

import ast
from pathlib import Path

import pytest

from tests.backends import BACKENDS, is_installed

from .conftest import Outcomes


def scenario_names() -> list[str]:
    """Read the names from the source, since importing it would start Keras."""
    names = []
    for path in sorted((Path(__file__).parent / "scenarios").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                decorators = {getattr(d, "id", None) for d in node.decorator_list}
                names += [node.name] * ("scenario" in decorators)
    return names


@pytest.mark.timeout(900)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", scenario_names())
def test_fit(backend: str, scenario: str, outcomes: Outcomes) -> None:
    if not is_installed(backend):
        pytest.skip(f"needs keras and {backend}")
    if scenario not in outcomes[backend]:
        pytest.fail(
            f"{scenario} on {backend} did not end. stderr of its process:\n"
            f"{outcomes[backend]['stderr']}",
            pytrace=False,
        )
    problem = outcomes[backend][scenario]
    if problem is not None and problem.startswith("skip: "):
        pytest.skip(problem.removeprefix("skip: "))
    if problem is not None:
        # The traceback of its process, which ends with what was found and what was expected.
        pytest.fail(f"{scenario} on {backend}:\n{problem}", pytrace=False)
