"""The layers of the package, read from its imports; a string that names a module is one."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import augseq

_PACKAGE = Path(augseq.__file__).parent
_PROJECT = Path(__file__).parents[1] / "pyproject.toml"

# From top to bottom; names on one line are siblings that do not know each other.
LAYERS = [
    ["__main__"],
    ["cli"],
    ["training"],
    ["inspection"],
    ["workers"],
    ["loading"],
    ["indexing"],
    ["augment", "pixels", "sampling"],
    ["manifest"],
    ["remote"],
    ["storage"],
    ["parallel_map"],
    ["progress_note", "runtime", "types", "validation"],
    ["errors", "foreign_names"],
    ["terminal_text"],
]

# The layers within a folder, likewise; "" are the modules of the folder itself.
LAYERS_WITHIN = {
    "inspection": [
        ["explorer", "quality"],
        ["reports"],
        ["html_displays"],
        ["evaluation_figures"],
        ["drawing"],
    ],
    "training": [
        ["runs"],
        ["backup", "prediction"],
        ["kinds"],
        ["networks"],
        [""],
        ["model_checks"],
        ["epoch_tracking"],
    ],
}

# Libraries by layer; cli may use whatever the project declares.
ALLOWED: dict[str, set[str]] = {
    "__main__": set(),
    "augment": {"cloudpickle", "numpy"},
    "errors": set(),
    "foreign_names": set(),
    "indexing": {"numpy", "pyarrow", "tqdm"},
    "inspection": {"PIL", "cloudpickle", "matplotlib", "numpy"},
    "loading": {"numpy"},
    "manifest": {"numpy", "pyarrow", "tqdm"},
    "pixels": {"PIL", "deflate", "numpy", "simplejpeg"},
    "progress_note": set(),
    "remote": {"numpy"},
    "runtime": set(),
    "sampling": {"numpy"},
    "storage": {"numpy"},
    "terminal_text": set(),
    "parallel_map": {"tqdm"},
    "training": {"keras", "numpy"},
    "types": {"numpy"},
    "validation": {"numpy"},
    "workers": {"cloudpickle", "numpy"},
}
# Inside a function, where loading them costs only those who need them.
ALLOWED_WHEN_NEEDED = {
    "augment": {"albumentations", "cv2"},
    "indexing": {"tensorflow", "yaml"},
    "inspection": {"ipywidgets"},
    "pixels": {"cv2"},
    "remote": {"fsspec"},
    "training": {"grain", "tensorflow", "torch"},
    "workers": {"ray"},
}
ALLOWED_FOR_TYPES = {
    "manifest": {"matplotlib", "pandas"},
    "training": {"grain", "matplotlib", "tensorflow"},
}
# The tables of a finished run are written with the writer that the manifest brings along.
ALLOWED_BY_MODULE = {
    "augseq.training.kinds.predictions": {"pyarrow"},
    "augseq.training.runs.run_folder": {"pyarrow"},
}
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
BANNED_NAMES = {"base", "common", "core", "helpers", "misc", "utils"}


# These import modules by name that are not ours.
IMPORT_BY_NAME = {
    "augseq.augment.albumentations_import",
    "augseq.cli.augment_argument",
    "augseq.pixels.decoders.extra",
}


@dataclass(frozen=True)
class Import:
    """One import, by a statement or by a string: who, what, and where it stands."""

    module: str
    imported: str
    line: int
    in_function: bool
    for_types: bool
    by_name: bool = False

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}: {self.imported}"


def _module_name(path: Path) -> str:
    parts = path.relative_to(_PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _statements(
    node: ast.AST, *, in_function: bool = False, for_types: bool = False
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, in_function, for_types
        yield from _statements(
            child,
            in_function=in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef),
            for_types=for_types
            or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)),
        )


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            yield body[0].value


def named_modules(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield modules of ours that strings name, also inside other text, and in which line."""
    docstrings = set(_docstrings(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in docstrings:
            text = node.value if isinstance(node.value, str) else ""
            for dotted in re.findall(r"\baugseq(?:\.\w+)+", text):
                parts = dotted.split(".")
                prefixes = [".".join(parts[:n]) for n in range(len(parts), 1, -1)]
                yield from [(name, node.lineno) for name in prefixes if name in MODULES][:1]


def _imports_of(path: Path) -> Iterator[Import]:
    module = _module_name(path)
    tree = ast.parse(path.read_text("utf-8"))
    for name, line in named_modules(tree):
        yield Import(module, name, line, in_function=False, for_types=False, by_name=True)
    for statement, in_function, for_types in _statements(tree):
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        else:
            assert statement.level == 0, f"{module} imports relatively"
            names = [_target(statement.module or "", alias.name) for alias in statement.names]
        for name in sorted(set(names)):
            yield Import(module, name, statement.lineno, in_function, for_types)


def _target(module: str, name: str) -> str:
    """Tell `from package import module` from `from module import name`."""
    return f"{module}.{name}" if f"{module}.{name}" in MODULES else module


PATHS = sorted(_PACKAGE.rglob("*.py"))
MODULES = {_module_name(path) for path in PATHS}
IMPORTS = [found for path in PATHS for found in _imports_of(path)]
# The public names of `augseq/__init__.py` are looked up lazily, so they are no real imports.
OWN = [i for i in IMPORTS if i.imported.split(".")[0] == "augseq" and i.module != "augseq"]
FOREIGN = [
    i
    for i in IMPORTS
    if i.imported.split(".")[0] not in ({"augseq", "__future__"} | sys.stdlib_module_names)
]


def part_of(module: str) -> str:
    """Return the layer's name that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def level_of(module: str) -> int:
    """Return the layer's number, 0 at the top."""
    return next(k for k, layer in enumerate(LAYERS) if part_of(module) in layer)


def declared_libraries() -> set[str]:
    """Return the libraries that the project requires, by the name that one imports."""
    requirements = tomllib.loads(_PROJECT.read_text("utf-8"))["project"]["dependencies"]
    names = {requirement.split(">")[0].split("=")[0].strip() for requirement in requirements}
    imported_as = {"pillow": "PIL", "opencv-python-headless": "cv2", "pyyaml": "yaml"}
    return {imported_as.get(name, name) for name in names}


def test_every_module_has_a_layer() -> None:
    known = {name for layer in LAYERS for name in layer}
    assert {part_of(module) for module in MODULES if module != "augseq"} == known


def test_the_root_has_few_modules() -> None:
    root = {path.stem for path in _PACKAGE.glob("*.py")}
    assert len(root - {"__main__"}) <= 8, root


def test_a_module_imports_only_from_layers_below_its_own() -> None:
    upward = [
        str(i)
        for i in OWN
        if part_of(i.module) != part_of(i.imported)
        and not (part_of(i.module) == "cli" and i.imported == "augseq")
        and (not part_of(i.imported) or level_of(i.imported) <= level_of(i.module))
    ]
    assert upward == []


def part_within(module: str) -> str:
    """Return the folder of a module within that of its layer; "" for a module beside them."""
    _, layer, *rest = module.split(".")
    return rest[0] if rest and (_PACKAGE / layer / rest[0]).is_dir() else ""


@pytest.mark.parametrize("layer", LAYERS_WITHIN)
def test_a_module_imports_only_from_folders_below_its_own(layer: str) -> None:
    levels = {name: k for k, names in enumerate(LAYERS_WITHIN[layer]) for name in names}
    parts = [
        (i, part_within(i.module), part_within(i.imported))
        for i in OWN
        if part_of(i.module) == part_of(i.imported) == layer
    ]
    assert {own for _, own, _ in parts} | {other for *_, other in parts} == set(levels)
    upward = [i for i, own, other in parts if own != other and levels[other] <= levels[own]]
    assert list(map(str, upward)) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for i in OWN:
        graph[i.module].add(i.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")


def test_own_modules_are_imported_at_the_top() -> None:
    assert [str(i) for i in OWN if i.in_function and part_of(i.module) != "cli"] == []


def test_the_package_itself_imports_its_modules_for_types_and_by_name() -> None:
    """All but the errors, and those to which it passes down functions of higher layers."""
    own = {
        i.imported
        for i in IMPORTS
        if i.module == "augseq"
        and i.imported.startswith("augseq.")
        and not (i.for_types or i.by_name)
    }
    assert own == {
        "augseq.errors",
        "augseq.manifest.display",
        "augseq.parallel_map.chunk_runner",
    }


def test_a_string_that_names_a_module_counts_as_an_import() -> None:
    tree = ast.parse(
        '"""Not augseq.cli.main, which this docstring names."""\n'
        "call('-m', 'augseq.workers.serial')\n"
        "code = f'import {x}; from augseq.pixels.read import read_file'\n"
        "error = 'Use augseq.read_manifest, or augseq.pixels.read.read_file'\n"
    )
    assert sorted(named_modules(tree), key=lambda found: found[1]) == [
        ("augseq.workers.serial", 2),
        ("augseq.pixels.read", 3),
        ("augseq.pixels.read", 4),
    ]


def test_no_module_is_imported_by_a_name_that_is_computed() -> None:
    by_name = {_module_name(p) for p in PATHS if "import_module(" in p.read_text("utf-8")}
    assert by_name - {"augseq"} == IMPORT_BY_NAME


def test_each_layer_uses_its_own_libraries_only() -> None:
    def is_allowed(found: Import) -> bool:
        library, part = found.imported.split(".")[0], part_of(found.module)
        if part == "cli":
            return library in declared_libraries()
        allowed = (ALLOWED[part] if part else set()) | ALLOWED_BY_MODULE.get(found.module, set())
        if found.in_function:
            allowed = allowed | ALLOWED_WHEN_NEEDED.get(part, set())
        if found.for_types:
            allowed = allowed | ALLOWED_FOR_TYPES.get(part, set())
        return library in allowed

    assert [str(i) for i in FOREIGN if not is_allowed(i)] == []


def test_every_library_that_is_imported_is_required_by_the_project() -> None:
    needed = {i.imported.split(".")[0] for i in FOREIGN if not i.for_types}
    optional = {"grain", "ipywidgets", "pandas", "ray", "tensorflow", "torch"}
    assert needed - declared_libraries() <= optional
    assert declared_libraries() - needed == set()


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [module for module in MODULES if BANNED_NAMES & set(module.split("."))] == []


def test_no_module_is_named_like_a_library_that_it_imports() -> None:
    same = [
        str(i)
        for i in IMPORTS
        if not i.imported.startswith("augseq") and i.imported.split(".")[0] in i.module.split(".")
    ]
    assert same == []


def test_every_module_says_in_a_docstring_what_it_is_for() -> None:
    silent = [path for path in PATHS if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == []


def hops() -> list[tuple[str, list[str]]]:
    """File and qualified name of each hop of a sample, as CONTRIBUTING tells them."""
    text = (_PROJECT.parent / "CONTRIBUTING.md").read_text("utf-8")
    found = re.findall(r"^\| [^|]+ \| `([a-z_/]+\.py)` `([\w.]+)` \|", text, re.MULTILINE)
    return [(path, name.split(".")) for path, name in found]


def test_the_way_of_a_sample_is_short_leads_downward_and_is_as_documented() -> None:
    assert 9 <= len(hops()) <= 12
    levels = []
    for path, names in hops():
        body: list[ast.stmt] = ast.parse((_PACKAGE / path).read_text("utf-8")).body
        for name in names:
            defined = {one.name: one.body for one in body if isinstance(one, _DEFINITIONS)}
            assert name in defined, f"{path} does not define {'.'.join(names)}"
            body = defined[name]
        levels.append(level_of(_module_name(_PACKAGE / path)))
    # Sampling, which is asked for the records of a batch, has no part in what comes after.
    way = [level for level, (path, _) in zip(levels, hops(), strict=True) if "sampling" not in path]
    assert way == sorted(way)


def test_files_that_contributing_names_exist() -> None:
    text = (_PROJECT.parent / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"^\| [^|]+\? \| `([a-z_/.]+)` \|", text, re.MULTILINE)
    assert len(named) > 9
    assert [path for path in named if not (_PACKAGE / path).exists()] == []
