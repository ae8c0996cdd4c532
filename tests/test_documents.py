"""The code, commands and links of the README and the other pages work."""

import ast
import inspect
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import augseq
from augseq.cli.main import app

from .backends import run_warm

PROJECT = Path(__file__).parents[1]
PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(PROJECT.glob("docs/*.md")),
]
# The blocks of such a page are one program.
GUIDES = ["bands", "buckets", "competition", "large_images"]
GUIDES += ["patients", "prediction", "sampling"]
# The names that the pages use in several examples.
KINDS: dict[str, Any] = {
    "augseq": augseq,
    "batches": augseq.ImageSequence,
    "endless": augseq.ImageSequence,
    "images": augseq.Manifest,
    "train": augseq.Manifest,
}


@pytest.fixture(autouse=True)
def without_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Keras from choosing XLA, which takes TensorFlow seconds to compile each model."""
    monkeypatch.setattr("keras.src.trainers.trainer.model_supports_jit", lambda _: False)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)


def inline_code(page: Path) -> Iterator[str]:
    """Yield the calls in backticks outside of code blocks."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    for code in re.findall(r"`([^`]+)`", prose):
        if code.split(".")[0] in KINDS and "(" in code:
            yield code


def known_calls(code: str) -> Iterator[tuple[ast.Call, Any]]:
    """Yield the calls of the package in some code, each with the function that it calls."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in KINDS:
                yield node, getattr(KINDS[owner.id], node.func.attr)


def check_calls(code: str) -> None:
    """Fail if a name does not exist, or does not accept its arguments."""
    for call, function in known_calls(code):
        bound = inspect.isfunction(function) and "self" in inspect.signature(function).parameters
        given = [None] * (len(call.args) + bound)
        named = {keyword.arg: None for keyword in call.keywords if keyword.arg}
        try:
            inspect.signature(function).bind_partial(*given, **named)
        except TypeError as error:
            raise AssertionError(f"{ast.unparse(call)}: {error}") from error


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_on_a_page_calls_existing_functions(page: Path) -> None:
    for code in [*blocks(page, "python"), *inline_code(page)]:
        check_calls(code)


@pytest.mark.parametrize(
    "wrong",
    [
        "augseq.index_folders('x')",
        "augseq.index_folder('x', shuffle=True)",
        "batches.explain(3, 4)",
        "images.fingerprint(1)",
    ],
)
def test_a_call_that_cannot_work_is_detected(wrong: str) -> None:
    with pytest.raises((AssertionError, AttributeError)):
        check_calls(wrong)


def test_commands_on_the_pages_are_valid() -> None:
    commands = [
        shlex.split(line, comments=True)[1:]
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.splitlines()
        if line.startswith("augseq ")
    ]
    assert len(commands) > 15
    group = typer.main.get_command(app)
    for name, *arguments in commands:
        # Raises a usage error if an option is unknown or its value has the wrong type.
        group.commands[name].make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_existing_targets(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", linked.read_text("utf-8"), re.M)
            anchors = [re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles]
            assert heading in anchors, target


def test_the_first_example_of_the_readme_is_a_complete_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(PROJECT)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(blocks(PROJECT / "README.md", "python")[0], names)
    assert len(names["model"].history.history["val_accuracy"]) == 10


# A page for each kind of target.
JOBS = ("tags", "regression", "segmentation", "value_maps", "pairs", "autoencoder")
JOBS += ("several_outputs", "mixing")


@pytest.mark.parametrize("page", JOBS)
def test_the_program_of_the_page_of_a_target_runs(
    monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.chdir(PROJECT)
    names: dict[str, Any] = {"__name__": "__main__"}
    code = blocks(PROJECT / f"docs/{page}.md", "python")
    (program,) = [block for block in code if "model.fit" in block]
    exec(program, names)
    assert len(names["model"].history.history["loss"]) == 1


@pytest.mark.parametrize(
    "code",
    [
        *blocks(PROJECT / "docs/annotations.md", "python"),
        *blocks(PROJECT / "docs/detect.md", "python"),
    ],
)
def test_a_program_of_the_page_on_annotations_runs(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.chdir(PROJECT)
    exec(code, {"__name__": "__main__"})


@pytest.mark.parametrize("name", GUIDES)
def test_the_program_of_a_guide_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    # Some write to the working folder.
    (tmp_path / "sample_images").symlink_to(PROJECT / "sample_images", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    program = "\n".join(blocks(PROJECT / f"docs/{name}.md", "python"))
    exec(program, {"__name__": "__main__"})


@pytest.mark.parametrize(("number", "library"), [*enumerate(["tensorflow", "torch", "grain"])])
def test_a_program_for_another_loader_runs(tmp_path: Path, number: int, library: str) -> None:
    pytest.importorskip(library)
    # A file, whose functions the workers of a DataLoader can import; in a process of torch alone.
    program = tmp_path / "program.py"
    program.write_text(blocks(PROJECT / "docs/elsewhere.md", "python")[number])
    backend = "tensorflow" if library == "tensorflow" else "torch"
    run = run_warm(backend, program, cwd=PROJECT)
    assert run.returncode == 0, run.stderr
    assert "AugseqWarning" not in run.stderr


def test_the_programs_of_the_page_on_shards_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tf = pytest.importorskip("tensorflow")
    (tmp_path / "sample_images").symlink_to(PROJECT / "sample_images", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    _, write, read = blocks(PROJECT / "docs/shards.md", "python")
    names: dict[str, Any] = {"augseq": augseq}
    exec(write, names)
    assert len(augseq.index_webdataset("shards/train")) == len(names["train"])
    exec(read, names)
    labels = {}
    for record in tf.data.TFRecordDataset(names["paths"]):
        example = tf.io.parse_single_example(record, names["features"])
        path = example["path"].numpy().decode()
        assert example["image"].numpy() == (PROJECT / "sample_images" / path).read_bytes()
        labels[path] = int(example["label"])
    assert labels == {record.path: record.target for record in names["images"]}


def installed_by(page: Path) -> list[str]:
    """Return the arguments of the pip commands on a page."""
    commands = re.findall(r"pip install ([^`\n#]*)", page.read_text("utf-8"))
    commands += re.findall(r'`("\.\[[\w,]+\]")`', page.read_text("utf-8"))
    return [
        word
        for command in commands
        for word in shlex.split(command.split("&&")[0])
        if not word.startswith("-")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_installs_the_clone_with_existing_extras(page: Path) -> None:
    # The bare name would be searched in a package index, which does not have augseq.
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for word in installed_by(page):
        match = re.fullmatch(r"\.(?:\[([\w,]+)\])?", word)
        assert match, word
        assert set((match[1] or "test").split(",")) <= set(extras)


def test_the_pages_install_what_they_use() -> None:
    words = [word for page in PAGES for word in installed_by(page)]
    assert {".[tensorflow]", ".[test]", ".[notebook]", ".[heif,jxl,tiff]", ".[torch]"} <= set(words)
