"""`augseq index`: a folder becomes a manifest."""

from pathlib import Path
from typing import Annotated

import typer

from augseq.escaping import shown
from augseq.indexing.folder import index_folder
from augseq.manifest.manifest import Manifest
from augseq.manifest.storage import write_manifest

_BAR_WIDTH = 30
_MOST_LETTERS = 60


def index(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with one sub-folder per class.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Manifest to write (.parquet)."),
    ] = None,
    labels: Annotated[
        bool, typer.Option(help="Whether the first sub-folder is the class of an image.")
    ] = True,
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
    names = [shown(name, _MOST_LETTERS) for name in counts]
    width = max(map(len, names))
    for name, count in zip(names, counts.values(), strict=True):
        bar = "█" * round(_BAR_WIDTH * count / max(counts.values()))
        print(f"  {name:<{width}}  {count:>7}  {bar}")
