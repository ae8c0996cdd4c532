"""`augseq index`: create a manifest from a folder or a table."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from augseq.cli.annotations import Annotations
from augseq.cli.arguments import (
    ClassNamesOption,
    ColorModeOption,
    Decoding,
    ExtensionsOption,
    FullDepthOption,
    LabelsOption,
    SplitsOption,
    Workers,
    check_absent,
    is_table,
    listed_endings,
    listed_names,
    select_classes,
)
from augseq.cli.column_arguments import WithColumnOption, add_columns
from augseq.cli.flat_options import with_flat_options
from augseq.cli.next_step import print_next
from augseq.cli.print_manifest import print_counts, print_excluded
from augseq.errors import ArgumentError
from augseq.indexing.folder import index_folder
from augseq.indexing.folder_labels import Labels
from augseq.indexing.probing import UnreadablePolicy, probe_manifest
from augseq.indexing.shards.index_webdataset import index_webdataset
from augseq.indexing.table.index_table import MissingLabels, index_table
from augseq.indexing.update import describe_update
from augseq.manifest.export import write_table
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import read_manifest, write_manifest
from augseq.remote.archives import archive_address
from augseq.remote.url import is_remote

SourceKind: TypeAlias = Literal["annotations", "folders", "shards", "tables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folders:
    """Options only for folders."""

    label_pattern: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX", help="Folder: regular expression for the path; its group is the class."
        ),
    ] = None
    splits: SplitsOption = None
    extensions: ExtensionsOption = None
    follow_links: Annotated[
        bool,
        typer.Option("--follow-links", help="Folder: follow symbolic links; cycles are safe."),
    ] = False
    update: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Folder: its earlier manifest, to be updated."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shards:
    """Options only for tar files."""

    webdataset: Annotated[
        bool,
        typer.Option(
            "--webdataset",
            help="SOURCE is a folder of tar files in WebDataset's layout, one of them, or several, "
            "such as 'train-{000..099}.tar' in quotes.",
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """Options only for tables."""

    path_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Table: column of the paths. [path]")
    ] = None
    label_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Table: column of the classes. [label] Tar files: field of .json."
        ),
    ] = None
    images_root: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Table, annotations: folder that the paths are relative to; files at a remote "
            "address are not checked. [folder of SOURCE]",
        ),
    ] = None
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Table: further columns to keep, e.g. age,camera. [all]"
        ),
    ] = None
    missing_labels: Annotated[
        MissingLabels,
        typer.Option(help="Table, YOLO: fail on missing labels, or keep images."),
    ] = "error"
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="CHAR", help=r"Table: separator of cells, e.g. ';' or '\t'. [,]"),
    ] = None
    path_suffix: Annotated[
        str | None,
        typer.Option(metavar="SUFFIX", help="Table: extension that its paths lack, e.g. .jpg."),
    ] = None

    def columns_to_keep(self) -> list[str] | None:
        names = listed_names(self.columns)
        return None if names is None else list(filter(None, names))

    def read_shards(self, source: str, class_names: str | None, *, labelled: bool) -> Manifest:
        return index_webdataset(
            source,
            label=(self.label_column or "inferred") if labelled else None,
            class_names=listed_names(class_names),
            columns=self.columns_to_keep(),
            missing_labels=self.missing_labels,
        )

    def read(self, source: str, *, labelled: bool) -> Manifest:
        return index_table(
            source,
            root=self.images_root,
            path_column=self.path_column or "path",
            label_column=(self.label_column or "label") if labelled else None,
            check_files=not is_remote(self.images_root),
            columns=self.columns_to_keep(),
            missing_labels=self.missing_labels,
            delimiter="\t" if self.delimiter == r"\t" else self.delimiter,
            path_suffix=self.path_suffix,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probing:
    """Whether to decode every image once, and what to do about unusable ones."""

    probe: Annotated[
        bool,
        typer.Option(
            "--probe", help="Decode every image once; training then refuses changed files."
        ),
    ] = False
    unreadable: Annotated[
        UnreadablePolicy,
        typer.Option(help="Fail on unusable files, or exclude them (implies --probe)."),
    ] = "raise"


@with_flat_options
def index(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Folder with one sub-folder per class, its address (s3://...), or a table with "
            "one row per image (.csv, .tsv, .jsonl, .parquet); or boxes, with --annotations.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Manifest to write (.parquet), or a table to export (.csv, .tsv, .jsonl).",
        ),
    ] = None,
    labels: LabelsOption = True,
    class_names: ClassNamesOption = None,
    with_column: WithColumnOption = None,
    *,
    folders: _Folders,
    probing: _Probing,
    shards: _Shards,
    tables: _Tables,
    boxes: Annotations,
    decoding: Decoding,
    reading: Workers,
    full_depth: FullDepthOption = False,
    color_mode: ColorModeOption = "rgb",
) -> None:
    """List the images of a folder or a table, count the classes, and write a manifest.

    With --probe, every image is decoded once. If interrupted, the progress is saved next to the
    output, and running the same command again continues.

    With --update, known records keep their index and label, and only new, changed and unusable
    files are read. --with-column then adds the column to all records, or replaces it.
    """
    earlier = None if folders.update is None else read_manifest(folders.update)
    output = output or folders.update
    decode = {**asdict(decoding), "full_depth": full_depth, "color_mode": color_mode}
    kind = _kind_of_source(source, boxes, shards)
    _check_groups(kind, source, folders, tables, boxes)
    with _checkpoint(output) as checkpoint:
        if kind == "folders":
            manifest = index_folder(
                source,
                labels=_labels(labels, folders.label_pattern),
                splits=listed_names(folders.splits),
                class_names=listed_names(class_names),
                extensions=listed_endings(folders.extensions),
                follow_links=folders.follow_links,
                checkpoint=checkpoint,
                update=earlier,
                **asdict(probing),
                **asdict(reading),
                **decode,
            )
        else:
            if kind == "annotations":
                manifest = boxes.read(
                    source,
                    tables.images_root,
                    class_names,
                    listed_names(folders.splits),
                    tables.missing_labels,
                )
            elif kind == "shards":
                manifest = tables.read_shards(source, class_names, labelled=labels)
            else:
                manifest = select_classes(tables.read(source, labelled=labels), class_names)
            if probing.probe or probing.unreadable == "exclude":
                manifest = probe_manifest(
                    manifest,
                    unreadable=probing.unreadable,
                    checkpoint=checkpoint,
                    **asdict(reading),
                    **decode,
                )
        manifest = add_columns(manifest, with_column)
        print_counts(manifest)
        print_excluded(manifest)
        if earlier is not None:
            print(describe_update(earlier, manifest))
        if output is not None:
            _write(manifest, output)
            print(f"wrote {output} ({output.stat().st_size / 1000:.1f} kB)")
        _print_next(output)


def _print_next(output: Path | None) -> None:
    if output is None:
        print("\nTo write this list as a manifest, add -o FILE.parquet")
    elif _is_manifest(output):
        print_next("To look for problems in these images", "check", output)


def _kind_of_source(source: str, boxes: Annotations, shards: _Shards) -> SourceKind:
    if boxes.annotations is not None and shards.webdataset:
        raise ArgumentError(
            "--webdataset and --annotations are for different sources. Received: both"
        )
    if shards.webdataset:
        return "shards"
    if boxes.annotations is not None:
        return "annotations"
    # Any file, so that an error lists the supported tables.
    is_file = not is_remote(source) and os.path.isfile(source) and archive_address(source) is None
    return "tables" if is_file or is_table(source) else "folders"


def _check_groups(
    kind: SourceKind, source: str, folders: _Folders, tables: _Tables, boxes: Annotations
) -> None:
    """Raise `ArgumentError` if an option is given that this kind of source does not have."""
    if kind == "annotations":
        folders = replace(folders, splits=None)
        tables = replace(tables, images_root=None, missing_labels="error")
    if kind == "shards":
        tables = replace(tables, label_column=None, columns=None, missing_labels="error")
    groups: dict[SourceKind, object] = {
        "annotations": boxes,
        "folders": folders,
        "tables": tables,
    }
    for name, group in groups.items():
        if name != kind:
            check_absent(group, name, source)


@contextmanager
def _checkpoint(output: Path | None) -> Iterator[Path | None]:
    """Provide a checkpoint file next to the output, which is deleted on success."""
    if output is None:
        yield None
        return
    path = output.with_name(f"{output.name}.unfinished")
    before = _written_at(path)
    try:
        yield path
    except BaseException:
        # A checkpoint of another folder is refused and not written.
        if _written_at(path) != before:
            print(
                f"Progress is saved in {path}; run the same command to continue.", file=sys.stderr
            )
        raise
    path.unlink(missing_ok=True)


def _written_at(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def _labels(labels: bool, pattern: str | None) -> Labels:
    if pattern is None:
        return "inferred" if labels else None
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ArgumentError(f"--label-pattern {pattern!r}: {error}.") from error


def _write(manifest: Manifest, output: Path) -> None:
    if _is_manifest(output):
        write_manifest(manifest, output)
    else:
        write_table(manifest, output)


def _is_manifest(output: Path) -> bool:
    return output.suffix.lower() not in (".csv", ".tsv", ".jsonl")
