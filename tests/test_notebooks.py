"""Every notebook runs from top to bottom, and is pleasant to read."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook_path(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


# Jupyter's client announces that its local connection is not encrypted.
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_a_notebook_runs_from_top_to_bottom(notebook_path: Path) -> None:
    notebook = nbformat.read(notebook_path, as_version=4)
    done = NotebookClient(
        notebook, timeout=150, resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    pictures = [
        output
        for cell in done.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert pictures


def test_a_notebook_is_small_has_its_outputs_and_short_cells(notebook_path: Path) -> None:
    notebook = nbformat.read(notebook_path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert notebook_path.stat().st_size < 1_000_000
    assert all(len(cell.source.splitlines()) <= 20 for cell in code)
    assert all(cell.execution_count for cell in code)
    text = notebook_path.read_text(encoding="utf-8")
    assert str(FOLDER.parent) not in text
