"""Why records are left out when a folder is indexed, in words."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from augseq.manifest.columns import REASON_FIELD
from augseq.manifest.manifest import Manifest

UNUSABLE = "cannot be used: "
"""What the reasons begin with for which probing leaves files out."""

GONE = "not found when the folder was indexed again"
"""The reason for which records are left out whose files are not there any more."""


def describe_unusable(manifest: Manifest) -> Iterator[str]:
    """Say how many records are left out because their files cannot be used, if there are any."""
    reasons = manifest.left_out.column(REASON_FIELD.name)
    unusable = manifest.left_out.filter(pc.starts_with(reasons, UNUSABLE))
    if len(unusable):
        yield (
            f"Left out, since training would stop at them: {len(unusable):,} of "
            f"{len(manifest) + len(unusable):,} images in {manifest.root!r} (`manifest.left_out`), "
            f"such as {next(left_out_lines(unusable))}"
        )


def describe_gone(manifest: Manifest) -> Iterator[str]:
    """Say how many records are left out because their files are gone, if there are any."""
    num_gone = pc.sum(pc.equal(manifest.left_out.column(REASON_FIELD.name), GONE)).as_py()
    if num_gone:
        yield (
            f"No longer in {manifest.root!r}: {num_gone:,} of the images that were indexed before; "
            "they are left out, and keep their index (`manifest.left_out`)."
        )


def left_out_lines(left_out: pa.Table) -> Iterator[str]:
    """Yield path, index and reason of each record that is left out."""
    for row in left_out.select(["path", "index", REASON_FIELD.name]).to_pylist():
        reason = row[REASON_FIELD.name].removeprefix(UNUSABLE)
        yield f"{row['path']!r} (index {row['index']}): {reason}"
