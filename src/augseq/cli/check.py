"""`augseq check`: what would go wrong in training, found before it begins."""

from typing import Annotated

import typer

from augseq.cli.arguments import (
    DEFAULT_SIZE_TEXT,
    AugmentOption,
    ImagesArgument,
    LabelsOption,
    RootOption,
    SizeOption,
    open_images,
)
from augseq.cli.show import make_pipeline
from augseq.inspection.contact_sheet import spread_positions
from augseq.inspection.purity import check_purity
from augseq.inspection.unreadable import find_unreadable


def check(
    folder: ImagesArgument,
    augment: AugmentOption = "standard",
    image_size: SizeOption = DEFAULT_SIZE_TEXT,
    purity: Annotated[
        bool, typer.Option("--purity", help="Test the augmentations instead of the files.")
    ] = False,
    labels: LabelsOption = True,
    root: RootOption = None,
) -> None:
    """Decode every file and list those that cannot be used; exit with 1 if there are any.

    With --purity, test each augmentation instead: whether it draws from global generators,
    remembers earlier calls, changes its input, is safe in threads and processes, and pickles.
    """
    manifest = open_images(folder, root, labelled=labels)
    pipeline = make_pipeline(manifest, augment, image_size)
    if purity:
        records = manifest.records(spread_positions(manifest, 2))
        report = check_purity(pipeline, records)
        print(report)
        raise typer.Exit(0 if report.is_pure else 1)
    unreadable = find_unreadable(manifest, pipeline.source)
    for problem in unreadable:
        print(problem)
    print(f"{len(manifest) - len(unreadable):,} of {len(manifest):,} images can be used.")
    raise typer.Exit(1 if unreadable else 0)
