"""Build the site into build/site, and check its links: python docs/build.py.

Warnings are errors. The site works from the disk: open build/site/index.html.
"""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

PROJECT = Path(__file__).parents[1]
SITE = PROJECT / "build/site"
# What a browser loads without being asked.
_LOADED = {
    ("audio", "src"), ("embed", "src"), ("iframe", "src"), ("img", "src"), ("img", "srcset"),
    ("link", "href"), ("object", "data"), ("script", "src"), ("source", "src"),
    ("source", "srcset"), ("video", "poster"), ("video", "src"),
}  # fmt: skip


def main() -> int:
    """Build and check; return the exit code."""
    from sphinx.cmd.build import main as sphinx_build

    options = ["--fail-on-warning", "--keep-going", "--quiet", "--jobs", "auto"]
    folders = ["--conf-dir", str(PROJECT / "docs"), str(PROJECT), str(SITE)]
    code = sphinx_build([*options, "--doctree-dir", str(PROJECT / "build/doctrees"), *folders])
    if code:
        return code
    # The start page is the README, so that links to it and from it work on GitHub too.
    shutil.copyfile(SITE / "README.html", SITE / "index.html")
    problems = list(find_problems(SITE))
    print(*problems, sep="\n", end="\n" * bool(problems))
    num_pages = len(list(SITE.rglob("*.html")))
    print(f"{SITE / 'index.html'}: {num_pages} pages, {len(problems)} broken links")
    return min(len(problems), 1)


@dataclass
class Page(HTMLParser):
    """The links and anchors of an HTML page."""

    links: list[tuple[str, bool]] = field(default_factory=list)
    """Each address, and whether a browser loads it without being asked."""
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what a tag refers to, and how it is referred to."""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif (tag, name) in _LOADED or (tag, name) == ("a", "href"):
                is_loaded = tag != "a" and ("rel", "canonical") not in attrs
                self.links += [(word.split()[0], is_loaded) for word in [value or ""] if word]


def find_problems(site: Path) -> Iterator[str]:
    """Yield every link to a missing page or heading, and everything loaded from other hosts."""
    pages = {}
    for path in sorted(site.rglob("*.html")):
        pages[path] = Page()
        pages[path].feed(path.read_text("utf-8"))
    for path, page in pages.items():
        for address, is_loaded in page.links:
            problem = _problem(path, address, is_loaded, pages)
            if problem:
                yield f"{path.relative_to(site)}: {problem}: {address}"


def _problem(path: Path, address: str, is_loaded: bool, pages: dict[Path, Page]) -> str:
    parts = urlsplit(address)
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        return "is loaded from another host" if is_loaded else ""
    target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
    if not target.is_file():
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "no such heading"
    return ""


if __name__ == "__main__":
    sys.exit(main())
