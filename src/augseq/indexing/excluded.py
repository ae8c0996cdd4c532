"""Reasons for which indexing excludes records, and how they are reported."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from augseq.manifest.manifest import Manifest
from augseq.manifest.schema import REASON_FIELD

UNUSABLE = "cannot be used: "
"""Prefix of the reasons for which probing excludes files."""

GONE = "not found when the folder was indexed again"
"""Reason for which records are excluded when their files no longer exist."""


def describe_unusable(manifest: Manifest) -> Iterator[str]:
    """Yield how many records are excluded because their files are unusable, if any."""
    reasons = manifest.excluded.column(REASON_FIELD.name)
    unusable = manifest.excluded.filter(pc.starts_with(reasons, UNUSABLE))
    if len(unusable):
        yield (
            f"Excluded, since training would stop at them: {len(unusable):,} of "
            f"{len(manifest) + len(unusable):,} images in {manifest.root!r} (`manifest.excluded`), "
            f"such as {next(excluded_lines(unusable))}"
        )


def describe_gone(manifest: Manifest) -> Iterator[str]:
    """Yield how many records are excluded because their files are gone, if any."""
    num_gone = pc.sum(pc.equal(manifest.excluded.column(REASON_FIELD.name), GONE)).as_py()
    if num_gone:
        yield (
            f"No longer in {manifest.root!r}: {num_gone:,} of the images indexed before; they are "
            "excluded and keep their index (`manifest.excluded`)."
        )


def excluded_lines(excluded: pa.Table) -> Iterator[str]:
    """Yield the path, index and reason of each excluded record."""
    for row in excluded.select(["path", "index", REASON_FIELD.name]).to_pylist():
        reason = row[REASON_FIELD.name].removeprefix(UNUSABLE)
        yield f"{row['path']!r} (index {row['index']}): {reason}"
