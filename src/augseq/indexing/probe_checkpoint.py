"""Collect probes as columns, and save them in a checkpoint file during probing."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ManifestError
from augseq.manifest.manifest import Manifest
from augseq.manifest.record import Probe
from augseq.manifest.schema import (
    PROBE_FIELD,
    REASON_FIELD,
    probe_array,
    replace_values,
    with_values,
)
from augseq.manifest.storage import read_checkpoint, write_checkpoint
from augseq.types import PathLike, Positions

# A manifest of a million probed records takes about a second to write.
_SAVE_EVERY_S = 30.0
# Probes converted to Arrow together: as Python objects, a million would take 400 MB.
_BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """The probe of a file, and the reason why it cannot be used, if any."""

    probe: Probe | None
    reason: str | None


def with_kept_probes(rows: pa.Table, root: str, checkpoint: PathLike | None) -> pa.Table:
    """Return rows of a manifest with the probes of the same paths in a checkpoint.

    Raises:
        ManifestError: The file exists, but is not a checkpoint, or is one of other images.
    """
    if checkpoint is None or not os.path.exists(checkpoint):
        return rows
    manifest = read_checkpoint(checkpoint)
    kept = manifest.table
    is_known = pc.is_in(kept.column("path"), value_set=rows.column("path"))
    # Some files may have been added or removed meanwhile.
    if manifest.root != root or (len(kept) and not pc.any(is_known).as_py()):
        raise ManifestError(
            f"{os.fspath(checkpoint)!r} is a checkpoint of {len(kept):,} "
            f"image{'s' * (len(kept) != 1)} in {manifest.root!r}, none of which is among the "
            f"{len(rows):,} in {root!r}; it was left unchanged. Pass another file as `checkpoint`, "
            "or delete this one if you no longer need it."
        )
    kept = kept.filter(pc.is_valid(kept.column(PROBE_FIELD.name)))
    places = pc.index_in(rows.column("path"), value_set=kept.column("path"))
    found = np.flatnonzero(pc.is_valid(places).to_numpy())
    probes = kept.column(PROBE_FIELD.name).take(pc.drop_null(places)).combine_chunks()
    return _with_probes(rows, found, probes)


def collect_findings(
    findings: Iterator[Finding],
    manifest: Manifest,
    rows: pa.Table,
    positions: Positions,
    checkpoint: PathLike | None,
) -> tuple[pa.Table, pa.Array]:
    """Collect findings, and save the progress in a checkpoint file, if one is given.

    Args:
        findings: One for each of `positions`.
        manifest: The manifest that is probed.
        rows: All its rows, with a column `probe`.
        positions: Positions in `rows`.
        checkpoint: Written at the start, so that a wrong path fails immediately; every 30 seconds;
            and at the end, even after an error or Ctrl-C.

    Returns:
        The rows with new probes, and the reasons for the rows at the positions.
    """
    probes, reasons = [probe_array([])], [pa.array([], REASON_FIELD.type)]

    def probed() -> pa.Table:
        return _with_probes(rows, positions, pa.concat_arrays(probes))

    def save() -> None:
        if checkpoint is not None:
            everything = probed().drop_columns([REASON_FIELD.name])
            write_checkpoint(replace(manifest, table=everything, excluded=None), checkpoint)

    save()
    saved_at = time.monotonic()
    try:
        while batch := list(islice(findings, _BATCH_SIZE)):
            probes.append(probe_array([finding.probe for finding in batch]))
            reasons.append(pa.array([finding.reason for finding in batch], REASON_FIELD.type))
            if time.monotonic() - saved_at > _SAVE_EVERY_S:
                save()
                saved_at = time.monotonic()
    finally:
        save()
    return probed(), pa.concat_arrays(reasons)


def _with_probes(rows: pa.Table, positions: Positions, probes: pa.Array) -> pa.Table:
    column = replace_values(rows.column(PROBE_FIELD.name), positions, probes)
    return with_values(rows, PROBE_FIELD.name, column)
