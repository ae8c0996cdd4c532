"""Every notebook runs from top to bottom and is easy to read."""

import ast
import contextlib
import functools
import re
from collections.abc import Iterator, Set
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.backends import environment_of

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# Long tests run each notebook as it is, in a new kernel. The others run every cell, one notebook
# after the other in one kernel, with less training, fewer images and smaller photos. On TensorFlow,
# a few steps of a model take less time without a graph, which takes seconds to make.
LESS = {
    "01": {"epochs=15": "epochs=2", '["accuracy"])': '["accuracy"], run_eagerly=True)'},
    "02": {
        "num_samples=400": "num_samples=40",
        "limits = [0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]": "limits = [0, 0.1, 0.5]",
    },
    "03": {
        '"../sample_images", progress=False)': '"../sample_images", progress=False)[:100]',
        "return 10": "return 5",
        "pixels[5::35]": "pixels[5::16]",
        "workers=3, worker_kind": "workers=1, worker_kind",
        "for attempt in range(3)": "for attempt in range(1)",
        "= 48, 2, 6": "= 48, 2, 4",
        # Compiled once: it is trained many times.
        "import partial": "import cache, partial",
        "def counting_model():": "@cache\ndef counting_model():",
        'reduction="sum"))': 'reduction="sum"), jit_compile=False)',
        '_crossentropy")': '_crossentropy", run_eagerly=True)',
    },
    "04": {
        "(48, 48), 25, 30, 2": "(48, 48), 25, 2, 2",
        "= 10, 250, 4": "= 10, 4, 2",
        'jit_compile=False if on_cpu and keras.backend.backend() == "tensorflow" else "auto"': (
            "run_eagerly=True"
        ),
        "num_steps=20, num_rounds=4": "num_steps=2, num_rounds=2",
    },
    "05": {"(4000, 3000)": "(800, 600)"},
    "06": {
        '"--count", "120"': '"--count", "30"',
        "seeds, num_epochs = (1, 2, 3), 160": "seeds, num_epochs = (1,), 1",
        "validation_freq=20": "validation_freq=1",
        'name="mean_iou")],': 'name="mean_iou")],\n        run_eagerly=True,',
    },
    "07": {
        '"--count", "192"': '"--count", "24"',
        "seeds, num_epochs = (1, 2), 120": "seeds, num_epochs = (1,), 1",
        "Adam(schedule))": "Adam(schedule), run_eagerly=True)",
        # Nothing is found after so little training, and a mean of nothing is a warning.
        "[is_found].mean()": "[is_found].sum()",
    },
    "08": {
        "num_drawings = 40": "num_drawings = 8",
        "epochs=20)": "epochs=2)",
        "= 10, 40": "= 5, 10",
        "num_draws = 3": "num_draws = 1",
    },
}
# Notebooks that train, or show what a backend does with the batches.
ALSO_ON_JAX = ("01", "03", "04", "06", "07", "08")
RUNS = [
    *[pytest.param("tensorflow", path, LESS.get(path.stem[:2], {})) for path in NOTEBOOKS],
    *[
        pytest.param(backend, path, {}, marks=pytest.mark.long)
        for backend, numbers in (
            ("tensorflow", LESS),
            ("jax", ALSO_ON_JAX),
            ("torch", ("06", "07")),
        )
        for path in NOTEBOOKS
        if path.stem[:2] in numbers
    ],
]
CELL_TIMEOUT_S = 600
README = FOLDER.parent / "README.md"
# None in `sys.modules` does not work: pyarrow takes it for pandas.
HIDING = """
import sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None, hidden=frozenset(names)):
        return None if name.split(".")[0] in hidden else self.finder.find_spec(name, path, target)

if "Hiding" not in {type(one).__name__ for one in sys.meta_path}:
    sys.meta_path[:] = [Hiding(one) for one in sys.meta_path]
"""
WHICH_BACKEND = "import keras\nprint(keras.backend.backend())"
# Home folders, temporary folders (where Jupyter claims that cells are stored), and this checkout.
PLACE = re.compile(
    "|".join([r"/(?:home|root|Users|tmp|var|private)/", r"[A-Z]:\\", re.escape(str(FOLDER.parent))])
)


def extras_for_notebooks() -> set[str]:
    """Return the extras that the README installs for the notebooks."""
    section = README.read_text("utf-8").split("### Notebooks")[1]
    found = re.search(r'pip install "\.\[([\w,]+)\]"', section)
    assert found
    return set(found[1].split(","))


@functools.cache
def foreign_modules(backend: str) -> tuple[str, ...]:
    """Return the installed modules that a reader who follows the README does not have."""
    extras = extras_for_notebooks() - {"tensorflow"} | {backend}
    theirs = closure("augseq", extras)
    return tuple(
        sorted(
            module
            for module, owners in _owners().items()
            if not theirs & {canonicalize_name(owner) for owner in owners}
        )
    )


# Cached, since it reads the metadata of all installed files.
_owners = functools.cache(packages_distributions)


