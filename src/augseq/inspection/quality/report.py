"""The report of a check of images: text for people, JSON for programs."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from augseq.inspection.quality.finding_text import (
    WIDTH,
    finding_lines,
    has_groups,
)
from augseq.inspection.quality.findings import CheckFinding, Severity
from augseq.inspection.quality.options import CheckOptions
from augseq.inspection.quality.report_card import report_card
from augseq.inspection.quality.report_html import report_html
from augseq.manifest.box_statistics import BoxStatistics
from augseq.manifest.manifest import Manifest
from augseq.manifest.mask_counts import MaskCounts
from augseq.terminal_text import counted, escaped, first_few, first_lines, table_text
from augseq.types import PathLike
from augseq.validation import check_whole

JSON_SCHEMA_VERSION = 1
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
_MOST_CLASSES = 12
# A space at which no line is broken; no escaped name contains it.
_JOIN = "\0"
_MOST_MASK_CLASSES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `check_images` found; `print` shows it.

    Attributes:
        manifest: The manifest that was checked.
        num_bytes: Total size of the files that could be read.
        class_counts: Number of images by class; empty without labels.
        split_counts: Number of images by split; empty without splits.
        mask_counts: Pixels and images of each class in the masks, by the column of their paths;
            empty unless masks were checked.
        box_statistics: Classes and sizes of the boxes; None without boxes.
        options: The thresholds.
        findings: The worst kind first; empty if nothing was found.
    """

    manifest: Manifest
    num_bytes: int
    class_counts: Mapping[str, int]
    split_counts: Mapping[str, int]
    options: CheckOptions
    findings: tuple[CheckFinding, ...]
    mask_counts: Mapping[str, MaskCounts] = field(default_factory=dict)
    box_statistics: BoxStatistics | None = None

    @property
    def severity(self) -> Severity | None:
        """The worst severity; None if nothing was found."""
        found = {finding.severity for finding in self.findings}
        return next((severity for severity in _SEVERITIES if severity in found), None)

    def is_as_bad_as(self, severity: Severity) -> bool:
        """Return whether any finding has this severity or a worse one."""
        worst = self.severity
        return worst is not None and _SEVERITIES.index(worst) <= _SEVERITIES.index(severity)

    def __repr__(self) -> str:
        titles = {finding.title: finding.severity for finding in self.findings}
        return first_lines(table_text(f"CheckReport: {self.headline()}", titles))

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return report_card(self.manifest.root, self.headline(), self.findings)

    def to_text(self, *, num_examples: int = 5) -> str:
        """Return a summary and each finding with examples, in lines of 80 characters.

        Characters in names that could affect the terminal are escaped.

        Args:
            num_examples: Maximum number of files or groups shown for each finding.
        """
        check_whole("num_examples", num_examples, least=0)
        lines = [self.headline(), *self._counts(), *self._mask_lines(), *self._box_lines(), ""]
        lines += self._table()
        for finding in self.findings:
            lines += ["", *finding_lines(finding, num_examples)]
        return "\n".join(lines).rstrip()

    def to_json(self) -> str:
        """Return the report as ASCII JSON; docs/check.md describes the format."""
        severities = Counter(finding.severity for finding in self.findings)
        content = {
            "schema_version": JSON_SCHEMA_VERSION,
            "root": self.manifest.root,
            "fingerprint": self.manifest.fingerprint(),
            "num_images": len(self.manifest),
            "num_bytes": self.num_bytes,
            "class_counts": dict(self.class_counts),
            "split_counts": dict(self.split_counts),
            "masks": {column: asdict(counts) for column, counts in self.mask_counts.items()},
            "boxes": self.box_statistics.to_dict() if self.box_statistics else {},
            "options": self.options.to_dict(),
            "severity": self.severity,
            "num_findings": {severity: severities[severity] for severity in _SEVERITIES},
            "findings": [_finding_dict(finding) for finding in self.findings],
        }
        return json.dumps(content, indent=1, allow_nan=False)

    def write_json(self, path: PathLike) -> None:
        """Write what `to_json` returns to the file `path`."""
        Path(path).write_text(self.to_json() + "\n", encoding="ascii")

    def to_html(self) -> str:
        """Return a self-contained HTML page without scripts, with some of the images."""
        return report_html(
            self.manifest,
            headline=self.headline(),
            counts={"Classes": self.class_counts, "Splits": self.split_counts},
            mask_counts=self.mask_counts,
            box_statistics=self.box_statistics,
            findings=self.findings,
        )

    def write_html(self, path: PathLike) -> None:
        """Write what `to_html` returns to the file `path`."""
        Path(path).write_text(self.to_html(), encoding="utf-8")

    def headline(self) -> str:
        """Return the most important figures in one line."""
        size = f"{counted(len(self.manifest), 'image')}, {self.num_bytes / 1e6:,.1f} MB"
        severities = Counter(finding.severity for finding in self.findings)
        kinds = [
            counted(severities[severity], severity)
            for severity in _SEVERITIES
            if severities[severity]
        ]
        return f"{size}: {', '.join(kinds) or 'nothing found'}"

    def _counts(self) -> Iterator[str]:
        for name, counts in (("classes", self.class_counts), ("splits", self.split_counts)):
            if counts:
                each = [f"{escaped(key)}{_JOIN}{count:,}" for key, count in counts.items()]
                text = first_few(each, _MOST_CLASSES)
                lines = textwrap.wrap(
                    f"{name}: {text}",
                    WIDTH,
                    subsequent_indent=" " * (len(name) + 2),
                    break_on_hyphens=False,
                )
                yield from (line.replace(_JOIN, " ") for line in lines)

    def _mask_lines(self) -> Iterator[str]:
        for column, counts in self.mask_counts.items():
            title = f"masks {escaped(column)}: {counted(counts.num_images, 'image')}"
            texts = counts.texts()
            shown = dict(list(texts.items())[:_MOST_MASK_CLASSES])
            yield from table_text(title, shown).splitlines()
            if len(texts) > len(shown):
                yield f"  and {len(texts) - len(shown):,} more"

    def _box_lines(self) -> list[str]:
        statistics = self.box_statistics
        if statistics is None:
            return []
        return table_text(f"boxes: {statistics.headline()}", statistics.texts()).splitlines()

    def _table(self) -> Iterator[str]:
        if self.findings:
            yield f"{'':<9}{'finding':<51}{'files':>10}{'groups':>10}"
        for finding in self.findings:
            groups = f"{len(finding.groups):,}" if has_groups(finding) else ""
            files = f"{len(finding.files):,}" if finding.files else ""
            yield f"{finding.severity:<9}{finding.title:<51}{files:>10}{groups:>10}".rstrip()


def _finding_dict(finding: CheckFinding) -> dict[str, object]:
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "title": finding.title,
        "advice": finding.advice,
        "detail": finding.detail,
        "num_files": len(finding.files),
        "files": [
            {field.name: getattr(file, field.name) for field in fields(file)}
            for file in finding.files
        ],
    }
