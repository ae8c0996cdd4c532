"""Why records are excluded when a folder is indexed, in words."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from augseq.manifest.manifest import Manifest
from augseq.manifest.schema import REASON_FIELD

UNUSABLE = "cannot be used: "
"""How the reasons begin for which probing excludes files."""

GONE = "not found when the folder was indexed again"
"""The reason for which records are excluded whose files are not there any more."""


def describe_unusable(manifest: Manifest) -> Iterator[str]:
    """Say how many records are excluded because their files cannot be used, if there are any."""
    reasons = manifest.excluded.column(REASON_FIELD.name)
    unusable = manifest.excluded.filter(pc.starts_with(reasons, UNUSABLE))
    if len(unusable):
        yield (
            f"Excluded, since training would stop at them: {len(unusable):,} of "
            f"{len(manifest) + len(unusable):,} images in {manifest.root!r} (`manifest.excluded`), "
            f"such as {next(excluded_lines(unusable))}"
        )


def describe_gone(manifest: Manifest) -> Iterator[str]:
    """Say how many records are excluded because their files are gone, if there are any."""
    num_gone = pc.sum(pc.equal(manifest.excluded.column(REASON_FIELD.name), GONE)).as_py()
    if num_gone:
        yield (
            f"No longer in {manifest.root!r}: {num_gone:,} of the images that were indexed before; "
            "they are excluded, and keep their index (`manifest.excluded`)."
        )


def excluded_lines(excluded: pa.Table) -> Iterator[str]:
    """Yield path, index and reason of each record that is excluded."""
    for row in excluded.select(["path", "index", REASON_FIELD.name]).to_pylist():
        reason = row[REASON_FIELD.name].removeprefix(UNUSABLE)
        yield f"{row['path']!r} (index {row['index']}): {reason}"
