"""`augseq index`: a folder becomes a manifest."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from augseq.cli.arguments import LabelsOption
from augseq.indexing.folder import index_folder
from augseq.indexing.left_out import left_out_lines
from augseq.indexing.probing import UnreadablePolicy
from augseq.indexing.renewal import describe_renewal
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import read_manifest, write_manifest

_BAR_WIDTH = 30
_LISTED = 20


def index(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with one sub-folder per class.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Manifest to write (.parquet)."),
    ] = None,
    labels: LabelsOption = True,
    follow_links: Annotated[
        bool, typer.Option("--follow-links", help="Follow symbolic links, never in circles.")
    ] = False,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe", help="Decode every image once; training then notices changed files."
        ),
    ] = False,
    unreadable: Annotated[
        UnreadablePolicy,
        typer.Option(help="Stop at files that cannot be used, or leave them out; implies --probe."),
    ] = "raise",
    update: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Manifest of this folder to bring up to date."),
    ] = None,
) -> None:
    """List the images of a folder, count its classes, and write a manifest.

    With --probe, every image is decoded once. What an interrupted run has done is kept beside the
    output, and the same command goes on from there.

    With --update, known records keep index and label, and only new and changed files are read.
    """
    earlier = None if update is None else read_manifest(update)
    output = output or update
    with _checkpoint(output) as checkpoint:
        manifest = index_folder(
            folder,
            labels="inferred" if labels else None,
            follow_links=follow_links,
            probe=probe,
            unreadable=unreadable,
            checkpoint=checkpoint,
            earlier=earlier,
        )
        print_counts(manifest)
        print_left_out(manifest)
        if earlier is not None:
            print(describe_renewal(earlier, manifest))
        if output is not None:
            write_manifest(manifest, output)
            print(f"wrote {output} ({output.stat().st_size / 1000:.1f} kB)")


@contextmanager
def _checkpoint(output: Path | None) -> Iterator[Path | None]:
    """Give a file beside the output, which is there only until all went well."""
    if output is None:
        yield None
        return
    path = output.with_name(f"{output.name}.unfinished")
    try:
        yield path
    except BaseException:
        if path.exists():
            print(f"{path} keeps what was done; the same command goes on.", file=sys.stderr)
        raise
    path.unlink(missing_ok=True)


def print_counts(manifest: Manifest) -> None:
    """Print how many images each class has, with a bar for the eye."""
    if not manifest.class_names:
        print(f"{len(manifest)} images without labels")
        return
    counts = manifest.class_counts()
    classes = "1 class" if len(counts) == 1 else f"{len(counts)} classes"
    print(f"{len(manifest)} image{'s' * (len(manifest) != 1)} in {classes}")
    width = max(map(len, counts))
    for name, count in counts.items():
        bar = "█" * round(_BAR_WIDTH * count / max(counts.values()))
        print(f"  {name:<{width}}  {count:>7}  {bar}")


def print_left_out(manifest: Manifest) -> None:
    """Print which records are left out, and why."""
    num_more = len(manifest.left_out) - _LISTED
    if len(manifest.left_out):
        print(f"{len(manifest.left_out):,} left out")
    for line in islice(left_out_lines(manifest.left_out), _LISTED):
        print(f"  {line}")
    if num_more > 0:
        print(f"  and {num_more:,} more: augseq.read_manifest(...).left_out has them all")
