"""What the README and the other pages say can be written, run and followed."""

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

PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted(PROJECT.glob("docs/*.md"))]
# What the pages call the objects that their examples go on with.
KINDS: dict[str, Any] = {
    "augseq": augseq,
    "batches": augseq.ImageSequence,
    "endless": augseq.ImageSequence,
    "images": augseq.Manifest,
    "train": augseq.Manifest,
}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)


def inline_code(page: Path) -> Iterator[str]:
    """Yield what stands in backticks in the prose and can be an expression of Python."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    for code in re.findall(r"`([^`]+)`", prose):
        if code.split(".")[0] in KINDS and "(" in code:
            yield code


def known_calls(code: str) -> Iterator[tuple[ast.Call, Any]]:
    """Yield the calls in code of what the package defines, with what they call."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in KINDS:
                yield node, getattr(KINDS[owner.id], node.func.attr)


def check_calls(code: str) -> None:
    """Fail where a name is not there, or does not take the arguments that it is given."""
    for call, function in known_calls(code):
        bound = inspect.isfunction(function) and "self" in inspect.signature(function).parameters
        given = [None] * (len(call.args) + bound)
        named = {keyword.arg: None for keyword in call.keywords if keyword.arg}
        try:
            inspect.signature(function).bind_partial(*given, **named)
        except TypeError as error:
            raise AssertionError(f"{ast.unparse(call)}: {error}") from error


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_on_a_page_calls_what_there_is(page: Path) -> None:
    for code in [*blocks(page, "python"), *inline_code(page)]:
        check_calls(code)


@pytest.mark.parametrize(
    "wrong",
    [
        "augseq.index_folders('x')",
        "augseq.index_folder('x', shuffle=True)",
        "batches.explain(3, 4)",
        "images.class_counts(1)",
    ],
)
def test_code_that_calls_what_there_is_not_is_found(wrong: str) -> None:
    with pytest.raises((AssertionError, AttributeError)):
        check_calls(wrong)


def test_commands_on_the_pages_are_understood() -> None:
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
        # Raises a usage error where an option is unknown or its value is of the wrong kind.
        group.commands[name].make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_what_there_is(page: Path) -> None:
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


def test_the_first_example_of_the_readme_is_a_whole_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(PROJECT)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(blocks(PROJECT / "README.md", "python")[0], names)
    assert len(names["model"].history.history["val_accuracy"]) == 10


def installed_by(page: Path) -> list[str]:
    """Return what the commands of pip on a page install."""
    commands = re.findall(r"pip install ([^`\n#]*)", page.read_text("utf-8"))
    commands += re.findall(r'`("\.\[[\w,]+\]")`', page.read_text("utf-8"))
    return [
        word
        for command in commands
        for word in shlex.split(command.split("&&")[0])
        if not word.startswith("-")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_installs_the_clone_with_extras_that_there_are(page: Path) -> None:
    # The name alone would be looked for in a package index, where augseq is not.
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for word in installed_by(page):
        found = re.fullmatch(r"\.(?:\[([\w,]+)\])?", word)
        assert found, word
        assert set((found[1] or "test").split(",")) <= set(extras)


def test_the_pages_say_how_to_install_what_they_use() -> None:
    words = [word for page in PAGES for word in installed_by(page)]
    assert {".[tensorflow]", ".[test]", ".[notebook]", ".[heif,jxl,tiff]", ".[torch]"} <= set(words)
