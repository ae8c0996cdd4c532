"""Findings as text, in which no file name can affect the terminal."""

import textwrap
from collections.abc import Iterator

from augseq.inspection.quality.findings import CheckFinding, FoundFile
from augseq.terminal_text import counted, escaped, num_columns, shortened

WIDTH = 80
"""Maximum characters in a line, unless a path is longer."""

_MOST_IN_A_GROUP = 4


def examples(finding: CheckFinding, num_examples: int) -> Iterator[tuple[list[FoundFile], int]]:
    """Yield some files of each of the first groups, and how many more the group has."""
    for group in finding.groups[:num_examples]:
        yield list(group[:_MOST_IN_A_GROUP]), max(0, len(group) - _MOST_IN_A_GROUP)


def rest_text(finding: CheckFinding, num_examples: int) -> str:
    """Return how much of a finding the examples omit; empty if nothing."""
    rest = len(finding.groups) - num_examples
    return f"and {counted(rest, 'more group' if has_groups(finding) else 'more file')}" * (rest > 0)


def file_notes(file: FoundFile) -> str:
    """Return what to print about a file besides its path; may be empty."""
    about = [file.label, file.split] if file.group is not None else []
    return ", ".join(text for text in [*about, file.detail] if text)


def has_groups(finding: CheckFinding) -> bool:
    """Return whether a finding is about groups of similar files."""
    return bool(finding.files) and finding.files[0].group is not None


def finding_lines(finding: CheckFinding, num_examples: int) -> Iterator[str]:
    """Yield the lines of a finding, of at most 80 characters unless a path is longer."""
    yield f"{finding.severity}: {finding.title}"
    yield from textwrap.wrap(
        finding.advice, WIDTH, initial_indent="  ", subsequent_indent="  ",
        break_on_hyphens=False,
    )  # fmt: skip
    if finding.detail:
        yield f"  - {shortened(escaped(finding.detail), WIDTH - 4)}"
    for group, num_more in examples(finding, num_examples):
        for number, file in enumerate(group):
            yield from _file_lines(file, "    " if number else "  - ")
        if num_more:
            yield f"    and {num_more:,} more"
    if rest := rest_text(finding, num_examples):
        yield f"  {rest}"


def _file_lines(file: FoundFile, start: str) -> Iterator[str]:
    path, notes = escaped(file.path), escaped(file_notes(file))
    # A path is never shortened, so that it can be copied.
    if not notes or len(start) + len(path) + 2 + len(notes) <= WIDTH:
        yield f"{start}{path}{f'  {notes}' * bool(notes)}"
    else:
        yield f"{start}{path}"
        # Letters of double width would make wrapped lines too long.
        lines = 1 if num_columns(notes) > len(notes) else 3
        text = shortened(notes, lines * (WIDTH - 6) - 10 * (lines - 1))
        wrapped = textwrap.wrap(text, WIDTH - 6, break_on_hyphens=False) if lines > 1 else [text]
        yield from (f"      {line}" for line in wrapped)
