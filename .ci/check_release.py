"""Check that a tag may be published: python .ci/check_release.py v0.1.0 dist.

The tag, the package, CITATION.cff, the changelog and the files to publish must agree.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
# One wheel for each, for all versions of Python: the C module uses the stable ABI.
PLATFORMS = {
    "Linux on x86": r"manylinux\w*_x86_64",
    "Linux on ARM": r"manylinux\w*_aarch64",
    "macOS on x86": r"macosx_\w*_x86_64",
    "macOS on ARM": r"macosx_\w*_arm64",
    "Windows": r"win_amd64",
}


def find_problems(tag: str, dist: Path, project: Path = PROJECT) -> Iterator[str]:
    """Yield what contradicts the tag."""
    version = tag.removeprefix("v")
    sources = {
        "src/augseq/__init__.py": r'^__version__ = "(.+)"$',
        "CITATION.cff": r"^version: (.+)$",
    }
    for name, pattern in sources.items():
        found = re.search(pattern, project.joinpath(name).read_text("utf-8"), re.MULTILINE)
        if not found or found[1] != version:
            yield f"{name} must have version {version}. Received: {found[1] if found else None}"
    yield from _changelog_problems(version, project.joinpath("CHANGELOG.md").read_text("utf-8"))
    yield from _file_problems(version, sorted(path.name for path in dist.iterdir()))


def _changelog_problems(version: str, text: str) -> Iterator[str]:
    sections = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n?)*)", text, re.MULTILINE))
    if sections.get("Unreleased", "").strip():
        yield f'CHANGELOG.md must have no lines under "Unreleased": move them under "{version}".'
    dated = [title for title in sections if re.fullmatch(rf"{version} - \d{{4}}-\d\d-\d\d", title)]
    if not dated or not sections[dated[0]].strip():
        yield f'CHANGELOG.md must have a heading "## {version} - YYYY-MM-DD", and lines under it.'


def _file_problems(version: str, names: list[str]) -> Iterator[str]:
    expected = {"the source": rf"augseq-{re.escape(version)}\.tar\.gz"}
    for platform, pattern in PLATFORMS.items():
        expected[platform] = (
            rf"augseq-{re.escape(version)}-cp311-abi3-(\w*\.)*{pattern}(\.\w*)*\.whl"
        )
    known = []
    for what, pattern in expected.items():
        matching = [name for name in names if re.fullmatch(pattern, name)]
        known += matching
        if len(matching) != 1:
            yield f"There must be one file for {what}. Received: {matching}"
    others = sorted(set(names) - set(known))
    if others:
        yield f"There must be no other files. Received: {others}"


def main(tag: str, dist: str) -> int:
    """Print the problems; return the exit code."""
    problems = list(find_problems(tag, Path(dist)))
    print(*problems or [f"{tag} may be published"], sep="\n")
    return min(len(problems), 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
