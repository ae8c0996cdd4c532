"""`augseq index`: a folder or a table becomes a manifest."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from augseq.cli.arguments import (
    ClassNamesOption,
    ExifOption,
    ExtensionsOption,
    FullDepthOption,
    LabelsOption,
    MaxFileBytesOption,
    MaxPixelsOption,
    SplitsOption,
    check_absent,
    is_table,
    listed_endings,
    listed_names,
    select_classes,
)
from augseq.errors import ArgumentError
from augseq.indexing.excluded import excluded_lines
from augseq.indexing.folder import index_folder
from augseq.indexing.labels import Labels, sorted_names
from augseq.indexing.probing import UnreadablePolicy, probe_manifest
from augseq.indexing.tables import MissingLabels, index_table
from augseq.indexing.update import describe_update
from augseq.manifest.export import write_table
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import read_manifest, write_manifest
from augseq.pixels.options import MAX_FILE_BYTES, MAX_PIXELS
from augseq.remote.archives import archive_address
from augseq.remote.url import is_remote
from augseq.terminal_text import num_columns, padded, shortened

_BAR_WIDTH = 30
_MOST_LETTERS = 60
_LISTED = 20


def index(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Folder with one sub-folder per class, its address (s3://...), or a table with a "
            "row for each image (.csv, .tsv, .jsonl, .parquet).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Manifest to write (.parquet), or a table to hand on (.csv, .tsv, .jsonl).",
        ),
    ] = None,
    labels: LabelsOption = True,
    label_pattern: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX", help="Folder: the class is what its group finds in the path."
        ),
    ] = None,
    splits: SplitsOption = None,
    class_names: ClassNamesOption = None,
    extensions: ExtensionsOption = None,
    follow_links: Annotated[
        bool,
        typer.Option("--follow-links", help="Folder: follow symbolic links, never in circles."),
    ] = False,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe", help="Decode every image once; training then notices changed files."
        ),
    ] = False,
    unreadable: Annotated[
        UnreadablePolicy,
        typer.Option(help="Stop at files that cannot be used, or exclude them; implies --probe."),
    ] = "raise",
    update: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Folder: a manifest of it to bring up to date."),
    ] = None,
    path_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Table: where the paths stand. [path]")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Table: where the classes stand. [label]")
    ] = None,
    images_root: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Table: what its paths are relative to; at an address, no file is looked for. "
            "[its own folder]",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Table: other columns to keep, as age,camera. [all]"),
    ] = None,
    missing_labels: Annotated[
        MissingLabels, typer.Option(help="Table: stop at blank labels, or keep those records.")
    ] = "error",
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="SIGN", help=r"Table: what separates cells, as ';' or '\t'. [,]"),
    ] = None,
    path_suffix: Annotated[
        str | None,
        typer.Option(metavar="ENDING", help="Table: ending that its paths lack, as .jpg."),
    ] = None,
    max_pixels: MaxPixelsOption = MAX_PIXELS,
    max_file_bytes: MaxFileBytesOption = MAX_FILE_BYTES,
    exif_orientation: ExifOption = True,
    full_depth: FullDepthOption = False,
) -> None:
    """List the images of a folder or a table, count the classes, and write a manifest.

    With --probe, every image is decoded once. What an interrupted run has done is kept beside the
    output, and the same command goes on from there.

    With --update, known records keep index and label, and only new and changed files are read.
    """
    for_folders = {
        "--label-pattern": label_pattern, "--splits": splits, "--follow-links": follow_links,
        "--update": update, "--extensions": extensions,
    }  # fmt: skip
    for_tables = {
        "--path-column": path_column, "--label-column": label_column,
        "--images-root": images_root, "--columns": columns, "--delimiter": delimiter,
        "--path-suffix": path_suffix, "--missing-labels": missing_labels != "error",
    }  # fmt: skip
    earlier = None if update is None else read_manifest(update)
    output = output or update
    with _checkpoint(output) as checkpoint:
        if is_table(source) or _may_be_table(source):
            check_absent(for_folders, "folders", source)
            manifest = index_table(
                source,
                root=images_root,
                path_column=path_column or "path",
                label_column=(label_column or "label") if labels else None,
                check_files=not is_remote(images_root),
                columns=None
                if columns is None
                else list(filter(None, listed_names(columns) or [])),
                missing_labels=missing_labels,
                delimiter="\t" if delimiter == r"\t" else delimiter,
                path_suffix=path_suffix,
            )
            manifest = select_classes(manifest, class_names)
            if probe or unreadable == "exclude":
                manifest = probe_manifest(
                    manifest,
                    unreadable=unreadable,
                    checkpoint=checkpoint,
                    max_pixels=max_pixels,
                    max_file_bytes=max_file_bytes,
                    exif_orientation=exif_orientation,
                    full_depth=full_depth,
                )
        else:
            check_absent(for_tables, "tables", source)
            manifest = index_folder(
                source,
                labels=_labels(labels, label_pattern),
                splits=listed_names(splits),
                class_names=listed_names(class_names),
                extensions=listed_endings(extensions),
                follow_links=follow_links,
                probe=probe,
                unreadable=unreadable,
                checkpoint=checkpoint,
                update=earlier,
                max_pixels=max_pixels,
                max_file_bytes=max_file_bytes,
                exif_orientation=exif_orientation,
                full_depth=full_depth,
            )
        _report(manifest, earlier)
        if output is not None:
            _write(manifest, output)
            print(f"wrote {output} ({output.stat().st_size / 1000:.1f} kB)")


def _may_be_table(source: str) -> bool:
    """Tell whether a source is a file, whose error then says which tables are read."""
    return not is_remote(source) and os.path.isfile(source) and archive_address(source) is None


def _report(manifest: Manifest, earlier: Manifest | None) -> None:
    print_counts(manifest)
    print_excluded(manifest)
    if earlier is not None:
        print(describe_update(earlier, manifest))


@contextmanager
def _checkpoint(output: Path | None) -> Iterator[Path | None]:
    """Give a file beside the output, which is there only until all went well."""
    if output is None:
        yield None
        return
    path = output.with_name(f"{output.name}.unfinished")
    found = _written_at(path)
    try:
        yield path
    except BaseException:
        # Not where it was refused, as one of another folder is.
        if _written_at(path) != found:
            print(f"{path} keeps what was done; the same command goes on.", file=sys.stderr)
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
    if output.suffix.lower() in (".csv", ".tsv", ".jsonl"):
        write_table(manifest, output)
    else:
        write_manifest(manifest, output)


def print_counts(manifest: Manifest) -> None:
    """Print how many images each class has, with a bar for the eye."""
    if not manifest.class_names:
        print(f"{len(manifest)} images without labels")
        return
    is_labelled = manifest.table.column("target").is_valid().to_numpy()
    counts = manifest.select(is_labelled).class_counts()
    classes = "1 class" if len(counts) == 1 else f"{len(counts)} classes"
    order = ", in the order of their numbers" if _are_numbered(list(counts)) else ""
    print(f"{len(manifest)} image{'s' * (len(manifest) != 1)} in {classes}{order}")
    names = [shortened(name, _MOST_LETTERS) for name in counts]
    width = max(map(num_columns, names))
    block = "█" if _can_print("█") else "#"
    # Every file may be excluded.
    most = max(1, *counts.values())
    for name, count in zip(names, counts.values(), strict=True):
        bar = block * round(_BAR_WIDTH * count / most)
        print(f"  {padded(name, width)}  {count:>7}  {bar}")
    if not is_labelled.all():
        print(f"{sum(~is_labelled):,} without a label")


def _are_numbered(names: list[str]) -> bool:
    """Tell whether names stand in the order of their values, and not in that of texts."""
    return names == sorted_names(names) != sorted(names)


def print_excluded(manifest: Manifest) -> None:
    """Print which records are excluded, and why."""
    num_more = len(manifest.excluded) - _LISTED
    if len(manifest.excluded):
        print(f"{len(manifest.excluded):,} excluded")
    for line in islice(excluded_lines(manifest.excluded), _LISTED):
        print(f"  {line}")
    if num_more > 0:
        print(f"  and {num_more:,} more: augseq.read_manifest(...).excluded has them all")


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
