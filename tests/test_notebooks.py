"""Every notebook runs from top to bottom, and is pleasant to read."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from tests.backends import environment_of

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# Those that train, or look at what a backend does with the batches.
ALSO_ON_JAX = ("01", "03", "04")
RUNS = [("tensorflow", path) for path in NOTEBOOKS] + [
    ("jax", path) for path in NOTEBOOKS if path.stem.startswith(ALSO_ON_JAX)
]
CELL_TIMEOUT_S = 600
WHICH_BACKEND = "import keras\nprint(keras.backend.backend())"
# Homes, temporary folders (where Jupyter pretends that cells lie), and this checkout.
PLACE = re.compile(
    "|".join([r"/(?:home|root|Users|tmp|var|private)/", r"[A-Z]:\\", re.escape(str(FOLDER.parent))])
)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    """A notebook as it was committed."""
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def text_of(output: nbformat.NotebookNode) -> str:
    """What a person reads of an output: not pixels, in which chance can write anything."""
    data = output.get("data", {})
    parts = [output.get("text", ""), *(data[kind] for kind in data if kind.startswith("text/"))]
    return re.sub(r"data:image/[^\"')]*", "", "\n".join(map(str, parts)))


def kernel_environment(backend: str) -> dict[str, str]:
    """This process's variables, as a person has them who starts Jupyter on a processor."""
    variables = environment_of(backend)
    # Without it, Jupyter chooses the backend of matplotlib that shows figures.
    variables.pop("MPLBACKEND", None)
    return variables


# Jupyter's client announces that its local connection is not encrypted.
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("backend", "path"), RUNS, ids=[f"{path.stem}-{backend}" for backend, path in RUNS]
)
def test_a_notebook_runs_from_top_to_bottom(backend: str, path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    with_pictures = {cell.id for cell in code_cells(notebook) if has_picture(cell)}
    notebook.cells.append(new_code_cell(WHICH_BACKEND))

    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        resources={"metadata": {"path": str(FOLDER)}},
        # What native code prints goes to the terminal: TensorFlow greets every processor.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
    )
    done = client.execute(env=kernel_environment(backend))

    assert done.cells.pop().outputs[-1].text.split() == [backend]
    assert not [output.text for output in outputs(done) if output.get("name") == "stderr"]
    assert {cell.id for cell in code_cells(done) if has_picture(cell)} == with_pictures


def has_picture(cell: nbformat.NotebookNode) -> bool:
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    return bool(kinds & {"image/png", "image/jpeg"})


def test_a_notebook_shows_what_its_cells_made(notebook: nbformat.NotebookNode) -> None:
    numbers = [cell.execution_count for cell in code_cells(notebook)]
    assert numbers == list(range(1, 1 + len(numbers)))
    assert any(map(has_picture, code_cells(notebook)))
    assert not [output for output in outputs(notebook) if output.output_type == "error"]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not cell.get("attachments")
            assert "data:image" not in cell.source


def test_a_notebook_shows_no_warning_and_no_place_of_a_machine(
    notebook: nbformat.NotebookNode,
) -> None:
    for output in outputs(notebook):
        assert output.get("name") != "stderr", output.text
        assert "Warning" not in text_of(output)
        assert not PLACE.search(text_of(output)), PLACE.search(text_of(output))
    for cell in notebook.cells:
        assert not PLACE.search(cell.source)


def test_a_notebook_has_short_cells(notebook: nbformat.NotebookNode) -> None:
    assert max(len(cell.source.splitlines()) for cell in code_cells(notebook)) <= 20


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small(path: Path) -> None:
    assert path.stat().st_size < 1_000_000
