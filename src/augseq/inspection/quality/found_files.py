"""Convert positions in a manifest to the files of a finding."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augseq.inspection.quality.findings import CheckFinding, FoundFile
from augseq.inspection.quality.options import CheckOptions
from augseq.manifest.manifest import Manifest


@dataclass(frozen=True, slots=True)
class FileNames:
    """Paths and names of files, by position.

    Attributes:
        paths: Paths below the root.
        indices: Indices of the records.
        targets: Labels; None for files without one.
        splits: Names of the splits; None for files without one.
        class_names: Names by label.
    """

    paths: list[str]
    indices: list[int]
    targets: list[int | None]
    splits: list[str | None]
    class_names: tuple[str, ...]

    def found(self, position: int, *, group: int | None = None, detail: str = "") -> FoundFile:
        """Return one file of a finding."""
        target = self.targets[position]
        return FoundFile(
            path=self.paths[position],
            index=self.indices[position],
            label=None if target is None else self.class_names[target],
            split=self.splits[position],
            group=group,
            detail=detail,
        )

    def finding(self, kind: str, details: Mapping[int, str]) -> list[CheckFinding]:
        """Return a finding about single files; empty if there are none."""
        files = tuple(self.found(position, detail=text) for position, text in details.items())
        return [CheckFinding(kind=kind, files=files)] if files else []

    def group_finding(
        self,
        kind: str,
        groups: Iterable[Sequence[int]],
        details: Mapping[int, str] | None = None,
    ) -> list[CheckFinding]:
        """Return a finding about groups of similar files; empty if there are none."""
        texts = details or {}
        files = tuple(
            self.found(position, group=number, detail=texts.get(position, ""))
            for number, group in enumerate(groups)
            for position in group
        )
        return [CheckFinding(kind=kind, files=files)] if files else []


def name_files(manifest: Manifest, options: CheckOptions) -> FileNames:
    """Return the paths and names of the files in a manifest.

    Raises:
        ArgumentError: The column of splits does not exist.
    """
    splits: list[str | None] = [None] * len(manifest)
    column = options.split_column
    if column is None and "split" in manifest.table.column_names:
        column = "split"
    if column is not None:
        splits = [_name(value) for value in manifest.column(column).tolist()]
    return FileNames(
        manifest.table.column("path").to_pylist(),
        manifest.table.column("index").to_pylist(),
        manifest.table.column("target").to_pylist(),
        splits,
        manifest.class_names,
    )


def _name(value: Any) -> str | None:
    # NaN is a missing number.
    return None if value is None or value != value else str(value)
