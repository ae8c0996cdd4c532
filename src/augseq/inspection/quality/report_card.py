"""Notebook display of a report on images: a line for each finding."""

from collections.abc import Iterator, Sequence

from augseq.inspection.html_displays.markup import Markup, card, element, note
from augseq.inspection.quality.finding_text import has_groups
from augseq.inspection.quality.findings import CheckFinding
from augseq.terminal_text import counted, escaped, shortened


def report_card(root: str, headline: str, findings: Sequence[CheckFinding]) -> str:
    """Return a short report as HTML; unlike `write_html`, this opens no images.

    Args:
        root: Folder of the images.
        headline: The most important figures.
        findings: From top to bottom.
    """
    cells = [cell for finding in findings for cell in _cells(finding)]
    more = "print(report) lists the files, and report.write_html(path) shows their images."
    return card(
        "CheckReport",
        headline,
        note(shortened(root, 100)),
        element("div", *cells, class_="augseq-findings"),
        *([note(more)] if findings else []),
    )


def _cells(finding: CheckFinding) -> Iterator[Markup]:
    kind = f"augseq-mark augseq-{finding.severity}"
    groups = f" in {counted(len(finding.groups), 'group')}" if has_groups(finding) else ""
    where = counted(len(finding.files), "file") + groups if finding.files else ""
    first = finding.files[0].path if finding.files else finding.detail
    yield element("div", element("span", finding.severity, class_=kind))
    yield element("div", element("b", finding.title), f" {where}", title=finding.advice)
    yield note(f"{'such as ' * bool(finding.files)}{shortened(escaped(first), 60)}")
