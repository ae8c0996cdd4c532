"""Read every file once, to record its metadata and exclude unusable files."""

import warnings
from dataclasses import replace
from functools import partial
from typing import Literal, TypeAlias, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import AugseqError, AugseqWarning, DecodeError
from augseq.indexing.excluded import UNUSABLE, describe_unusable, excluded_lines
from augseq.indexing.look import file_to_see, is_fault_of_storage, look_at, num_readers
from augseq.indexing.probe_checkpoint import Finding, collect_findings, with_kept_probes
from augseq.manifest.manifest import Manifest, check_manifest
from augseq.manifest.record import Record
from augseq.manifest.schema import (
    CORE_SCHEMA,
    PROBE_FIELD,
    REASON_FIELD,
    join_parts,
    read_records,
    replace_values,
    take_apart,
    with_values,
)
from augseq.parallel_map.map_items import map_in_threads, map_items
from augseq.parallel_map.map_options import MapKind, MapOptions
from augseq.pixels.file_identity import Identity
from augseq.pixels.options import (
    MAX_FILE_BYTES,
    MAX_PIXELS,
    ColorMode,
    DecodeOptions,
    is_right_file,
)
from augseq.pixels.source import FileSource, files_of, with_readable_bands
from augseq.remote.url import is_remote
from augseq.terminal_text import first_few
from augseq.types import PathLike, Positions
from augseq.validation import check_choice

UnreadablePolicy: TypeAlias = Literal["raise", "exclude"]

_SHOWN = 10


def probe_manifest(
    manifest: Manifest,
    *,
    unreadable: UnreadablePolicy = "raise",
    checkpoint: PathLike | None = None,
    max_pixels: int = MAX_PIXELS,
    max_file_bytes: int = MAX_FILE_BYTES,
    exif_orientation: bool = True,
    full_depth: bool = False,
    color_mode: ColorMode = "rgb",
    workers: int | None = None,
    worker_kind: MapKind = "threads",
    progress: bool = True,
) -> Manifest:
    """Read and decode every file once, and store its metadata as a `Probe`.

    Files whose size and time match their probe are not read again. Files that were excluded as
    unusable are read again; once repaired, they are appended to the manifest.

    Args:
        manifest: Any manifest.
        unreadable: What to do about files that would stop training: "raise" lists them in an
            error; "exclude" moves their records to `excluded`, with the reason. Only indexing and
            probing exclude files: training never skips one.
        checkpoint: File that stores the probes, written every 30 seconds and at the end. If it
            exists, its probes of unchanged files are reused, so the same call continues after
            Ctrl-C, a kill or an error. It does not affect the result; delete it once the result is
            saved. If the file is an ordinary manifest or a checkpoint of other images, it is left
            unchanged and an error is raised.
        max_pixels: Pass this and the next four options as for `ImageSequence`, so that only files
            that training cannot read are excluded. Files excluded before are tried again.
        max_file_bytes: Longer files are unusable.
        exif_orientation: Whether a damaged orientation tag makes a file unusable.
        full_depth: Whether training keeps more than 8 bits.
        color_mode: As for `ImageSequence`, for "bands": images with other bands than the first one
            are then unusable.
        workers: Number of files to read at the same time; None for one per core, or 16 of a remote
            folder.
        worker_kind: "threads", or "ray" to read them on the nodes of a Ray cluster, with `workers`
            of its CPUs, if all nodes see the files. See docs/clusters.md.
        progress: Whether long work shows a progress bar.

    Returns:
        The manifest with a `probe` for each record whose file could be read.

    Raises:
        DecodeError: A file that was not excluded is unusable, and `unreadable` is "raise".
        MissingFileError: The folder of the checkpoint does not exist.
        UnreadableError: A remote storage denies access, or the checkpoint cannot be read.
        RemoteError: A remote folder does not answer.
        ManifestError: The checkpoint is an ordinary manifest, or belongs to other images.
        WorkerError: The Ray cluster cannot do this; the message names the node.

    Warns:
        AugseqWarning: Files are unusable and excluded.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> images = augseq.probe_manifest(images, progress=False)
        >>> images[0].probe.height, images[0].probe.format
        (215, 'JPEG')
    """
    check_manifest(manifest)
    decode = DecodeOptions(
        max_pixels=max_pixels,
        max_file_bytes=max_file_bytes,
        exif_orientation=exif_orientation,
        full_depth=full_depth,
        color_mode=color_mode,
    )
    manifest = probed(
        manifest,
        decode=decode,
        unreadable=unreadable,
        checkpoint=checkpoint,
        options=MapOptions(workers=workers, worker_kind=worker_kind, progress=progress),
    )
    for finding in describe_unusable(manifest):
        warnings.warn(finding, AugseqWarning, stacklevel=2)
    return manifest


