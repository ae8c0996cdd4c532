"""The scripts and files that a release needs agree with each other."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import augseq

PROJECT = Path(__file__).parents[1]
CONFIGURATION = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
WORKFLOWS = sorted(PROJECT.glob(".github/workflows/*.yml"))
FILES = [
    "augseq-1.2.3.tar.gz",
    "augseq-1.2.3-cp311-abi3-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "augseq-1.2.3-cp311-abi3-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
    "augseq-1.2.3-cp311-abi3-macosx_10_9_x86_64.whl",
    "augseq-1.2.3-cp311-abi3-macosx_11_0_arm64.whl",
    "augseq-1.2.3-cp311-abi3-win_amd64.whl",
]
CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-12-01\n\n### Added\n\n- All.\n"


def script(name: str) -> ModuleType:
    """Import a script of the folder `.ci`."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / f".ci/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def problems(
    folder: Path,
    *,
    tag: str = "v1.2.3",
    version: str = "1.2.3",
    cited: str = "1.2.3",
    changelog: str = CHANGELOG,
    files: list[str] = FILES,
) -> str:
    """Check a made-up project and its files."""
    (folder / "src/augseq").mkdir(parents=True)
    (folder / "src/augseq/__init__.py").write_text(f'__version__ = "{version}"\n')
    (folder / "CITATION.cff").write_text(f"cff-version: 1.2.0\nversion: {cited}\n")
    (folder / "CHANGELOG.md").write_text(changelog)
    (folder / "dist").mkdir()
    for name in files:
        (folder / "dist" / name).touch()
    found = script("check_release").find_problems(tag, folder / "dist", folder)
    return "\n".join(found)


def test_a_complete_release_may_be_published(tmp_path: Path) -> None:
    assert problems(tmp_path) == ""


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"tag": "v1.2.4"}, "__init__.py must have version 1.2.4. Received: 1.2.3"),
        ({"version": "1.2.3.dev0"}, "__init__.py must have version 1.2.3"),
        ({"cited": "1.2.2"}, "CITATION.cff must have version 1.2.3. Received: 1.2.2"),
        ({"changelog": CHANGELOG.replace("1.2.3 - 2026", "1.2.2 - 2026")}, "heading"),
        ({"changelog": CHANGELOG.replace(" - 2026-12-01", "")}, "heading"),
        ({"changelog": CHANGELOG.replace("### Added\n\n- All.\n", "")}, "lines under it"),
        ({"changelog": CHANGELOG.replace("Unreleased\n", "Unreleased\n\n- More.\n")}, "Unreleased"),
        ({"files": FILES[1:]}, "for the source. Received: []"),
        ({"files": FILES[:-1]}, "for Windows. Received: []"),
        ({"files": [name for name in FILES if "aarch64" not in name]}, "for Linux on ARM"),
        ({"files": [*FILES, "augseq-1.2.3-py3-none-any.whl"]}, "no other files"),
        ({"files": [name.replace("win_amd64", "linux_x86_64") for name in FILES]}, "no other"),
        ({"files": [name.replace("1.2.3-", "1.2.2-") for name in FILES]}, "for macOS on x86"),
    ],
)
def test_a_release_that_contradicts_its_tag_is_refused(
    tmp_path: Path, change: dict[str, str], part: str
) -> None:
    assert part in problems(tmp_path, **change)  # type: ignore[arg-type]


def test_this_version_is_the_one_to_cite() -> None:
    cited = yaml.safe_load((PROJECT / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == augseq.__version__
    assert cited["license"] == CONFIGURATION["project"]["license"]


@pytest.mark.parametrize("which", ["newest", "minimum"])
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_the_tests_of_a_workflow_get_one_backend(which: str, backend: str) -> None:
    install = script("install_test")
    wanted = install.requirements(which, backend)
    names = [install.name_of(one) for one in wanted]
    assert set(names) & {"tensorflow", "jax", "torch"} == {backend}
    assert "pytest" in names
    fixed = [one for one in wanted if re.fullmatch(r"[\w-]+==[\d.]+", one)]
    own = [backend, *CONFIGURATION["project"]["dependencies"]]
    assert len(fixed) == (which == "minimum") * len(own)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_existing_files_and_may_only_read(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    # YAML 1.1 reads the key `on` as true.
    assert {"workflow_dispatch", "push"} <= set(workflow[True])
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    commands = " ".join(step.get("run", "") for step in steps).split()
    named = [word for word in commands if re.match(r"(\.ci|docs|tests)/\w", word)]
    assert path.stem == "wheels" or named
    assert [word for word in named if not (PROJECT / word).exists()] == []


def test_the_declared_versions_of_python_are_tested() -> None:
    declared = {
        line.rpartition(" ")[2]
        for line in CONFIGURATION["project"]["classifiers"]
        if re.search(r"Python :: 3\.\d+$", line)
    }
    text = (PROJECT / ".github/workflows/tests.yml").read_text("utf-8")
    assert set(re.findall(r'"(3\.\d+)"', text)) == declared
    assert min(declared, key=lambda v: int(v[2:])) in CONFIGURATION["project"]["requires-python"]