def closure(name: str, extras: Set[str]) -> set[str]:
    """Return the distributions that pip installs for a distribution with some extras."""
    found: dict[str, set[str]] = {}
    waiting = [(canonicalize_name(name), set(extras))]
    while waiting:
        name, extras = waiting.pop()
        if name in found and extras <= found[name]:
            continue
        found[name] = found.get(name, set()) | extras
        with contextlib.suppress(PackageNotFoundError):
            for text in requires(name) or ():
                one = Requirement(text)
                if not one.marker or any(
                    one.marker.evaluate({"extra": extra}) for extra in ("", *found[name])
                ):
                    waiting.append((canonicalize_name(one.name), set(one.extras)))
    return set(found)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    """A notebook as committed."""
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def text_of(output: nbformat.NotebookNode) -> str:
    """Return the readable text of an output, without encoded pixels, which can contain any word."""
    data = output.get("data", {})
    parts = [output.get("text", ""), *(data[kind] for kind in data if kind.startswith("text/"))]
    return re.sub(r"data:image/[^\"')]*", "", "\n".join(map(str, parts)))


def kernel_environment(backend: str) -> dict[str, str]:
    """Return the environment of a person who starts Jupyter on a CPU."""
    variables = environment_of(backend)
    # Unset, so that Jupyter chooses the matplotlib backend that shows figures.
    variables.pop("MPLBACKEND", None)
    return variables


@contextlib.contextmanager
def ending_kernel() -> Iterator[AsyncKernelManager]:
    """Give a kernel that the first notebook starts, and end it."""
    manager = AsyncKernelManager()
    yield manager
    if manager.has_kernel:
        run_sync(manager.shutdown_kernel)(now=True)


@pytest.fixture(scope="module")
def shared_kernel() -> Iterator[AsyncKernelManager]:
    """A kernel for several notebooks, since each would take seconds to import TensorFlow."""
    with ending_kernel() as manager:
        yield manager


@pytest.fixture
def kernel(
    request: pytest.FixtureRequest, shared_kernel: AsyncKernelManager
) -> Iterator[AsyncKernelManager]:
    """A kernel, not started yet if it is the first one or the test is a long one."""
    if not request.node.get_closest_marker("long"):
        yield shared_kernel
        return
    with ending_kernel() as manager:
        yield manager


def name_of_run(value: object) -> str:
    if isinstance(value, Path):
        return value.stem
    return str(value) if isinstance(value, str) else "less" if value else "whole"


# Jupyter's client warns that its local connection is not encrypted.
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("backend", "path", "less"), RUNS, ids=name_of_run)
def test_a_notebook_runs_from_top_to_bottom(
    kernel: AsyncKernelManager, backend: str, path: Path, less: dict[str, str]
) -> None:
    notebook = nbformat.read(path, as_version=4)
    for more, fewer in less.items():
        (cell,) = [cell for cell in code_cells(notebook) if more in cell.source]
        cell.source = cell.source.replace(more, fewer)
    with_pictures = {cell.id for cell in code_cells(notebook) if has_picture(cell)}
    # Neither the cells nor the code that they call can import a module that is not installed.
    hide = f"names = {foreign_modules(backend)!r}\n{HIDING}"
    # Names of the notebook before are gone, as in a new kernel.
    notebook.cells.insert(0, new_code_cell(f"%reset -f\n{hide}"))
    notebook.cells.append(new_code_cell(WHICH_BACKEND))

    client = NotebookClient(
        notebook,
        km=kernel,
        timeout=CELL_TIMEOUT_S,
        resources={"metadata": {"path": str(FOLDER)}},
        # Output of native code goes to the terminal: TensorFlow describes every CPU.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
    )
    done = client.execute(env=kernel_environment(backend))
    # The client leaves them open, since the kernel goes on.
    client.kc.stop_channels()

    assert done.cells.pop().outputs[-1].text.split() == [backend]
    assert not [output.text for output in outputs(done) if output.get("name") == "stderr"]
    assert {cell.id for cell in code_cells(done) if has_picture(cell)} == with_pictures


def test_the_readme_installs_jupyter_but_not_pandas() -> None:
    for backend in ("tensorflow", "jax"):
        foreign = set(foreign_modules(backend))
        assert {"pandas", "torch", "pytest", "polars", "s3fs"} <= foreign
        needed = {"numpy", "matplotlib", "ipywidgets", "albumentations", "IPython", "augseq"}
        assert not foreign & {*needed, backend, "keras"}
    assert "jax" in foreign_modules("tensorflow")


def test_a_notebook_imports_only_what_the_readme_installs(notebook: nbformat.NotebookNode) -> None:
    source = "\n".join(
        line
        for cell in code_cells(notebook)
        for line in cell.source.splitlines()
        if not line.startswith("%")
    )
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "augseq" in imported
    assert not imported & set(foreign_modules("tensorflow"))


def has_picture(cell: nbformat.NotebookNode) -> bool:
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    return bool(kinds & {"image/png", "image/jpeg"})


def test_a_notebook_contains_the_output_of_its_cells(notebook: nbformat.NotebookNode) -> None:
    numbers = [cell.execution_count for cell in code_cells(notebook)]
    assert numbers == list(range(1, 1 + len(numbers)))
    assert any(map(has_picture, code_cells(notebook)))
    assert not [output for output in outputs(notebook) if output.output_type == "error"]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not cell.get("attachments")
            assert "data:image" not in cell.source


def test_a_notebook_shows_no_warning_and_no_local_path(
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