def probed(
    manifest: Manifest,
    *,
    decode: DecodeOptions,
    unreadable: UnreadablePolicy,
    checkpoint: PathLike | None,
    options: MapOptions,
) -> Manifest:
    """Do the same as `probe_manifest`, without warnings."""
    check_choice("unreadable", unreadable, get_args(UnreadablePolicy))
    rows = join_parts(manifest.table, manifest.excluded)
    if PROBE_FIELD.name not in rows.column_names:
        rows = with_values(rows, PROBE_FIELD.name, pa.nulls(len(rows), PROBE_FIELD.type))
    rows = with_kept_probes(rows, manifest.root, checkpoint)
    source = files_of(manifest, with_readable_bands(decode, manifest))
    positions = _positions_to_read(source, rows, options.progress)
    records = _unprobed(rows, positions)
    findings = map_items(
        partial(_finding, source),
        records,
        options,
        num_items=len(positions),
        num_threads=num_readers(source.root),
        title="Probing",
        must_see=file_to_see(source, records),
    )
    rows, reasons = collect_findings(findings, manifest, rows, positions, checkpoint)
    if unreadable == "raise":
        _raise_for(manifest.root, rows, positions, reasons)
    column = rows.column(REASON_FIELD.name)
    rows = with_values(rows, REASON_FIELD.name, replace_values(column, positions, reasons))
    served, excluded = take_apart(rows)
    return replace(manifest, table=served, excluded=excluded.sort_by("index"))


def _positions_to_read(source: FileSource, rows: pa.Table, progress: bool) -> Positions:
    """Return the rows whose files differ, or may differ, from their probes."""
    reason, probe = rows.column(REASON_FIELD.name), rows.column(PROBE_FIELD.name)
    is_served = pc.is_null(reason).to_numpy()
    # Files excluded as unusable are read each time: a newer decoder may decode them.
    is_wanted = is_served | pc.fill_null(pc.starts_with(reason, UNUSABLE), False).to_numpy()
    num_pixels = pc.multiply(
        # The product can exceed the 32 bits of its factors.
        *(pc.struct_field(probe, side).cast(pa.int64()) for side in ("height", "width"))
    )
    # A file probed with a higher limit may be unusable with this one.
    is_small = pc.fill_null(pc.less_equal(num_pixels, source.options.max_pixels), False)
    is_known = is_served & is_small.to_numpy()
    known = np.flatnonzero(is_known)
    states = map_in_threads(
        partial(_identity_of, source),
        _unprobed(rows, known),
        num_items=len(known),
        # More local threads contend for the interpreter lock: 19 microseconds a file, not 7.
        num_threads=num_readers(source.root) if is_remote(source.root) else 1,
        title="Looking for changes",
        progress=progress,
    )
    now = np.array([(-1, 0) if state is None else state[:2] for state in states], np.int64)
    names = ("num_bytes", "modified_ns")
    # Nulls would turn integers into floats.
    before = [pc.fill_null(pc.struct_field(probe, name), 0).to_numpy()[known] for name in names]
    is_same = (now.reshape(-1, 2) == np.stack(before, axis=1)).all(axis=1)
    is_wanted[known[is_same]] = False
    return np.flatnonzero(is_wanted)


def _unprobed(rows: pa.Table, positions: Positions) -> list[Record]:
    """Return records without their probes."""
    return read_records(rows.select(CORE_SCHEMA.names), positions)


def _identity_of(source: FileSource, record: Record) -> Identity | None:
    try:
        return source.identity(record)
    except AugseqError as error:
        if is_fault_of_storage(error, source.root):
            raise
        return None  # Reading the file will report the error.


def _finding(source: FileSource, record: Record) -> Finding:
    look = look_at(source, record, for_manifest=True)
    return Finding(look.probe, None if look.reason is None else UNUSABLE + look.reason)


def _raise_for(root: str, rows: pa.Table, positions: Positions, reasons: pa.Array) -> None:
    """Raise `DecodeError` for unusable files that were not excluded before."""
    was_served = pc.is_null(rows.column(REASON_FIELD.name)).to_numpy()[positions]
    bad = np.flatnonzero(was_served & pc.is_valid(reasons).to_numpy(zero_copy_only=False))
    if not len(bad):
        return
    unusable = rows.take(pa.array(positions[bad]))
    unusable = with_values(unusable, REASON_FIELD.name, reasons.take(pa.array(bad)))
    are_intact = all(map(is_right_file, unusable.column(REASON_FIELD.name).to_pylist()))
    repair = "" if are_intact else "Repair or delete damaged files. "
    raise DecodeError(
        f"{len(bad):,} of the images in {root!r} cannot be used: "
        f"{first_few(excluded_lines(unusable), _SHOWN, between='; ')}. {repair}"
        "To exclude all of these: "
        'unreadable="exclude" (at the shell: --unreadable exclude).',
        unusable.column("path")[0].as_py(),
        unusable.column("index")[0].as_py(),
    )
