"""`augseq predict`: predict with the model of a run folder."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import augseq
from augseq.cli.arguments import BatchSizeOption, Images, check_absent, is_table
from augseq.cli.fit import require_backend
from augseq.cli.flat_options import number_option, with_flat_options
from augseq.errors import ArgumentError
from augseq.training.run_options import DEFAULT_BATCH_SIZE

_STANDARD_INPUT = "-"


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
    batch_size: BatchSizeOption = DEFAULT_BATCH_SIZE,
    workers: Annotated[
        int | None, number_option("Workers that load batches. [one per core]", least=0)
    ] = None,
    *,
    source: Images,
) -> None:
    """Predict the class, numbers, tags or mask of images with the model of a run folder.

    Writes a CSV with path and prediction of each image, in the order of the folder or manifest;
    with the true value too, if a manifest has it. FOLDER can also be an image, or - to read paths
    of images from standard input, one per line.

    Images are decoded and resized as in training.
    """
    require_backend()
    trained = augseq.load_run(run)
    images: Any = _paths_from_stdin() if source.folder == _STANDARD_INPUT else _open(source)
    # A progress bar would be part of the CSV.
    verbose = int(output is not None and sys.stdout.isatty())
    predictions = trained.predict(images, batch_size=batch_size, verbose=verbose, workers=workers)
    if output is None:
        predictions.write_csv(sys.stdout.buffer, all_classes=all_classes)
        return
    predictions.write_csv(output, all_classes=all_classes)
    print(f"wrote {output}: {len(predictions):,} image{'s' * (len(predictions) != 1)}")
    print(f"  one row per image: its path, and {predictions.row_content}")
    if predictions.score is not None:
        print(predictions.score)


def _open(source: Images) -> Any:
    """Return the images with their labels if a manifest has them; a folder needs none."""
    path = source.folder
    if os.path.isfile(path) and not path.endswith(".parquet") and not is_table(path):
        check_absent(replace(source, folder=""), "folders and manifests", path)
        return [path]
    return source.open(labelled=False)


def _paths_from_stdin() -> list[str]:
    paths = [os.fsdecode(line) for line in sys.stdin.buffer.read().splitlines() if line.strip()]
    if not paths:
        raise ArgumentError("Standard input must have one path per line. Received: nothing")
    return paths
