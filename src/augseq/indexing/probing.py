"""Read every file of a manifest once: what it holds, and whether it can be used."""

import os
import warnings
from dataclasses import replace
from functools import partial
from typing import Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm.auto import tqdm

from augseq.checks import check_choice
from augseq.errors import AugseqError, AugseqWarning, DecodeError
from augseq.indexing.findings import Finding, collect_findings, with_kept_probes
from augseq.indexing.left_out import UNUSABLE, describe_unusable, left_out_lines
from augseq.manifest.columns import (
    PROBE_FIELD,
    REASON_FIELD,
    join_parts,
    replace_values,
    take_apart,
    with_values,
)
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.pixels.cache.entry import file_identity
from augseq.pixels.probe import probe_file
from augseq.pixels.read import read_file
from augseq.threaded_map import map_in_threads
from augseq.types import PathLike, Positions

UnreadablePolicy: TypeAlias = Literal["raise", "exclude"]

_SHOWN = 10


def probe_manifest(
    manifest: Manifest,
    *,
    unreadable: UnreadablePolicy = "raise",
    checkpoint: PathLike | None = None,
    progress: bool = True,
) -> Manifest:
    """Read and decode every file once, and note what it holds.

    Files whose size and time are those of their probe are not read again. Those that were left
    out as unusable are, and are served again, behind all others, once they are mended.

    Args:
        manifest: Of any origin.
        unreadable: What to do about files that training would stop at. "raise" names them;
            "exclude" moves their records to `left_out`, with the reason. No file is left out
            but here: training itself never skips one.
        checkpoint: File that keeps what was probed, written every 30 seconds and at the end. If
            it is there already, its probes of unchanged files are taken over: so after Ctrl-C, a
            kill or an error, the same call goes on. It is a manifest, and never changes what is
            returned; remove it when that is written.
        progress: Whether long work shows a progress bar.

    Returns:
        The manifest with a `probe` for each record whose file could be read.

    Raises:
        DecodeError: A file that was not left out cannot be used, and `unreadable` is "raise".
        MissingFileError: There is no folder for the checkpoint.
        ManifestError: The checkpoint is no manifest.

    Warns:
        AugseqWarning: Files cannot be used and are left out.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> images = augseq.probe_manifest(images, progress=False)
        >>> images[0].probe.height, images[0].probe.format
        (215, 'JPEG')
    """
    check_manifest(manifest)
    check_choice("unreadable", unreadable, get_args(UnreadablePolicy))
    rows = join_parts(manifest.table, manifest.left_out)
    if PROBE_FIELD.name not in rows.column_names:
        rows = with_values(rows, PROBE_FIELD.name, pa.nulls(len(rows), PROBE_FIELD.type))
    rows = with_kept_probes(rows, checkpoint)
    positions = _positions_to_read(manifest.root, rows, progress)
    findings = map_in_threads(
        partial(_look_at, manifest.root),
        rows.column("path").take(pa.array(positions)).to_pylist(),
        num_items=len(positions),
        num_threads=os.cpu_count() or 1,
        title="Probing",
        progress=progress,
    )
    rows, reasons = collect_findings(findings, manifest, rows, positions, checkpoint)
    if unreadable == "raise":
        _raise_for(manifest.root, rows, positions, reasons)
    column = rows.column(REASON_FIELD.name)
    rows = with_values(rows, REASON_FIELD.name, replace_values(column, positions, reasons))
    served, left_out = take_apart(rows)
    manifest = replace(manifest, table=served, left_out=left_out.sort_by("index"))
    for finding in describe_unusable(manifest):
        warnings.warn(finding, AugseqWarning, stacklevel=2)
    return manifest


def _positions_to_read(root: str, rows: pa.Table, progress: bool) -> Positions:
    """Return the rows whose files are not, or may not be, as their probes say."""
    reason, probe = rows.column(REASON_FIELD.name), rows.column(PROBE_FIELD.name)
    is_served = pc.is_null(reason).to_numpy()
    # Whoever was left out as unusable is looked at each time: a newer decoder may read it.
    is_wanted = is_served | pc.fill_null(pc.starts_with(reason, UNUSABLE), False).to_numpy()
    is_known = is_served & pc.is_valid(pc.struct_field(probe, "height")).to_numpy()
    known = np.flatnonzero(is_known)
    paths = rows.column("path").take(pa.array(known)).to_pylist()
    # Not in threads, which pass the interpreter lock around: 19 microseconds a file instead of 7.
    with tqdm(
        paths, desc="Looking for changes", unit=" images", delay=0.5, disable=not progress
    ) as bar:
        states = [file_identity(os.path.join(root, path)) for path in bar]
    now = np.array([(-1, 0) if state is None else state[:2] for state in states], np.int64)
    names = ("num_bytes", "modified_ns")
    # Without the gaps, which would make floats of whole numbers.
    before = [pc.fill_null(pc.struct_field(probe, name), 0).to_numpy()[known] for name in names]
    is_same = (now.reshape(-1, 2) == np.stack(before, axis=1)).all(axis=1)
    is_wanted[known[is_same]] = False
    return np.flatnonzero(is_wanted)


def _look_at(root: str, path: str) -> Finding:
    try:
        probe, problem = probe_file(*read_file(os.path.join(root, path)))
    except AugseqError as error:
        return Finding(None, UNUSABLE + _cause(error))
    return Finding(probe, None if problem is None else f"{UNUSABLE}{problem}")


def _cause(error: AugseqError) -> str:
    """Return what went wrong, without the folder of this machine."""
    cause = error.__cause__
    return (isinstance(cause, OSError) and cause.strerror) or str(error)


def _raise_for(root: str, rows: pa.Table, positions: Positions, reasons: pa.Array) -> None:
    """Raise for the files that cannot be used and were not left out before."""
    was_served = pc.is_null(rows.column(REASON_FIELD.name)).to_numpy()[positions]
    bad = np.flatnonzero(was_served & pc.is_valid(reasons).to_numpy(zero_copy_only=False))
    if not len(bad):
        return
    shown = rows.take(pa.array(positions[bad[:_SHOWN]]))
    shown = with_values(shown, REASON_FIELD.name, reasons.take(pa.array(bad[:_SHOWN])))
    more = f"; and {len(bad) - _SHOWN:,} more" if len(bad) > _SHOWN else ""
    raise DecodeError(
        f"{len(bad):,} of the images in {root!r} cannot be used: "
        f"{'; '.join(left_out_lines(shown))}{more}. Mend or remove them; or leave them out with "
        'unreadable="exclude" (at the shell: --unreadable exclude).',
        shown.column("path")[0].as_py(),
        shown.column("index")[0].as_py(),
    )
