"""The check of the site's links finds what a reader or an offline browser would miss."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """The script that builds the site."""
    spec = importlib.util.spec_from_file_location("build_site", PROJECT / "docs/build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of two pages, without a problem."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "a b.html").write_text('<p id="top"><a name="end"></a>')
    (tmp_path / "docs/index.html").write_text(
        '<a href="../a%20b.html#top">x</a><a href="../a%20b.html#end">x</a><a href="#here">x</a>'
        '<h1 id="here"></h1><a href="https://keras.io/#x">x</a><a href="mailto:x@y.z">x</a>'
        '<img src="data:image/png;base64,AA"><link rel="canonical" href="https://keras.io">'
    )
    return tmp_path


def test_links_within_a_site_and_to_others_are_no_problem(build: ModuleType, site: Path) -> None:
    assert list(build.find_problems(site)) == []


@pytest.mark.parametrize(
    ("html", "part"),
    [
        ('<a href="gone.html">', "no such file: gone.html"),
        ('<a href="../docs">', "no such file: ../docs"),
        ('<a href="index.html#gone">', "no such heading"),
        ('<a href="#gone">', "no such heading: #gone"),
        ('<a href="../a%20b.html#Top">', "no such heading"),
        ('<img src="gone.png">', "no such file"),
        ('<script src="https://cdn.example/x.js"></script>', "another host: https://cdn.example"),
        ('<script src="//cdn.example/x.js"></script>', "is loaded from another host"),
        ('<link rel="stylesheet" href="http://fonts.example/x.css">', "another host"),
        ('<img src="https://badge.example/x.svg">', "another host"),
        ('<img srcset="https://pictures.example/x.png 2x">', "another host"),
        ('<iframe src="https://video.example/1"></iframe>', "another host"),
    ],
)
def test_a_dead_link_or_a_foreign_file_is_found(
    build: ModuleType, site: Path, html: str, part: str
) -> None:
    (site / "docs/page.html").write_text(html)
    (problem,) = build.find_problems(site)
    assert problem.startswith("docs/page.html: ")
    assert part in problem
