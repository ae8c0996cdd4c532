"""`augseq predict`: predict with the model of a run folder."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

import augseq
from augseq.cli.arguments import BatchSizeOption, Images, check_absent, is_table
from augseq.cli.augment_argument import AugmentOption, load_augment
from augseq.cli.fit import require_backend
from augseq.cli.flat_options import number_option, with_flat_options
from augseq.errors import ArgumentError
from augseq.pixels.options import ColorMode
from augseq.terminal_text import counted
from augseq.training.run_options import DEFAULT_BATCH_SIZE

_STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedImages(Images):
    """The images to predict."""

    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of images, its address (s3://...), a manifest (.parquet), an image, or - "
            "for standard input.",
        ),
    ]


@with_flat_options
def predict(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run folder that `augseq fit` wrote.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="CSV file to write. [print it]"),
    ] = None,
    all_classes: Annotated[
        bool,
        typer.Option("--all-classes", help="Add the probability of each class or tag."),
    ] = False,
    threshold: Annotated[
        float | None,
        number_option(
            "Tags: predict those with a probability above this. [0.5]", kind=float, least=0, most=1
        ),
    ] = None,
    views: Annotated[
        int,
        number_option(
            "Number of augmented views of each image, whose predictions are averaged; requires "
            "--augment.",
            least=1,
        ),
    ] = 1,
    augment: AugmentOption = "none",
    batch_size: BatchSizeOption = DEFAULT_BATCH_SIZE,
    workers: Annotated[
        int | None, number_option("Workers that load batches. [one per core]", least=0)
    ] = None,
    *,
    source: PredictedImages,
) -> None:
    """Predict the class, numbers, tags or mask of images with the model of a run folder.

    Writes a CSV with path and prediction of each image, in the order of the folder or manifest;
    with the true value too, if a manifest has it. FOLDER can also be an image, or - to read paths
    of images from standard input, one per line.

    Images are decoded and resized as in training. With --views 8 --augment light, the prediction is
    the mean over eight augmented views of each image (test-time augmentation).
    """
    # First, so that invalid options fail immediately.
    views_options = _views(views, augment)
    require_backend()
    trained = augseq.load_run(run)
    if output is None and isinstance(trained.target, augseq.Mask):
        raise ArgumentError("Masks are written beside the table, so -o FILE is required.")
    images: Any = (
        _paths_from_stdin()
        if source.folder == _STANDARD_INPUT
        else _open(source, trained.color_mode)
    )
    options: Any = {
        "batch_size": batch_size,
        "threshold": threshold,
        "workers": workers,
        **views_options,
    }
    if output is None:
        # A progress bar would be part of the CSV.
        trained.predict(images, **options).write_csv(sys.stdout.buffer, all_classes=all_classes)
        return
    verbose = int(sys.stdout.isatty())
    written = trained.write_predictions(
        images, output, all_classes=all_classes, verbose=verbose, **options
    )
    print(f"wrote {output}: {counted(written.num_images, 'image')}")
    print(f"  one row per image: path, {written.row_content}")
    if written.score is not None:
        print(f"  {written.score}")
    further = f", views={views}, augment=[...]" * (views > 1)
    example = f'augseq.load_run({run!r}).predict(["photo.jpg"]{further})'
    print(f"\nTo do the same in Python:\n  {example}")


def _views(views: int, augment: str) -> dict[str, Any]:
    """Return the options of `predict` for several views of each image; none for one."""
    if (views > 1) != (augment != "none"):
        raise ArgumentError(
            "--views (from 2) and --augment must be given together, such as --views 8 --augment "
            f"light. Received: --views {views}, --augment {augment}"
        )
    return {"views": views, "augment": load_augment(augment)} if views > 1 else {}


def _open(source: Images, color_mode: ColorMode) -> Any:
    """Return the images with their labels if a manifest has them; a folder needs none."""
    path = source.folder
    if os.path.isfile(path) and not path.endswith(".parquet") and not is_table(path):
        check_absent(replace(source, folder=""), "folders and manifests", path)
        return [path]
    return source.open(labelled=False, color_mode=color_mode)


def _paths_from_stdin() -> list[str]:
    paths = [os.fsdecode(line) for line in sys.stdin.buffer.read().splitlines() if line.strip()]
    if not paths:
        raise ArgumentError("Standard input must have one path per line. Received: nothing")
    return paths
