"""`augseq index`: a folder becomes a manifest."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from augseq.cli.arguments import LabelsOption
from augseq.indexing.folder import index_folder
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import write_manifest

_BAR_WIDTH = 30


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
) -> None:
    """List the images of a folder, count its classes, and write a manifest."""
    manifest = index_folder(
        folder, labels="inferred" if labels else None, follow_links=follow_links
    )
    print_counts(manifest)
    if output is not None:
        write_manifest(manifest, output)
        print(f"wrote {output} ({output.stat().st_size / 1000:.1f} kB)")


def print_counts(manifest: Manifest) -> None:
    """Print how many images each class has, with a bar for the eye."""
    if not manifest.class_names:
        print(f"{len(manifest)} images without labels")
        return
    counts = manifest.class_counts()
    classes = "1 class" if len(counts) == 1 else f"{len(counts)} classes"
    print(f"{len(manifest)} image{'s' * (len(manifest) != 1)} in {classes}")
    width = max(map(len, counts))
    block = "█" if _can_print("█") else "#"
    for name, count in counts.items():
        bar = block * round(_BAR_WIDTH * count / max(counts.values()))
        print(f"  {name:<{width}}  {count:>7}  {bar}")


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
