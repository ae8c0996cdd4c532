"""`augseq index`: a folder or a table becomes a manifest."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from augseq.cli.arguments import LabelsOption, is_table
from augseq.errors import ArgumentError
from augseq.escaping import shown
from augseq.indexing.folder import index_folder
from augseq.indexing.labels import Labels
from augseq.indexing.tables import index_table
from augseq.manifest.export import write_table
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import write_manifest

_BAR_WIDTH = 30
_MOST_LETTERS = 60


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
    splits: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Folder: its splits, as train,val,test."),
    ] = None,
    follow_links: Annotated[
        bool,
        typer.Option("--follow-links", help="Folder: follow symbolic links, never in circles."),
    ] = False,
    path_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Table: where the paths stand. [path]")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Table: where the classes stand. [label]")
    ] = None,
    images_root: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="Table: what its paths are relative to. [its own folder]"
        ),
    ] = None,
) -> None:
    """List the images of a folder or a table, count the classes, and write a manifest."""
    for_folders = {
        "--label-pattern": label_pattern, "--splits": splits, "--follow-links": follow_links
    }  # fmt: skip
    for_tables = {
        "--path-column": path_column, "--label-column": label_column, "--images-root": images_root
    }  # fmt: skip
    if is_table(source):
        _refuse(for_folders, "folders", source)
        manifest = index_table(
            source,
            root=images_root,
            path_column=path_column or "path",
            label_column=(label_column or "label") if labels else None,
        )
    else:
        _refuse(for_tables, "tables", source)
        manifest = index_folder(
            source,
            labels=_labels(labels, label_pattern),
            splits=None if splits is None else [name.strip() for name in splits.split(",")],
            follow_links=follow_links,
        )
    print_counts(manifest)
    if output is not None:
        _write(manifest, output)
        print(f"wrote {output} ({output.stat().st_size / 1000:.1f} kB)")


def _refuse(options: Mapping[str, object], kind: str, source: str) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise ArgumentError(f"{', '.join(given)} is for {kind}. Received: {source!r}")


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
    counts = manifest.class_counts()
    classes = "1 class" if len(counts) == 1 else f"{len(counts)} classes"
    print(f"{len(manifest)} image{'s' * (len(manifest) != 1)} in {classes}")
    names = [shown(name, _MOST_LETTERS) for name in counts]
    width = max(map(len, names))
    for name, count in zip(names, counts.values(), strict=True):
        bar = "█" * round(_BAR_WIDTH * count / max(counts.values()))
        print(f"  {name:<{width}}  {count:>7}  {bar}")
